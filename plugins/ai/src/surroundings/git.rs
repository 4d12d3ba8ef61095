//! What git says about the workspace. Our own calls run nothing that the repository configures.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::secrets::Secrets;

/// Longest wait for one call.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most of what a call may say, in bytes.
const LONGEST: u64 = 1024 * 1024;
/// Most files.
const FILES: usize = 500;
/// Commits that are sent when the user allows it, and how much of each, in characters.
const COMMITS: usize = 10;
const PATCH: usize = 2000;
/// Ends a field, and a commit, of our format.
const FIELD: char = '\u{1f}';
const COMMIT: char = '\u{1e}';

/// What makes git run a program for the content of a file.
const FILTERS: &str = r"^filter\..*\.(clean|smudge|process)$";

/// The key `git_status`.
pub(super) fn status(workspace: &Path, sends_commits: bool, secrets: &Secrets) -> Vec<(&'static str, Value)> {
    let Some(git) = Git::new(workspace) else {
        return vec![(
            "git_status",
            json!({ "is_git_repo": true, "branch": null, "files": [], "recent_commits": [] }),
        )];
    };
    let (states, lines, commits) = std::thread::scope(|scope| {
        let of_this = "--ignore-submodules=dirty";
        let lines = scope.spawn(|| git.says(&["diff", "--numstat", "-z", of_this, "HEAD", "--"]));
        let commits = sends_commits.then(|| scope.spawn(|| commits(&git, secrets)));
        let untracked = "--untracked-files=normal";
        let states =
            git.says(&["status", "--porcelain", "--branch", "-z", untracked, "--no-renames", of_this]);
        let commits = commits.and_then(|commits| commits.join().ok()).unwrap_or_default();
        (states.unwrap_or_default(), lines.join().ok().flatten().unwrap_or_default(), commits)
    });
    let (head, states) = states.split_once('\0').unwrap_or_default();
    vec![(
        "git_status",
        json!({
            "is_git_repo": true, "branch": branch(head), "files": files(states, &lines), "recent_commits": commits,
        }),
    )]
}

/// The branch in the first row of a status; none when no branch is checked out.
fn branch(head: &str) -> Option<&str> {
    let name = head.strip_prefix("## ")?;
    let name = name.strip_prefix("No commits yet on ").unwrap_or(name);
    // A name has no two dots and no spaces in it.
    let name = name.split_once("...").map_or(name, |(name, _)| name);
    (!name.contains(' ')).then_some(name)
}

/// Calls of git in a workspace.
struct Git<'a> {
    workspace: &'a Path,
    /// Settings in place of those that name programs.
    settings: Vec<String>,
}

impl<'a> Git<'a> {
    /// `None` when the repository names programs in a way that cannot be turned off, or git does not answer.
    fn new(workspace: &'a Path) -> Option<Self> {
        let settings = ["core.fsmonitor=false", "core.hooksPath=/dev/null", "log.showSignature=false"];
        let mut git = Self { workspace, settings: settings.map(str::to_owned).to_vec() };
        let (code, keys) = git.run(&["config", "--null", "--name-only", "--get-regexp", FILTERS])?;
        // 1: there is none.
        if !matches!(code, 0 | 1) {
            return None;
        }
        for key in keys.split('\0').filter(|key| !key.is_empty()) {
            let (filter, _) = key.rsplit_once('.')?;
            // Git would end the name there.
            if filter.contains('=') {
                log::info!("git is not asked: it would run the filter {filter}");
                return None;
            }
            git.settings.extend([format!("{key}="), format!("{filter}.required=false")]);
        }
        Some(git)
    }

    /// What a call says; `None` when it failed or took too long.
    fn says(&self, arguments: &[&str]) -> Option<String> {
        self.run(arguments).and_then(|(code, text)| (code == 0).then_some(text))
    }

    /// How a call ends and what it says; `None` when it took too long.
    fn run(&self, arguments: &[&str]) -> Option<(i32, String)> {
        let mut command = Command::new("git");
        command.args(["--no-pager", "--no-optional-locks"]);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        let (verb, rest) = arguments.split_first()?;
        command.arg(verb);
        if matches!(*verb, "diff" | "log") {
            command.args(["--no-ext-diff", "--no-textconv", "--no-color"]);
        }
        command.args(rest).current_dir(self.workspace);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GIT_") {
                command.env_remove(name);
            }
        }
        // No child that was not asked for a token gets one.
        for name in ["SEQERA_ACCESS_TOKEN", "SEQERA_TOKEN", "TOWER_ACCESS_TOKEN"] {
            command.env_remove(name);
        }
        // What is missing in a partial clone would be fetched, by programs that the repository may name.
        command.env("GIT_NO_LAZY_FETCH", "1").env("GIT_ALLOW_PROTOCOL", "");
        command.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
        output(command, &arguments.join(" "))
    }
}

fn output(mut command: Command, name: &str) -> Option<(i32, String)> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let stdout = child.stdout.take()?;
    let (sender, output) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _what_came = stdout.take(LONGEST).read_to_end(&mut bytes);
        let _too_late = sender.send(bytes);
    });
    // It ends when it has nothing more to say.
    let Ok(bytes) = output.recv_timeout(PATIENCE) else {
        let _gone = child.kill();
        let _status = child.wait();
        log::info!("git {name} took too long");
        return None;
    };
    if bytes.len() as u64 == LONGEST {
        let _does_not_wait_for_us = child.kill();
        let _status = child.wait();
        return Some((0, String::from_utf8_lossy(&bytes).into_owned()));
    }
    let code = child.wait().ok()?.code()?;
    Some((code, String::from_utf8_lossy(&bytes).into_owned()))
}

/// Files that differ, with the number of lines added and removed.
fn files(states: &str, lines: &str) -> Vec<Value> {
    let counts: BTreeMap<&str, (u64, u64)> = lines
        .split('\0')
        .filter_map(|row| {
            let mut parts = row.splitn(3, '\t');
            let (added, removed) = (parts.next()?, parts.next()?);
            Some((parts.next()?, (added.parse().unwrap_or(0), removed.parse().unwrap_or(0))))
        })
        .collect();
    states
        .split('\0')
        .filter_map(|row| Some((row.get(..2)?, row.get(3..)?)))
        .take(FILES)
        .map(|(state, path)| {
            let (added, removed) = counts.get(path).copied().unwrap_or_default();
            let status = match state {
                "??" => "added",
                state if state.contains('D') => "deleted",
                state if state.contains('A') => "added",
                _ => "modified",
            };
            json!({ "path": path, "added": added, "removed": removed, "status": status })
        })
        .collect()
}

/// The last commits with author, message and patch.
fn commits(git: &Git<'_>, secrets: &Secrets) -> Vec<Value> {
    let count = format!("--max-count={COMMITS}");
    let format = format!("--format={COMMIT}%h{FIELD}%an{FIELD}%aI{FIELD}%B{FIELD}");
    let said = git.says(&["log", &count, "--abbrev=8", &format, "--stat", "--patch"]);
    // Before it is cut: half a secret is not known any more.
    secrets
        .hidden(&said.unwrap_or_default())
        .split(COMMIT)
        .filter_map(|commit| {
            let mut fields = commit.splitn(5, FIELD);
            let (hash, author, date) = (fields.next()?, fields.next()?, fields.next()?);
            let (message, diff) = (fields.next()?.trim(), fields.next()?.trim());
            let diff: String = diff.chars().take(PATCH).collect();
            Some(json!({ "hash": hash, "author": author, "date": date, "message": message, "diff": diff }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_branch_is_in_the_first_row() {
        for (head, name) in [
            ("## main", Some("main")),
            ("## a.b/c...origin/main [ahead 1, behind 2]", Some("a.b/c")),
            ("## No commits yet on trunk", Some("trunk")),
            ("## HEAD (no branch)", None),
            ("", None),
        ] {
            assert_eq!(branch(head), name, "{head}");
        }
    }

    #[test]
    fn states_and_counts_are_put_together() {
        let states = " M a b.nf\0?? new\0 D gone\0A  staged\0";
        let lines = "3\t1\ta b.nf\0-\t-\tbinary\0";
        assert_eq!(
            files(states, lines),
            [
                json!({ "path": "a b.nf", "added": 3, "removed": 1, "status": "modified" }),
                json!({ "path": "new", "added": 0, "removed": 0, "status": "added" }),
                json!({ "path": "gone", "added": 0, "removed": 0, "status": "deleted" }),
                json!({ "path": "staged", "added": 0, "removed": 0, "status": "added" }),
            ]
        );
    }
}
