//! A place with a workspace in it, and the engine asked about it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use seqera_ai_approval::{Decision, Filesystem, Grants, Mode, Places, Request, Rules, Tool, decide};
use tempfile::TempDir;

/// A directory with a workspace named `ws`, its sibling `outside`, and a home.
pub struct Ground {
    place: TempDir,
    pub workspace: PathBuf,
}

#[allow(dead_code, reason = "each test needs a part of it")]
impl Ground {
    pub fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let workspace = place.path().join("ws");
        for directory in ["ws", "outside", "home"] {
            fs::create_dir(place.path().join(directory)).unwrap();
        }
        Self { place, workspace }
    }

    pub fn place(&self) -> &Path {
        self.place.path()
    }

    pub fn home(&self) -> PathBuf {
        self.place().join("home")
    }

    pub fn file(&self, path: &str, content: &str) {
        let path = self.workspace.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn directory(&self, path: &str) {
        fs::create_dir_all(self.workspace.join(path)).unwrap();
    }

    pub fn executable(&self, path: &str, content: &str) {
        self.file(path, content);
        fs::set_permissions(self.workspace.join(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn link(&self, path: &str, target: &str) {
        let path = self.workspace.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    pub fn hard_link(&self, path: &str, target: &str) {
        fs::hard_link(self.workspace.join(target), self.workspace.join(path)).unwrap();
    }

    /// The same place, with the home directory as the workspace.
    pub fn at_home(mut self) -> Self {
        self.workspace = self.home();
        self
    }

    /// The same place, with a workspace one below the home directory.
    pub fn below_home(mut self) -> Self {
        self.workspace = self.home().join("analysis");
        fs::create_dir(&self.workspace).unwrap();
        self
    }

    /// Asks the engine.
    pub fn decide(&self, ask: &Ask<'_>, files: &dyn Filesystem) -> Decision {
        let home = self.home();
        decide(
            &Request {
                tool: Tool::named(ask.tool),
                subject: ask.subject,
                workspace: &self.workspace,
                cwd: &self.workspace.join(ask.cwd),
                mode: ask.mode,
                plan: ask.plan,
                grants: &ask.grants,
                rules: &ask.rules,
                places: &Places::new(
                    Some(home.clone()),
                    &home.join(".config/seqera"),
                    [".local/share/seqera", ".local/state/seqera", ".cache/seqera"]
                        .map(|name| home.join(name)),
                ),
            },
            files,
        )
    }

    /// Runs a text as the assistant runs it: a fixed bash that reads nothing, in the system's environment.
    pub fn run(&self, text: &str, cwd: &str) -> std::process::Output {
        Command::new("/usr/bin/timeout")
            .args(["-s", "KILL", "2", "/bin/bash", "--noprofile", "--norc", "-c", text])
            .current_dir(self.workspace.join(cwd))
            .env_clear()
            .env("PATH", seqera_ai_approval::SYSTEM_PATH)
            .env("HOME", self.home())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Everything that an automatic command may not change: all of the place but the workspace, and what is protected in it.
    pub fn untouchable(&self) -> BTreeMap<PathBuf, String> {
        let mut seen = BTreeMap::new();
        look(self.place(), &self.workspace, &mut seen);
        look(&self.workspace.join(".git"), &self.workspace, &mut seen);
        seen
    }
}

fn look(path: &Path, except: &Path, seen: &mut BTreeMap<PathBuf, String>) {
    let Ok(metadata) = fs::symlink_metadata(path) else { return };
    let what = if metadata.is_symlink() {
        format!("-> {}", fs::read_link(path).unwrap().display())
    } else if metadata.is_file() {
        fs::read_to_string(path).unwrap()
    } else {
        String::new()
    };
    let times = (metadata.mtime(), metadata.mtime_nsec());
    seen.insert(path.to_owned(), format!("{:o} {times:?} {} {what}", metadata.mode(), metadata.nlink()));
    if metadata.is_dir() {
        for item in fs::read_dir(path).unwrap() {
            let item = item.unwrap().path();
            if item != except {
                look(&item, except, seen);
            }
        }
    }
}

/// What is asked.
pub struct Ask<'a> {
    pub tool: &'a str,
    pub subject: &'a str,
    pub cwd: &'a str,
    pub mode: Mode,
    pub plan: bool,
    pub grants: Grants,
    pub rules: Rules,
}

impl<'a> Ask<'a> {
    /// A command in the workspace.
    pub fn shell(mode: Mode, subject: &'a str) -> Self {
        Self {
            tool: "execute_bash_local",
            subject,
            cwd: ".",
            mode,
            plan: false,
            grants: Grants::default(),
            rules: Rules::default(),
        }
    }
}

/// How many scripts a test tries: few by default, as many as `SEQERA_FUZZ_SCRIPTS` says for a long run.
#[allow(dead_code, reason = "each test needs a part of it")]
pub fn scripts(usual: usize) -> usize {
    std::env::var("SEQERA_FUZZ_SCRIPTS").ok().and_then(|count| count.parse().ok()).unwrap_or(usual)
}

/// Where the random numbers of a test begin: always the same, or elsewhere with each `SEQERA_FUZZ_SEED`.
#[allow(dead_code, reason = "each test needs a part of it")]
pub fn seed(usual: u64) -> u64 {
    let moved = std::env::var("SEQERA_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    usual.wrapping_add(moved)
}
