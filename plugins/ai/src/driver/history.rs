//! What a session said before (protocol section 7.3): read first, so that a replay is told from what is new.

use std::time::Duration;

use seqera_plugin_api::{Error, ErrorKind, Result};

use super::Driver;
use crate::agent::{Event, LastRun, ServerEvent};
use crate::backend::{EventStream, server_event};

/// Times that a history is read that has no end.
const TRIES: u32 = 3;
/// Silence after which a history is taken to be complete, in milliseconds: it is there already.
const SILENCE_MS: u64 = 10_000;

/// How far a history was read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Seen {
    last_id: Option<u64>,
    unnumbered: usize,
    last_run: LastRun,
    /// Something of a run, which is more than its end.
    has_run: bool,
    has_ended: bool,
}

impl Driver {
    /// Posts what the person said. A server that fails, or whose answer gets lost, may have taken it all the same: it is
    /// posted again only when no run has begun.
    pub(super) fn post_message(&self, session: &str, content: &str, plan: bool) -> Result<()> {
        let mut attempt = 1;
        loop {
            let posted = self.backend.post_message(session, &self.run_id, content, plan);
            let Err(error) = posted else { return Ok(()) };
            loop {
                if error.kind() != ErrorKind::Unreachable || attempt >= TRIES {
                    return Err(error);
                }
                // A run that has begun needs a moment to say so.
                if !self.stop.pause(Duration::from_secs(attempt.into())) {
                    return Err(self.stop.error());
                }
                attempt += 1;
                match self.has_run_begun(session) {
                    Ok(true) => return Ok(()),
                    Ok(false) => break,
                    // Not known: only a server that answers is asked a second time.
                    Err(_) => log::info!("whether the message was taken is not known"),
                }
            }
        }
    }

    /// Whether the session has something that is newer than what was seen of it.
    fn has_run_begun(&self, session: &str) -> Result<bool> {
        let cursor = self.agent.last_id().map(|id| id + 1);
        let known = self.agent.unnumbered();
        let (seen, broke) = match self.read_once(session, cursor.unwrap_or_default(), known) {
            // It has no history yet.
            Err(error) if error.kind() == ErrorKind::Failed => return Ok(false),
            read => read?,
        };
        match broke {
            Some(error) if !seen.has_run => Err(error),
            _ => Ok(seen.has_run),
        }
    }

    /// Reads the history of a session to its end, from `cursor` on or from the beginning.
    ///
    /// # Errors
    /// Those of the requests, when trying again did not help.
    pub(super) fn read_history(&self, session: &str, cursor: Option<u64>) -> Result<Event> {
        let mut before = None;
        for attempt in 1..=TRIES {
            let (seen, broke) = match self.read_once(session, cursor.unwrap_or_default(), 0) {
                Err(error) if error.kind() == ErrorKind::Unreachable && attempt < TRIES => {
                    if !self.stop.pause(Duration::from_secs(attempt.into())) {
                        return Err(self.stop.error());
                    }
                    continue;
                }
                read => read?,
            };
            // The same twice without an end: this server does not say where a history ends.
            if seen.has_ended || before == Some(seen) || (broke.is_none() && attempt == TRIES) {
                let Seen { last_id, unnumbered, last_run, .. } = seen;
                return Ok(Event::HistoryRead { last_id, unnumbered, last_run });
            }
            before = Some(seen);
        }
        Err(Error::new(ErrorKind::Unreachable, "the history of the session cannot be read to its end")
            .hint("Try again; without -s and -c a new session begins."))
    }

    /// What was seen, and why it ended early if it did; so many events without a number are `known`.
    fn read_once(&self, session: &str, cursor: u64, known: usize) -> Result<(Seen, Option<Error>)> {
        let query = format!("?cursor={cursor}&history_only=true");
        let mut stream = self.backend.open_stream(session, &query, SILENCE_MS.min(self.idle_ms))?;
        let mut frames = EventStream::default();
        let mut seen = Seen::default();
        while !seen.has_ended {
            let bytes = match stream.chunk() {
                Ok(bytes) if bytes.is_empty() => break,
                Ok(bytes) => bytes,
                Err(error) if error.kind() == ErrorKind::Unreachable => return Ok((seen, Some(error))),
                Err(error) => return Err(error),
            };
            let is_taken = frames.feed(&bytes, |frame| {
                let is_done = frame.event == "done";
                let id = frame.id.and_then(|id| id.parse::<u64>().ok());
                match server_event(frame.data) {
                    _ if seen.has_ended => {}
                    _ if is_done => seen.has_ended = true,
                    Some(ServerEvent::HistoryEnd) => {
                        seen.last_id = seen.last_id.max(id);
                        seen.has_ended = true;
                    }
                    Some(event) => {
                        seen.last_run.see(&event);
                        let is_new = id.is_some() || seen.unnumbered >= known;
                        seen.has_run |= is_new && !event.is_terminal() && event != ServerEvent::Other;
                        seen.last_id = seen.last_id.max(id);
                        seen.unnumbered += usize::from(id.is_none());
                    }
                    None => {}
                }
            });
            if !is_taken {
                return Err(Error::new(
                    ErrorKind::UnexpectedAnswer,
                    "the history has an event that does not end",
                ));
            }
        }
        Ok((seen, None))
    }
}
