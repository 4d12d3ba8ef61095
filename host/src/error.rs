//! Failures, their exit codes, and the one form in which they are printed.

use std::fmt::{self, Display, Write as _};

use seqera_plugin_abi::PluginError;

use crate::output;

/// The exit codes that the host itself ends with. Plugins bring theirs along; the table is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The command failed.
    Failed = 1,
    /// Wrong usage.
    Usage = 2,
    /// Configuration is wrong.
    Config = 3,
    /// The server answers, but not what was expected.
    Unexpected = 6,
    /// Something needed an approval that nobody gave.
    ApprovalNeeded = 10,
    /// A required service has no provider.
    NoProvider = 69,
    /// A plugin crashed.
    Crashed = 70,
    /// Policy, manifest or grant does not allow it.
    Denied = 77,
    /// Pin, lock or digest mismatch.
    Mismatch = 78,
    /// A plugin cannot be loaded.
    CannotLoad = 126,
    /// Unknown command.
    UnknownCommand = 127,
    /// The reader of standard output went away.
    ClosedPipe = 141,
}

/// A failure: who must act is in the message, why in the causes, what to try in the hints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The exit code.
    pub code: u8,
    /// What happened; empty when everything was said already.
    pub message: String,
    /// Why, the nearest reason first.
    pub causes: Vec<String>,
    /// What to try.
    pub hints: Vec<String>,
    /// Details for programs, passed through from plugin to plugin.
    pub details: Vec<(String, String)>,
}

/// What the host's functions answer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A failure with a message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code: code as u8,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            details: Vec::new(),
        }
    }

    /// Ends the process with `code`; everything was said.
    pub fn silent(code: u8) -> Self {
        Self { code, ..Self::new(Code::Failed, "") }
    }

    /// Adds a reason.
    #[must_use]
    pub fn because(mut self, cause: impl Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// Adds something to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The text that goes to standard error.
    pub fn render(&self, color: bool) -> String {
        if self.message.is_empty() {
            return String::new();
        }
        let (red, cyan, reset) = if color { ("\x1b[1;31m", "\x1b[36m", "\x1b[0m") } else { ("", "", "") };
        let mut text = format!("{red}error:{reset} {}\n", output::printable(&self.message));
        for cause in &self.causes {
            let _infallible = writeln!(text, "  because {}", output::printable(cause));
        }
        for hint in &self.hints {
            let _infallible = writeln!(text, "{cyan}hint:{reset} {}", output::printable(hint));
        }
        text
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.causes.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl std::error::Error for Error {}

impl From<PluginError> for Error {
    fn from(error: PluginError) -> Self {
        Self {
            code: error.code.0,
            message: error.message.into_string(),
            causes: error.causes.into_iter().map(Into::into).collect(),
            hints: error.hints.into_iter().map(Into::into).collect(),
            details: error.ext.into_iter().map(|pair| (pair.0.into_string(), pair.1.into_string())).collect(),
        }
    }
}

impl From<&Error> for PluginError {
    fn from(error: &Error) -> Self {
        Self {
            causes: error.causes.iter().map(|cause| cause.as_str().into()).collect(),
            hints: error.hints.iter().map(|hint| hint.as_str().into()).collect(),
            ext: error
                .details
                .iter()
                .map(|(name, value)| (name.as_str().into(), value.as_str().into()).into())
                .collect(),
            ..Self::new(error.code, &error.message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_why_and_what_to_try() {
        let error = Error::new(Code::Config, "a setting is wrong").because("it is empty").hint("Set it.");
        assert_eq!(error.render(false), "error: a setting is wrong\n  because it is empty\nhint: Set it.\n");
    }

    #[test]
    fn a_message_cannot_steer_the_terminal() {
        let error = Error::new(Code::Failed, "bad \x1b[2Jname");
        assert_eq!(error.render(false), "error: bad [2Jname\n");
    }

    #[test]
    fn a_plugins_error_crosses_both_ways_unchanged() {
        let mut error = Error::new(Code::Denied, "no").because("policy").hint("Ask.");
        error.details.push(("status".to_owned(), "403".to_owned()));
        assert_eq!(Error::from(PluginError::from(&error)), error);
    }
}
