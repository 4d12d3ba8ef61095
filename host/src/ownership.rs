//! Whether somebody else could have put a plugin where it lies: what others may write, they may make run.

#[cfg(unix)]
use std::fs::Metadata;
#[cfg(unix)]
use std::path::Path;

use crate::discovery::Entry;
#[cfg(unix)]
use crate::discovery::Origin;
#[cfg(unix)]
use crate::error::Code;
#[cfg(unix)]
use crate::error::Error;
use crate::error::Result;

/// Looks at the files of a plugin, its directory, that of its versions, and the plugins directory.
///
/// # Errors
/// `Denied`: one of them belongs to another user, or others may write to it.
#[cfg(unix)]
pub fn check(entry: &Entry) -> Result<()> {
    let manifest = &entry.manifest;
    let names = [crate::discovery::MANIFEST_FILE, &manifest.cli.file];
    let names = names.into_iter().chain(entry.artifact().map(|artifact| artifact.file.as_str()));
    let files: Vec<_> = names.map(|name| entry.dir.join(name)).collect();
    let trusted = Trusted::here();
    let directories: Vec<&Path> = entry.dir.ancestors().take(3).collect();
    // The outermost first: where that is another user's, nothing in it is ours to remove.
    for path in directories.into_iter().rev().chain(files.iter().map(AsRef::as_ref)) {
        // What is missing is said by whoever needs it.
        let Ok(metadata) = std::fs::metadata(path) else { continue };
        if let Some(mut problem) = trusted.problem(path, &metadata) {
            if metadata.is_dir() && trusted.is_of_another(&metadata) {
                problem.hint = elsewhere(entry);
            }
            return Err(problem.refuses(entry));
        }
    }
    Ok(())
}

/// See the other one.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "the signature is that of other systems")]
pub fn check(_entry: &Entry) -> Result<()> {
    Ok(())
}

/// Who may write what this user runs: root, the user, and whoever owns the program itself, who could do anything anyway.
#[cfg(unix)]
struct Trusted {
    users: [u32; 3],
    groups: Vec<u32>,
}

#[cfg(unix)]
struct Problem {
    what: String,
    hint: String,
}

#[cfg(unix)]
impl Trusted {
    fn here() -> Self {
        use std::os::unix::fs::MetadataExt;
        let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let program = std::env::current_exe().and_then(std::fs::metadata);
        let (owner, owners) = program.map_or((user, group), |program| (program.uid(), program.gid()));
        let others = rustix::process::getgroups().unwrap_or_default();
        let mut groups = vec![0, group, owners];
        groups.extend(others.into_iter().map(|group| group.as_raw()));
        Self { users: [0, user, owner], groups }
    }

    fn is_of_another(&self, metadata: &Metadata) -> bool {
        use std::os::unix::fs::MetadataExt;
        !self.users.contains(&metadata.uid())
    }

    fn problem(&self, path: &Path, metadata: &Metadata) -> Option<Problem> {
        use std::os::unix::fs::MetadataExt;
        const GROUP_MAY_WRITE: u32 = 0o020;
        const OTHERS_MAY_WRITE: u32 = 0o002;
        let (mode, shown) = (metadata.mode(), path.display());
        if self.is_of_another(metadata) {
            return Some(Problem {
                what: format!("{shown} belongs to another user ({})", metadata.uid()),
                hint: "Remove it, and install the plugin yourself.".to_owned(),
            });
        }
        if mode & OTHERS_MAY_WRITE != 0 {
            return Some(Problem {
                what: format!("every user may write to {shown}"),
                hint: format!("chmod o-w {shown}"),
            });
        }
        (mode & GROUP_MAY_WRITE != 0 && !self.groups.contains(&metadata.gid())).then(|| Problem {
            what: format!("a group that is not yours ({}) may write to {shown}", metadata.gid()),
            hint: format!("chmod g-w {shown}"),
        })
    }
}

/// What helps against a directory of somebody else: certainly not to remove it.
#[cfg(unix)]
fn elsewhere(entry: &Entry) -> String {
    match entry.origin {
        Origin::Bundled => "Install seqera again, as root or as yourself.".to_owned(),
        Origin::User | Origin::Linked => {
            "Run seqera as that user, or set HOME or SEQERA_PLUGINS_DIR to a directory of your own."
                .to_owned()
        }
    }
}

#[cfg(unix)]
impl Problem {
    fn refuses(self, entry: &Entry) -> Error {
        Error::new(Code::Denied, format!("the plugin {} is not loaded: {}", entry.label(), self.what))
            .hint(self.hint)
    }
}
