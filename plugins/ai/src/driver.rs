//! Carries out what the agent wants and tells it what came of it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use seqera_plugin_api::{CancelGuard, Error, ErrorKind, Host, Response, Result};

use crate::agent::{Agent, Effect, Event, Outcome, Shown};
use crate::backend::{Backend, EventStream, server_event};

/// Why nothing is run on this machine.
const NO_TOOLS: &str = "this version of the seqera command line runs no tools on the user's machine; \
                        tell the user which command to run instead";

/// Where the agent's words go.
pub(crate) trait Screen {
    /// Takes something to show; what belongs together comes one after the other.
    fn show(&mut self, shown: Shown) -> Result<()>;

    /// What was shown so far has to be seen now.
    fn flush(&mut self) -> Result<()>;
}

/// A wish to stop, and who waits for it.
#[derive(Clone, Default)]
pub(crate) struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    /// Hears of signals while the guard lives.
    pub(crate) fn listen(&self, host: &Host) -> CancelGuard {
        let stop = self.clone();
        *self.lock() = false;
        host.on_cancel(move |_| {
            *stop.lock() = true;
            stop.0.1.notify_all();
        })
    }

    pub(crate) fn is_wanted(&self) -> bool {
        *self.lock()
    }

    /// Waits; `false` when it was woken to stop.
    pub(crate) fn pause(&self, duration: Duration) -> bool {
        let woken = self.0.1.wait_timeout_while(self.lock(), duration, |stop| !*stop);
        !*woken.unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One conversation at work.
pub(crate) struct Driver {
    pub(crate) agent: Agent,
    pub(crate) backend: Backend,
    stop: Stop,
    stream: Option<Response>,
    frames: EventStream,
}

impl Driver {
    pub(crate) fn new(host: &Host, is_headless: bool) -> Result<Self> {
        let stop = Stop::default();
        let pauses = stop.clone();
        let backend = Backend::new(host, is_headless, move |duration| pauses.pause(duration))?;
        Ok(Self { agent: Agent::new(), backend, stop, stream: None, frames: EventStream::default() })
    }

    /// Asks one question and follows the answer to its end.
    ///
    /// # Errors
    /// What a request failed with and trying again does not help. A signal is no error here: the outcome says it.
    pub(crate) fn run(&mut self, host: &Host, question: String, screen: &mut dyn Screen) -> Result<Outcome> {
        let _guard = self.stop.listen(host);
        let mut effects = VecDeque::new();
        self.tell(Event::Asked(question), &mut effects);
        let outcome = loop {
            let step = match effects.pop_front() {
                Some(Effect::End(outcome)) => break Ok(outcome),
                Some(effect) => self.perform(effect, &mut effects, screen),
                None => self.read(&mut effects, screen),
            };
            match step {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted && self.stop.is_wanted() => {
                    effects.clear();
                    self.tell(Event::Cancelled, &mut effects);
                }
                Err(error) => break Err(error),
            }
        };
        self.stream = None;
        screen.flush()?;
        outcome
    }

    /// Ends the session at the server, if there is one.
    pub(crate) fn expire(&mut self) {
        if let Some(session) = self.agent.session() {
            self.backend.expire(session);
        }
        self.agent.forget();
    }

    fn tell(&mut self, event: Event, effects: &mut VecDeque<Effect>) {
        let mut new = Vec::new();
        self.agent.handle(event, &mut new);
        effects.extend(new);
    }

    fn perform(
        &mut self,
        effect: Effect,
        effects: &mut VecDeque<Effect>,
        screen: &mut dyn Screen,
    ) -> Result<()> {
        match effect {
            Effect::CreateSession => {
                let session = self.backend.create_session()?;
                self.tell(Event::SessionReady(session), effects);
            }
            Effect::PostMessage { session, content } => {
                self.backend.post_message(&session, &content)?;
                self.tell(Event::MessageAccepted, effects);
            }
            Effect::OpenStream { session, cursor, after } => {
                return self.open(&session, cursor, after, effects);
            }
            Effect::Show(shown) => screen.show(shown)?,
            Effect::RefuseTool { session, request_id, name } => {
                screen.flush()?;
                self.backend.refuse_tool(&session, &request_id, &format!("{name}: {NO_TOOLS}"))?;
            }
            Effect::CancelRun { session } => self.backend.cancel_run(&session),
            Effect::End(_) => {}
        }
        Ok(())
    }

    fn open(
        &mut self,
        session: &str,
        cursor: Option<u64>,
        after: Duration,
        effects: &mut VecDeque<Effect>,
    ) -> Result<()> {
        self.stream = None;
        self.frames = EventStream::default();
        if !after.is_zero() && !self.stop.pause(after) {
            return Err(Error::new(ErrorKind::Interrupted, "stopped"));
        }
        match self.backend.open_stream(session, cursor) {
            Ok(stream) => self.stream = Some(stream),
            Err(error) if error.kind() == ErrorKind::Unreachable => {
                self.tell(Event::StreamBroke(error.to_string()), effects);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Reads what has come, hands it to the agent and shows what follows from it at once.
    fn read(&mut self, effects: &mut VecDeque<Effect>, screen: &mut dyn Screen) -> Result<()> {
        let Some(stream) = &mut self.stream else {
            return Err(Error::new(ErrorKind::Failed, "the assistant has nothing left to do"));
        };
        let bytes = match stream.chunk() {
            Ok(bytes) if bytes.is_empty() => {
                return self.broke("the server ended the stream".to_owned(), effects);
            }
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::Unreachable => {
                return self.broke(error.to_string(), effects);
            }
            Err(error) => return Err(error),
        };
        let agent = &mut self.agent;
        let mut new = Vec::new();
        let mut failed = Ok(());
        let is_taken = self.frames.feed(&bytes, |frame| {
            let Some(event) = server_event(frame.data) else { return };
            let id = frame.id.and_then(|id| id.parse().ok());
            agent.handle(Event::Received { id, event }, &mut new);
            for effect in new.drain(..) {
                // Text is most of what comes: it goes to the screen without a detour.
                match effect {
                    Effect::Show(shown) if effects.is_empty() && failed.is_ok() => {
                        failed = screen.show(shown)
                    }
                    other => effects.push_back(other),
                }
            }
        });
        failed?;
        screen.flush()?;
        if is_taken {
            return Ok(());
        }
        Err(Error::new(ErrorKind::UnexpectedAnswer, "the assistant sent an event that does not end"))
    }

    fn broke(&mut self, reason: String, effects: &mut VecDeque<Effect>) -> Result<()> {
        log::info!("the stream broke: {reason}");
        self.stream = None;
        self.tell(Event::StreamBroke(reason), effects);
        Ok(())
    }
}
