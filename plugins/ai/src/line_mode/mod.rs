//! A conversation line by line: no cursor is moved and no colour is needed, so any terminal and any screen reader can
//! follow it.

mod credits;
mod export;
mod screen;
mod sessions;
mod sign_in;
mod skills;
mod slash;
mod status;
mod typed;

use seqera_plugin_api::{Error, ErrorKind, Exit, Host, Result, status};

use crate::agent::{ATTEMPTS, GoalStep, Outcome};
use crate::backend::SessionRow;
use crate::command::AiArgs;
use crate::driver::Driver;
use crate::headless::explain;
use crate::sanitizer::{one_line, sanitized};
use screen::Lines;
use skills::KnownSkill;
use slash::{Line, Verdict};

/// A conversation and what belongs to it.
struct Conversation<'a> {
    host: &'a Host,
    args: &'a AiArgs,
    driver: Driver,
    shows_thinking: bool,
    /// Fetched when they are needed for the first time.
    skills: Option<Vec<KnownSkill>>,
}

pub(crate) fn run(host: &Host, args: &AiArgs, first: Option<String>) -> Result<Exit> {
    let driver = Driver::new(host, false, args)?;
    let stop = driver.stop().clone();
    // Until the end: a signal leaves the conversation, or stops what is under way, and never just ends the process.
    let _listens = stop.listen(host);
    // Now, not after the first question was typed.
    sign_in::ensure(host, &stop)?;
    let mut conversation =
        Conversation { host, args, driver, shows_thinking: args.show_thinking, skills: None };
    let ask = |rows: &[SessionRow]| sessions::ask(host, &stop, rows);
    crate::resume::resume(host, args, &mut conversation.driver, Some(&ask))?;
    conversation.show_history()?;
    status!(host, "Seqera AI. Ask something, or type /help; /exit ends.");
    let outcome = conversation.go_on(first);
    conversation.leave();
    // Whoever stopped it knows that.
    outcome.map_err(|error| if error.kind() == ErrorKind::Interrupted { stop.farewell() } else { error })
}

impl Conversation<'_> {
    fn go_on(&mut self, first: Option<String>) -> Result<Exit> {
        let mut next = first;
        loop {
            let line = match next.take().or_else(|| self.driver.agent.take_queued()) {
                Some(question) => question,
                None => {
                    let prompt = if self.driver.agent.plans() { "plan> " } else { "> " };
                    // What was stopped before does not end this.
                    let stop = self.driver.stop().clone();
                    let _listens = stop.listen(self.host);
                    match typed::line(self.host, &stop, prompt)? {
                        Some(line) => line,
                        None => return Ok(Exit::SUCCESS),
                    }
                }
            };
            if line.trim().is_empty() {
                continue;
            }
            match Line::parse(&line) {
                Line::Question => self.answer(line)?,
                Line::Command(command, rest) => {
                    if self.command(command, rest)? == Verdict::Leave {
                        return Ok(Exit::SUCCESS);
                    }
                }
                Line::Other(word, rest) => self.use_skill(word, rest)?,
            }
        }
    }

    /// Ends the session, and says how to go on with it.
    fn leave(&mut self) {
        if let Some(session) = self.driver.expire() {
            status!(self.host, "Go on with this session: seqera ai -s {}", one_line(&session, 200));
        }
    }

    /// Answers a question, and goes on as long as a goal demands it.
    fn answer(&mut self, question: String) -> Result<()> {
        let mut next = Some(question);
        while let Some(question) = next.take() {
            let had_goal = self.driver.agent.goal().is_some();
            let is_answered = self.answer_once(question)?;
            if had_goal && self.driver.agent.goal().is_none() {
                self.say_goal_over("is dropped");
            }
            match self.driver.agent.goal_step() {
                Some(GoalStep::Again) if is_answered => {
                    next = self.driver.agent.goal().map(|goal| {
                        status!(self.host, "(goal: attempt {} of {ATTEMPTS})", goal.attempt);
                        goal.message()
                    });
                }
                Some(GoalStep::Again) => {
                    self.driver.agent.drop_goal();
                    self.say_goal_over("could not go on");
                }
                Some(GoalStep::Reached) => self.say_goal_over("is reached"),
                Some(GoalStep::GivenUp) => self.say_goal_over("was not reached in three attempts"),
                None => {}
            }
        }
        Ok(())
    }

    fn say_goal_over(&self, how: &str) {
        let mode = self.driver.agent.approval().name();
        status!(self.host, "(the goal {how}; the approval mode is {mode} again)");
    }

    /// Answers one question; `false` when the server was not asked to the end. What goes wrong with it is told, and the
    /// conversation goes on; only a sign-in that is gone and an output that nobody reads end it.
    fn answer_once(&mut self, question: String) -> Result<bool> {
        let host = self.host;
        let mut screen = Lines::new(host, self.args, self.shows_thinking);
        let outcome = self.driver.run(host, question, &mut screen);
        screen.end()?;
        let is_answered = outcome.is_ok();
        let error = match outcome {
            Ok(Outcome::Cancelled) if self.driver.stop().is_for_all() => {
                return Err(self.driver.stop().error());
            }
            Ok(Outcome::Cancelled) => {
                status!(host, "(stopped)");
                return Ok(false);
            }
            Ok(outcome) => explain(&outcome).err(),
            Err(error) => Some(error),
        };
        match error {
            Some(error) if error.is_silent() || error.kind() == ErrorKind::SignInNeeded => Err(error),
            Some(error) => {
                tell(host, &error);
                Ok(is_answered)
            }
            None => Ok(true),
        }
    }
}

/// Tells what went wrong, without ending anything.
fn tell(host: &Host, error: &Error) {
    status!(host, "error: {}", sanitized(&error.to_string()));
    for hint in error.hints() {
        status!(host, "hint: {}", sanitized(hint));
    }
}
