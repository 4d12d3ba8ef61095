//! What the agent wants done.

use std::time::Duration;

/// An effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Make a session.
    CreateSession,
    /// Post the message.
    PostMessage {
        /// The session.
        session: String,
        /// What the person said.
        content: String,
    },
    /// Open the event stream.
    OpenStream {
        /// The session.
        session: String,
        /// The first event wanted; `None` for all.
        cursor: Option<u64>,
        /// How long to wait first.
        after: Duration,
    },
    /// Show something.
    Show(Shown),
    /// Answer a request for a local tool: that it was not run, and why.
    RefuseTool {
        /// The session.
        session: String,
        /// Which request.
        request_id: String,
        /// The tool.
        name: String,
    },
    /// Tell the server that the run shall end.
    CancelRun {
        /// The session.
        session: String,
    },
    /// The run is over.
    End(Outcome),
}

/// Something to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// A part of the answer.
    Text(String),
    /// A part of what it thinks.
    Thinking(String),
    /// A tool is used.
    Tool(String),
    /// A tool answered.
    ToolResult(String),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The answer is complete.
    Complete,
    /// The server stopped before the answer was complete, for this reason.
    Incomplete(String),
    /// The server failed, and says so.
    Failed(String),
    /// The stream could not be followed to its end, for this reason.
    Lost(String),
    /// Somebody wanted it to end.
    Cancelled,
}
