//! The host's output door.

use std::fmt::Write as _;
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

/// Writes text that may carry ANSI styles, and nothing else that steers a terminal, to standard output. They are taken
/// out unless colour is wanted there.
///
/// # Errors
/// As [`data`].
pub fn styled(text: &str) -> Result<()> {
    data(&if facts().color_stdout { styles_only(text) } else { printable(&without_styles(text)) })
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

/// Text without the control characters that could steer a terminal; what hides or reorders text is shown by its number.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')) {
        if is_hidden(c) && !is_joiner(c) {
            let _infallible = write!(shown, "<U+{:04X}>", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// The same in one line, for a value that must not look like several.
pub fn one_line(text: &str) -> String {
    printable(&text.replace(['\n', '\t'], " "))
}

/// Printable text and the sequences that choose colour and weight (`ESC [ … m`).
fn styles_only(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\x1b') {
        shown.push_str(&printable(before));
        rest = after;
        let numbers = |c: char| c.is_ascii_digit() || matches!(c, ';' | ':');
        if let Some((style, behind)) = after.strip_prefix('[').and_then(|after| after.split_once('m'))
            && style.chars().all(numbers)
        {
            let _infallible = write!(shown, "\x1b[{style}m");
            rest = behind;
        }
    }
    shown + &printable(rest)
}

/// Whether a character cannot be seen, or changes the order of others.
pub fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
        | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Words of some languages, and pictures, need these two.
pub fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}')
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

    #[test]
    fn styles_are_all_that_steers() {
        assert_eq!(styles_only("\x1b[1;4mUsage:\x1b[0m a\n"), "\x1b[1;4mUsage:\x1b[0m a\n");
        assert_eq!(styles_only("a\x1b[2Jb\x1b]0;t\x07c\x1b[31\x1b[0m\x1b"), "a[2Jb]0;tc[31\x1b[0m");
    }

    #[test]
    fn what_hides_is_shown() {
        assert_eq!(printable("a\u{202e}b\u{200b}\u{9b}"), "a<U+202E>b<U+200B>");
        assert_eq!(printable("نمی\u{200c}خواهم"), "نمی\u{200c}خواهم");
        assert_eq!(one_line("a\n  signed: ok"), "a   signed: ok");
    }
}
