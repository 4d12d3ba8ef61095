//! A program on a terminal of its own.

use std::io::{Read, Write};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use seqera_tests::sandbox::Sandbox;

/// How long something may take to appear, and a program to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program and its terminal, which is closed when this is dropped.
pub(crate) struct Terminal {
    child: Box<dyn portable_pty::Child + Send + Sync>,
    pub(crate) keys: Box<dyn Write + Send>,
    seen: Arc<Mutex<String>>,
    /// How much of it `wait_for` has passed.
    passed: Mutex<usize>,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    /// Starts `seqera` on it.
    pub(crate) fn run(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        Self::run_command(&sandbox.command(arguments))
    }

    /// Starts a command on it, with the environment and directory that the command names and nothing else.
    pub(crate) fn run_command(inner: &Command) -> Self {
        let mut command = CommandBuilder::new(inner.get_program());
        command.args(inner.get_args());
        command.env_clear();
        for (name, value) in inner.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        if let Some(directory) = inner.get_current_dir() {
            command.cwd(directory);
        }
        let pty = native_pty_system().openpty(PtySize { rows: 30, cols: 160, ..PtySize::default() }).unwrap();
        let child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let seen = Arc::new(Mutex::new(String::new()));
        let mut reader = pty.master.try_clone_reader().unwrap();
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut part) {
                let mut seen = shared.lock().unwrap_or_else(PoisonError::into_inner);
                seen.push_str(&String::from_utf8_lossy(&part[..count]));
            }
        });
        let keys = pty.master.take_writer().unwrap();
        Self { child, keys, seen, passed: Mutex::default(), _master: pty.master }
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) {
        self.type_keys(&format!("{line}\n"));
    }

    /// Types keys, Control-C (`\u{3}`) among them.
    pub(crate) fn type_keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Everything that appeared so far.
    pub(crate) fn seen(&self) -> String {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until something appears behind what was waited for before.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str) {
        let mut passed = self.passed.lock().unwrap();
        *passed += until(|| {
            let seen = self.seen();
            let rest = seen[*passed..].to_owned();
            rest.find(what).map(|at| at + what.len()).ok_or_else(|| format!("no {what:?} in:\n{rest}"))
        });
    }

    /// Waits until something appears anywhere, and answers the line that holds it.
    #[track_caller]
    pub(crate) fn line_with(&self, what: &str) -> String {
        until(|| {
            let seen = self.seen();
            let line = seen.split_inclusive('\n').find(|line| line.contains(what));
            // Of a line that is still being written the rest would be missing; a question has no end.
            let line = line.filter(|line| line.ends_with('\n') || line.trim_end().ends_with(what.trim_end()));
            line.map(|line| line.trim_end().to_owned()).ok_or_else(|| format!("no {what:?} in:\n{seen}"))
        })
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.process_id().unwrap_or_default()
    }

    /// Waits for its end, and answers the exit code.
    pub(crate) fn end(self) -> u32 {
        self.finish().0
    }

    /// Waits for its end, and answers the exit code and everything that appeared.
    pub(crate) fn finish(mut self) -> (u32, String) {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                // What was written last may still be on its way.
                std::thread::sleep(Duration::from_millis(50));
                return (status.exit_code(), self.seen());
            }
            if started.elapsed() > PATIENCE {
                let _gone = self.child.kill();
                panic!("it does not end; there is:\n{}", self.seen());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Tries until it succeeds; panics with the last reason.
#[track_caller]
fn until<T>(mut attempt: impl FnMut() -> Result<T, String>) -> T {
    let started = Instant::now();
    loop {
        match attempt() {
            Ok(found) => return found,
            Err(reason) => assert!(started.elapsed() < PATIENCE, "{reason}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
