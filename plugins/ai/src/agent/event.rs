//! What happens to the agent.

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A person asks something.
    Asked(String),
    /// The session is there.
    SessionReady(String),
    /// The message was accepted.
    MessageAccepted,
    /// Something came through the stream.
    Received {
        /// Its number in the session; not every event has one.
        id: Option<u64>,
        /// What it is.
        event: ServerEvent,
    },
    /// The stream ended, broke off or could not be opened; trying again may help.
    StreamBroke(String),
    /// The person, or a signal, wants the run to end.
    Cancelled,
}

/// What the server says (protocol section 7.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerEvent {
    /// A part of the answer.
    Text(String),
    /// A part of what it thinks.
    Thinking(String),
    /// A tool starts.
    ToolStarted {
        /// Its name.
        name: String,
    },
    /// A tool of the server answered.
    ToolAnswered {
        /// What it answered.
        content: String,
    },
    /// The server wants a tool to be run here.
    Execute {
        /// To be given back with the result.
        request_id: String,
        /// Its name.
        name: String,
    },
    /// The run is over.
    Finished(Finish),
    /// The run failed.
    Failed(String),
    /// Something that needs no answer: `start`, `compacting`, `history_end`, and what is not known here.
    Other,
}

/// How a run is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// As it should be.
    Complete,
    /// For another reason, in the server's words: `length`, `content-filter`, …
    Incomplete(String),
}
