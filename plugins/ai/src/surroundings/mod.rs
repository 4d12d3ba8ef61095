//! What the backend is told about where the question comes from (protocol section 5).
//!
//! Everything is gathered in parallel while the conversation is being set up, and bounded in time: what is not there
//! when the first message is ready to go is left out.

mod budget;
mod directory;
mod git;
mod instructions;
mod reader;
mod skills;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use seqera_plugin_api::{Error, ErrorKind, Host, Result};
use serde_json::{Map, Value, json};

use crate::secrets::Secrets;

pub(crate) use budget::fitted;
use reader::Reader;
pub(crate) use skills::Skill;

/// Longest wait of a first message for all of it.
const PATIENCE: Duration = Duration::from_millis(2500);

/// Variables that coding agents set, and what the protocol calls those agents.
const AGENTS: &[(&str, &str)] = &[
    ("CLAUDECODE", "claude_code"),
    ("CODEX_SANDBOX", "codex"),
    ("COPILOT_AGENT", "github_copilot"),
    ("CURSOR_AGENT", "cursor"),
    ("WINDSURF_AGENT", "windsurf"),
    ("AIDER_MODEL", "aider"),
    ("CLINE_ACTIVE", "cline"),
];
/// Variables of automation.
const AUTOMATION: &[&str] = &["CI", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL"];

/// Who calls us (protocol section 6).
pub(crate) fn caller(is_headless: bool) -> &'static str {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let agent = AGENTS.iter().find(|(variable, _)| is_set(variable)).map(|(_, name)| *name);
    agent.unwrap_or_else(|| {
        if is_headless || AUTOMATION.iter().any(|variable| is_set(variable)) {
            "script"
        } else {
            "interactive"
        }
    })
}

/// The workspace: the directory that is configured, or the current one.
pub(crate) fn workspace(host: &Host) -> PathBuf {
    let configured = host.setting("ai_cwd").map(|setting| PathBuf::from(setting.value));
    let current = std::env::current_dir();
    match (configured, current) {
        (Some(path), Ok(current)) => current.join(path),
        (Some(path), Err(_)) => path,
        (None, current) => current.unwrap_or_else(|_| PathBuf::from(".")),
    }
}

/// The workspace, which has to be there.
///
/// # Errors
/// `Config` when the setting names something else.
pub(crate) fn existing_workspace(host: &Host) -> Result<PathBuf> {
    let workspace = workspace(host);
    match host.setting("ai_cwd") {
        Some(setting) if !workspace.is_dir() => {
            let name = crate::sanitizer::one_line(&workspace.display().to_string(), 200);
            Err(Error::new(ErrorKind::Config, format!("the workspace {name} is no directory"))
                .because(format!("ai_cwd says so ({})", setting.origin)))
        }
        _ => Ok(workspace),
    }
}

/// The home directory.
pub(crate) fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
}

/// The directory whose `.git` the workspace belongs to.
fn repository(workspace: &Path) -> Option<&Path> {
    workspace.ancestors().find(|directory| directory.join(".git").exists())
}

/// Where configuration files of other tools are.
fn configuration() -> Option<PathBuf> {
    let variable = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    variable.or_else(|| Some(home()?.join(".config")))
}

/// One thing that was gathered.
enum Part {
    /// Keys of `directory_context`.
    Directory(Vec<(&'static str, Value)>),
    Instructions(Option<String>),
}

/// What is being gathered, on threads of its own.
pub(crate) struct Gathering {
    workspace: PathBuf,
    parts: Receiver<Part>,
    started: Instant,
}

impl Gathering {
    /// Begins. With `sends_commits`, messages and patches of the last commits and the names of their authors are sent.
    pub(crate) fn begin(host: &Host, workspace: &Path, sends_commits: bool, secrets: &Secrets) -> Self {
        let (sender, parts) = mpsc::channel();
        let root = repository(workspace).map(Path::to_owned);
        let reader = Reader::new(host, workspace, root.as_deref(), secrets.clone());
        let spawn = |name: &str, work: Box<dyn FnOnce() -> Part + Send>| {
            let sender = sender.clone();
            let name = format!("seqera-context-{name}");
            let _left_out = std::thread::Builder::new().name(name).spawn(move || {
                let _too_late = sender.send(work());
            });
        };
        let (cwd, top, files) = (workspace.to_owned(), root.clone(), reader.clone());
        spawn("files", Box::new(move || Part::Directory(directory::describe(&cwd, top.as_deref(), &files))));
        let (cwd, files) = (workspace.to_owned(), reader);
        spawn("text", Box::new(move || Part::Instructions(instructions::read(&cwd, &files))));
        if root.is_some() {
            let (cwd, secrets) = (workspace.to_owned(), secrets.clone());
            spawn("git", Box::new(move || Part::Directory(git::status(&cwd, sends_commits, &secrets))));
        }
        Self { workspace: workspace.to_owned(), parts, started: Instant::now() }
    }

    /// What has come by now, or comes within what is left of the patience.
    pub(crate) fn finish(self) -> Map<String, Value> {
        let cwd = Value::from(self.workspace.display().to_string());
        let mut directory = Map::new();
        directory.insert("cwd".to_owned(), cwd.clone());
        let mut body = Map::new();
        body.insert("cwd".to_owned(), cwd);
        while let Ok(part) = self.parts.recv_timeout(PATIENCE.saturating_sub(self.started.elapsed())) {
            match part {
                Part::Directory(keys) => {
                    directory.extend(keys.into_iter().map(|(key, value)| (key.to_owned(), value)));
                }
                Part::Instructions(text) => {
                    body.extend(text.map(|text| ("instruction_context".to_owned(), text.into())));
                }
            }
        }
        if !directory.contains_key("git_status") {
            directory.insert("git_status".to_owned(), json!({ "is_git_repo": false }));
        }
        body.insert("directory_context".to_owned(), Value::Object(directory));
        body
    }
}

/// The skills of this directory and this user.
pub(crate) fn local_skills(workspace: &Path) -> Vec<Skill> {
    skills::find(workspace, repository(workspace)).skills
}
