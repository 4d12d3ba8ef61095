//! The trait that a plugin implements.

use std::ffi::OsString;

use clap::error::ErrorKind as ClapErrorKind;

use crate::error::{Error, ErrorKind, Result};
use crate::host::Host;
use crate::manifest::{Manifest, styled_command};
use crate::service::{Consumer, Service};

/// A plugin: a value made once in a process, asked to run commands and to provide services.
pub trait Plugin: Send + Sync + Sized + 'static {
    /// What the plugin says about itself. No side effects: packaging calls it without a host.
    fn manifest() -> Manifest;

    /// Makes the plugin. Looks up no service yet and does nothing slow: help must be fast.
    ///
    /// # Errors
    /// Whatever keeps the plugin from working at all.
    fn new(host: Host) -> Result<Self>;

    /// Runs one of the commands of the manifest.
    ///
    /// # Errors
    /// The host prints the error and ends with its code.
    fn run(&self, invocation: &Invocation) -> Result<Exit>;

    /// Hands out a service of the manifest to `consumer`. `None`: not provided.
    ///
    /// # Errors
    /// Why the service cannot be had now.
    fn provide(&self, name: &str, major: u32, consumer: &Consumer) -> Result<Option<Service>> {
        let _ = (name, major, consumer);
        Ok(None)
    }
}

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(u8);

impl Exit {
    /// Done.
    pub const SUCCESS: Self = Self(0);

    /// Ends with this code although nothing is to be reported.
    #[must_use]
    pub const fn code(code: u8) -> Self {
        Self(code)
    }

    /// The exit code.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// One call of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    command: String,
    arguments: Vec<OsString>,
}

impl Invocation {
    /// The call `seqera COMMAND ARGUMENTS…`.
    pub fn new<A: Into<OsString>>(command: &str, arguments: impl IntoIterator<Item = A>) -> Self {
        Self { command: command.to_owned(), arguments: arguments.into_iter().map(Into::into).collect() }
    }

    /// The top-level word, never an alias of it.
    #[must_use]
    pub fn command(&self) -> &str {
        &self.command
    }

    /// What was typed behind it, as it was typed.
    #[must_use]
    pub fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// Parses the arguments. `--help` prints the help and ends the command with 0; a wrong one prints the usage
    /// and ends it with 2.
    ///
    /// # Errors
    /// A silent error in both cases: pass it on.
    pub fn parse<A: clap::Parser>(&self, host: &Host) -> Result<A> {
        let mut command = styled_command(A::command(), &self.command).no_binary_name(true);
        let parsed = command
            .try_get_matches_from_mut(&self.arguments)
            .and_then(|matches| A::from_arg_matches(&matches).map_err(|error| error.format(&mut command)));
        parsed.map_err(|error| report(&error, host))
    }
}

fn report(error: &clap::Error, host: &Host) -> Error {
    let rendered = error.render();
    let terminal = host.terminal();
    if matches!(error.kind(), ClapErrorKind::DisplayHelp | ClapErrorKind::DisplayVersion) {
        let text = if terminal.color_stdout { rendered.ansi().to_string() } else { rendered.to_string() };
        return match host.output().write(text.as_bytes()) {
            Ok(()) => Error::silent(0),
            Err(error) => error,
        };
    }
    let text = if terminal.color_stderr { rendered.ansi().to_string() } else { rendered.to_string() };
    host.output().people(&text);
    Error::silent(ErrorKind::Usage.code())
}
