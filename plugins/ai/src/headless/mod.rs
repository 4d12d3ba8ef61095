//! One question, its answer on standard output: as text, or as events for another program.

mod events;
mod text;

use std::path::Path;

use seqera_plugin_api::{Error, ErrorKind, Exit, Host, Result};

use crate::agent::{Outcome, Shown};
use crate::approvals::{Choice, Prompt};
use crate::command::AiArgs;
use crate::driver::{Driver, Screen, Stop};
use crate::sanitizer::sanitized;
pub(crate) use events::Events;
pub(crate) use text::Text;

pub(crate) fn run(host: &Host, args: &AiArgs, question: impl FnOnce() -> Result<String>) -> Result<Exit> {
    let mut screen = Headless::new(host, args)?;
    let mut session = None;
    let outcome = question().and_then(|query| converse(host, args, query, &mut screen, &mut session));
    let outcome = match outcome {
        Err(error) if error.exit_code() == ErrorKind::ClosedPipe.code() => Err(error),
        outcome => screen.end(&outcome).and(outcome),
    };
    outcome.and_then(|outcome| explain(&outcome)).map_err(|error| match session {
        Some(session) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::Unreachable) => {
            error.hint(format!("Go on with `seqera ai -s {}`.", crate::sanitizer::one_line(&session, 200)))
        }
        _ => error,
    })
}

fn converse(
    host: &Host,
    args: &AiArgs,
    query: String,
    screen: &mut Headless,
    session: &mut Option<String>,
) -> Result<Outcome> {
    if query.trim().is_empty() {
        return Err(Error::new(ErrorKind::Usage, "there is no question to answer")
            .hint("seqera ai --headless \"QUESTION\", or pipe it in."));
    }
    let mut driver = Driver::new(host, true, args)?;
    crate::resume::resume(host, args, &mut driver, None)?;
    let outcome = driver.run(host, query, screen);
    screen.run_id = driver.run_id().to_owned();
    *session = driver.expire();
    outcome
}

/// The exit code of an outcome, and what is to be said about it.
pub(crate) fn explain(outcome: &Outcome) -> Result<Exit> {
    match outcome {
        Outcome::Complete => Ok(Exit::SUCCESS),
        Outcome::Unapproved(count) => {
            let what = if *count == 1 { "a tool" } else { "some tools" };
            Err(Error::new(
                ErrorKind::ApprovalNeeded,
                format!("{what} needed an approval that nobody could give; the answer may lack what depends on it"),
            )
            .hint("Allow what is needed with --allow 'PATTERN' or --approval-mode, or ask on a terminal without --headless."))
        }
        Outcome::Incomplete(reason) => {
            Err(Error::new(ErrorKind::Failed, format!("the answer is not complete ({})", sanitized(reason))))
        }
        Outcome::Failed(reason) => {
            let error = Error::new(ErrorKind::Failed, "the assistant failed");
            Err(if reason.trim().is_empty() { error } else { error.because(sanitized(reason)) })
        }
        Outcome::Lost(reason) => {
            Err(Error::new(ErrorKind::Unreachable, "the connection to the assistant was lost")
                .because(reason)
                .hint("Ask again when the network is back."))
        }
        Outcome::Cancelled => Err(Error::new(ErrorKind::Interrupted, "stopped")),
    }
}

/// Text or events on standard output, and events in a file beside them.
struct Headless {
    text: Option<Text>,
    events: Vec<Events>,
    /// Of the run; before there is one, of what would have been it.
    run_id: String,
}

impl Headless {
    fn new(host: &Host, args: &AiArgs) -> Result<Self> {
        let mut events = Vec::new();
        if args.sub_agent {
            events.push(Events::on_stdout(host));
        } else if let Some(path) = &args.events_path {
            events.push(Events::in_file(Path::new(path))?);
        }
        let text = (!args.sub_agent).then(|| Text::new(host, args));
        Ok(Self { text, events, run_id: uuid::Uuid::new_v4().to_string() })
    }

    /// The last lines: there is an end whatever happened.
    fn end(&mut self, outcome: &Result<Outcome>) -> Result<()> {
        for events in &mut self.events {
            events.end(&self.run_id, outcome)?;
        }
        match &mut self.text {
            // An error before the first word needs no empty line on standard output.
            Some(text) if matches!(outcome, Ok(Outcome::Complete)) || text.has_shown() => text.end(),
            _ => Ok(()),
        }
    }
}

impl Screen for Headless {
    fn begin(&mut self, run_id: &str, session: &str) -> Result<()> {
        self.events.iter_mut().try_for_each(|events| events.begin(run_id, Some(session)))
    }

    fn show(&mut self, shown: Shown) -> Result<()> {
        for events in &mut self.events {
            events.show(&shown)?;
        }
        match &mut self.text {
            Some(text) => text.show(shown),
            None => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<()> {
        for events in &mut self.events {
            events.flush()?;
        }
        self.text.as_mut().map_or(Ok(()), Text::flush)
    }

    fn ask(&mut self, _prompt: &Prompt<'_>, _stop: &Stop) -> Result<Choice> {
        Ok(Choice::Nobody)
    }
}
