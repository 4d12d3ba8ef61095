//! Who decides about a tool: the engine by its rules, or a person who is asked.
//!
//! The engine (`seqera-ai-approval`) is pure; here is what it needs to know of this machine, and what a person sees.

pub(crate) mod explain;
mod prompt;

use std::path::{Path, PathBuf};

use seqera_ai_approval::{
    Decision, Facts, Grant, Grants, Pattern, Places, Request, Rule, Rules, Run, SystemFiles, Tool,
    approved_by_person, decide,
};
use seqera_plugin_api::{Error, ErrorKind, Host, Result};
use serde_json::{Value, json};

pub(crate) use prompt::{Choice, Prompt};

use crate::agent::ApprovalMode;
use crate::sanitizer::one_line;

/// What decides about tools in one conversation.
pub(crate) struct Approvals {
    workspace: PathBuf,
    rules: Rules,
    places: Places,
    grants: Grants,
}

/// A tool with what it is judged by: the text of a command, or a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) tool: Tool,
    pub(crate) text: String,
}

impl Approvals {
    /// # Errors
    /// `Usage` for a pattern of `--allow` that cannot be one, `Config` for one of the policy.
    pub(crate) fn new(host: &Host, workspace: &Path, allow: &[String]) -> Result<Self> {
        let allow = allow.iter().map(|text| {
            Pattern::allowing(text).map_err(|problem| {
                let text = one_line(text, 80);
                Error::new(ErrorKind::Usage, format!("--allow {text:?} cannot be used")).because(problem)
            })
        });
        let rules = Rules {
            deny: of_policy(host, "approval.deny")?,
            ask: of_policy(host, "approval.ask")?,
            allow: allow.collect::<Result<_>>()?,
        };
        let paths = host.paths();
        let places = Places::new(
            crate::surroundings::home(),
            paths.config.as_deref().unwrap_or(Path::new("/")),
            [Some(paths.data.unwrap_or(PathBuf::from("/"))), paths.state, paths.cache].into_iter().flatten(),
        );
        Ok(Self { workspace: workspace.to_owned(), rules, places, grants: Grants::default() })
    }

    /// Judges one use of a tool.
    pub(crate) fn decide(&self, subject: &Subject, mode: ApprovalMode, plan: bool) -> Decision {
        decide(&self.request(subject, mode, plan), &SystemFiles)
    }

    /// What runs after a person said yes.
    pub(crate) fn approved(&self, subject: &Subject, mode: ApprovalMode) -> Run {
        approved_by_person(&self.request(subject, mode, false))
    }

    /// From now on everything runs that is not dangerous, until the session ends.
    pub(crate) fn grant_rest_of_session(&mut self) {
        self.grants.scope = Grant::RestOfSession;
    }

    /// Whether that was granted.
    pub(crate) fn grants_rest_of_session(&self) -> bool {
        self.grants.scope == Grant::RestOfSession
    }

    /// What was granted ends with its session, and with a change of the mode.
    pub(crate) fn forget_grants(&mut self) {
        self.grants = Grants::default();
    }

    fn request<'a>(&'a self, subject: &'a Subject, mode: ApprovalMode, plan: bool) -> Request<'a> {
        Request {
            tool: subject.tool,
            subject: &subject.text,
            workspace: &self.workspace,
            cwd: &self.workspace,
            mode,
            plan,
            grants: &self.grants,
            rules: &self.rules,
            places: &self.places,
        }
    }
}

/// Patterns of the policy: a JSON list, or one a line.
fn of_policy(host: &Host, key: &str) -> Result<Vec<Pattern>> {
    let Some(text) = host.policy(key) else { return Ok(Vec::new()) };
    let listed = serde_json::from_str::<Vec<String>>(&text);
    let listed = listed.unwrap_or_else(|_| text.lines().map(str::to_owned).collect());
    let patterns = listed.iter().filter(|pattern| !pattern.trim().is_empty()).map(|pattern| {
        Pattern::new(pattern).map_err(|problem| {
            let pattern = one_line(pattern, 80);
            Error::new(ErrorKind::Config, format!("{key} of the policy holds a wrong pattern, {pattern:?}"))
                .because(problem)
                .hint("Ask your admin to correct the policy.")
        })
    });
    patterns.collect()
}

/// Who decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Engine,
    Person,
    Nobody,
}

/// The line of the audit about one decision.
pub(crate) fn audit_line(
    subject: &Subject,
    mode: ApprovalMode,
    (decision, by): (&str, By),
    rule: Rule,
    why: &str,
    facts: Option<&Facts>,
) -> Value {
    let by = match by {
        By::Engine => "engine",
        By::Person => "person",
        By::Nobody => "nobody",
    };
    let paths: Vec<Value> = facts
        .map(|facts| &facts.paths[..])
        .unwrap_or_default()
        .iter()
        .map(|path| json!({ "written": path.written, "resolved": path.resolved.display().to_string() }))
        .collect();
    json!({
        "tool": subject.tool.name(), "subject": subject.text, "mode": mode.name(),
        "decision": decision, "by": by, "rule": rule.name(), "why": why,
        "commands": facts.map(|facts| &facts.commands), "paths": paths,
    })
}

#[cfg(test)]
mod tests {
    use seqera_plugin_api::testing::FakeHost;

    use super::*;

    #[test]
    fn a_policy_denies_and_asks_in_every_mode_and_allows_nothing() {
        let workspace = tempfile::tempdir().unwrap();
        let host = FakeHost::new()
            .policy("approval.deny", r#"["curl *", "git push *"]"#)
            .policy("approval.ask", r#"["ls *", "nextflow run *"]"#);
        let allow = ["nextflow run *", "git push *"].map(str::to_owned);
        let mut approvals = Approvals::new(&host.host(), workspace.path(), &allow).unwrap();
        approvals.grant_rest_of_session();
        for (command, decision) in [
            ("curl http://x", "blocked"),
            ("true && git push origin", "blocked"),
            ("ls -l", "prompt"),
            ("nextflow run main.nf", "prompt"),
            ("pwd", "auto"),
        ] {
            for mode in [ApprovalMode::Basic, ApprovalMode::Default, ApprovalMode::Full] {
                let subject = Subject { tool: Tool::Shell, text: command.to_owned() };
                let made = match approvals.decide(&subject, mode, false) {
                    Decision::Auto { .. } => "auto",
                    Decision::Prompt { .. } => "prompt",
                    Decision::Blocked { .. } => "blocked",
                };
                assert_eq!(made, decision, "{command} in {}", mode.name());
            }
        }
    }
}
