//! What a person is shown when a tool waits for a yes, and what they can answer.

use std::path::Path;

use seqera_ai_approval::{Danger, Facts, Place, SessionGrant, Tool, visible};

use super::Subject;
use crate::agent::ApprovalMode;
use crate::sanitizer::{one_line, sanitized};
use crate::secrets::Secrets;

/// Paths that are shown.
const PATHS: usize = 20;

/// A question to a person.
pub(crate) struct Prompt<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) mode: ApprovalMode,
    pub(crate) why: &'a str,
    pub(crate) facts: &'a Facts,
    /// What a file tool would change, as a diff.
    pub(crate) diff: Option<&'a str>,
    /// Nobody needs to see these to decide.
    pub(crate) secrets: &'a Secrets,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    Once,
    /// And everything that is not dangerous, until the session ends.
    RestOfSession,
    /// With what the person wants the assistant to know.
    Reject(String),
    /// There is no person.
    Nobody,
}

impl Prompt<'_> {
    /// What is asked about every time, whatever was granted, needs more than Enter.
    fn needs_one(&self) -> bool {
        self.facts.danger != Danger::None || !self.offers_session()
    }

    fn offers_session(&self) -> bool {
        self.facts.session_grant == SessionGrant::Offered
    }

    /// What is asked about, whole and in characters that can all be seen.
    pub(crate) fn text(&self) -> String {
        self.secrets.hidden(&self.plain_text())
    }

    fn plain_text(&self) -> String {
        let mut text = format!("APPROVAL REQUIRED ({} mode)\n", self.mode.name());
        let shown = visible(&self.subject.text);
        match self.subject.tool {
            Tool::Shell => text.push_str(&format!("Command: {}\n", shown.replace('\n', "\n         "))),
            tool => text.push_str(&format!("Command: {} {shown}\n", spoken(tool))),
        }
        text.push_str(&format!("Why: {}\n", one_line(self.why, 400)));
        for path in self.facts.paths.iter().take(PATHS) {
            let place = match path.place {
                Place::Inside => "inside the workspace",
                Place::Outside => "OUTSIDE the workspace",
            };
            let (written, resolved) = (visible(&path.written), resolved(&path.resolved));
            text.push_str(&format!("  {written} is {resolved}, {place}\n"));
        }
        if let Some(more) = self.facts.paths.len().checked_sub(PATHS + 1) {
            text.push_str(&format!("  and {} more paths\n", more + 1));
        }
        for note in &self.facts.notes {
            text.push_str(&format!("  {}\n", one_line(note, 400)));
        }
        if let Some(diff) = self.diff {
            text.push_str(&format!("{}\n", sanitized(diff.trim_end())));
        }
        text.push_str("  1  run it once\n");
        if self.offers_session() {
            text.push_str("  2  run it, and everything that is not dangerous for the rest of this session\n");
        }
        text.push_str("  3  reject it (words behind the 3 are told to the assistant)\n");
        text
    }

    /// The line that waits for the answer.
    pub(crate) fn question(&self) -> &'static str {
        match (self.offers_session(), self.needs_one()) {
            (true, false) => "1, 2 or 3 (Enter: 1)? ",
            (true, true) => "1, 2 or 3? ",
            (false, _) => "1 or 3? ",
        }
    }

    /// What a line means; an error says what to type instead.
    pub(crate) fn parse(&self, line: &str) -> Result<Choice, &'static str> {
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match word {
            "" if self.needs_one() => Err("This one needs a 1 to run; Enter alone does nothing."),
            "" => Ok(Choice::Once),
            "1" if rest.is_empty() => Ok(Choice::Once),
            "2" if rest.is_empty() && self.offers_session() => Ok(Choice::RestOfSession),
            "2" if rest.is_empty() => Err("This one is asked about every time; 1 runs it once."),
            "3" | "n" | "no" => Ok(Choice::Reject(rest.trim().to_owned())),
            "\u{1b}" => Ok(Choice::Reject(String::new())),
            _ => Err("Type 1 to run it or 3 to reject it."),
        }
    }
}

fn resolved(path: &Path) -> String {
    visible(&path.display().to_string())
}

/// A tool in the words of the published prompt.
pub(crate) fn spoken(tool: Tool) -> &'static str {
    match tool {
        Tool::WriteFile => "write_file",
        Tool::EditFile => "edit_file",
        Tool::NextflowLint => "nextflow lint",
        Tool::NfCoreLint => "nf-core lint",
        Tool::CreateDirectory => "create_directory",
        other => other.name(),
    }
}

#[cfg(test)]
mod tests {
    use seqera_ai_approval::PathFact;

    use super::*;

    fn with(facts: &Facts, tool: Tool, text: &str, check: impl FnOnce(&Prompt<'_>)) {
        let subject = Subject { tool, text: text.to_owned() };
        check(&Prompt {
            subject: &subject,
            mode: ApprovalMode::Default,
            why: "it is not on the list",
            facts,
            diff: None,
            secrets: &Secrets::named(["hunter-22".to_owned()]),
        });
    }

    #[test]
    fn a_prompt_shows_the_whole_command_and_where_paths_lead() {
        let facts = Facts {
            paths: vec![PathFact {
                written: "../x".into(),
                resolved: "/home/x".into(),
                place: Place::Outside,
            }],
            notes: vec!["the target is the home directory".into()],
            session_grant: SessionGrant::Offered,
            ..Facts::default()
        };
        with(&facts, Tool::Shell, "echo a\nls \u{202e}../x", |prompt| {
            assert_eq!(
                prompt.text(),
                "APPROVAL REQUIRED (default mode)\nCommand: echo a\n         ls <U+202E>../x\n\
                 Why: it is not on the list\n  ../x is /home/x, OUTSIDE the workspace\n  the target is the home directory\n  \
                 1  run it once\n  2  run it, and everything that is not dangerous for the rest of this session\n  \
                 3  reject it (words behind the 3 are told to the assistant)\n"
            );
        });
        with(&Facts::default(), Tool::Shell, "curl -u me:hunter-22 http://x", |prompt| {
            assert!(prompt.text().contains("curl -u me:[hidden] http"), "{}", prompt.text());
        });
        with(&Facts::default(), Tool::EditFile, "main.nf", |prompt| {
            assert!(prompt.text().contains("Command: edit_file main.nf\n"), "{}", prompt.text());
            assert!(!prompt.text().contains("  2  "), "not offered");
        });
    }

    #[test]
    fn enter_is_a_yes_but_for_what_is_dangerous() {
        // Credentials, devices, hidden characters, what only the run knows: no grant covers these.
        let always = Facts { session_grant: SessionGrant::NotOffered, ..Facts::default() };
        with(&always, Tool::ReadFile, "credentials/default", |prompt| {
            assert!(prompt.parse("").is_err() && prompt.parse("2").is_err());
            assert_eq!((prompt.parse("1"), prompt.question()), (Ok(Choice::Once), "1 or 3? "));
        });
        let danger = Facts { danger: Danger::Command("rm".into()), ..Facts::default() };
        let offered = Facts { session_grant: SessionGrant::Offered, ..Facts::default() };
        with(&danger, Tool::Shell, "rm x", |prompt| {
            assert!(prompt.parse("").is_err() && prompt.parse("  ").is_err() && prompt.parse("2").is_err());
            assert_eq!(prompt.parse(" 1 "), Ok(Choice::Once));
            assert_eq!(prompt.question(), "1 or 3? ");
        });
        with(&offered, Tool::Shell, "make", |prompt| {
            assert_eq!(prompt.parse(""), Ok(Choice::Once));
            assert_eq!(prompt.parse("2"), Ok(Choice::RestOfSession));
            assert_eq!(prompt.parse("3 use cmake "), Ok(Choice::Reject("use cmake".into())));
            for typed in ["what about the tests?", "12", "1 2", "yes", "4"] {
                assert!(prompt.parse(typed).is_err(), "{typed}");
            }
        });
    }
}
