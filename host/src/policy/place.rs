//! Whether a file is the admin's alone.

use std::fs::{self, File, Metadata};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::error::{Code, Error, Result};
use crate::files;

/// More than any policy needs, in bytes.
const LIMIT: u64 = 1 << 20;

/// Links that lead to links that lead to links; the system gives up later.
const MAX_LINKS: usize = 16;

/// Reads the file; `None` when there is none. A link that leads nowhere is one: what it should lead to may be on a disk
/// that is not there just now.
///
/// # Errors
/// `Mismatch`: somebody but root may write it, or replace it. `Config`: it cannot be read.
pub fn read(path: &Path) -> Option<Result<String>> {
    match files::open_at_once(path) {
        Ok(file) => Some(read_open(path, file)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            let dead = [path, path.parent()?].into_iter().find(|path| path.is_symlink() && !path.exists())?;
            Some(Err(unreadable(dead, "it is a link that leads nowhere")))
        }
        Err(error) => Some(Err(unreadable(path, &error.to_string()))),
    }
}

fn read_open(path: &Path, file: File) -> Result<String> {
    let metadata = file.metadata().map_err(|error| unreadable(path, &error.to_string()))?;
    if !metadata.is_file() {
        return Err(unreadable(path, "it is no file"));
    }
    check(path, &metadata)?;
    // A link may lead to another place, and that one has to be the admin's too, and so has every place on the way.
    let real = path.canonicalize().map_err(|error| unreadable(path, &error.to_string()))?;
    for place in links(path).iter().chain([&real]) {
        for dir in place.ancestors().skip(1) {
            let metadata = dir.metadata().map_err(|error| unreadable(dir, &error.to_string()))?;
            check(dir, &metadata)?;
        }
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

/// The path, and where it leads, one link after the other.
fn links(path: &Path) -> Vec<PathBuf> {
    let mut places = vec![path.to_owned()];
    while let Some(place) = places.last()
        && places.len() < MAX_LINKS
        && let Ok(target) = fs::read_link(place)
    {
        let place = place.parent().map_or_else(|| target.clone(), |dir| dir.join(&target));
        places.push(place);
    }
    places
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
        fs::write(&path, "policy = 1\n").unwrap();
        // Whoever runs this: the directory for temporary files may be written by everybody.
        let error = read(&path).unwrap().unwrap_err();
        assert_eq!(error.code, Code::Mismatch as u8, "{error}");
    }
}
