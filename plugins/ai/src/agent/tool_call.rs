//! Requests for tools, and the rule that each of them is run at most once.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

/// Tools that change something; refused while a plan is made (protocol section 9.1).
pub const CHANGING_TOOLS: [&str; 6] = [
    "execute_bash_local",
    "run_nextflow_lint_local",
    "run_nf_core_lint_local",
    "write_file_local",
    "edit_file_local",
    "create_directory_local",
];

/// A call of a tool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Hash)]
pub struct ToolCall {
    /// Given back with the result.
    pub id: String,
    /// Name of the tool.
    pub name: String,
    /// Its arguments, as JSON.
    pub args: String,
}

/// What came of a call (protocol section 8).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolResult {
    /// What it printed, or read.
    pub stdout: String,
    /// What went wrong.
    pub stderr: String,
    /// 0 for success.
    pub exit_code: i32,
}

impl ToolResult {
    /// What to show of it.
    #[must_use]
    pub fn shown(&self) -> String {
        match (self.stdout.is_empty(), self.stderr.is_empty()) {
            (_, true) => self.stdout.clone(),
            (true, false) => self.stderr.clone(),
            (false, false) => format!("{}\n{}", self.stdout.trim_end(), self.stderr),
        }
    }

    /// A refusal, with its reason.
    #[must_use]
    pub fn refused(reason: impl Into<String>) -> Self {
        Self { stdout: String::new(), stderr: reason.into(), exit_code: 1 }
    }
}

/// What the engine of approvals decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may run.
    Run,
    /// A person has to say yes.
    Ask,
    /// It may not run.
    Refuse(String),
}

/// The answer to a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Yes.
    Approved,
    /// No, with the reason that the server is told.
    Refused(String),
    /// Nobody is there to say yes: with the reason that the server is told.
    Nobody(String),
}

/// What is known of a request that was seen before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Past {
    /// It waits, runs, or was dropped with its run: in any case it is never run again.
    Taken,
    /// An earlier process began with it and ended before it knew what came of it.
    Interrupted,
    /// It ran; the server may not have its result.
    Unsent(ToolResult),
    /// The server has its result.
    Sent,
}

/// The calls of a conversation.
#[derive(Debug, Default)]
pub(super) struct ToolCalls {
    seen: HashMap<String, Past>,
    waiting: VecDeque<ToolCall>,
    current: Option<(ToolCall, Stage)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Judging,
    Asking,
    Running,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Nothing,
    /// Refused by this rule, for this reason.
    Refuse(ToolCall, &'static str, String),
    Judge(ToolCall),
    Ask(String),
    Run(ToolCall),
    Send(String, ToolResult),
    /// The server asks again for what it should have.
    SendAgain(String, ToolResult),
}

impl ToolCalls {
    /// Knows calls of an earlier process.
    pub(super) fn remember(&mut self, past: impl IntoIterator<Item = (String, Past)>) {
        self.seen.extend(past);
    }

    /// Whether a request of that name was seen here.
    pub(super) fn knows(&self, id: &str) -> bool {
        self.seen.contains_key(id)
    }

    /// A request has come.
    pub(super) fn request(&mut self, call: ToolCall) -> Step {
        if call.id.is_empty() {
            let reason =
                "the request has no id (requestId), by which it is told from others: it is not carried out";
            return Step::Refuse(call, "invalid-request", reason.to_owned());
        }
        match self.seen.get(&call.id) {
            Some(Past::Unsent(result)) => Step::SendAgain(call.id, result.clone()),
            Some(Past::Taken | Past::Sent) => Step::Nothing,
            Some(Past::Interrupted) => self.answer(
                call.id,
                ToolResult::refused(
                    "this call was begun before, and the program ended before it knew the outcome; \
                     it is not run a second time: look at what it may have changed",
                ),
            ),
            None => {
                self.seen.insert(call.id.clone(), Past::Taken);
                self.waiting.push_back(call);
                Step::Nothing
            }
        }
    }

    /// Takes the next call on, when none is. `plan`: nothing may change.
    pub(super) fn next(&mut self, plan: bool) -> Step {
        if self.current.is_some() {
            return Step::Nothing;
        }
        let Some(call) = self.waiting.pop_front() else { return Step::Nothing };
        if plan && CHANGING_TOOLS.contains(&call.name.as_str()) {
            let reason = format!("plan mode: {} is not available while a plan is made", call.name);
            return Step::Refuse(call, "plan-mode", reason);
        }
        self.current = Some((call.clone(), Stage::Judging));
        Step::Judge(call)
    }

    pub(super) fn judged(&mut self, id: &str, verdict: Verdict) -> Step {
        let Some(call) = self.at(id, Stage::Judging) else { return Step::Nothing };
        match verdict {
            Verdict::Run => self.run(call),
            Verdict::Ask => {
                let id = call.id.clone();
                self.current = Some((call, Stage::Asking));
                Step::Ask(id)
            }
            Verdict::Refuse(reason) => self.finish(call.id, ToolResult::refused(reason)),
        }
    }

    pub(super) fn answered(&mut self, id: &str, answer: Answer) -> Step {
        let Some(call) = self.at(id, Stage::Asking) else { return Step::Nothing };
        match answer {
            Answer::Approved => self.run(call),
            Answer::Refused(reason) | Answer::Nobody(reason) => {
                self.finish(call.id, ToolResult::refused(reason))
            }
        }
    }

    pub(super) fn finished(&mut self, id: &str, result: ToolResult) -> Step {
        match self.at(id, Stage::Running) {
            Some(call) => self.finish(call.id, result),
            None => Step::Nothing,
        }
    }

    /// The server has the result.
    pub(super) fn sent(&mut self, id: &str) {
        if let Some(past) = self.seen.get_mut(id) {
            *past = Past::Sent;
        }
    }

    /// Drops what waits and what is asked; `true` when a tool runs.
    pub(super) fn cancel(&mut self) -> bool {
        self.waiting.clear();
        matches!(self.current.take(), Some((_, Stage::Running)))
    }

    fn at(&self, id: &str, wanted: Stage) -> Option<ToolCall> {
        self.current
            .as_ref()
            .filter(|(call, stage)| call.id == id && *stage == wanted)
            .map(|(call, _)| call.clone())
    }

    fn run(&mut self, call: ToolCall) -> Step {
        self.current = Some((call.clone(), Stage::Running));
        Step::Run(call)
    }

    fn finish(&mut self, id: String, result: ToolResult) -> Step {
        self.current = None;
        self.answer(id, result)
    }

    /// Ends a call with what came of it.
    pub(super) fn answer(&mut self, id: String, result: ToolResult) -> Step {
        self.seen.insert(id.clone(), Past::Unsent(result.clone()));
        Step::Send(id, result)
    }
}
