//! The tools of this machine, from outside: the emulator asks for them, the real program runs them.

mod asked;
mod files;
mod links;
mod look;
mod once;
mod shell;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use seqera_tests::emulator::Emulator;
use seqera_tests::sandbox::{Run, Sandbox};
use serde_json::{Value, json};

use crate::emulator;

/// A person with a token of the environment, and a workspace below their home.
struct Desk {
    emulator: Emulator,
    sandbox: Sandbox,
}

impl Desk {
    fn new() -> Self {
        let emulator = emulator();
        let sandbox = Sandbox::on(&emulator).with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
        fs::create_dir(sandbox.home().join("ws")).unwrap();
        Self { emulator, sandbox }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.sandbox = self.sandbox.with(name, value);
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.sandbox.home().join("ws").join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// A run in the workspace, with these options.
    fn command(&self, options: &[&str]) -> Command {
        let mut command = self.sandbox.command([&["ai", "--headless"], options, &["go"]].concat());
        command.current_dir(self.sandbox.home().join("ws"));
        command
    }

    /// Asks for tools, one after the other, and answers what the server got for them.
    fn ask(&self, options: &[&str], calls: &[(&str, Value)]) -> (Run, Vec<Value>) {
        self.emulator.forget_requests();
        let mut steps: Vec<Value> =
            calls.iter().map(|(tool, args)| json!({ "execute": tool, "args": args })).collect();
        steps.push(json!({ "type": "text-delta", "delta": "done" }));
        steps.push(json!({ "type": "finish", "finishReason": "stop" }));
        self.emulator.script(steps);
        let run = self.sandbox.run(self.command(options));
        (run, self.results())
    }

    fn results(&self) -> Vec<Value> {
        let requests = self.emulator.requests().into_iter();
        let results = requests.filter(|entry| entry.path.ends_with("/tool-results"));
        results.map(|entry| entry.body["result"].clone()).collect()
    }

    /// One tool that runs.
    #[track_caller]
    fn one(&self, options: &[&str], tool: &str, args: Value) -> Value {
        let (run, mut results) = self.ask(options, &[(tool, args)]);
        assert_eq!(results.len(), 1, "{run}");
        results.remove(0)
    }

    /// One command in full mode.
    #[track_caller]
    fn shell(&self, command: &str) -> Value {
        self.one(&["--approval-mode", "full"], "execute_bash_local", json!({ "command": command }))
    }
}

/// The text that an answer has, on standard output when it worked, else on standard error.
fn said(told: &Value) -> &str {
    let name = if told["exit_code"] == 0 { "stdout" } else { "stderr" };
    told[name].as_str().unwrap()
}

fn answer(stdout: &str, stderr: &str, exit_code: i32) -> Value {
    json!({ "stdout": stdout, "stderr": stderr, "exit_code": exit_code })
}
