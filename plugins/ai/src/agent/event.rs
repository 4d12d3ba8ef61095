//! What happens to the agent.

use std::time::Duration;

use super::{Answer, ToolCall, ToolResult, Verdict};

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A person asks something.
    Asked(String),
    /// The session is there.
    SessionReady(String),
    /// What the session said before was read.
    HistoryRead {
        /// The highest event number in it.
        last_id: Option<u64>,
        /// Events without a number in it: a stream without a cursor begins with them again.
        unnumbered: usize,
        /// What it says of the last run in it.
        last_run: LastRun,
    },
    /// The message was accepted.
    MessageAccepted,
    /// The server does not take it: no run begins.
    MessageRefused,
    /// Something came through the stream.
    Received {
        /// Its number in the session; not every event has one.
        id: Option<u64>,
        /// What it is.
        event: ServerEvent,
    },
    /// The stream ended, broke off or could not be opened; trying again may help.
    StreamBroke {
        /// Why.
        reason: String,
        /// How long ago something new came.
        since_progress: Duration,
    },
    /// The engine of approvals has decided about a tool.
    Judged {
        /// Which request.
        request_id: String,
        /// What it decided.
        verdict: Verdict,
    },
    /// A person, or the lack of one, has answered the prompt.
    Answered {
        /// Which request.
        request_id: String,
        /// The answer.
        answer: Answer,
    },
    /// A tool has run.
    ToolFinished {
        /// Which request.
        request_id: String,
        /// What came of it.
        result: ToolResult,
    },
    /// The server has the result of a tool.
    ResultAccepted {
        /// Which request.
        request_id: String,
    },
    /// The person, or a signal, wants the run to end.
    Cancelled,
}

/// What the server says (protocol section 7.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ServerEvent {
    /// A part of the answer.
    Text(String),
    /// A part of what it thinks.
    Thinking(String),
    /// A tool starts.
    ToolStarted(ToolCall),
    /// A tool of the server answered.
    ToolAnswered {
        /// Which call.
        id: String,
        /// What it answered.
        content: String,
    },
    /// The server wants a tool to be run here.
    Execute(ToolCall),
    /// Older parts of the conversation are made shorter.
    Compacting,
    /// What was there before has been replayed.
    HistoryEnd,
    /// The run is over.
    Finished(Finish, Usage),
    /// The run failed.
    Failed(String),
    /// Something that needs no answer: `start`, and what is not known here.
    Other,
}

/// How the last run of a history stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LastRun {
    /// There is none.
    #[default]
    None,
    /// It has begun, and its end is not there.
    Open,
    /// Its end is there.
    Over,
}

impl LastRun {
    /// After this event.
    pub fn see(&mut self, event: &ServerEvent) {
        match event {
            event if event.is_terminal() => *self = Self::Over,
            ServerEvent::Other | ServerEvent::HistoryEnd => {}
            _ => *self = Self::Open,
        }
    }
}

impl ServerEvent {
    /// Whether a run ends with it.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Finished(..) | Self::Failed(_))
    }
}

/// How a run is over.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Finish {
    /// As it should be.
    Complete,
    /// For another reason, in the server's words: `length`, `content-filter`, …
    Incomplete(String),
}

/// Tokens of a run, as far as the server counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Usage {
    /// Of what was read.
    pub input: u64,
    /// Of what was written.
    pub output: u64,
    /// Both.
    pub total: u64,
}
