//! Files that only their owner may read, written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};

/// Reads a file; `None` when there is none.
///
/// # Errors
/// `Failed` when it exists and cannot be read.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
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
    let directory = path.parent().unwrap_or(Path::new("."));
    create_directory(directory)?;
    let replace = || -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(directory)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        // The rename itself survives a power cut only when the directory is on disk too.
        if let Ok(handle) = File::open(directory) {
            let _not_every_file_system_can = handle.sync_all();
        }
        Ok(())
    };
    replace().map_err(|error| failed("write", path, &error))
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
