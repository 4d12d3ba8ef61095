//! Slash commands: one table, from which `/help` is made too.

use seqera_plugin_api::{Host, Result, out, printable, status};

use super::status::status;
use crate::driver::Driver;

/// What comes after a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    GoOn,
    Leave,
}

/// A slash command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Slash {
    Help,
    Status,
    Org,
    Clear,
    Exit,
    Unknown(String),
}

/// Words, command, what it does.
const COMMANDS: &[(&[&str], Slash, &str)] = &[
    (&["/help", "?"], Slash::Help, "show this"),
    (&["/status"], Slash::Status, "show who is signed in, until when, and what is billed"),
    (&["/org"], Slash::Org, "show the organization that is billed"),
    (&["/clear"], Slash::Clear, "end this session; the next question begins a new one"),
    (&["/exit", "/quit", "/q"], Slash::Exit, "leave"),
];
/// Words that leave without a slash.
const PLAIN_EXITS: [&str; 3] = ["exit", "quit", "q"];

impl Slash {
    /// The command in a line; `None` when the line is a question.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let word = line.split_whitespace().next()?;
        if let Some((_, command, _)) = COMMANDS.iter().find(|(words, ..)| words.contains(&word)) {
            return Some(command.clone());
        }
        if PLAIN_EXITS.contains(&line.trim()) {
            return Some(Self::Exit);
        }
        word.starts_with('/').then(|| Self::Unknown(word.to_owned()))
    }

    pub(super) fn run(&self, host: &Host, driver: &mut Driver) -> Result<Verdict> {
        match self {
            Self::Help => {
                for (words, _, about) in COMMANDS {
                    out!(host, "{:<18} {about}", words.join(", "))?;
                }
            }
            Self::Status => status(host, driver)?,
            Self::Org => show_organization(host)?,
            Self::Clear => {
                driver.expire();
                status!(host, "The session has ended; the next question begins a new one.");
            }
            Self::Exit => return Ok(Verdict::Leave),
            Self::Unknown(word) => status!(host, "There is no command {}; /help shows all.", printable(word)),
        }
        Ok(Verdict::GoOn)
    }
}

fn show_organization(host: &Host) -> Result<()> {
    match host.organization().and_then(|organization| organization.current()) {
        Ok(Some(selected)) => out!(host, "{} ({})", printable(&selected.name), printable(&selected.id)),
        Ok(None) => out!(host, "No organization is selected; choose one with `seqera org switch`."),
        Err(error) => out!(host, "The organization is not known: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_questions_are_told_apart() {
        assert_eq!(Slash::parse("/status"), Some(Slash::Status));
        assert_eq!(Slash::parse("  /q "), Some(Slash::Exit));
        assert_eq!(Slash::parse("quit"), Some(Slash::Exit));
        assert_eq!(Slash::parse("/nope now"), Some(Slash::Unknown("/nope".into())));
        assert_eq!(Slash::parse("quit smoking?"), None);
        assert_eq!(Slash::parse("what is /dev/null"), None);
    }
}
