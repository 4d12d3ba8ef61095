//! The tools of this machine, as the driver uses them.

use std::path::Path;

use seqera_ai_approval::Run;

use super::Stop;
use crate::agent::{ToolCall, ToolResult};
use crate::approvals::Subject;

/// Why nothing is run on this machine.
const NO_TOOLS: &str = "this version of the seqera command line runs no tools on the user's machine; \
                        tell the user which command to run instead";

/// The tools, in one workspace.
pub(super) struct Tools {}

impl Tools {
    pub(super) fn new(_workspace: &Path) -> Self {
        Self {}
    }

    /// What a request is judged by; an error is the answer to a request that cannot be carried out.
    pub(super) fn describe(&self, call: &ToolCall) -> Result<Subject, String> {
        Err(format!("{}: {NO_TOOLS}", call.name))
    }

    /// What a file tool would change, as a diff.
    pub(super) fn preview(&self, _call: &ToolCall) -> Option<String> {
        None
    }

    /// Runs what was allowed, to its end or to the wish to stop.
    pub(super) fn run(
        &mut self,
        call: &ToolCall,
        _run: &Run,
        _output: &mut dyn FnMut(&str),
        _stop: &Stop,
    ) -> ToolResult {
        ToolResult::refused(format!("{}: {NO_TOOLS}", call.name))
    }
}
