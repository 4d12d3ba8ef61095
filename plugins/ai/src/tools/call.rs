//! What a call asks for, in types.

use seqera_ai_approval::Tool;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::agent::ToolCall;
use crate::approvals::Subject;

/// A call that can be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// `execute_bash_local`
    Shell(String),
    /// `run_nextflow_lint_local`, in a directory.
    NextflowLint(String),
    /// `run_nf_core_lint_local`
    NfCoreLint(NfCoreLint),
}

/// `run_nf_core_lint_local`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct NfCoreLint {
    #[serde(default = "here")]
    pub(super) path: String,
    #[serde(default)]
    pub(super) lint_scope: LintScope,
}

/// What is checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LintScope {
    #[default]
    Pipelines,
    Modules,
}

#[derive(Deserialize)]
struct Command {
    command: String,
}

#[derive(Deserialize)]
struct Directory {
    #[serde(default = "here")]
    path: String,
}

fn here() -> String {
    ".".to_owned()
}

impl Asked {
    /// Reads a call; the error is for the assistant.
    pub(super) fn read(call: &ToolCall) -> Result<Self, String> {
        Ok(match Tool::named(&call.name) {
            Tool::Shell => Self::Shell(arguments::<Command>(call)?.command),
            Tool::NextflowLint => Self::NextflowLint(arguments::<Directory>(call)?.path),
            Tool::NfCoreLint => Self::NfCoreLint(arguments(call)?),
            _ => return Err(format!("there is no local tool {}", call.name)),
        })
    }

    /// What it is judged by.
    pub(super) fn subject(self) -> Subject {
        let (tool, text) = match self {
            Self::Shell(command) => (Tool::Shell, command),
            Self::NextflowLint(path) => (Tool::NextflowLint, path),
            Self::NfCoreLint(lint) => (Tool::NfCoreLint, lint.path),
        };
        Subject { tool, text }
    }
}

fn arguments<T: DeserializeOwned>(call: &ToolCall) -> Result<T, String> {
    let text = if call.args.trim().is_empty() { "{}" } else { call.args.as_str() };
    serde_json::from_str(text).map_err(|error| format!("{}: the arguments are wrong: {error}", call.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, args: &str) -> Result<Asked, String> {
        Asked::read(&ToolCall { id: "1".into(), name: name.into(), args: args.into() })
    }

    #[test]
    fn arguments_are_read_and_what_is_wrong_with_them_is_told() {
        assert_eq!(
            read("execute_bash_local", r#"{"command":"ls","more":1}"#),
            Ok(Asked::Shell("ls".to_owned()))
        );
        assert_eq!(read("run_nextflow_lint_local", ""), Ok(Asked::NextflowLint(".".to_owned())));
        let lint = NfCoreLint { path: "x".to_owned(), lint_scope: LintScope::Modules };
        assert_eq!(
            read("run_nf_core_lint_local", r#"{"path":"x","lint_scope":"modules"}"#),
            Ok(Asked::NfCoreLint(lint))
        );
        for (name, args, says) in [
            ("execute_bash_local", "{}", "missing field `command`"),
            ("execute_bash_local", r#"{"command":["ls"]}"#, "invalid type"),
            ("execute_bash_local", "ls", "the arguments are wrong"),
            ("format_disk_local", "{}", "there is no local tool format_disk_local"),
        ] {
            let error = read(name, args).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
