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
    /// `read_file_local`
    Read(ReadFile),
    /// `write_file_local`
    Write(WriteFile),
    /// `edit_file_local`
    Edit(EditFile),
    /// `create_directory_local`
    CreateDirectory(String),
    /// `list_directory_local`
    List(ListDirectory),
    /// `search_files_local` and `search_content_local`
    Search(Tool, SearchFiles),
}

/// `read_file_local`; lines are counted from 1, both ends belong to it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct ReadFile {
    pub(super) path: String,
    pub(super) start_line: Option<usize>,
    pub(super) end_line: Option<usize>,
}

/// `write_file_local`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct WriteFile {
    pub(super) path: String,
    pub(super) content: String,
}

/// `edit_file_local`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct EditFile {
    pub(super) path: String,
    pub(super) old_str: String,
    pub(super) new_str: String,
}

/// `list_directory_local`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct ListDirectory {
    #[serde(default = "here")]
    pub(super) path: String,
    #[serde(default)]
    pub(super) show_hidden: bool,
}

/// `search_files_local`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct SearchFiles {
    /// A regular expression.
    pub(super) pattern: String,
    #[serde(default = "here")]
    pub(super) path: String,
    #[serde(default = "yes")]
    pub(super) recursive: bool,
    pub(super) include_glob: Option<String>,
    pub(super) max_results: Option<usize>,
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

#[derive(Deserialize)]
struct NewDirectory {
    path: String,
}

fn here() -> String {
    ".".to_owned()
}

fn yes() -> bool {
    true
}

impl Asked {
    /// Reads a call; the error is for the assistant.
    pub(super) fn read(call: &ToolCall) -> Result<Self, String> {
        Ok(match Tool::named(&call.name) {
            Tool::Shell => Self::Shell(arguments::<Command>(call)?.command),
            Tool::NextflowLint => Self::NextflowLint(arguments::<Directory>(call)?.path),
            Tool::NfCoreLint => Self::NfCoreLint(arguments(call)?),
            Tool::ReadFile => Self::Read(arguments(call)?),
            Tool::WriteFile => Self::Write(arguments(call)?),
            Tool::EditFile => Self::Edit(arguments(call)?),
            Tool::CreateDirectory => Self::CreateDirectory(arguments::<NewDirectory>(call)?.path),
            Tool::ListDirectory => Self::List(arguments(call)?),
            tool @ (Tool::SearchFiles | Tool::SearchContent) => Self::Search(tool, arguments(call)?),
            Tool::Unknown => return Err(format!("there is no local tool {}", call.name)),
        })
    }

    /// What it is judged by.
    pub(super) fn subject(self) -> Subject {
        let (tool, text) = match self {
            Self::Shell(command) => (Tool::Shell, command),
            Self::NextflowLint(path) => (Tool::NextflowLint, path),
            Self::NfCoreLint(lint) => (Tool::NfCoreLint, lint.path),
            Self::Read(read) => (Tool::ReadFile, read.path),
            Self::Write(write) => (Tool::WriteFile, write.path),
            Self::Edit(edit) => (Tool::EditFile, edit.path),
            Self::CreateDirectory(path) => (Tool::CreateDirectory, path),
            Self::List(list) => (Tool::ListDirectory, list.path),
            Self::Search(tool, search) => (tool, search.path),
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
        let search = read("search_content_local", r#"{"pattern":"x","max_results":null}"#).unwrap();
        assert!(
            matches!(&search, Asked::Search(Tool::SearchContent, asked) if asked.recursive && asked.path == ".")
        );
        for (name, args, says) in [
            ("edit_file_local", r#"{"path":"a","old_str":"b"}"#, "missing field `new_str`"),
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
