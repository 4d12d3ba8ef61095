//! What is asked of the engine.

use std::path::Path;

use crate::places::Places;
use crate::rules::Rules;

/// One use of one tool, with everything the decision depends on besides the files themselves.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The tool that was asked for.
    pub tool: Tool,
    /// The text of the command for [`Tool::Shell`], the path for every other tool.
    pub subject: &'a str,
    /// The directory the assistant may change by itself.
    pub workspace: &'a Path,
    /// Where the command would run, and what a relative path is relative to.
    pub cwd: &'a Path,
    /// How much runs without asking.
    pub mode: Mode,
    /// Whether a plan is being made: nothing may change then.
    pub plan: bool,
    /// What the person has already allowed in this session.
    pub grants: &'a Grants,
    /// What the policy and the flags of this run say.
    pub rules: &'a Rules,
    /// Where the secrets are.
    pub places: &'a Places,
}

/// How much runs without asking; published as `--approval-mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Only the listed commands that read.
    Basic,
    /// These, and changes of files inside the workspace.
    #[default]
    Default,
    /// Everything that is not dangerous.
    Full,
}

impl Mode {
    /// The published names, in order of freedom.
    pub const NAMES: [&str; 3] = ["basic", "default", "full"];

    /// The mode of a published name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "basic" => Some(Self::Basic),
            "default" => Some(Self::Default),
            "full" => Some(Self::Full),
            _ => None,
        }
    }

    /// The published name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Default => "default",
            Self::Full => "full",
        }
    }
}

/// A tool that the assistant may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// `execute_bash_local`
    Shell,
    /// `run_nextflow_lint_local`
    NextflowLint,
    /// `run_nf_core_lint_local`
    NfCoreLint,
    /// `read_file_local`
    ReadFile,
    /// `write_file_local`
    WriteFile,
    /// `edit_file_local`
    EditFile,
    /// `create_directory_local`
    CreateDirectory,
    /// `list_directory_local`
    ListDirectory,
    /// `search_files_local`
    SearchFiles,
    /// `search_content_local`
    SearchContent,
    /// Any other name: never automatic.
    Unknown,
}

/// Every name of the wire with its tool.
const TOOLS: [(&str, Tool); 10] = [
    ("execute_bash_local", Tool::Shell),
    ("run_nextflow_lint_local", Tool::NextflowLint),
    ("run_nf_core_lint_local", Tool::NfCoreLint),
    ("read_file_local", Tool::ReadFile),
    ("write_file_local", Tool::WriteFile),
    ("edit_file_local", Tool::EditFile),
    ("create_directory_local", Tool::CreateDirectory),
    ("list_directory_local", Tool::ListDirectory),
    ("search_files_local", Tool::SearchFiles),
    ("search_content_local", Tool::SearchContent),
];

impl Tool {
    /// Every name on the wire.
    pub const NAMES: [&'static str; 10] = {
        let mut names = [""; 10];
        let mut at = 0;
        while at < names.len() {
            names[at] = TOOLS[at].0;
            at += 1;
        }
        names
    };

    /// The tool of a name on the wire.
    #[must_use]
    pub fn named(name: &str) -> Self {
        TOOLS.iter().find(|(known, _)| *known == name).map_or(Self::Unknown, |(_, tool)| *tool)
    }

    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        TOOLS.iter().find(|(_, tool)| *tool == self).map_or("unknown", |(name, _)| name)
    }

    /// Whether it changes nothing and runs nothing.
    pub(crate) const fn only_reads(self) -> bool {
        matches!(self, Self::ReadFile | Self::ListDirectory | Self::SearchFiles | Self::SearchContent)
    }

    /// Whether plan mode refuses it.
    pub(crate) const fn changes_things(self) -> bool {
        matches!(
            self,
            Self::Shell
                | Self::NextflowLint
                | Self::NfCoreLint
                | Self::WriteFile
                | Self::EditFile
                | Self::CreateDirectory
        )
    }
}

/// What a person allowed for the rest of the session. Never covers what is dangerous, what hides what it does,
/// what touches credentials, or what the policy asks about.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    /// The second choice of the prompt: "always".
    pub scope: Grant,
    /// Commands allowed again exactly as they were written, each with the directory it was allowed in.
    pub commands: Vec<GrantedCommand>,
}

/// How far "always" reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grant {
    /// Nothing was granted.
    #[default]
    Nothing,
    /// The rest of the session runs as in full mode.
    RestOfSession,
}

/// A command that was allowed for the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedCommand {
    /// The tool it was allowed for.
    pub tool: Tool,
    /// The command or path, to the letter.
    pub subject: String,
    /// The directory it ran in.
    pub cwd: std::path::PathBuf,
}
