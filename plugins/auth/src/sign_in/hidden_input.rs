//! A secret from standard input: typed without being shown, or piped.

use std::io::{BufRead, Read};
use std::sync::mpsc;

use seqera_plugin_api::{Error, ErrorKind, Host, Result, Secret};
use zeroize::Zeroizing;

use crate::http::interrupted;

/// Longest secret that is read, in bytes.
const LIMIT: u64 = 64 * 1024;

/// Reads it. A person is asked `question`, and what is typed stays hidden.
///
/// # Errors
/// `Usage` when there is nothing; `Interrupted` after a signal, with the terminal as it was before.
pub(super) fn read_secret(host: &Host, question: &str) -> Result<Secret> {
    let text = if host.terminal().stdin {
        host.output().people(question);
        let typed = typed(host);
        host.output().people("\n");
        typed?
    } else {
        let mut text = Zeroizing::new(String::new());
        let mut input = std::io::stdin().lock().take(LIMIT);
        input.read_to_string(&mut text).map_err(|error| cannot_read(&error))?;
        text
    };
    let secret = text.trim();
    if secret.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "no token was given on standard input")
            .hint("Pipe it in: seqera login --with-token < FILE"));
    }
    Ok(Secret::new(secret))
}

/// Waits for a line on a thread of its own, so that a signal is heard meanwhile and finds the terminal restored.
fn typed(host: &Host) -> Result<Zeroizing<String>> {
    let (line, waiting) = mpsc::channel();
    let on_signal = line.clone();
    let _guard = host.on_cancel(move |_| {
        let _over_already = on_signal.send(Err(interrupted().because("nothing was changed")));
    });
    let _quiet = Quiet::new()?;
    std::thread::spawn(move || {
        let mut text = Zeroizing::new(String::new());
        let read = std::io::stdin().lock().read_line(&mut text).map_err(|error| cannot_read(&error));
        let _over_already = line.send(read.map(|_| text));
    });
    waiting.recv().unwrap_or_else(|_| Err(interrupted()))
}

fn cannot_read(error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Usage, "no token can be read from standard input").caused_by(error)
}

/// The terminal shows nothing of what is typed while this lives.
#[cfg(unix)]
struct Quiet(rustix::termios::Termios);

#[cfg(unix)]
impl Quiet {
    fn new() -> Result<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let failed = |error: rustix::io::Errno| {
            Error::new(ErrorKind::Failed, "the terminal cannot be kept from showing what is typed")
                .caused_by(&error)
                .hint("Pipe the token in: seqera login --with-token < FILE")
        };
        let stdin = std::io::stdin();
        let before = tcgetattr(&stdin).map_err(failed)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Flush, &quiet).map_err(failed)?;
        Ok(Self(before))
    }
}

#[cfg(unix)]
impl Drop for Quiet {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        let _the_terminal_is_gone = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}

#[cfg(not(unix))]
struct Quiet;

#[cfg(not(unix))]
impl Quiet {
    fn new() -> Result<Self> {
        Err(Error::new(ErrorKind::Failed, "a token cannot be typed unseen on this system yet")
            .hint("Pipe it in: seqera login --with-token < FILE"))
    }
}
