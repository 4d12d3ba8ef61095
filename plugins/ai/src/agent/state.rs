//! The state of a conversation and its transitions.

use std::collections::HashSet;
use std::time::Duration;

use super::{Effect, Event, Finish, Outcome, ServerEvent, Shown};

/// Interruptions in a row, without anything new in between, after which a run is given up.
const PATIENCE: u32 = 5;
/// Longest pause before the stream is opened again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A conversation.
#[derive(Debug, Default)]
pub struct Agent {
    session: Option<String>,
    phase: Phase,
    /// Highest event number seen.
    last_id: Option<u64>,
    /// Interruptions since something new came.
    interruptions: u32,
    /// Tool requests that have their answer: a replay must not answer them again.
    answered: HashSet<String>,
    /// The run before was cancelled, and its terminal event has not been seen: it may still come.
    expects_old_end: bool,
    /// Something of this run has been seen.
    has_begun: bool,
}

#[derive(Debug, Default, PartialEq)]
enum Phase {
    #[default]
    Idle,
    /// Waits for a session, to post this.
    NeedsSession(String),
    /// Waits for the message to be accepted.
    Posting,
    /// Follows the stream.
    Following,
}

impl Agent {
    /// A conversation that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The session, once there is one.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// Forgets the session: the next question begins a new one.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Takes an event in; what is to be done is added to `effects`, in order.
    pub fn handle(&mut self, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Asked(content) => self.ask(content, effects),
            Event::SessionReady(session) => self.begin(session, effects),
            Event::MessageAccepted => self.follow(Duration::ZERO, effects),
            Event::Received { id, event } => self.receive(id, event, effects),
            Event::StreamBroke(reason) => self.broke(reason, effects),
            Event::Cancelled => self.cancel(effects),
        }
    }

    fn ask(&mut self, content: String, effects: &mut Vec<Effect>) {
        self.interruptions = 0;
        self.has_begun = false;
        if let Some(session) = self.session.clone() {
            self.phase = Phase::Posting;
            effects.push(Effect::PostMessage { session, content });
        } else {
            self.phase = Phase::NeedsSession(content);
            effects.push(Effect::CreateSession);
        }
    }

    fn begin(&mut self, session: String, effects: &mut Vec<Effect>) {
        if let Phase::NeedsSession(content) = std::mem::replace(&mut self.phase, Phase::Posting) {
            self.session = Some(session.clone());
            effects.push(Effect::PostMessage { session, content });
        }
    }

    fn follow(&mut self, after: Duration, effects: &mut Vec<Effect>) {
        if let Some(session) = self.session.clone() {
            self.phase = Phase::Following;
            effects.push(Effect::OpenStream { session, cursor: self.last_id.map(|id| id + 1), after });
        }
    }

    fn receive(&mut self, id: Option<u64>, event: ServerEvent, effects: &mut Vec<Effect>) {
        if self.phase != Phase::Following {
            return;
        }
        if let Some(id) = id {
            if self.last_id.is_some_and(|last| id <= last) {
                return;
            }
            self.last_id = Some(id);
            self.interruptions = 0;
        }
        if self.is_old_end(&event) {
            return;
        }
        self.has_begun |= !matches!(event, ServerEvent::Other);
        match event {
            ServerEvent::Text(text) => effects.push(Effect::Show(Shown::Text(text))),
            ServerEvent::Thinking(text) => effects.push(Effect::Show(Shown::Thinking(text))),
            ServerEvent::ToolStarted { name } => effects.push(Effect::Show(Shown::Tool(name))),
            ServerEvent::ToolAnswered { content } => effects.push(Effect::Show(Shown::ToolResult(content))),
            ServerEvent::Execute { request_id, name } => self.refuse(request_id, name, effects),
            ServerEvent::Finished(Finish::Complete) => self.end(Outcome::Complete, effects),
            ServerEvent::Finished(Finish::Incomplete(reason)) => {
                self.end(Outcome::Incomplete(reason), effects)
            }
            ServerEvent::Failed(reason) => self.end(Outcome::Failed(reason), effects),
            ServerEvent::Other => {}
        }
    }

    /// The end of the run before this one, which was cancelled while nobody listened any more.
    fn is_old_end(&mut self, event: &ServerEvent) -> bool {
        let is_end = matches!(event, ServerEvent::Finished(_) | ServerEvent::Failed(_));
        let is_old = is_end && self.expects_old_end && !self.has_begun;
        if is_end {
            self.expects_old_end = false;
        }
        is_old
    }

    /// Nothing is run on this machine yet; the server gets one honest answer for each request.
    fn refuse(&mut self, request_id: String, name: String, effects: &mut Vec<Effect>) {
        if self.answered.insert(request_id.clone())
            && let Some(session) = self.session.clone()
        {
            effects.push(Effect::RefuseTool { session, request_id, name });
        }
    }

    fn broke(&mut self, reason: String, effects: &mut Vec<Effect>) {
        if self.phase != Phase::Following {
            return;
        }
        self.interruptions += 1;
        if self.interruptions > PATIENCE {
            return self.end(Outcome::Lost(reason), effects);
        }
        // The first time at once: a proxy that closes long answers is no reason to wait.
        let pause = match self.interruptions {
            1 => Duration::ZERO,
            n => Duration::from_secs(1 << (n - 2)).min(LONGEST_PAUSE),
        };
        self.follow(pause, effects);
    }

    fn cancel(&mut self, effects: &mut Vec<Effect>) {
        let was_running = matches!(self.phase, Phase::Following | Phase::Posting);
        if let (true, Some(session)) = (was_running, self.session.clone()) {
            self.expects_old_end = true;
            effects.push(Effect::CancelRun { session });
        }
        self.end(Outcome::Cancelled, effects);
    }

    fn end(&mut self, outcome: Outcome, effects: &mut Vec<Effect>) {
        self.phase = Phase::Idle;
        effects.push(Effect::End(outcome));
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
