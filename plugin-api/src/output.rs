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
/// steer the terminal.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    let is_unwanted = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.chars().any(is_unwanted) {
        Cow::Owned(text.chars().filter(|c| !is_unwanted(*c)).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// Flushes this library's own buffer of standard output; the process may end right after.
pub(crate) fn flush() -> Result<()> {
    io::stdout().lock().flush().map_err(|error| write_error(&error))
}
