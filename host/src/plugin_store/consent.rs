//! Asks the user, once, before a plugin is installed.

use std::fmt::Write as _;
use std::io::{self, BufRead};

use super::admission::Candidate;
use crate::error::{Code, Error, Result};
use crate::output;

/// What a plugin is and asks for, for people; `before` is the key that signed what is installed, if that was another.
pub fn summary(candidate: &Candidate<'_>, before: Option<&str>) -> String {
    let manifest = candidate.manifest;
    let plugin = &manifest.plugin;
    let mut text = format!("{} {}", plugin.name, plugin.version);
    if !plugin.about.is_empty() {
        let _infallible = write!(text, ": {}", plugin.about);
    }
    let commands: Vec<&str> = manifest.commands.iter().map(|command| command.name.as_str()).collect();
    let signed = match candidate.signer {
        Some(key) => format!("signed with the key {key}, which you trust"),
        None => "not signed: nobody vouches for it".to_owned(),
    };
    let services: Vec<&str> = manifest.requires.keys().map(String::as_str).collect();
    let provided: Vec<&str> = manifest.provides.keys().map(String::as_str).collect();
    let capabilities = &manifest.capabilities;
    for (heading, value) in [
        ("publisher", plugin.publisher.clone()),
        ("source", candidate.source.to_owned()),
        ("signature", signed),
        (
            "before",
            before.map(|key| format!("signed with the key {key}: ANOTHER publisher")).unwrap_or_default(),
        ),
        ("commands", commands.join(", ")),
        ("uses", services.join(", ")),
        ("provides", provided.join(", ")),
        ("sign-in", capabilities.audiences.join(", ")),
        ("may send your sign-in to", capabilities.hosts.join(", ")),
    ] {
        if !value.is_empty() {
            let _infallible = write!(text, "\n  {heading}: {}", output::one_line(&value));
        }
    }
    text
}

/// Asks whether it shall be installed.
///
/// # Errors
/// `ApprovalNeeded`: nobody is there to ask, or the answer was no.
pub fn ask(candidate: &Candidate<'_>, before: Option<&str>, yes: bool) -> Result<()> {
    if yes {
        return Ok(());
    }
    let summary = summary(candidate, before);
    let facts = output::facts();
    if !facts.stdin_terminal || !facts.stderr_terminal {
        let error = Error::new(Code::ApprovalNeeded, "nobody is here to agree to this plugin");
        return Err(summary
            .lines()
            .fold(error, |error, line| error.because(line.trim()))
            .hint("A plugin runs with all your rights. If you agree, say --yes.")
            .hint("Nothing was installed."));
    }
    output::people(&format!(
        "{}\nA plugin runs with all your rights.\nInstall it? [y/N] ",
        output::printable(&summary)
    ));
    let mut answer = String::new();
    let _an_error_is_no_answer = io::stdin().lock().read_line(&mut answer);
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Error::new(Code::ApprovalNeeded, "nothing was installed").because("you did not agree"))
}
