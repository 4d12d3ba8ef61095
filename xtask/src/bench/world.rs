//! What is measured: the staged program, signed in, against an emulator; and curl, which asks the same.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::Outcome;
use crate::emulator::Emulator;
use crate::sign_in::Surroundings;
use crate::stage::Stage;

/// A program, a Platform and a HOME with a sign-in and a selected organization.
pub(crate) struct World<'a> {
    stage: &'a Stage,
    emulator: Emulator,
    dir: TempDir,
}

impl<'a> World<'a> {
    /// Starts an emulator and signs in.
    pub(crate) fn new(stage: &'a Stage, encrypted: bool) -> Outcome<Self> {
        let dir = tempfile::tempdir().map_err(|error| format!("cannot make a HOME: {error}"))?;
        let authority = encrypted.then(|| dir.path().join("authority.pem"));
        let emulator = Emulator::start(&stage.emulator(), &["--auto-approve"], authority)?;
        let world = Self { stage, emulator, dir };
        world.surroundings().sign_in(false)?;
        run(&mut world.seqera(&["org", "switch", "Tutorial Lab"]))?;
        Ok(world)
    }

    fn surroundings(&self) -> Surroundings<'_> {
        Surroundings { stage: self.stage, emulator: &self.emulator, home: self.dir.path() }
    }

    /// What stands behind the name of a row.
    pub(crate) fn suffix(&self) -> &'static str {
        if self.emulator.authority().is_some() { ", TLS" } else { "" }
    }

    /// The program.
    pub(crate) fn seqera(&self, arguments: &[&str]) -> Command {
        self.surroundings().seqera(arguments)
    }

    /// The staged installation.
    pub(crate) fn stage(&self) -> &Stage {
        self.stage
    }

    /// Where the user's own plugins go.
    pub(crate) fn user_plugins(&self) -> PathBuf {
        self.dir.path().join(".local/share/seqera/plugins")
    }

    /// A file that a measurement may write.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// curl for a path of the backend, with the same bearer; not on its command line, as with us.
    pub(crate) fn curl(&self, path: &str, arguments: &[&str]) -> Outcome<Command> {
        let headers = self.file("headers");
        let text = format!("Authorization: Bearer {}\n", self.emulator.field("access_token"));
        std::fs::write(&headers, text).map_err(|error| format!("cannot write: {error}"))?;
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--fail", "--header"]);
        command.arg(format!("@{}", headers.display()));
        if let Some(authority) = self.emulator.authority() {
            command.arg("--cacert").arg(authority);
        }
        command.args(arguments).arg(format!("{}{path}", self.emulator.field("backend")));
        Ok(command)
    }

    /// What curl is told, as JSON.
    pub(crate) fn ask(&self, path: &str, arguments: &[&str]) -> Outcome<Value> {
        let output = run(&mut self.curl(path, arguments)?)?;
        serde_json::from_slice(&output).map_err(|error| format!("{path} answers no JSON: {error}"))
    }

    /// Lets every answer take longer.
    pub(crate) fn set_latency(&self, milliseconds: u64) -> Outcome {
        self.ask("/__ctl/config", &["--json", &format!("{{\"latency_ms\": {milliseconds}}}")]).map(drop)
    }

    /// How many requests the emulator has had.
    pub(crate) fn request_count(&self) -> Outcome<usize> {
        let answer = self.ask("/__ctl/requests", &[])?;
        Ok(answer["requests"].as_array().map_or(0, Vec::len))
    }
}

/// Runs a command and answers what it printed.
pub(crate) fn run(command: &mut Command) -> Outcome<Vec<u8>> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start {:?}: {error}", command.get_program()))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(format!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr)))
}
