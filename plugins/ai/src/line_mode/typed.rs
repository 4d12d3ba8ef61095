//! What is typed: lines, pasted text, and keys that were meant for something else.

use seqera_plugin_api::{Host, Result, status};

use crate::driver::Stop;

/// What a terminal that was asked to marks pasted text with.
const PASTED: (&str, &str) = ("\u{1b}[200~", "\u{1b}[201~");
/// Longest line that a terminal hands over, in bytes; it drops the rest.
const LONGEST: usize = 4095;

/// Asks and reads a line; text that was pasted is one, however many lines it has. `None` at the end of the input.
///
/// # Errors
/// `Interrupted` when somebody wants to stop instead.
pub(super) fn line(host: &Host, stop: &Stop, question: &str) -> Result<Option<String>> {
    let output = host.output();
    let _marks = Marks::begin(host);
    output.people(question);
    let mut text = String::new();
    loop {
        // A read that has begun could not be ended.
        if !terminal::wait(host, stop) {
            output.people("\n");
            return Err(stop.error());
        }
        let Some(line) = output.ask("")? else {
            return Ok(Some(text).filter(|text| !text.is_empty()).map(|text| unmarked(&text)));
        };
        if line.len() >= LONGEST {
            status!(host, "(the terminal cut this line after {LONGEST} bytes; put longer text into a file)");
        }
        text.push_str(&line);
        if !is_open(&text) {
            return Ok(Some(unmarked(&text)));
        }
        text.push('\n');
    }
}

/// Whether pasted text has begun and not ended.
fn is_open(text: &str) -> bool {
    text.rfind(PASTED.0).is_some_and(|from| !text[from..].contains(PASTED.1))
}

fn unmarked(text: &str) -> String {
    let text = text.replace(PASTED.0, "").replace(PASTED.1, "");
    text.trim_end_matches('\n').to_owned()
}

/// While it lives the terminal marks pasted text, and the marks are not seen.
struct Marks<'a> {
    host: &'a Host,
    _unseen: terminal::Modes,
}

impl<'a> Marks<'a> {
    /// `None` for a terminal that may not know marks.
    fn begin(host: &'a Host) -> Option<Self> {
        let knows = std::env::var("TERM").is_ok_and(|term| !matches!(term.as_str(), "" | "dumb"));
        if !knows || !host.terminal().is_interactive() {
            return None;
        }
        let unseen = terminal::Modes::without_marks()?;
        host.output().people("\u{1b}[?2004h");
        Some(Self { host, _unseen: unseen })
    }
}

impl Drop for Marks<'_> {
    fn drop(&mut self) {
        self.host.output().people("\u{1b}[?2004l");
    }
}

pub(super) use terminal::settle;

#[cfg(unix)]
mod terminal {
    use std::io::{PipeWriter, Write};
    use std::sync::Mutex;
    use std::time::{Duration, Instant};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::Errno;
    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
    use seqera_plugin_api::Host;

    use super::Stop;

    /// Keys that come this soon after a prompt were meant for something else.
    const GUARD: Duration = Duration::from_millis(500);
    /// Somebody who types goes on sooner than this.
    const QUIET: Duration = Duration::from_millis(300);
    /// Longest wait for somebody to stop typing.
    const LONGEST: Duration = Duration::from_secs(10);
    const STEP: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

    /// The modes of the terminal as they were; dropped, they are so again.
    pub(super) struct Modes(Termios);

    impl Modes {
        /// Control characters, as marks have them, are not shown as `^[`.
        pub(super) fn without_marks() -> Option<Self> {
            Self::without(LocalModes::ECHOCTL)
        }

        fn without(modes: LocalModes) -> Option<Self> {
            let before = tcgetattr(std::io::stdin()).ok()?;
            let mut changed = before.clone();
            changed.local_modes.remove(modes);
            tcsetattr(std::io::stdin(), OptionalActions::Now, &changed).ok()?;
            Some(Self(before))
        }
    }

    impl Drop for Modes {
        fn drop(&mut self) {
            let _gone = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
        }
    }

    /// Waits until nobody types any more, and drops what was typed until then.
    pub(in super::super) fn settle(stop: &Stop) {
        // Key by key: of a line that has no end yet nothing would be seen.
        let Some(_modes) = Modes::without(LocalModes::ICANON | LocalModes::ECHO) else {
            stop.pause(GUARD);
            return;
        };
        let stdin = std::io::stdin();
        let (begun, mut last) = (Instant::now(), Instant::now());
        let is_settled = |last: Instant| begun.elapsed() >= GUARD && last.elapsed() >= QUIET;
        while !stop.is_wanted() && !is_settled(last) && begun.elapsed() < LONGEST {
            let mut wanted = [PollFd::new(&stdin, PollFlags::IN)];
            match poll(&mut wanted, Some(&STEP)) {
                Ok(0) | Err(Errno::INTR) => continue,
                Ok(_) => last = Instant::now(),
                Err(_) => return,
            }
            match rustix::io::read(&stdin, &mut [0; 1024]) {
                // Closed: whoever reads the answer is told.
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        let _not_a_terminal = rustix::termios::tcflush(&stdin, rustix::termios::QueueSelector::IFlush);
    }

    /// Waits for a line; `false` when somebody wants to stop instead.
    pub(super) fn wait(host: &Host, stop: &Stop) -> bool {
        let Ok((reader, writer)) = std::io::pipe() else { return !stop.is_wanted() };
        let writer: Mutex<PipeWriter> = Mutex::new(writer);
        let _guard = host.on_cancel(move |_| {
            if let Ok(mut writer) = writer.lock() {
                let _woken = writer.write_all(b"x");
            }
        });
        let stdin = std::io::stdin();
        loop {
            if stop.is_wanted() {
                return false;
            }
            let mut wanted = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(&reader, PollFlags::IN)];
            match poll(&mut wanted, None) {
                Err(Errno::INTR) => {}
                // Woken: whoever hears of signals knows soon.
                Ok(_) if wanted[0].revents().is_empty() => stop.wait(),
                // Ready, closed, or not to be waited for: reading tells.
                Ok(_) | Err(_) => return true,
            }
        }
    }
}

#[cfg(not(unix))]
mod terminal {
    use seqera_plugin_api::Host;

    use super::Stop;

    pub(super) struct Modes;

    impl Modes {
        pub(super) fn without_marks() -> Option<Self> {
            None
        }
    }

    pub(in super::super) fn settle(stop: &Stop) {
        stop.pause(std::time::Duration::from_millis(500));
    }

    pub(super) fn wait(_host: &Host, stop: &Stop) -> bool {
        !stop.is_wanted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pasted_is_one_text() {
        let whole = "look at this: \u{1b}[200~one\ntwo\n\u{1b}[201~";
        assert_eq!(unmarked(whole), "look at this: one\ntwo");
        for (text, open) in [
            ("plain", false),
            ("\u{1b}[200~one", true),
            ("\u{1b}[200~one\ntwo", true),
            (whole, false),
            ("\u{1b}[200~a\u{1b}[201~ and \u{1b}[200~b", true),
        ] {
            assert_eq!(is_open(text), open, "{text:?}");
        }
    }
}
