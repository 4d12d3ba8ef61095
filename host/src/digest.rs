//! SHA-256 of libraries, remembered while the file is as it was.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::discovery::{Stamp, replace};
use crate::files;

/// SHA-256 of bytes, lower-case hex.
pub fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// What is known of an open library.
pub struct Digest {
    /// SHA-256, lower-case hex.
    pub sha256: String,
    /// How the file begins, when it had to be read now; `None` when the digest was remembered.
    pub beginning: Option<Beginning>,
}

/// The beginning of a file, which has the headers of a library.
pub struct Beginning {
    /// At most [`CHUNK`] bytes.
    pub bytes: Vec<u8>,
    /// Length of the whole file, in bytes.
    pub length: u64,
}

/// Read at once: it stays in the cache of the processor until it is digested.
const CHUNK: usize = 64 << 10;
/// More than is ever remembered, in bytes.
const MAX_CACHE: u64 = 16 << 20;

/// Digests by path and [`Stamp`], kept in the user's cache.
///
/// Whoever can write there can write the user's settings too, so remembering gives nothing away; but not the policy of
/// an admin, which has every digest computed afresh where it is about signatures or digests.
pub struct DigestCache {
    file: Option<PathBuf>,
}

impl DigestCache {
    /// The cache in this directory; without one nothing is remembered.
    pub fn new(cache: Option<&Path>) -> Self {
        Self { file: cache.map(|cache| cache.join("digests.json")) }
    }

    /// The digest of an open file.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn of_file(&self, path: &Path, file: &mut File) -> io::Result<Digest> {
        let stamp = Stamp::from(&file.metadata()?);
        let key = path.to_string_lossy().into_owned();
        let mut known = self.read();
        if let Some((known_stamp, sha256)) = known.get(&key)
            && *known_stamp == stamp
        {
            return Ok(Digest { sha256: sha256.clone(), beginning: None });
        }
        let (sha256, beginning) = of_whole(file)?;
        // Only a file that was not touched while it was read is remembered.
        if Stamp::from(&file.metadata()?) == stamp {
            known.retain(|path, _| Path::new(path).exists());
            known.insert(key, (stamp, sha256.clone()));
            self.write(&known);
        }
        Ok(Digest { sha256, beginning: Some(beginning) })
    }

    fn read(&self) -> BTreeMap<String, (Stamp, String)> {
        let text = self.file.as_ref().and_then(|file| files::read(file, MAX_CACHE).ok()).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    fn write(&self, known: &BTreeMap<String, (Stamp, String)>) {
        if let (Some(file), Ok(text)) = (&self.file, serde_json::to_vec(known)) {
            let _only_a_cache = replace(file, &text);
        }
    }
}

fn of_whole(file: &mut File) -> io::Result<(String, Beginning)> {
    let mut sha256 = Sha256::new();
    let mut beginning = Beginning { bytes: Vec::new(), length: 0 };
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let read = chunk.get(..count).unwrap_or_default();
        sha256.update(read);
        if beginning.length == 0 {
            read.clone_into(&mut beginning.bytes);
        }
        beginning.length += count as u64;
    }
    file.rewind()?;
    Ok((hex(&sha256.finalize()), beginning))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or_default());
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn remembers_until_the_file_changes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lib.so");
        fs::write(&path, "one").unwrap();
        let cache = DigestCache::new(Some(dir.path()));
        let digest = || cache.of_file(&path, &mut File::open(&path).unwrap()).unwrap();
        let first = digest();
        assert_eq!(first.sha256, "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed");
        assert!(first.beginning.is_some() && digest().beginning.is_none());
        fs::write(&path, "two").unwrap();
        assert!(digest().beginning.is_some());
    }
}
