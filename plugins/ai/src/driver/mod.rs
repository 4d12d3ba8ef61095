//! Carries out what the agent wants and tells it what came of it.

mod history;
mod local;
mod stop;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use seqera_plugin_api::{Error, ErrorKind, Host, Response, Result};

use crate::agent::{Agent, Effect, Event, Outcome, Shown, ToolCall};
use crate::approvals::{Approvals, Choice, Prompt};
use crate::backend::{Backend, EventStream, server_event};
use crate::command::AiArgs;
use crate::journal::{Journal, Opened, Record};
use crate::secrets::{HiddenText, Secrets};
use crate::settings;
use crate::surroundings::{Gathering, existing_workspace};
use crate::tools::Tools;
use local::Pending;
pub(crate) use stop::Stop;

/// Silence after which a stream is opened again, and time without anything new after which a run is given up.
const IDLE_SECONDS: u64 = 90;
const RECONNECT_SECONDS: u64 = 120;
/// Longest text that is made of several parts, in bytes.
const JOINED: usize = 64 * 1024;

/// Where the agent's words go.
pub(crate) trait Screen {
    /// A run begins.
    fn begin(&mut self, run_id: &str, session: &str) -> Result<()>;

    /// Takes something to show; what belongs together comes one after the other.
    fn show(&mut self, shown: Shown) -> Result<()>;

    /// What was shown so far has to be seen now.
    fn flush(&mut self) -> Result<()>;

    /// Asks a person, as long as nobody wants to stop.
    fn ask(&mut self, prompt: &Prompt<'_>, stop: &Stop) -> Result<Choice>;
}

/// One conversation at work.
pub(crate) struct Driver {
    pub(crate) agent: Agent,
    pub(crate) backend: Backend,
    pub(crate) journal: Journal,
    pub(crate) workspace: PathBuf,
    pub(crate) approvals: Approvals,
    tools: Tools,
    secrets: Secrets,
    /// The answer on its way to the screen and the journal.
    answer: HiddenText,
    /// The same for what it thinks.
    thinking: HiddenText,
    pending: Option<Pending>,
    host: Host,
    gathering: Option<Gathering>,
    sends_commits: bool,
    stop: Stop,
    stream: Option<Response>,
    frames: EventStream,
    idle_ms: u64,
    /// How long is tried what may work again.
    patience: Duration,
    run_id: String,
    /// When something new came.
    progress: Instant,
    /// Whether the session of the run has been shown.
    has_begun: bool,
    /// Something that came in the run could not be read.
    has_skipped: bool,
}

impl Driver {
    pub(crate) fn new(host: &Host, is_headless: bool, args: &AiArgs) -> Result<Self> {
        let workspace = existing_workspace(host)?;
        let approvals = Approvals::new(host, &workspace, &args.allow)?;
        let sends_commits = settings::is_on(host, "ai_send_commits");
        let secrets = Secrets::of(host);
        let gathering = Some(Gathering::begin(host, &workspace, sends_commits, &secrets));
        let stop = Stop::default();
        let pauses = stop.clone();
        let backend = Backend::new(host, is_headless, secrets.clone(), move |pause| pauses.pause(pause))?;
        let mask = secrets.clone();
        let patience = Duration::from_secs(seconds(host, "ai_reconnect_seconds", RECONNECT_SECONDS));
        Ok(Self {
            agent: Agent::new(patience, args.approval(host)?),
            backend,
            journal: Journal::new(host, Arc::new(move |text| mask.hidden(text))),
            tools: Tools::new(host, &workspace, secrets.clone()),
            workspace,
            approvals,
            answer: HiddenText::new(secrets.clone()),
            thinking: HiddenText::new(secrets.clone()),
            secrets,
            pending: None,
            host: host.clone(),
            gathering,
            sends_commits,
            stop,
            stream: None,
            frames: EventStream::default(),
            idle_ms: seconds(host, "ai_idle_timeout_seconds", IDLE_SECONDS).saturating_mul(1000),
            patience,
            run_id: String::new(),
            progress: Instant::now(),
            has_begun: false,
            has_skipped: false,
        })
    }

    /// Goes on with a session.
    ///
    /// # Errors
    /// `Failed` when another process of this machine does.
    pub(crate) fn resume(&mut self, session: &str) -> Result<()> {
        match self.journal.open(session) {
            Opened::Here(calls) => {
                self.agent.resume(session.to_owned(), calls);
                self.note_session(session, true);
                Ok(())
            }
            Opened::Elsewhere => {
                let name = crate::sanitizer::one_line(session, 80);
                Err(Error::new(ErrorKind::Failed, format!("the session {name} is in use by another process"))
                    .hint("End that one first, or leave -s and -c out to begin a new session."))
            }
        }
    }

    /// The wish to stop that this conversation hears of.
    pub(crate) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// The id of the run that is, or was, under way.
    pub(crate) fn run_id(&self) -> &str {
        &self.run_id
    }

    /// Asks one question and follows the answer to its end.
    ///
    /// # Errors
    /// What a request failed with and trying again does not help. A signal is no error here: the outcome says it.
    pub(crate) fn run(&mut self, host: &Host, question: String, screen: &mut dyn Screen) -> Result<Outcome> {
        let _guard = self.stop.listen(host);
        self.run_id = uuid::Uuid::new_v4().to_string();
        self.progress = Instant::now();
        self.has_begun = false;
        self.has_skipped = false;
        let mut effects = VecDeque::new();
        self.tell(Event::Asked(question), &mut effects);
        let outcome = loop {
            let step = match effects.pop_front() {
                Some(Effect::End(outcome)) => break Ok(self.outcome_without_secrets(outcome)),
                Some(effect) => self.perform(effect, &mut effects, screen),
                None => self.read(&mut effects, screen),
            };
            match step {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted && self.stop.is_wanted() => {
                    effects.clear();
                    self.tell(Event::Cancelled, &mut effects);
                }
                Err(error) => break Err(error),
            }
        };
        if outcome.is_err() {
            self.give_up();
        }
        self.stream = None;
        let shown = self.show_rest(screen);
        self.note_end(&outcome);
        shown?;
        screen.flush()?;
        outcome
    }

    /// What failed here is over: the next question begins where this one did, and a server that still works at it need
    /// not go on.
    fn give_up(&mut self) {
        let mut effects = Vec::new();
        self.agent.handle(Event::Cancelled, &mut effects);
        for effect in effects {
            match (effect, &self.stream) {
                (Effect::CancelRun { session }, Some(_open)) => self.backend.cancel_run(&session),
                // It would hardly hear of it now.
                (Effect::CancelRun { .. }, None) => self.agent.leave_running(),
                _ => {}
            }
        }
    }

    /// Takes the last change of a file back that a tool made; answers what was done, or why not.
    pub(crate) fn undo(&mut self) -> std::result::Result<String, String> {
        self.tools.undo()
    }

    /// Ends the session at the server, if there is one, and answers its id.
    pub(crate) fn expire(&mut self) -> Option<String> {
        let session = self.agent.session().map(str::to_owned);
        if let Some(session) = &session {
            self.backend.expire(session);
        }
        self.agent.forget();
        self.approvals.forget_grants();
        self.journal.close();
        self.journal.prune();
        session
    }

    fn tell(&mut self, event: Event, effects: &mut VecDeque<Effect>) {
        // A tool may run, and a person think, for longer than a stream is opened again in vain.
        if matches!(
            event,
            Event::MessageAccepted
                | Event::Answered { .. }
                | Event::ToolFinished { .. }
                | Event::ResultAccepted { .. }
        ) {
            self.progress = Instant::now();
        }
        let mut new = Vec::new();
        self.agent.handle(event, &mut new);
        effects.extend(new);
    }

    fn perform(
        &mut self,
        effect: Effect,
        effects: &mut VecDeque<Effect>,
        screen: &mut dyn Screen,
    ) -> Result<()> {
        match effect {
            Effect::CreateSession => {
                let gathering = self.gathering.take().unwrap_or_else(|| {
                    Gathering::begin(&self.host, &self.workspace, self.sends_commits, &self.secrets)
                });
                let session = self.backend.create_session(|| gathering.finish())?;
                if let Opened::Here(_new) = self.journal.open(&session) {
                    self.note_session(&session, false);
                }
                self.tell(Event::SessionReady(session), effects);
            }
            Effect::ReadHistory { session, cursor } => {
                let read = self.read_history(&session, cursor)?;
                self.tell(read, effects);
            }
            Effect::PostMessage { session, content, plan } => {
                self.has_begun = true;
                screen.begin(&self.run_id, &session)?;
                let content = self.secrets.hidden(&content);
                self.journal.note(Record::Message {
                    run_id: (&self.run_id).into(),
                    content: (&content).into(),
                    plan,
                });
                if let Err(error) = self.post_message(&session, &content, plan) {
                    if error.detail("status").is_some_and(|status| status.starts_with('4')) {
                        self.tell(Event::MessageRefused, effects);
                    }
                    return Err(error);
                }
                self.tell(Event::MessageAccepted, effects);
            }
            Effect::OpenStream { session, cursor, after } => {
                return self.open(&session, cursor, after, effects);
            }
            Effect::Show(shown) => return self.show(shown, screen),
            Effect::Refused { call, rule, why } => self.audit_refusal(&call, rule, &why),
            Effect::Judge(call) => self.judge(call, effects),
            Effect::AskPerson { request_id } => {
                self.show_rest(screen)?;
                return self.ask(&request_id, effects, screen);
            }
            Effect::RunTool(call) => return self.run_tool(&call, effects, screen),
            // It hears of the stop itself, and has ended when this is reached.
            Effect::KillTool => self.pending = None,
            Effect::SendResult { session, request_id, result } => {
                screen.flush()?;
                self.send_result(&session, request_id, &result, effects, screen)?;
            }
            Effect::CancelRun { session } => self.backend.cancel_run(&session),
            Effect::End(_) => {}
        }
        Ok(())
    }

    fn open(
        &mut self,
        session: &str,
        cursor: Option<u64>,
        after: Duration,
        effects: &mut VecDeque<Effect>,
    ) -> Result<()> {
        self.stream = None;
        self.frames = EventStream::default();
        if !after.is_zero() && !self.stop.pause(stop::with_jitter(after)) {
            return Err(self.stop.error());
        }
        let query = cursor.map(|cursor| format!("?cursor={cursor}")).unwrap_or_default();
        match self.backend.open_stream(session, &query, self.idle_ms) {
            Ok(stream) => self.stream = Some(stream),
            Err(error) if error.kind() == ErrorKind::Unreachable || is_busy(&error) => {
                self.broke(error.to_string(), effects);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Reads what has come, hands it to the agent and shows what follows from it at once.
    fn read(&mut self, effects: &mut VecDeque<Effect>, screen: &mut dyn Screen) -> Result<()> {
        let Some(stream) = &mut self.stream else {
            return Err(Error::new(ErrorKind::Failed, "the assistant has nothing left to do"));
        };
        let bytes = match stream.chunk() {
            Ok(bytes) if bytes.is_empty() => {
                self.broke("the server ended the stream".to_owned(), effects);
                return Ok(());
            }
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::Unreachable => {
                self.broke(error.to_string(), effects);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let agent = &mut self.agent;
        let thought_is_out = self.thinking.is_out();
        let before = agent.last_id();
        let mut new = Vec::new();
        let mut come = Vec::new();
        let mut is_unread = false;
        let is_taken = self.frames.feed(&bytes, |frame| {
            let Some(event) = server_event(frame.data) else {
                is_unread |= frame.data != b"[DONE]";
                return;
            };
            let id = frame.id.and_then(|id| id.parse().ok());
            agent.handle(Event::Received { id, event }, &mut new);
            for effect in new.drain(..) {
                match effect {
                    // Text is most of what comes: what came together goes to the screen together, without a detour.
                    Effect::Show(Shown::Text(text)) if effects.is_empty() && thought_is_out => {
                        join(&mut come, text);
                    }
                    other => effects.push_back(other),
                }
            }
        });
        if agent.last_id() != before {
            self.progress = Instant::now();
        }
        if is_unread && !std::mem::replace(&mut self.has_skipped, true) {
            seqera_plugin_api::warning!(
                self.host,
                "something that the assistant sent cannot be read and is skipped; the answer may lack it"
            );
        }
        for text in come {
            let text = self.answer.push(text);
            self.show_text(text, screen)?;
        }
        screen.flush()?;
        if is_taken {
            return Ok(());
        }
        Err(Error::new(ErrorKind::UnexpectedAnswer, "the assistant sent an event that does not end"))
    }

    fn broke(&mut self, reason: String, effects: &mut VecDeque<Effect>) {
        log::info!("the stream broke: {reason}");
        self.stream = None;
        let since_progress = self.progress.elapsed();
        self.tell(Event::StreamBroke { reason, since_progress }, effects);
    }

    /// Shows something, and what was held back before it.
    fn show(&mut self, shown: Shown, screen: &mut dyn Screen) -> Result<()> {
        let shown = match shown {
            Shown::Text(text) => {
                self.show_rest_of_thinking(screen)?;
                let text = self.answer.push(text);
                return self.show_text(text, screen);
            }
            Shown::Thinking(text) => {
                self.show_rest_of_answer(screen)?;
                let text = self.thinking.push(text);
                return if text.is_empty() { Ok(()) } else { screen.show(Shown::Thinking(text)) };
            }
            other => other,
        };
        self.show_rest(screen)?;
        let shown = self.without_secrets(shown);
        if let Shown::Tool(call) = &shown {
            self.journal.note(Record::Tool { call: std::borrow::Cow::Borrowed(call) });
        }
        screen.show(shown)
    }

    fn show_rest(&mut self, screen: &mut dyn Screen) -> Result<()> {
        self.show_rest_of_answer(screen)?;
        self.show_rest_of_thinking(screen)
    }

    fn show_rest_of_answer(&mut self, screen: &mut dyn Screen) -> Result<()> {
        let rest = self.answer.end();
        self.show_text(rest, screen)
    }

    fn show_rest_of_thinking(&mut self, screen: &mut dyn Screen) -> Result<()> {
        let rest = self.thinking.end();
        if rest.is_empty() { Ok(()) } else { screen.show(Shown::Thinking(rest)) }
    }

    fn show_text(&mut self, text: String, screen: &mut dyn Screen) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.journal.text(&text);
        screen.show(Shown::Text(text))
    }

    fn without_secrets(&self, shown: Shown) -> Shown {
        let hidden = |text: String| self.secrets.hidden(&text);
        match shown {
            Shown::Tool(call) => Shown::Tool(ToolCall { args: hidden(call.args), ..call }),
            Shown::ToolResult { id, content, is_error } => {
                Shown::ToolResult { id, content: hidden(content), is_error }
            }
            Shown::ApprovalRefused { call, mode, rule, why } => {
                Shown::ApprovalRefused { call, mode, rule, why: hidden(why) }
            }
            shown => shown,
        }
    }

    fn outcome_without_secrets(&self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Failed(reason) => Outcome::Failed(self.secrets.hidden(&reason)),
            Outcome::Incomplete(reason) => Outcome::Incomplete(self.secrets.hidden(&reason)),
            outcome => outcome,
        }
    }

    fn note_session(&mut self, session: &str, resumed: bool) {
        let version = self.host.product().map(|product| product.version).unwrap_or_default();
        let cwd = self.workspace.display().to_string();
        self.journal.note(Record::Session {
            session_id: session.into(),
            cwd: (&cwd).into(),
            backend: self.backend.address().into(),
            version: (&version).into(),
            resumed,
        });
    }

    fn note_end(&mut self, outcome: &Result<Outcome>) {
        let (outcome, reason) = match outcome {
            Ok(Outcome::Complete) => ("complete", None),
            Ok(Outcome::Unapproved(_)) => ("unapproved", None),
            Ok(Outcome::Incomplete(reason)) => ("incomplete", Some(reason.clone())),
            Ok(Outcome::Failed(reason)) => ("failed", Some(reason.clone())),
            Ok(Outcome::Lost(reason)) => ("lost", Some(reason.clone())),
            Ok(Outcome::Cancelled) => ("cancelled", None),
            Err(error) => ("error", Some(error.to_string())),
        };
        self.journal.note(Record::End { outcome: outcome.into(), reason: reason.map(Into::into) });
    }
}

/// Adds a part of an answer to the last one, unless one of them is long: it is not copied.
fn join(parts: &mut Vec<String>, part: String) {
    match parts.last_mut() {
        Some(last) if last.len() + part.len() <= JOINED => last.push_str(&part),
        _ => parts.push(part),
    }
}

/// Whether a server only wants to be asked later: the run goes on there meanwhile.
fn is_busy(error: &Error) -> bool {
    matches!(error.detail("status"), Some("408" | "425" | "429"))
}

/// A setting that is a number of seconds.
fn seconds(host: &Host, key: &str, default: u64) -> u64 {
    settings::number(host, key).filter(|seconds| *seconds > 0).unwrap_or(default)
}
