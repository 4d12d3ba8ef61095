//! Slash commands: one table, from which `/help` is made too.

use seqera_plugin_api::{Result, out, status};

use super::{Conversation, tell};
use crate::agent::ApprovalMode;
use crate::sanitizer::one_line;

/// What comes after a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    GoOn,
    Leave,
}

/// A slash command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slash {
    Help,
    Status,
    Org,
    Credits,
    Session,
    Sessions,
    Approval,
    Plan,
    Build,
    Goal,
    Thinking,
    Undo,
    Export,
    Clear,
    Exit,
}

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Question,
    /// A command of ours, with what stands behind it.
    Command(Slash, &'a str),
    /// A word with a slash that is none of ours: a skill, or nothing.
    Other(&'a str, &'a str),
}

/// Words, arguments, command, what it does.
const COMMANDS: &[(&[&str], &str, Slash, &str)] = &[
    (&["/help", "?"], "", Slash::Help, "show this"),
    (&["/status"], "", Slash::Status, "show who is signed in, until when, what is billed, and the modes"),
    (&["/org"], "", Slash::Org, "show the organization that is billed"),
    (&["/credits"], "", Slash::Credits, "show what is left to be used"),
    (&["/session"], "", Slash::Session, "show the id of this session"),
    (&["/sessions"], "", Slash::Sessions, "choose a session to go on with"),
    (&["/approval"], " [MODE]", Slash::Approval, "show or set what runs without asking"),
    (&["/plan"], "", Slash::Plan, "make a plan: nothing is changed"),
    (&["/build"], "", Slash::Build, "carry it out (the usual mode)"),
    (&["/goal"], " [TASK|off]", Slash::Goal, "work at a task until it is reached, three times at most"),
    (&["/thinking"], "", Slash::Thinking, "show what the assistant thinks, or not"),
    (&["/undo"], "", Slash::Undo, "take back the last change of a file that a tool made"),
    (&["/export"], " [FILE]", Slash::Export, "write this session into a file"),
    (&["/clear"], "", Slash::Clear, "end this session; the next question begins a new one"),
    (&["/exit", "/quit", "/q"], "", Slash::Exit, "leave"),
];
/// Words that leave without a slash.
const PLAIN_EXITS: [&str; 3] = ["exit", "quit", "q"];

impl<'a> Line<'a> {
    pub(super) fn parse(line: &'a str) -> Self {
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        if let Some((_, _, command, _)) = COMMANDS.iter().find(|(words, ..)| words.contains(&word)) {
            // `? what` is a question.
            return if word == "?" && !rest.is_empty() {
                Self::Question
            } else {
                Self::Command(*command, rest)
            };
        }
        if PLAIN_EXITS.contains(&line) {
            return Self::Command(Slash::Exit, "");
        }
        // A path is no command: `/usr/bin is full` is a question.
        let is_command = word.len() > 1 && word.starts_with('/') && !word[1..].contains('/');
        if is_command { Self::Other(word, rest) } else { Self::Question }
    }
}

/// Whether a word is one of ours: the name of a skill never takes its place.
pub(super) fn is_built_in(word: &str) -> bool {
    COMMANDS.iter().any(|(words, ..)| words.contains(&word))
}

impl Conversation<'_> {
    pub(super) fn command(&mut self, command: Slash, rest: &str) -> Result<Verdict> {
        let host = self.host;
        match command {
            Slash::Help => self.help()?,
            Slash::Status => super::status::status(host, &self.driver)?,
            Slash::Org => self.show_organization()?,
            Slash::Credits => match self.driver.backend.credits() {
                Ok(credits) => super::credits::show(host, &credits)?,
                Err(error) => tell(host, &error),
            },
            Slash::Session => match self.driver.agent.session() {
                Some(session) => out!(host, "{}", one_line(session, 200))?,
                None => status!(host, "There is no session yet; the first question begins one."),
            },
            Slash::Sessions => self.choose_session()?,
            Slash::Approval => self.approval(rest)?,
            Slash::Plan | Slash::Build => {
                self.driver.agent.set_plan(command == Slash::Plan);
                let text = match command {
                    Slash::Plan => {
                        "Plan mode: the assistant reads and plans; nothing is changed. /build ends it."
                    }
                    _ => "Build mode: the assistant carries out what you ask for.",
                };
                status!(host, "{text}");
            }
            Slash::Goal => self.goal(rest)?,
            Slash::Thinking => {
                self.shows_thinking = !self.shows_thinking;
                let state = if self.shows_thinking { "shown" } else { "not shown" };
                status!(host, "What the assistant thinks is {state}.");
            }
            Slash::Undo => match self.driver.undo() {
                Ok(done) | Err(done) => status!(host, "{}", one_line(&done, 400)),
            },
            Slash::Export => self.export(rest)?,
            Slash::Clear => {
                self.driver.agent.clear_queue();
                let _session = self.driver.expire();
                status!(host, "The session has ended; the next question begins a new one.");
            }
            Slash::Exit => return Ok(Verdict::Leave),
        }
        Ok(Verdict::GoOn)
    }

    fn help(&mut self) -> Result<()> {
        for (words, arguments, _, about) in COMMANDS {
            out!(self.host, "{:<22} {about}", format!("{}{arguments}", words.join(", ")))?;
        }
        let rows: Vec<String> = self.known_skills().iter().map(super::skills::KnownSkill::row).collect();
        if !rows.is_empty() {
            out!(self.host, "Skills:")?;
        }
        rows.iter().try_for_each(|row| out!(self.host, "{row}"))
    }

    fn show_organization(&self) -> Result<()> {
        let host = self.host;
        match host.organization().and_then(|organization| organization.current()) {
            Ok(Some(selected)) => {
                out!(host, "{} ({})", one_line(&selected.name, 80), one_line(&selected.id, 80))
            }
            Ok(None) => out!(host, "No organization is selected; choose one with `seqera org switch`."),
            Err(error) => out!(host, "The organization is not known: {error}"),
        }
    }

    fn approval(&mut self, word: &str) -> Result<()> {
        let host = self.host;
        if word.is_empty() {
            return out!(host, "{}", self.driver.agent.approval().name());
        }
        let Some(mode) = ApprovalMode::named(word) else {
            status!(host, "There is no mode {}; the modes are basic, default and full.", one_line(word, 40));
            return Ok(());
        };
        self.driver.agent.set_approval(mode);
        self.driver.approvals.forget_grants();
        let about = match mode {
            ApprovalMode::Basic => "only listed commands that read run without asking",
            ApprovalMode::Default => "what reads, and changes inside the workspace, run without asking",
            ApprovalMode::Full => {
                "everything that is not dangerous runs without asking. This is a convenience, not a boundary: \
                 `python script.py` may do anything"
            }
        };
        status!(host, "Approval mode {word}: {about}.");
        Ok(())
    }

    fn goal(&mut self, task: &str) -> Result<()> {
        let host = self.host;
        match task {
            "" => match self.driver.agent.goal() {
                Some(goal) => out!(host, "{} (attempt {})", one_line(&goal.task, 200), goal.attempt),
                None => out!(host, "There is no goal; /goal TASK sets one."),
            },
            "off" => {
                self.driver.agent.drop_goal();
                self.say_goal_over("is dropped");
                Ok(())
            }
            task => {
                status!(host, "(goal: the approval mode is full until it is over)");
                let message = self.driver.agent.set_goal(task);
                self.answer(message)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_skills_and_questions_are_told_apart() {
        assert_eq!(Line::parse("/status"), Line::Command(Slash::Status, ""));
        assert_eq!(Line::parse("  /q "), Line::Command(Slash::Exit, ""));
        assert_eq!(Line::parse("quit"), Line::Command(Slash::Exit, ""));
        assert_eq!(Line::parse("/goal make it  work "), Line::Command(Slash::Goal, "make it  work"));
        assert_eq!(Line::parse("/nf-core find rna"), Line::Other("/nf-core", "find rna"));
        assert_eq!(Line::parse("?"), Line::Command(Slash::Help, ""));
        for question in ["quit smoking?", "what is /dev/null", "/dev/null is what?", "/", "? what"] {
            assert_eq!(Line::parse(question), Line::Question, "{question}");
        }
    }
}
