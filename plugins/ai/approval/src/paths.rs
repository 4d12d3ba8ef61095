//! Where a path really leads: component by component, every symbolic link followed, also dangling ones and those in
//! ancestors of what does not exist yet.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::decision::{PathFact, Place, Rule};
use crate::files::{Filesystem, Kind, Status};

/// As many as Linux follows.
const MOST_LINKS: usize = 40;

/// Directories inside a workspace that decide what runs later.
const PROTECTED: [&str; 3] = [".git", ".seqera", ".agents"];
/// Directories of a home that hold what runs later, besides the hidden ones.
const RUNS_LATER: [&str; 2] = ["bin", "library"];

/// A resolved path.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    /// Absolute, without `..` and symbolic links.
    pub(crate) path: PathBuf,
    /// What is there now.
    pub(crate) status: Option<Status>,
    /// Whether the path as written is a symbolic link.
    pub(crate) is_link: bool,
    /// Whether it leads through names that each process sees differently.
    pub(crate) through_kernel: bool,
}

impl Resolved {
    /// A path that leads nowhere, as it is.
    pub(crate) fn unfollowed(path: PathBuf) -> Self {
        Self { path, status: None, is_link: false, through_kernel: false }
    }
}

/// A workspace, and the directory commands run in.
pub(crate) struct Ground<'a> {
    files: &'a dyn Filesystem,
    workspace: PathBuf,
    cwd: PathBuf,
    /// The person's home directory, if all of it is inside of the workspace.
    home: Option<PathBuf>,
}

type Refusal = (Rule, String);

impl<'a> Ground<'a> {
    pub(crate) fn new(
        files: &'a dyn Filesystem,
        workspace: &Path,
        cwd: &Path,
        home: Option<&Path>,
    ) -> Result<Self, Refusal> {
        let root = Path::new("/");
        let workspace = resolve(files, root, workspace)?.path;
        let cwd = resolve(files, &workspace, cwd)?.path;
        let home = home.and_then(|home| Some(resolve(files, root, home).ok()?.path));
        let home = home.filter(|home| home.starts_with(&workspace));
        Ok(Self { files, workspace, cwd, home })
    }

    pub(crate) fn workspace(&self) -> &Path {
        &self.workspace
    }

    pub(crate) fn cwd(&self) -> &Path {
        &self.cwd
    }

    pub(crate) fn is_inside(&self, path: &Path) -> bool {
        path.starts_with(&self.workspace)
    }

    pub(crate) fn resolve(&self, written: impl AsRef<Path>) -> Result<Resolved, Refusal> {
        resolve(self.files, &self.cwd, written.as_ref())
    }

    /// The same from another directory.
    pub(crate) fn resolve_from(&self, base: &Path, written: impl AsRef<Path>) -> Result<Resolved, Refusal> {
        resolve(self.files, base, written.as_ref())
    }

    /// The fact to show for a path.
    pub(crate) fn fact(&self, written: &str, resolved: &Resolved) -> PathFact {
        let place = if self.is_inside(&resolved.path) { Place::Inside } else { Place::Outside };
        PathFact { written: written.to_owned(), resolved: resolved.path.clone(), place }
    }

    /// Whether a path may be changed: inside, not protected, one name only, an ordinary file or a directory.
    pub(crate) fn check_change(&self, written: &str, resolved: &Resolved) -> Result<(), Refusal> {
        self.check_inside(written, resolved)?;
        let relative = resolved.path.strip_prefix(&self.workspace).unwrap_or(&resolved.path);
        for component in relative.components() {
            if let Some(name) = protected(&component.as_os_str().to_string_lossy()) {
                let why = format!("`{written}` is inside {name}, which decides what runs later");
                return Err((Rule::ProtectedDirectory, why));
            }
        }
        self.check_home(written, &resolved.path)?;
        match resolved.status {
            Some(Status { kind: Kind::File, links }) if links > 1 => Err((
                Rule::HardLink,
                format!("`{written}` is also known by another name, which may be outside"),
            )),
            Some(Status { kind: Kind::Special | Kind::BlockDevice, .. }) => {
                Err((Rule::SpecialFile, format!("`{written}` is not an ordinary file")))
            }
            _ => Ok(()),
        }
    }

    /// In a home directory what is hidden decides what runs later: settings of shells, keys, programs, what starts at login.
    fn check_home(&self, written: &str, path: &Path) -> Result<(), Refusal> {
        let Some(relative) = self.home.as_ref().and_then(|home| path.strip_prefix(home).ok()) else {
            return Ok(());
        };
        let mut names = relative.components().map(|name| name.as_os_str().to_string_lossy());
        let first = folded(&names.clone().next().unwrap_or_default());
        if RUNS_LATER.contains(&first.as_str()) || names.any(|name| name.starts_with('.')) {
            let why =
                format!("`{written}` is inside the home directory, where it may decide what runs later");
            return Err((Rule::ProtectedDirectory, why));
        }
        Ok(())
    }

    /// Whether a path is inside, whatever it is.
    pub(crate) fn check_inside(&self, written: &str, resolved: &Resolved) -> Result<(), Refusal> {
        if resolved.through_kernel {
            return Err((Rule::SpecialFile, format!("`{written}` is not an ordinary file")));
        }
        if self.is_inside(&resolved.path) {
            return Ok(());
        }
        let why = format!("`{written}` is {}, outside of the workspace", resolved.path.display());
        Err((Rule::OutsideWorkspace, why))
    }
}

/// A name as file systems compare it that make no difference of case: `ſ` is an `s` to them.
pub(crate) fn folded(name: &str) -> String {
    if name.is_ascii() { name.to_ascii_lowercase() } else { name.to_uppercase().to_lowercase() }
}

/// The protected name that a component stands for, whatever the file system makes of case, dots and streams.
fn protected(component: &str) -> Option<&'static str> {
    let name = component.split(':').next().unwrap_or(component).trim_end_matches(['.', ' ']);
    let name = folded(name);
    let short = [("git~1", ".git"), ("seqera~1", ".seqera"), ("agents~1", ".agents")];
    let by_short_name = short.iter().find(|(known, _)| *known == name).map(|(_, meant)| *meant);
    PROTECTED.into_iter().find(|known| **known == name).or(by_short_name)
}

enum Step {
    Root(PathBuf),
    Up,
    Down(OsString),
}

/// The components of a path as steps, `.` left out.
fn steps(path: &Path) -> Vec<Step> {
    let mut steps = Vec::new();
    for component in path.components() {
        match component {
            Component::Prefix(_) | Component::RootDir => {
                let root = Path::new(component.as_os_str()).to_owned();
                steps.push(Step::Root(root));
            }
            Component::CurDir => {}
            Component::ParentDir => steps.push(Step::Up),
            Component::Normal(name) => steps.push(Step::Down(name.to_owned())),
        }
    }
    steps
}

/// Follows a path from an absolute base.
pub(crate) fn resolve(files: &dyn Filesystem, base: &Path, path: &Path) -> Result<Resolved, Refusal> {
    let refuse = |why: &str| (Rule::OutsideWorkspace, format!("`{}`: {why}", path.display()));
    if path.as_os_str().is_empty() {
        return Err(refuse("an empty path"));
    }
    let mut ahead: VecDeque<Step> = steps(path).into();
    let mut current = base.to_owned();
    let mut status = None;
    let mut is_missing = false;
    let mut links = 0;
    let mut is_link = false;
    let mut through_kernel = false;
    while let Some(step) = ahead.pop_front() {
        match step {
            Step::Root(root) => {
                // A drive letter comes first and the root of it after.
                current = if root.has_root() { current_root(&current, &root) } else { root };
                status = None;
            }
            Step::Up if is_missing => return Err(refuse("`..` after a name that does not exist")),
            Step::Up => {
                current.pop();
                status = None;
            }
            Step::Down(name) => {
                current.push(name);
                if is_missing {
                    continue;
                }
                through_kernel |= current.starts_with("/proc") || current.starts_with("/dev");
                match files.status(&current) {
                    Ok(found) if found.kind == Kind::Link => {
                        links += 1;
                        is_link |= ahead.is_empty() && links == 1;
                        if links > MOST_LINKS {
                            return Err(refuse("too many symbolic links"));
                        }
                        let target =
                            files.link_target(&current).map_err(|_| refuse("a link cannot be read"))?;
                        current.pop();
                        for step in steps(&target).into_iter().rev() {
                            ahead.push_front(step);
                        }
                    }
                    Ok(found) => status = Some(found),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        is_missing = true;
                        status = None;
                    }
                    // What is below a file does not exist and cannot.
                    Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                        is_missing = true;
                        status = None;
                    }
                    Err(error) => return Err(refuse(&format!("it cannot be looked at ({error})"))),
                }
            }
        }
    }
    if status.is_none() && !is_missing {
        status = files.status(&current).ok();
    }
    Ok(Resolved { path: current, status, is_link, through_kernel })
}

/// The root below a drive, or the only one there is.
fn current_root(current: &Path, root: &Path) -> PathBuf {
    match current.components().next() {
        Some(prefix @ Component::Prefix(_)) => Path::new(prefix.as_os_str()).join(root),
        _ => root.to_owned(),
    }
}
