//! Files that only their owner may read, written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};

/// Reads a file; `None` when there is none.
///
/// # Errors
/// `Failed` when it exists and cannot be read.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        // Below a file there are no files.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(failed("read", path, &error)),
    }
}

/// Replaces a file by `bytes`, mode 0600, in a directory of mode 0700 that is made when it is missing.
///
/// The new content is complete on disk before it takes the name: whoever reads, or is killed, at any moment
/// sees the old file or the new one. A symbolic link at `path` is replaced, not followed.
///
/// # Errors
/// `Failed` when directory or file cannot be written; the old file is untouched then.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    Draft::begin(path, 0)?.complete(bytes)
}

/// What is in the name of a file that is not complete yet.
const DRAFT: &str = ".new-";
/// Nobody writes for longer; what is older was left behind by a process that was killed.
const ABANDONED: Duration = Duration::from_secs(60);

/// A file that was begun and does not have its name yet. Dropped, it was never there.
pub struct Draft {
    file: tempfile::NamedTempFile,
    path: PathBuf,
}

impl Draft {
    /// Begins a file, and takes `room` bytes on the disk, for content that must not be lost when it comes.
    ///
    /// # Errors
    /// `Failed` when directory or file cannot be made, or the disk is full.
    pub fn begin(path: &Path, room: usize) -> Result<Self> {
        let directory = directory_of(path);
        create_directory(directory)?;
        remove_abandoned(directory);
        let prefix = draft_prefix(path);
        let make = || -> io::Result<tempfile::NamedTempFile> {
            let mut file = tempfile::Builder::new().prefix(&prefix).tempfile_in(directory)?;
            if room > 0 {
                file.write_all(&vec![0; room])?;
                file.as_file().sync_all()?;
            }
            Ok(file)
        };
        let file = make().map_err(|error| failed("write", path, &error))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Gives it its content and its name, as [`write`].
    ///
    /// # Errors
    /// As [`write`].
    pub fn complete(self, bytes: &[u8]) -> Result<()> {
        let Self { mut file, path } = self;
        let replace = || -> io::Result<()> {
            file.as_file_mut().rewind()?;
            file.write_all(bytes)?;
            file.as_file().set_len(bytes.len() as u64)?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            // The rename itself survives a power cut only when the directory is on disk too.
            if let Ok(handle) = File::open(directory_of(&path)) {
                let _not_every_file_system_can = handle.sync_all();
            }
            Ok(())
        };
        replace().map_err(|error| failed("write", &path, &error))
    }
}

fn directory_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

/// Removes what killed processes left behind: it may hold secrets.
fn remove_abandoned(directory: &Path) {
    let Ok(items) = fs::read_dir(directory) else { return };
    for item in items.flatten().filter(|item| item.file_name().to_string_lossy().starts_with(DRAFT)) {
        let age = item.metadata().and_then(|metadata| metadata.modified()).map(|time| time.elapsed());
        if matches!(age, Ok(Ok(age)) if age > ABANDONED) {
            let _somebody_else_did = fs::remove_file(item.path());
        }
    }
}

/// Removes a file; one that is not there is fine.
///
/// # Errors
/// `Failed` when it exists and cannot be removed.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed("remove", path, &error)),
    }
}

/// Removes a file and whatever was begun in its place by processes that were killed. Only for who knows that nobody is
/// writing it now.
///
/// # Errors
/// As [`remove`].
pub fn remove_with_drafts(path: &Path) -> Result<()> {
    let prefix = draft_prefix(path);
    for item in fs::read_dir(directory_of(path)).into_iter().flatten().flatten() {
        if item.file_name().to_string_lossy().starts_with(&prefix) {
            remove(&item.path())?;
        }
    }
    remove(path)
}

/// What the name of an incomplete file begins with.
fn draft_prefix(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!("{DRAFT}{name}-")
}

/// Makes a directory, and those above it, readable by the owner only; existing ones keep their mode.
///
/// # Errors
/// `Failed` when it cannot be made.
pub fn create_directory(directory: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(|error| failed("create", directory, &error))
}

fn failed(verb: &str, path: &Path, error: &io::Error) -> Error {
    Error::new(ErrorKind::Failed, format!("cannot {verb} {}", path.display())).caused_by(error)
}
