//! The state of a conversation and its transitions.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::goal::{Goal, GoalStep};
use super::tool_call::{Step, ToolCalls};
use super::{
    Answer, ApprovalMode, Effect, Event, Finish, LastRun, Outcome, Past, ServerEvent, Shown, ToolCall,
    ToolResult,
};

/// Interruptions in a row that are always tried again, however long they took.
const ALWAYS: u32 = 2;
/// Longest pause before the stream is opened again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A conversation.
#[derive(Debug, Default)]
pub struct Agent {
    session: Option<String>,
    phase: Phase,
    /// Highest event number seen.
    last_id: Option<u64>,
    /// Something of the session was not seen: what it said has to be read first.
    needs_history: bool,
    /// The run before was left without a word, and may still be under way.
    left_running: bool,
    /// Events without a number that the session had before this process: a stream without a cursor begins with them.
    old: usize,
    /// Those of them that are still to come.
    replayed: usize,
    /// Events without a number that this run took, by their hash: a stream that is opened again may begin with them.
    taken: Vec<u64>,
    /// Which of them may come next once more.
    again: usize,
    /// Events without a number, of the whole session.
    unnumbered: usize,
    /// Interruptions since something new came.
    interruptions: u32,
    /// How long a stream is opened again without anything new.
    patience: Duration,
    tools: ToolCalls,
    /// Calls that the server announced: a request for the same one is not shown twice.
    announced: HashSet<String>,
    /// The run before was cancelled, and its terminal event has not been seen: it may still come.
    expects_old_end: bool,
    /// Something of this run has been seen.
    has_begun: bool,
    /// Tools of this run that were refused because nobody was there to approve them.
    unapproved: usize,
    /// A plan is made: nothing may change.
    plan: bool,
    approval: ApprovalMode,
    goal: Option<(Goal, ApprovalMode)>,
    queue: VecDeque<String>,
}

#[derive(Debug, Default, PartialEq)]
enum Phase {
    #[default]
    Idle,
    /// Waits for a session, to post this.
    NeedsSession(String),
    /// Waits for the history of the session, to post this.
    ReadsHistory(String),
    /// Waits for the message to be accepted.
    Posting,
    /// Follows the stream.
    Following,
}

impl Agent {
    /// A conversation that has not begun. `patience`: how long a stream is opened again without anything new.
    #[must_use]
    pub fn new(patience: Duration, approval: ApprovalMode) -> Self {
        Self { patience, approval, ..Self::default() }
    }

    /// The session, once there is one.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// Goes on with a session that another process made, and with what is known of its tool calls.
    pub fn resume(&mut self, session: String, calls: impl IntoIterator<Item = (String, Past)>) {
        self.forget();
        self.tools.remember(calls);
        self.session = Some(session);
        self.needs_history = true;
    }

    /// Forgets the session: the next question begins a new one. Modes stay, and so does the queue.
    pub fn forget(&mut self) {
        *self = Self {
            patience: self.patience,
            plan: self.plan,
            approval: self.approval,
            goal: self.goal.take(),
            queue: std::mem::take(&mut self.queue),
            ..Self::default()
        };
    }

    /// The highest event number seen.
    #[must_use]
    pub fn last_id(&self) -> Option<u64> {
        self.last_id
    }

    /// Events without a number that the session is known to have.
    #[must_use]
    pub fn unnumbered(&self) -> usize {
        self.unnumbered
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.phase == Phase::Idle
    }

    /// Whether a plan is made and nothing may change.
    #[must_use]
    pub fn plans(&self) -> bool {
        self.plan
    }

    /// Makes a plan from the next message on, or builds.
    pub fn set_plan(&mut self, plan: bool) {
        self.plan = plan;
    }

    /// How much runs without asking.
    #[must_use]
    pub fn approval(&self) -> ApprovalMode {
        self.approval
    }

    /// Sets how much runs without asking. A goal that is worked at does not take it back.
    pub fn set_approval(&mut self, mode: ApprovalMode) {
        self.approval = mode;
        if let Some((_, before)) = &mut self.goal {
            *before = mode;
        }
    }

    /// The goal that is worked at.
    #[must_use]
    pub fn goal(&self) -> Option<&Goal> {
        self.goal.as_ref().map(|(goal, _)| goal)
    }

    /// Begins to work at a goal, in full approval; answers the message to ask.
    pub fn set_goal(&mut self, task: &str) -> String {
        self.drop_goal();
        let goal = Goal::new(task);
        let message = goal.message();
        self.goal = Some((goal, self.approval));
        self.approval = ApprovalMode::Full;
        message
    }

    /// Ends the work at a goal and takes the approval mode back that was there before.
    pub fn drop_goal(&mut self) {
        if let Some((_, before)) = self.goal.take() {
            self.approval = before;
        }
    }

    /// After a run: what becomes of the goal, if there is one.
    pub fn goal_step(&mut self) -> Option<GoalStep> {
        let (goal, _) = self.goal.as_mut()?;
        let step = goal.step();
        if step != GoalStep::Again {
            self.drop_goal();
        }
        Some(step)
    }

    /// The next question that was asked while another was answered.
    pub fn take_queued(&mut self) -> Option<String> {
        self.queue.pop_front()
    }

    /// Drops the questions that wait.
    pub fn clear_queue(&mut self) {
        self.queue.clear();
    }

    /// Takes an event in; what is to be done is added to `effects`, in order.
    pub fn handle(&mut self, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Asked(content) => self.ask(content, effects),
            Event::SessionReady(session) => self.begin(session, effects),
            Event::HistoryRead { last_id, unnumbered, last_run } => {
                self.catch_up(last_id, unnumbered, last_run, effects);
            }
            Event::MessageRefused if self.phase == Phase::Posting => self.phase = Phase::Idle,
            Event::MessageAccepted if self.phase == Phase::Posting => self.follow(Duration::ZERO, effects),
            Event::Received { id, event } => self.receive(id, event, effects),
            Event::StreamBroke { reason, since_progress } => self.broke(reason, since_progress, effects),
            Event::Cancelled => self.cancel(effects),
            Event::MessageAccepted | Event::MessageRefused => {}
            Event::Judged { .. }
            | Event::Answered { .. }
            | Event::ToolFinished { .. }
            | Event::ResultAccepted { .. } => {
                self.tool(event, effects);
            }
        }
    }

    fn ask(&mut self, content: String, effects: &mut Vec<Effect>) {
        if self.phase != Phase::Idle {
            return self.queue.push_back(content);
        }
        self.interruptions = 0;
        self.has_begun = false;
        self.unapproved = 0;
        match self.session.clone() {
            None => {
                self.phase = Phase::NeedsSession(content);
                effects.push(Effect::CreateSession);
            }
            Some(session) if self.needs_history => {
                if std::mem::take(&mut self.left_running) {
                    effects.push(Effect::CancelRun { session: session.clone() });
                }
                self.phase = Phase::ReadsHistory(content);
                effects.push(Effect::ReadHistory { session, cursor: self.next_id() });
            }
            Some(session) => self.post(session, content, effects),
        }
    }

    fn begin(&mut self, session: String, effects: &mut Vec<Effect>) {
        if let Phase::NeedsSession(content) = &mut self.phase {
            let content = std::mem::take(content);
            self.session = Some(session.clone());
            self.post(session, content, effects);
        }
    }

    fn catch_up(
        &mut self,
        last_id: Option<u64>,
        unnumbered: usize,
        last_run: LastRun,
        effects: &mut Vec<Effect>,
    ) {
        let (Phase::ReadsHistory(content), Some(session)) = (&mut self.phase, self.session.clone()) else {
            return;
        };
        self.last_id = self.last_id.max(last_id);
        // With a cursor the stream begins behind them.
        self.old = if self.last_id.is_none() { unnumbered } else { 0 };
        self.replayed = self.old;
        self.unnumbered = unnumbered;
        if last_run == LastRun::Open && !self.expects_old_end {
            // Whoever began it is gone: it would speak in between. What it said meanwhile is read, too.
            self.expects_old_end = true;
            effects.push(Effect::CancelRun { session: session.clone() });
            effects.push(Effect::ReadHistory { session, cursor: self.next_id() });
            return;
        }
        self.expects_old_end &= last_run != LastRun::Over;
        self.needs_history = false;
        let content = std::mem::take(content);
        self.post(session, content, effects);
    }

    fn next_id(&self) -> Option<u64> {
        self.last_id.map(|id| id + 1)
    }

    fn post(&mut self, session: String, content: String, effects: &mut Vec<Effect>) {
        self.phase = Phase::Posting;
        self.taken.clear();
        self.again = 0;
        effects.push(Effect::PostMessage { session, content, plan: self.plan });
    }

    fn follow(&mut self, after: Duration, effects: &mut Vec<Effect>) {
        if let Some(session) = self.session.clone() {
            self.phase = Phase::Following;
            effects.push(Effect::OpenStream { session, cursor: self.next_id(), after });
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
        } else if self.replayed > 0 {
            self.replayed = if event == ServerEvent::HistoryEnd { 0 } else { self.replayed - 1 };
            return;
        } else if event != ServerEvent::HistoryEnd && self.was_taken(&event) {
            return;
        }
        if self.is_old_end(&event) {
            return;
        }
        self.has_begun |= !matches!(event, ServerEvent::Other | ServerEvent::HistoryEnd);
        match event {
            ServerEvent::Text(text) => {
                if let Some((goal, _)) = &mut self.goal {
                    goal.saw(&text);
                }
                effects.push(Effect::Show(Shown::Text(text)));
            }
            ServerEvent::Thinking(text) => effects.push(Effect::Show(Shown::Thinking(text))),
            ServerEvent::ToolStarted(call) => self.announce(&call, effects),
            // The result of a local tool was shown when there was one.
            ServerEvent::ToolAnswered { id, .. } if self.tools.knows(&id) => {}
            ServerEvent::ToolAnswered { id, content } => {
                effects.push(Effect::Show(Shown::ToolResult { id, content, is_error: false }));
            }
            ServerEvent::Execute(call) => {
                if !self.tools.knows(&call.id) {
                    self.announce(&call, effects);
                }
                let step = self.tools.request(call);
                self.carry_out(step, effects);
            }
            ServerEvent::Compacting => effects.push(Effect::Show(Shown::Compacting)),
            ServerEvent::Finished(finish, usage) => {
                effects.push(Effect::Show(Shown::Usage(usage)));
                self.end(
                    match finish {
                        Finish::Complete if self.unapproved > 0 => Outcome::Unapproved(self.unapproved),
                        Finish::Complete => Outcome::Complete,
                        Finish::Incomplete(reason) => Outcome::Incomplete(reason),
                    },
                    effects,
                );
            }
            ServerEvent::Failed(reason) => self.end(Outcome::Failed(reason), effects),
            ServerEvent::HistoryEnd | ServerEvent::Other => {}
        }
    }

    /// Whether an event without a number is one that this run took before the stream was opened again.
    fn was_taken(&mut self, event: &ServerEvent) -> bool {
        let mut hasher = DefaultHasher::new();
        event.hash(&mut hasher);
        let hash = hasher.finish();
        if self.taken.get(self.again) == Some(&hash) {
            self.again += 1;
            return true;
        }
        self.taken.push(hash);
        self.again = self.taken.len();
        self.unnumbered += 1;
        false
    }

    fn announce(&mut self, call: &ToolCall, effects: &mut Vec<Effect>) {
        if self.announced.insert(call.id.clone()) || call.id.is_empty() {
            effects.push(Effect::Show(Shown::Tool(call.clone())));
        }
    }

    /// The end of the run before this one, which was cancelled while nobody listened any more.
    fn is_old_end(&mut self, event: &ServerEvent) -> bool {
        let is_old = event.is_terminal() && self.expects_old_end && !self.has_begun;
        if event.is_terminal() {
            self.expects_old_end = false;
        }
        is_old
    }

    fn tool(&mut self, event: Event, effects: &mut Vec<Effect>) {
        let step = match event {
            // Also after the run: the server has it, whoever waits for what comes of it.
            Event::ResultAccepted { request_id } => return self.tools.sent(&request_id),
            _ if self.phase != Phase::Following => return,
            Event::Judged { request_id, verdict } => self.tools.judged(&request_id, verdict),
            Event::Answered { request_id, answer } => {
                let is_unapproved = matches!(answer, Answer::Nobody(_));
                let step = self.tools.answered(&request_id, answer);
                self.unapproved += usize::from(is_unapproved && step != Step::Nothing);
                step
            }
            Event::ToolFinished { request_id, result } => self.tools.finished(&request_id, result),
            _ => return,
        };
        self.carry_out(step, effects);
    }

    /// Does a step, and what follows from it when it ended a call.
    fn carry_out(&mut self, step: Step, effects: &mut Vec<Effect>) {
        let mut next = Some(step);
        while let Some(step) = next.take() {
            match step {
                Step::Nothing => match self.tools.next(self.plan) {
                    Step::Nothing => {}
                    step => next = Some(step),
                },
                Step::Refuse(call, rule, why) => {
                    next = Some(self.tools.answer(call.id.clone(), ToolResult::refused(&*why)));
                    effects.push(Effect::Refused { call, rule, why });
                }
                Step::Judge(call) => effects.push(Effect::Judge(call)),
                Step::Ask(request_id) => effects.push(Effect::AskPerson { request_id }),
                Step::Run(call) => effects.push(Effect::RunTool(call)),
                Step::Send(id, result) => {
                    let (content, is_error) = (result.shown(), result.exit_code != 0);
                    effects.push(Effect::Show(Shown::ToolResult { id: id.clone(), content, is_error }));
                    next = Some(Step::SendAgain(id, result));
                }
                Step::SendAgain(request_id, result) => {
                    if let Some(session) = self.session.clone() {
                        effects.push(Effect::SendResult { session, request_id, result });
                    }
                    next = Some(Step::Nothing);
                }
            }
        }
    }

    fn broke(&mut self, reason: String, since_progress: Duration, effects: &mut Vec<Effect>) {
        if self.phase != Phase::Following {
            return;
        }
        self.interruptions += 1;
        if self.last_id.is_none() {
            (self.replayed, self.again) = (self.old, 0);
        }
        if self.interruptions > ALWAYS && since_progress >= self.patience {
            self.leave_running();
            return self.end(Outcome::Lost(reason), effects);
        }
        // The first time at once: a proxy that closes long answers is no reason to wait.
        let pause = match self.interruptions {
            1 => Duration::ZERO,
            n => Duration::from_secs(1 << (n - 2).min(5)).min(LONGEST_PAUSE),
        };
        if !pause.is_zero() {
            effects.push(Effect::Show(Shown::Reconnecting {
                what: "the connection broke",
                reason,
                after: pause,
            }));
        }
        self.follow(pause, effects);
    }

    fn cancel(&mut self, effects: &mut Vec<Effect>) {
        if self.phase == Phase::Idle {
            return;
        }
        if self.tools.cancel() {
            effects.push(Effect::KillTool);
        }
        let was_running = matches!(self.phase, Phase::Following | Phase::Posting);
        if let (true, Some(session)) = (was_running, self.session.clone()) {
            self.miss_the_rest();
            effects.push(Effect::CancelRun { session });
        }
        self.drop_goal();
        self.end(Outcome::Cancelled, effects);
    }

    /// The rest of the run before will not be seen as it comes.
    fn miss_the_rest(&mut self) {
        self.expects_old_end = true;
        self.needs_history = true;
    }

    /// Knows that nobody has told the server to stop the run that was given up.
    pub fn leave_running(&mut self) {
        self.miss_the_rest();
        self.left_running = true;
    }

    fn end(&mut self, outcome: Outcome, effects: &mut Vec<Effect>) {
        if self.tools.cancel() {
            effects.push(Effect::KillTool);
        }
        self.phase = Phase::Idle;
        effects.push(Effect::End(outcome));
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "order_tests.rs"]
mod order_tests;
