//! Whether a file is the admin's alone.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read};
use std::path::Path;

use crate::error::{Code, Error, Result};

/// More than any policy needs, in bytes.
const LIMIT: u64 = 1 << 20;

/// Reads the file; `None` when there is none.
///
/// # Errors
/// `Mismatch`: somebody but root may write it, or replace it. `Config`: it cannot be read.
pub fn read(path: &Path) -> Option<Result<String>> {
    match File::open(path) {
        Ok(file) => Some(read_open(path, file)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
        Err(error) => Some(Err(unreadable(path, &error.to_string()))),
    }
}

fn read_open(path: &Path, file: File) -> Result<String> {
    let metadata = file.metadata().map_err(|error| unreadable(path, &error.to_string()))?;
    if !metadata.is_file() {
        return Err(unreadable(path, "it is no file"));
    }
    check(path, &metadata)?;
    // A link may lead to another place, and that one has to be the admin's too.
    let real = path.canonicalize().map_err(|error| unreadable(path, &error.to_string()))?;
    for dir in path.ancestors().skip(1).chain(real.ancestors().skip(1)) {
        let metadata = dir.metadata().map_err(|error| unreadable(dir, &error.to_string()))?;
        check(dir, &metadata)?;
    }
    let mut text = String::new();
    let count = file
        .take(LIMIT + 1)
        .read_to_string(&mut text)
        .map_err(|error| unreadable(path, &error.to_string()))?;
    if count as u64 > LIMIT {
        return Err(unreadable(path, &format!("it is larger than {LIMIT} bytes")));
    }
    Ok(text)
}

#[cfg(unix)]
fn check(path: &Path, metadata: &Metadata) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    const OTHERS_MAY_WRITE: u32 = 0o022;
    let problem = if metadata.uid() != 0 {
        format!("{} belongs to the user {}, not to root", path.display(), metadata.uid())
    } else if metadata.mode() & OTHERS_MAY_WRITE != 0 {
        format!("others than root may write to {} (mode {:o})", path.display(), metadata.mode() & 0o7777)
    } else {
        return Ok(());
    };
    Err(Error::new(Code::Mismatch, "the policy of this machine cannot be trusted, so no plugin runs")
        .because(problem)
        .hint(format!("As root: chown root {0} && chmod go-w {0}", path.display())))
}

#[cfg(not(unix))]
fn check(_path: &Path, _metadata: &Metadata) -> Result<()> {
    // Only administrators may write below ProgramData\Seqera once an administrator made it.
    Ok(())
}

fn unreadable(path: &Path, problem: &str) -> Error {
    Error::new(Code::Config, "the policy of this machine cannot be read, so no plugin runs")
        .because(format!("{}: {problem}", path.display()))
        .hint("Ask your admin. Every user has to be able to read it.")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_somebody_else_is_refused_and_a_missing_one_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("policy.toml");
        assert!(read(&path).is_none());
        std::fs::write(&path, "policy = 1\n").unwrap();
        // Whoever runs this: the directory for temporary files may be written by everybody.
        let error = read(&path).unwrap().unwrap_err();
        assert_eq!(error.code, Code::Mismatch as u8, "{error}");
    }
}
