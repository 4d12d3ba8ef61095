//! The agent: what happens next, as a pure function.
//!
//! It gets events and answers effects. It does no I/O, reads no clock and starts no thread, so every path of it is
//! tested in microseconds, and the same core serves the headless run, the line mode and the full screen to come.

mod effect;
mod event;
mod goal;
mod state;
mod tool_call;

pub use effect::{Effect, Outcome, Shown};
pub use event::{Event, Finish, LastRun, ServerEvent, Usage};
pub use goal::{ATTEMPTS, Goal, GoalStep};
pub use seqera_ai_approval::Mode as ApprovalMode;
pub use state::Agent;
pub use tool_call::{Answer, Past, ToolCall, ToolResult, Verdict};
