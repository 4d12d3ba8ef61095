//! The emulator as a child process.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::Outcome;

/// A running emulator; it ends with this value.
pub(crate) struct Emulator {
    child: Child,
    ready: Value,
    authority: Option<PathBuf>,
}

impl Emulator {
    /// Starts it on a free port and waits until it is ready.
    ///
    /// With `authority` it speaks https, and writes the certificate of its authority into that file.
    pub(crate) fn start(program: &Path, arguments: &[&str], authority: Option<PathBuf>) -> Outcome<Self> {
        let mut command = Command::new(program);
        if let Some(authority) = &authority {
            command.arg("--tls-ca").arg(authority);
        }
        let mut child = command
            .args(["--port", "0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        let stdout = child.stdout.take().ok_or("the emulator has no standard output")?;
        let mut line = String::new();
        BufReader::new(stdout)
            .read_line(&mut line)
            .map_err(|error| format!("the emulator says nothing: {error}"))?;
        let ready =
            serde_json::from_str(&line).map_err(|error| format!("the emulator says {line:?}: {error}"))?;
        Ok(Self { child, ready, authority })
    }

    /// The certificate of its authority, when it speaks https.
    pub(crate) fn authority(&self) -> Option<&Path> {
        self.authority.as_deref()
    }

    /// A field of its ready line.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.ready.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _status = self.child.wait();
    }
}
