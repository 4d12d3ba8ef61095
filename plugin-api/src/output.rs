//! The output door: data to standard output, words for people to standard error.
//!
//! Everything a plugin prints goes through here. A closed standard output ends the command silently with 141.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufRead, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, ErrorKind, Result};

/// Prints data: what the command was asked for, with a newline. `out!(host, "…", …)?`
#[macro_export]
macro_rules! out {
    ($host:expr, $($argument:tt)*) => {
        $host.output().data(::core::format_args!($($argument)*))
    };
}

/// Prints a line for people. `status!(host, "…", …)`
#[macro_export]
macro_rules! status {
    ($host:expr, $($argument:tt)*) => {
        $host.output().status(::core::format_args!($($argument)*))
    };
}

/// Prints a warning for people. `warning!(host, "…", …)`
#[macro_export]
macro_rules! warning {
    ($host:expr, $($argument:tt)*) => {
        $host.output().warning(::core::format_args!($($argument)*))
    };
}

/// Where output goes and answers come from.
#[derive(Clone)]
pub struct Output {
    sink: Sink,
    color_stderr: bool,
}

#[derive(Clone)]
enum Sink {
    Process,
    Memory(Arc<Mutex<Transcript>>),
}

/// What was printed to a fake, and the lines it answers.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) input: std::collections::VecDeque<String>,
}

impl Output {
    pub(crate) fn process(color_stderr: bool) -> Self {
        Self { sink: Sink::Process, color_stderr }
    }

    #[cfg_attr(not(feature = "testing"), allow(dead_code, reason = "only fakes print into memory"))]
    pub(crate) fn memory(transcript: Arc<Mutex<Transcript>>) -> Self {
        Self { sink: Sink::Memory(transcript), color_stderr: false }
    }

    /// Prints data and a newline to standard output.
    ///
    /// # Errors
    /// `ClosedPipe` when nobody reads any more: pass it on, the command ends silently.
    pub fn data(&self, text: fmt::Arguments<'_>) -> Result<()> {
        self.write(format!("{text}\n").as_bytes())
    }

    /// Prints a value as JSON to standard output, its strings as [`visible_json`] has them.
    ///
    /// # Errors
    /// As [`Output::data`].
    pub fn json(&self, value: &serde_json::Value) -> Result<()> {
        self.write(format!("{}\n", visible_json(&format!("{value:#}"))).as_bytes())
    }

    /// Writes bytes to standard output and flushes them.
    ///
    /// # Errors
    /// As [`Output::data`].
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        match &self.sink {
            Sink::Process => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| write_error(&error))
            }
            Sink::Memory(transcript) => {
                lock(transcript).stdout.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// Prints a line for people to standard error. Nobody reading it is no error.
    pub fn status(&self, text: fmt::Arguments<'_>) {
        self.people(&format!("{text}\n"));
    }

    /// Prints a warning for people to standard error.
    pub fn warning(&self, text: fmt::Arguments<'_>) {
        let heading = if self.color_stderr { "\x1b[33mwarning:\x1b[0m" } else { "warning:" };
        self.people(&format!("{heading} {text}\n"));
    }

    /// Prints to standard error without a newline.
    pub fn people(&self, text: &str) {
        match &self.sink {
            Sink::Process => {
                let mut stderr = io::stderr().lock();
                let _nobody_reads = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
            }
            Sink::Memory(transcript) => lock(transcript).stderr.extend_from_slice(text.as_bytes()),
        }
    }

    /// Asks a question on standard error and reads a line from standard input; `None` at the end of input.
    ///
    /// # Errors
    /// `Failed` when standard input cannot be read.
    pub fn ask(&self, question: &str) -> Result<Option<String>> {
        self.people(question);
        let mut line = Vec::new();
        let read = match &self.sink {
            // A terminal may send anything; a character that is none is no reason to stop.
            Sink::Process => io::stdin().lock().read_until(b'\n', &mut line),
            Sink::Memory(transcript) => {
                line = lock(transcript).input.pop_front().unwrap_or_default().into_bytes();
                Ok(line.len())
            }
        };
        match read {
            Ok(0) => {
                self.people("\n");
                Ok(None)
            }
            Ok(_) => Ok(Some(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned())),
            Err(error) => Err(Error::new(ErrorKind::Failed, "cannot read standard input").caused_by(&error)),
        }
    }
}

fn write_error(error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Error::silent(ErrorKind::ClosedPipe.code())
    } else {
        Error::new(ErrorKind::Failed, "cannot write to standard output").caused_by(error)
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes control characters (but newline and tab) out of text that a server or a tool wrote, so that it cannot
/// steer the terminal; what hides or reorders text is shown as `<U+202E>`.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    let is_unwanted = |c: char| c.is_control() && c != '\n' && c != '\t';
    // Words of some languages need these two.
    let joins = |c: char| matches!(c, '\u{200C}' | '\u{200D}');
    let is_shown = |c: char| is_hidden(c) && !joins(c);
    if !text.chars().any(|c| is_unwanted(c) || is_shown(c)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !is_unwanted(*c)) {
        if is_shown(c) {
            shown.push_str(&format!("<U+{:04X}>", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// JSON in which characters that steer a terminal, hide, or reorder text are written by their number: nothing is lost,
/// and a terminal that it is printed to is safe.
#[must_use]
pub fn visible_json(json: &str) -> Cow<'_, str> {
    // What is ASCII stands in strings as its number already, but for this one.
    let is_unsafe = |c: char| c == '\u{7f}' || (!c.is_ascii() && (c.is_control() || is_hidden(c)));
    if !json.chars().any(is_unsafe) {
        return Cow::Borrowed(json);
    }
    let mut text = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_unsafe(c) {
            let units =
                c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
            text.push_str(&units);
        } else {
            text.push(c);
        }
    }
    Cow::Owned(text)
}

/// Whether a character cannot be seen, or changes the order of others.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
        | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Flushes this library's own buffer of standard output; the process may end right after.
pub(crate) fn flush() -> Result<()> {
    io::stdout().lock().flush().map_err(|error| write_error(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_holds_everything_and_shows_nothing_that_steers() {
        for text in ["plain", "ö🧬 \u{1b}[2J\n", "a\u{9b}2J\u{7f}\u{202e}\u{200b}\u{e0041}z"] {
            let json = visible_json(&serde_json::json!({ text: [text] }).to_string()).into_owned();
            assert!(!json.chars().any(|c| c.is_control() || is_hidden(c)), "{json:?}");
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(&json).unwrap(),
                serde_json::json!({ text: [text] })
            );
        }
    }

    #[test]
    fn a_name_of_a_server_is_shown_and_obeyed_by_nothing() {
        assert_eq!(printable("Bob & Sons\n"), "Bob & Sons\n");
        assert_eq!(printable("a\u{1b}[2J\u{9b}\u{202e}b"), "a[2J<U+202E>b");
        assert_eq!(printable("نمی\u{200c}خواهم 👩\u{200d}🔬"), "نمی\u{200c}خواهم 👩\u{200d}🔬");
    }
}
