//! A conversation line by line: no cursor is moved and no colour is needed, so any terminal and any screen reader can
//! follow it.

mod slash;
mod status;

use seqera_plugin_api::{ErrorKind, Exit, Host, Result, status};

use crate::agent::Outcome;
use crate::command::AiArgs;
use crate::driver::Driver;
use crate::headless::{Text, explain};
use slash::{Slash, Verdict};

pub(crate) fn run(host: &Host, args: &AiArgs, first: Option<String>) -> Result<Exit> {
    let mut driver = Driver::new(host, false)?;
    // Now, not after the first question was typed.
    let session = host.token_provider()?.session(false)?;
    if !session.state.is_usable() {
        return Err(seqera_plugin_api::Error::new(ErrorKind::SignInNeeded, "you are not signed in")
            .hint("Run `seqera login`, or set SEQERA_ACCESS_TOKEN."));
    }
    status!(host, "Seqera AI. Ask something, or type /help; /exit ends.");
    let mut next = first;
    let outcome = loop {
        let line = match next.take() {
            Some(question) => question,
            None => match host.output().ask("> ")? {
                Some(line) => line,
                None => break Ok(Exit::SUCCESS),
            },
        };
        if line.trim().is_empty() {
            continue;
        }
        let verdict = match Slash::parse(&line) {
            Some(command) => command.run(host, &mut driver),
            None => answer(host, args, &mut driver, line).map(|()| Verdict::GoOn),
        };
        match verdict {
            Ok(Verdict::GoOn) => {}
            Ok(Verdict::Leave) => break Ok(Exit::SUCCESS),
            Err(error) => break Err(error),
        }
    };
    driver.expire();
    outcome
}

/// Answers one question. What goes wrong with it is told, and the conversation goes on; only a sign-in that is gone
/// and an output that nobody reads end it.
fn answer(host: &Host, args: &AiArgs, driver: &mut Driver, question: String) -> Result<()> {
    let mut screen = Text::new(host, args);
    let outcome = driver.run(host, question, &mut screen);
    screen.end()?;
    let error = match outcome {
        Ok(Outcome::Cancelled) => {
            status!(host, "(stopped)");
            return Ok(());
        }
        Ok(outcome) => explain(&outcome).err(),
        Err(error) => Some(error),
    };
    match error {
        Some(error) if error.is_silent() || error.kind() == ErrorKind::SignInNeeded => Err(error),
        Some(error) => {
            status!(host, "error: {error}");
            for hint in error.hints() {
                status!(host, "hint: {hint}");
            }
            Ok(())
        }
        None => Ok(()),
    }
}
