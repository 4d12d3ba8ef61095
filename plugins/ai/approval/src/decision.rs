//! What the engine answers.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::files::Filesystem;
use crate::paths::resolve;
use crate::request::{Request, Tool};

/// The answer. There is no `bool` in it: a caller has to say what it does in each case.
#[derive(Clone, Debug)]
pub enum Decision {
    /// It may run, exactly as `run` says, without asking.
    Auto {
        /// What to run, and nothing else.
        run: Run,
        /// The rule that allowed it.
        rule: Rule,
        /// The reason, for the audit.
        why: String,
        /// What was found.
        facts: Box<Facts>,
    },
    /// A person has to say yes. Nobody there: a refusal, never a wait.
    Prompt {
        /// The rule that asks.
        rule: Rule,
        /// The reason, for the person.
        why: String,
        /// What to show.
        facts: Box<Facts>,
    },
    /// It may not run, whoever says yes.
    Blocked {
        /// The rule that forbids it.
        rule: Rule,
        /// The reason, for the assistant and the person.
        why: String,
    },
}

/// What to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    /// Text for `bash --noprofile --norc -c`, written anew from the words that were checked.
    /// [`SearchPath`] says where its programs come from.
    Checked {
        /// The text.
        text: String,
        /// The `PATH` it has to run with.
        search_path: SearchPath,
    },
    /// Text for the same shell as the assistant wrote it: full mode, a grant, or a person's yes.
    AsWritten(String),
    /// A tool that is not the shell, with the path it was judged by: absolute, every symbolic link followed.
    Path(PathBuf),
}

/// Where the programs of a checked command are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchPath {
    /// [`crate::SYSTEM_PATH`] and nothing else.
    System,
    /// The person's own `PATH`, without entries that are relative or inside the workspace: an allowed program may be
    /// installed anywhere.
    Person,
}

impl SearchPath {
    /// The value of `PATH` for a checked command; `own` is the person's.
    #[must_use]
    pub fn value(self, own: &str, workspace: &Path, files: &dyn Filesystem) -> String {
        if self == Self::System {
            return crate::SYSTEM_PATH.to_owned();
        }
        let resolved = |path: &Path| resolve(files, Path::new("/"), path).map(|resolved| resolved.path);
        let Ok(workspace) = resolved(workspace) else { return crate::SYSTEM_PATH.to_owned() };
        let is_trusted = |entry: &&str| {
            let path = Path::new(entry);
            path.is_absolute() && resolved(path).is_ok_and(|path| !path.starts_with(&workspace))
        };
        let entries: Vec<&str> = own.split(':').filter(is_trusted).collect();
        if entries.is_empty() { crate::SYSTEM_PATH.to_owned() } else { entries.join(":") }
    }
}

/// What runs once a person said yes to a prompt: the text as it was shown.
#[must_use]
pub fn approved_by_person(request: &Request<'_>) -> Run {
    match request.tool {
        Tool::Shell => Run::AsWritten(request.subject.to_owned()),
        _ => Run::Path(request.cwd.join(expand_home(request.subject, request.places.home.as_deref()))),
    }
}

/// `~` and `~/…` as the file tools understand them.
pub(crate) fn expand_home(path: &str, home: Option<&Path>) -> PathBuf {
    match (home, path.strip_prefix('~')) {
        (Some(home), Some("")) => home.to_owned(),
        (Some(home), Some(rest)) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => PathBuf::from(path),
    }
}

/// What a person needs to see to judge, and the audit to be worth reading.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The whole text, with every character that cannot be seen written as `<U+202E>`.
    pub shown: String,
    /// Every command found, decoded, in the order found; what wrappers run comes after the wrapper. A word that is
    /// only known when it runs is shown as it is written.
    pub commands: Vec<Vec<String>>,
    /// Every path found, with where it really leads.
    pub paths: Vec<PathFact>,
    /// Whether one of the 13 dangerous commands is in it.
    pub danger: Danger,
    /// What else to say, one line each: a target that is the home directory, another working directory.
    pub notes: Vec<String>,
    /// Whether "always" may be offered.
    pub session_grant: SessionGrant,
}

/// A path as written and as resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathFact {
    /// As written in the command.
    pub written: String,
    /// Absolute, with every symbolic link followed.
    pub resolved: PathBuf,
    /// Where that is.
    pub place: Place,
}

/// Where a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Inside the workspace.
    Inside,
    /// Anywhere else.
    Outside,
}

/// Whether a dangerous command is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Danger {
    /// None was found.
    #[default]
    None,
    /// The first one found, by its name.
    Command(String),
}

/// Whether the prompt may offer "always"; one that may not does not take Enter for a yes either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionGrant {
    /// A grant would make the same thing automatic.
    Offered,
    /// It would be asked about again all the same, so it is not offered.
    #[default]
    NotOffered,
}

macro_rules! rules {
    ($($(#[$about:meta])* $rule:ident = $name:literal,)*) => {
        /// Why a decision came out as it did; the name is part of the output of `explain` and of the audit.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Rule { $($(#[$about])* $rule,)* }

        impl Rule {
            /// The name, in kebab case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$rule => $name,)* }
            }
        }
    };
}

rules! {
    /// Plan mode refuses the tool.
    PlanMode = "plan-mode",
    /// A deny rule of the policy matches.
    PolicyDeny = "policy-deny",
    /// An ask rule of the policy matches.
    PolicyAsk = "policy-ask",
    /// The text holds characters that hide what it does.
    HiddenCharacters = "hidden-characters",
    /// The text is longer than what is looked at.
    TooLong = "too-long",
    /// The text cannot be read as bash reads it.
    Unreadable = "unreadable",
    /// Reading the text took too long.
    TimeLimit = "time-limit",
    /// One of the 13 commands that are asked about in every mode, or one with the same effect.
    Dangerous = "dangerous",
    /// Which program runs is known only when it runs.
    ComputedCommand = "computed-command",
    /// A raw device is written.
    RawDevice = "raw-device",
    /// Credentials could be read or changed.
    Credentials = "credentials",
    /// The command is not on the list of the mode.
    NotListed = "not-listed",
    /// An option of a listed command is not on its list.
    Option = "option",
    /// A word is changed by the shell before the command sees it.
    Expansion = "expansion",
    /// The command is more than a pipeline of plain commands.
    Syntax = "syntax",
    /// A file redirection that the mode does not allow.
    Redirection = "redirection",
    /// A program that is not in a system directory.
    UntrustedProgram = "untrusted-program",
    /// A path leads out of the workspace.
    OutsideWorkspace = "outside-workspace",
    /// The command would run in a directory outside of the workspace.
    WorkingDirectory = "working-directory",
    /// A path inside `.git`, `.seqera` or `.agents`.
    ProtectedDirectory = "protected-directory",
    /// A file that has another name, which may be outside.
    HardLink = "hard-link",
    /// A device, a pipe or a socket.
    SpecialFile = "special-file",
    /// A symbolic link would be copied or moved.
    SymbolicLink = "symbolic-link",
    /// A directory is moved or copied while other commands run, so what was checked may no longer hold.
    MovesDirectory = "moves-directory",
    /// The mode asks before files are changed.
    FileChange = "file-change",
    /// The tool is not known.
    UnknownTool = "unknown-tool",
    /// Every command is on the list.
    Listed = "listed",
    /// Every change stays inside of the workspace.
    InsideWorkspace = "inside-workspace",
    /// The tool only reads.
    ReadOnly = "read-only",
    /// Full mode runs what is not dangerous.
    FullMode = "full-mode",
    /// Allowed by `--allow`.
    AllowFlag = "allow-flag",
    /// Allowed for the rest of the session.
    SessionGrant = "session-grant",
}

/// The text with every character that a terminal hides or reorders written out.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if crate::gate::is_plain(character) {
            shown.push(character);
        } else {
            let _ = write!(shown, "<U+{:04X}>", u32::from(character));
        }
    }
    shown
}
