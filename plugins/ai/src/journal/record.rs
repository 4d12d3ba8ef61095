//! The lines of a journal.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::agent::{ToolCall, ToolResult};

/// A line: when, and what.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line<'a> {
    /// RFC 3339, in UTC.
    pub(crate) at: String,
    #[serde(flatten, borrow)]
    pub(crate) record: Record<'a>,
}

/// What happened. Kinds that are not known here are skipped by whoever reads.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Record<'a> {
    /// A session was begun, or gone on with.
    Session {
        session_id: Cow<'a, str>,
        cwd: Cow<'a, str>,
        backend: Cow<'a, str>,
        version: Cow<'a, str>,
        #[serde(default)]
        resumed: bool,
    },
    /// A person said something.
    Message { run_id: Cow<'a, str>, content: Cow<'a, str>, plan: bool },
    /// A part of the answer.
    Text { content: Cow<'a, str> },
    /// A tool of the server was used.
    Tool { call: Cow<'a, ToolCall> },
    /// A local tool is about to run.
    ToolStarted { call: Cow<'a, ToolCall> },
    /// What came of it; written before the server is told.
    ToolResult { id: Cow<'a, str>, result: Cow<'a, ToolResult> },
    /// The server has it.
    ResultSent { id: Cow<'a, str> },
    /// A run ended.
    End { outcome: Cow<'a, str>, reason: Option<Cow<'a, str>> },
}
