//! A file where it was judged to be: its directory is opened without following any symbolic link, so that nothing that
//! is moved or linked meanwhile leads a change elsewhere.
//!
//! `cap-std` would keep it inside of the workspace; but inside, too, a link may lead to what was judged otherwise (`.git`),
//! and outside of it there are files that a person said yes to.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, XattrFlags};
use rustix::io::Errno;

/// A name in an open directory.
pub(super) struct Place {
    directory: OwnedFd,
    name: OsString,
    path: PathBuf,
}

/// What a file is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Change,
}

/// What tells one content of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Version {
    pub(super) fn of(file: &File) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt;
        let metadata = file.metadata()?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    /// Whether a change right after this one could look the same: clocks of file systems are coarse.
    pub(super) fn is_recent(&self) -> bool {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let (seconds, nanoseconds) = self.changed;
        let changed = Duration::new(seconds.max(0).unsigned_abs(), u32::try_from(nanoseconds).unwrap_or(0));
        now.saturating_sub(changed) < Duration::from_millis(20)
    }
}

impl Place {
    /// Where a path is that was resolved when it was judged.
    pub(super) fn find(path: &Path) -> Result<Self, String> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(format!("{} is a directory", path.display()));
        };
        let directory = directory(parent).map_err(|error| match error {
            Errno::NOENT => format!("there is no directory {}", parent.display()),
            error => problem(parent, error),
        })?;
        Ok(Self { directory, name: name.to_owned(), path: path.to_owned() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file; `None` when there is none. Never waits, and opens ordinary files only.
    pub(super) fn open(&self, access: Access) -> Result<Option<File>, String> {
        let mode = if access == Access::Change { OFlags::RDWR } else { OFlags::RDONLY };
        let flags = mode | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.directory, &self.name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::ISDIR) => return Err(format!("{} is a directory", self.path.display())),
            Err(Errno::ACCESS | Errno::PERM | Errno::ROFS) if access == Access::Change => {
                return Err(format!("{} is write-protected", self.path.display()));
            }
            Err(error) => return Err(problem(&self.path, error)),
        };
        let metadata = file.metadata().map_err(|error| format!("{}: {error}", self.path.display()))?;
        if metadata.is_dir() {
            return Err(format!("{} is a directory", self.path.display()));
        }
        if !metadata.is_file() {
            return Err(format!("{} is not an ordinary file", self.path.display()));
        }
        Ok(Some(file))
    }

    /// Puts a new content in the place of the file that was opened as `old`, or of none. Whoever reads, or is killed,
    /// sees the old content or the new one.
    pub(super) fn replace(&self, bytes: &[u8], old: Option<&File>) -> Result<Version, String> {
        let failed = |error: io::Error| format!("{} cannot be written: {error}", self.path.display());
        let new = self.new_name();
        let mode = if old.is_some() { Mode::from_raw_mode(0o600) } else { Mode::from_raw_mode(0o666) };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.directory, &new, flags, mode);
        let mut file = File::from(file.map_err(|error| failed(error.into()))?);
        let written = self.fill(&mut file, bytes, old).map_err(failed).and_then(|()| self.name_it(&new, old));
        if let Err(reason) = written {
            let _gone = rustix::fs::unlinkat(&self.directory, &new, AtFlags::empty());
            return Err(reason);
        }
        self.sync();
        Version::of(&file).map_err(failed)
    }

    /// Takes the name away.
    pub(super) fn remove(&self) -> Result<(), String> {
        rustix::fs::unlinkat(&self.directory, &self.name, AtFlags::empty())
            .map_err(|error| problem(&self.path, error))
    }

    fn fill(&self, file: &mut File, bytes: &[u8], old: Option<&File>) -> io::Result<()> {
        file.write_all(bytes)?;
        if let Some(original) = old {
            use std::os::unix::fs::MetadataExt;
            let (old, new) = (original.metadata()?, file.metadata()?);
            if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
                let _only_root_may_give_away =
                    std::os::unix::fs::fchown(&*file, Some(old.uid()), Some(old.gid()))
                        .or_else(|_| std::os::unix::fs::fchown(&*file, None, Some(old.gid())));
            }
            // After the owner: a change of it takes the set-id bits away.
            file.set_permissions(old.permissions())?;
            keep_attributes(original, file);
        }
        file.sync_all()
    }

    /// The last step: the new file takes the name.
    fn name_it(&self, new: &OsStr, old: Option<&File>) -> Result<(), String> {
        let failed = |error: Errno| format!("{} cannot be written: {error}", self.path.display());
        let Some(old) = old else {
            let directory = &self.directory;
            return match rustix::fs::renameat_with(
                directory,
                new,
                directory,
                &self.name,
                RenameFlags::NOREPLACE,
            ) {
                Ok(()) => Ok(()),
                Err(Errno::EXIST) => {
                    Err(format!("{} was made by somebody else meanwhile", self.path.display()))
                }
                // Some file systems and old systems cannot promise it.
                Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                    rustix::fs::renameat(directory, new, directory, &self.name).map_err(failed)
                }
                Err(error) => Err(failed(error)),
            };
        };
        // The name still has to stand for the file that was looked at.
        let now = self.open(Access::Read)?;
        let is_same = match (now.as_ref().map(Version::of), Version::of(old)) {
            (Some(Ok(now)), Ok(old)) => now == old,
            _ => false,
        };
        if !is_same {
            return Err(format!("{} was changed by somebody else meanwhile", self.path.display()));
        }
        rustix::fs::renameat(&self.directory, new, &self.directory, &self.name).map_err(failed)
    }

    fn new_name(&self) -> OsString {
        let mut name = OsString::from(".");
        // Names have a longest length, in bytes; the start of it is enough for people.
        name.push(self.name.to_string_lossy().chars().take(40).collect::<String>());
        name.push(format!(".{}.new", uuid::Uuid::new_v4().simple()));
        name
    }

    /// The rename itself survives a power cut only when the directory is on disk, too.
    fn sync(&self) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        if let Ok(directory) = rustix::fs::openat(&self.directory, ".", flags, Mode::empty()) {
            let _not_every_file_system_can = rustix::fs::fsync(directory);
        }
    }
}

/// Access lists and what else a file carries beside its content, as far as this user may write it.
fn keep_attributes(old: &File, new: &File) {
    let mut names = vec![0; 64 * 1024];
    let length = rustix::fs::flistxattr(old, &mut names[..]).unwrap_or(0);
    let mut value = vec![0; 64 * 1024];
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        if let Ok(length) = rustix::fs::fgetxattr(old, name, &mut value[..]) {
            let _not_ours_to_write = rustix::fs::fsetxattr(new, name, &value[..length], XattrFlags::empty());
        }
    }
}

/// What went wrong with a path.
pub(super) fn problem(path: &Path, error: Errno) -> String {
    let path = path.display();
    match error {
        Errno::LOOP => {
            format!("{path}: a part of it is a symbolic link that was not there when it was judged")
        }
        Errno::NOTDIR => format!("{path}: a part of it is no directory, or has become a symbolic link"),
        error => format!("{path}: {error}"),
    }
}

/// Only for going on from: what is in it need not be readable.
#[cfg(target_os = "linux")]
const STEP: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const STEP: OFlags = OFlags::RDONLY;

/// Opens a directory by its resolved path.
pub(super) fn directory(path: &Path) -> Result<OwnedFd, Errno> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::ResolveFlags;
        let flags = STEP | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
            // An old kernel, or a container that knows no such call.
            Err(Errno::NOSYS | Errno::PERM | Errno::INVAL) => {}
            answer => return answer,
        }
    }
    step_by_step(path)
}

fn step_by_step(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = STEP | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut current = rustix::fs::openat(CWD, "/", flags, Mode::empty())?;
    for component in path.components() {
        if let Component::Normal(name) = component {
            current = rustix::fs::openat(&current, name, flags, Mode::empty())?;
        }
    }
    Ok(current)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn root() -> (tempfile::TempDir, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().canonicalize().unwrap();
        (root, path)
    }

    #[test]
    fn no_link_is_followed_on_the_way_and_none_at_the_end() {
        let (_root, path) = root();
        fs::create_dir(path.join("real")).unwrap();
        fs::write(path.join("real/file"), "x").unwrap();
        symlink("real", path.join("link")).unwrap();
        symlink("real/file", path.join("end")).unwrap();
        for walk in [directory, step_by_step] {
            assert!(walk(&path.join("real")).is_ok());
            let error = walk(&path.join("link")).unwrap_err();
            assert!(matches!(error, Errno::LOOP | Errno::NOTDIR), "{error}");
            assert_eq!(walk(&path.join("none")).unwrap_err(), Errno::NOENT);
        }
        assert!(Place::find(&path.join("link/file")).err().unwrap().contains("symbolic link"));
        let end = Place::find(&path.join("end")).unwrap();
        assert!(end.open(Access::Read).unwrap_err().contains("symbolic link"));
        assert!(Place::find(&path.join("none/x")).err().unwrap().starts_with("there is no directory"));
    }

    #[test]
    fn only_ordinary_files_are_opened_and_nothing_is_waited_for() {
        let (_root, path) = root();
        let made = std::process::Command::new("mkfifo").arg(path.join("fifo")).status().unwrap();
        assert!(made.success());
        let open = |path: &Path| Place::find(path).unwrap().open(Access::Read);
        assert!(open(&path.join("fifo")).unwrap_err().contains("not an ordinary file"));
        assert!(open(Path::new("/dev/zero")).unwrap_err().contains("not an ordinary file"));
        assert!(open(&path).unwrap_err().contains("is a directory"));
        assert!(open(&path.join("none")).unwrap().is_none());
    }

    #[test]
    fn a_replaced_file_keeps_its_mode_and_leaves_nothing_behind() {
        let (_root, path) = root();
        let file = path.join("a");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o751)).unwrap();
        let place = Place::find(&file).unwrap();
        let old = place.open(Access::Change).unwrap().unwrap();
        let has_attributes = rustix::fs::fsetxattr(&old, "user.note", b"kept", XattrFlags::empty()).is_ok();
        let version = place.replace(b"new", Some(&old)).unwrap();
        if has_attributes {
            let mut value = [0; 16];
            let length = rustix::fs::getxattr(&file, "user.note", &mut value[..]).unwrap();
            assert_eq!(&value[..length], b"kept");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o751);
        assert_eq!(Version::of(&File::open(&file).unwrap()).unwrap(), version);
        let again = place.replace(b"newer", Some(&old)).unwrap_err();
        assert!(again.contains("changed by somebody else"), "{again}");
        let made = place.replace(b"made", None).unwrap_err();
        assert!(made.contains("made by somebody else"), "{made}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1, "nothing is left behind");
    }
}
