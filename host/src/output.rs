//! The host's output door.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use seqera_plugin_abi::{OutputFacts, RVec};

use crate::error::{Code, Error, Result};

/// Writes data to standard output.
///
/// # Errors
/// A silent 141 when nobody reads any more.
pub fn data(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|error| {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Error::silent(Code::ClosedPipe as u8)
        } else {
            Error::new(Code::Failed, "cannot write to standard output").because(error)
        }
    })
}

/// Writes text that may carry ANSI styles to standard output, and takes them out unless colour is wanted there.
///
/// # Errors
/// As [`data`].
pub fn styled(text: &str) -> Result<()> {
    if facts().color_stdout { data(text) } else { data(&without_styles(text)) }
}

/// Writes words for people to standard error. Nobody reading them is no error.
pub fn people(text: &str) {
    let mut stderr = io::stderr().lock();
    let _nobody_reads = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// Warns people.
pub fn warning(text: &str) {
    let heading = if facts().color_stderr { "\x1b[33mwarning:\x1b[0m" } else { "warning:" };
    people(&format!("{heading} {}\n", printable(text)));
}

/// Facts about the standard streams, found once.
///
/// Colour is wanted on a terminal, unless `NO_COLOR` is set to something (<https://no-color.org>) or `TERM` is `dumb`.
pub fn facts() -> &'static OutputFacts {
    static FACTS: OnceLock<OutputFacts> = OnceLock::new();
    FACTS.get_or_init(|| {
        let color = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|value| value != "dumb");
        let (stdout, stderr) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        OutputFacts {
            stdin_terminal: io::stdin().is_terminal(),
            stdout_terminal: stdout,
            stderr_terminal: stderr,
            color_stdout: stdout && color,
            color_stderr: stderr && color,
            ext: RVec::new(),
        }
    })
}

/// Text without the control characters that could steer a terminal.
pub fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// Text without ANSI styles: the help of a plugin, rendered when it was packaged, is all that comes here.
pub fn without_styles(text: &str) -> String {
    clap::builder::StyledStr::from(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_are_taken_out() {
        assert_eq!(without_styles("\x1b[1mUsage:\x1b[0m seqera"), "Usage: seqera");
    }
}
