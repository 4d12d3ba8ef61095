//! Which files were read, and whether they are still what was read.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::place::{Access, Place, Version};

/// Largest file that is changed, in bytes: it is held in memory.
const LARGEST: u64 = 16 * 1024 * 1024;

/// The files that were seen in this conversation.
#[derive(Debug, Default)]
pub(super) struct SeenFiles(HashMap<PathBuf, Seen>);

#[derive(Debug, Clone, Copy)]
struct Seen {
    version: Version,
    /// Of the content, when a change right after it might look the same by its version.
    hash: Option<u64>,
}

/// A file that may be changed, as it is now.
pub(super) struct Current {
    pub(super) file: File,
    pub(super) bytes: Vec<u8>,
}

impl SeenFiles {
    /// A file was read, or written, in this version.
    pub(super) fn saw(&mut self, path: &Path, file: &mut File, version: Version) {
        let hash = version.is_recent().then(|| whole(file).ok().map(|bytes| hash(&bytes))).flatten();
        self.0.insert(path.to_owned(), Seen { version, hash });
    }

    /// It has to be read again.
    pub(super) fn forget(&mut self, path: &Path) {
        self.0.remove(path);
    }

    /// The content to change; `None` when there is no such file.
    ///
    /// Refused unless it was read before and is what was read: a change must not undo what somebody else did.
    pub(super) fn current(&self, place: &Place) -> Result<Option<Current>, String> {
        let Some(mut file) = place.open(Access::Change)? else { return Ok(None) };
        let path = place.path().display();
        let failed = |error: std::io::Error| format!("{path} cannot be read: {error}");
        let Some(seen) = self.0.get(place.path()) else {
            return Err(format!("{path} was not read yet: read it with read_file_local before changing it"));
        };
        let version = Version::of(&file).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        if size > LARGEST {
            return Err(format!("{path} is too large to be changed by this tool ({size} bytes)"));
        }
        let bytes = whole(&mut file).map_err(failed)?;
        if seen.version != version || seen.hash.is_some_and(|seen| seen != hash(&bytes)) {
            return Err(format!("{path} has changed since it was read: read it again before changing it"));
        }
        Ok(Some(Current { file, bytes }))
    }
}

/// All of a file that may be changed.
pub(super) fn whole(file: &mut File) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Tells contents apart, in this process.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    std::hash::Hasher::write(&mut hasher, bytes);
    std::hash::Hasher::finish(&hasher)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_was_not_read_or_has_changed_is_not_changed() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().canonicalize().unwrap().join("a");
        fs::write(&path, "one").unwrap();
        let place = Place::find(&path).unwrap();
        let mut seen = SeenFiles::default();
        let refusal = |seen: &SeenFiles| seen.current(&place).err().unwrap();
        assert!(refusal(&seen).contains("was not read yet"));
        let read = |seen: &mut SeenFiles| {
            let mut file = File::open(&path).unwrap();
            let version = Version::of(&file).unwrap();
            seen.saw(&path, &mut file, version);
        };
        read(&mut seen);
        assert_eq!(seen.current(&place).unwrap().unwrap().bytes, b"one");
        // The same length, and perhaps within one tick of the clock.
        fs::write(&path, "two").unwrap();
        assert!(refusal(&seen).contains("has changed since"));
        read(&mut seen);
        fs::remove_file(&path).unwrap();
        assert!(seen.current(&place).unwrap().is_none());
        fs::write(&path, "two").unwrap();
        assert!(refusal(&seen).contains("has changed since"), "another file of the same content");
    }
}
