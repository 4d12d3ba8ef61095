//! Tools on this machine: each request is described, judged, asked about if it must be, run, recorded and answered.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use seqera_ai_approval::{Decision, Facts, Rule, Run, Tool};
use seqera_plugin_api::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::stop::with_jitter;
use super::{Driver, Screen, is_busy};
use crate::agent::{Answer, Effect, Event, Shown, ToolCall, ToolResult, Verdict};
use crate::approvals::{By, Choice, Prompt, Subject, audit_line};
use crate::journal::{Record, now};
use crate::secrets::HiddenText;

/// Pauses between two tries to give a result to the server.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The request that is being worked at.
pub(super) struct Pending {
    call: ToolCall,
    subject: Subject,
    state: State,
}

enum State {
    /// It may run, like this.
    Allowed(Run),
    /// A person has to say yes.
    Asked { rule: Rule, why: String, facts: Box<Facts> },
}

impl Driver {
    pub(super) fn judge(&mut self, call: ToolCall, effects: &mut VecDeque<Effect>) {
        let request_id = call.id.clone();
        let verdict = match self.tools.describe(&call) {
            Ok(subject) => self.decide(call, subject),
            Err(reason) => {
                self.audit_refusal(&call, "invalid-request", &reason);
                Verdict::Refuse(reason)
            }
        };
        self.tell(Event::Judged { request_id, verdict }, effects);
    }

    fn decide(&mut self, call: ToolCall, subject: Subject) -> Verdict {
        let mode = self.agent.approval();
        let decision = self.approvals.decide(&subject, mode, self.agent.plans());
        let (state, verdict) = match decision {
            Decision::Auto { run, rule, why, facts } => {
                self.audit(&call, &subject, ("auto", By::Engine), rule, &why, Some(&facts));
                (State::Allowed(run), Verdict::Run)
            }
            Decision::Prompt { rule, why, facts } => (State::Asked { rule, why, facts }, Verdict::Ask),
            Decision::Blocked { rule, why } => {
                self.audit(&call, &subject, ("blocked", By::Engine), rule, &why, None);
                return Verdict::Refuse(format!("not allowed: {why}"));
            }
        };
        self.pending = Some(Pending { call, subject, state });
        verdict
    }

    pub(super) fn ask(
        &mut self,
        request_id: &str,
        effects: &mut VecDeque<Effect>,
        screen: &mut dyn Screen,
    ) -> Result<()> {
        let pending = self.pending.take().filter(|pending| pending.call.id == request_id);
        let Some(Pending { call, subject, state: State::Asked { rule, why, facts } }) = pending else {
            return Ok(());
        };
        let mode = self.agent.approval();
        let preview = facts.paths.first().map(|path| self.tools.preview(&call, &path.resolved));
        let diff = match preview.transpose() {
            Ok(diff) => diff.flatten(),
            // Nobody has to say yes to what would fail.
            Err(reason) => {
                self.audit(&call, &subject, ("refused", By::Engine), rule, &reason, Some(&facts));
                let answer = Answer::Refused(reason);
                self.tell(Event::Answered { request_id: request_id.to_owned(), answer }, effects);
                return Ok(());
            }
        };
        let (diff, secrets) = (diff.as_deref(), &self.secrets);
        let prompt = Prompt { subject: &subject, mode, why: &why, facts: &facts, diff, secrets };
        screen.flush()?;
        let choice = screen.ask(&prompt, &self.stop)?;
        let made = match &choice {
            Choice::Once => ("approved", By::Person),
            Choice::RestOfSession => ("approved-for-session", By::Person),
            Choice::Reject(_) => ("rejected", By::Person),
            Choice::Nobody => ("refused", By::Nobody),
        };
        self.audit(&call, &subject, made, rule, &why, Some(&facts));
        let answer = match choice {
            Choice::Once | Choice::RestOfSession => {
                if choice == Choice::RestOfSession {
                    self.approvals.grant_rest_of_session();
                }
                let run = match facts.paths.first() {
                    // What was shown, whatever a link says by now.
                    Some(path) if subject.tool != Tool::Shell => Run::Path(path.resolved.clone()),
                    _ => self.approvals.approved(&subject, mode),
                };
                self.pending = Some(Pending { call, subject, state: State::Allowed(run) });
                Answer::Approved
            }
            Choice::Reject(said) if said.is_empty() => Answer::Refused("the user denied it".to_owned()),
            Choice::Reject(said) => Answer::Refused(format!("the user denied it and says: {said}")),
            Choice::Nobody => {
                let (mode, rule) = (mode.name(), rule.name());
                let reason = format!(
                    "approval required: in {mode} mode a person has to agree, and nobody can be asked here: {why}"
                );
                self.show(Shown::ApprovalRefused { call, mode, rule, why }, screen)?;
                Answer::Nobody(reason)
            }
        };
        self.tell(Event::Answered { request_id: request_id.to_owned(), answer }, effects);
        Ok(())
    }

    pub(super) fn run_tool(
        &mut self,
        call: &ToolCall,
        effects: &mut VecDeque<Effect>,
        screen: &mut dyn Screen,
    ) -> Result<()> {
        let pending = self.pending.take().filter(|pending| pending.call.id == call.id);
        let Some(Pending { state: State::Allowed(run), .. }) = pending else {
            return Err(Error::new(ErrorKind::Failed, "a tool would have run that nobody allowed"));
        };
        screen.flush()?;
        // First in the journal: whoever asks again after a crash is told that it was begun, and it is not run again.
        self.journal.note(Record::ToolStarted { call: Cow::Borrowed(call) });
        let mut output = HiddenText::new(self.secrets.clone());
        let mut shown = Ok(());
        let mut show = |content: String| {
            if shown.is_ok() && !content.is_empty() {
                let id = call.id.clone();
                shown = screen.show(Shown::ToolOutput { id, content }).and_then(|()| screen.flush());
            }
            shown.is_ok()
        };
        let mut push = |text: &str| show(output.push(text.to_owned()));
        let result = self.tools.run(call, &run, &mut push, &self.stop);
        show(output.end());
        shown?;
        if self.stop.is_wanted() {
            return Err(self.stop.error());
        }
        let result = ToolResult {
            stdout: self.secrets.hidden(&result.stdout),
            stderr: self.secrets.hidden(&result.stderr),
            exit_code: result.exit_code,
        };
        self.tell(Event::ToolFinished { request_id: call.id.clone(), result }, effects);
        Ok(())
    }

    pub(super) fn send_result(
        &mut self,
        session: &str,
        request_id: String,
        result: &ToolResult,
        effects: &mut VecDeque<Effect>,
        screen: &mut dyn Screen,
    ) -> Result<()> {
        // First here, then there: whoever asks again after a crash gets this result, and not another run.
        self.journal.note(Record::ToolResult { id: (&request_id).into(), result: Cow::Borrowed(result) });
        self.deliver(session, &request_id, result, screen)?;
        self.journal.note(Record::ResultSent { id: (&request_id).into() });
        self.tell(Event::ResultAccepted { request_id }, effects);
        Ok(())
    }

    /// Gives a result to the server, tried again for as long as a stream is: the run waits for it.
    fn deliver(
        &mut self,
        session: &str,
        request_id: &str,
        result: &ToolResult,
        screen: &mut dyn Screen,
    ) -> Result<()> {
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let Err(error) = self.backend.send_result(session, request_id, result) else { return Ok(()) };
            let is_busy = is_busy(&error);
            let may_pass = error.kind() == ErrorKind::Unreachable || is_busy;
            if !may_pass || started.elapsed() >= self.patience {
                return Err(error);
            }
            let what = if is_busy { "the server is busy" } else { "the connection broke" };
            self.show(Shown::Reconnecting { what, reason: error.to_string(), after: pause }, screen)?;
            screen.flush()?;
            if !self.stop.pause(with_jitter(pause)) {
                return Err(self.stop.error());
            }
            pause = LONGEST_PAUSE.min(2 * pause);
        }
    }

    fn audit(
        &mut self,
        call: &ToolCall,
        subject: &Subject,
        made: (&str, By),
        rule: Rule,
        why: &str,
        facts: Option<&Facts>,
    ) {
        self.write_down(call, audit_line(subject, self.agent.approval(), made, rule, why, facts));
    }

    /// A line about a request that nobody had to judge.
    pub(super) fn audit_refusal(&mut self, call: &ToolCall, rule: &str, why: &str) {
        let line = json!({
            "tool": call.name, "subject": call.args, "mode": self.agent.approval().name(),
            "decision": "refused", "by": "engine", "rule": rule, "why": why, "commands": null, "paths": [],
        });
        self.write_down(call, line);
    }

    fn write_down(&mut self, call: &ToolCall, mut line: Value) {
        line["at"] = now().into();
        line["session_id"] = self.agent.session().into();
        line["request_id"] = call.id.as_str().into();
        self.journal.audit(&line);
    }
}
