//! What the agent wants done.

use std::time::Duration;

use super::{ToolCall, ToolResult, Usage};

/// An effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Make a session.
    CreateSession,
    /// Read what a session said before.
    ReadHistory {
        /// The session.
        session: String,
        /// The first event wanted; `None` for all.
        cursor: Option<u64>,
    },
    /// Post the message.
    PostMessage {
        /// The session.
        session: String,
        /// What the person said.
        content: String,
        /// A plan is wanted, and nothing is to be changed.
        plan: bool,
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
    /// Write down that a request was refused before anybody was asked.
    Refused {
        /// The request.
        call: ToolCall,
        /// By which rule.
        rule: &'static str,
        /// Why.
        why: String,
    },
    /// Ask the approval engine.
    Judge(ToolCall),
    /// Ask a person.
    AskPerson {
        /// Which request.
        request_id: String,
    },
    /// Run a tool: the only effect that does.
    RunTool(ToolCall),
    /// End the tool that runs.
    KillTool,
    /// Give the server the result of a tool.
    SendResult {
        /// The session.
        session: String,
        /// Which request.
        request_id: String,
        /// The result.
        result: ToolResult,
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
    /// A tool is used: at the server, or soon here.
    Tool(ToolCall),
    /// A tool answered.
    ToolResult {
        /// Which call.
        id: String,
        /// What it answered.
        content: String,
        /// It did not do what it was asked for.
        is_error: bool,
    },
    /// A tool that runs here has printed something.
    ToolOutput {
        /// Which call.
        id: String,
        /// What it printed.
        content: String,
    },
    /// A tool was refused because nobody is there to approve it.
    ApprovalRefused {
        /// Which call.
        call: ToolCall,
        /// The mode, by its name.
        mode: &'static str,
        /// The rule that asks, by its name.
        rule: &'static str,
        /// Why it asks.
        why: String,
    },
    /// Older parts of the conversation are made shorter.
    Compacting,
    /// The stream broke more than once, or a result could not be given, and it is tried again.
    Reconnecting {
        /// What happened, in a few words.
        what: &'static str,
        /// Why.
        reason: String,
        /// After this pause, about.
        after: Duration,
    },
    /// What the run has used.
    Usage(Usage),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The answer is complete.
    Complete,
    /// It is, but so many tools were refused because nobody was there to approve them.
    Unapproved(usize),
    /// The server stopped before the answer was complete, for this reason.
    Incomplete(String),
    /// The server failed, and says so.
    Failed(String),
    /// The stream could not be followed to its end, for this reason.
    Lost(String),
    /// Somebody wanted it to end.
    Cancelled,
}
