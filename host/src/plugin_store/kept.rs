//! Archives that were installed once, kept in the cache by the digest of the manifest in them: what is locked can be
//! installed again without its source. Everything is checked again when one is used.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::durable;
use crate::config::Paths;

/// How much is kept, in bytes; the archives not used for longest go first.
const ROOM: u64 = 512 << 20;

fn directory(paths: &Paths) -> Option<PathBuf> {
    Some(paths.cache.as_ref()?.join("packages"))
}

fn file(paths: &Paths, manifest_sha256: &str) -> Option<PathBuf> {
    Some(directory(paths)?.join(format!("{manifest_sha256}.tar.gz")))
}

/// Keeps an archive, if the cache can be written.
pub fn keep(paths: &Paths, manifest_sha256: &str, archive: &Path) {
    let Some(kept) = file(paths, manifest_sha256) else { return };
    if archive == kept {
        // It was used.
        let _only_a_cache = fs::File::open(&kept).and_then(|file| file.set_modified(SystemTime::now()));
        return;
    }
    if let Ok(bytes) = fs::read(archive) {
        let _only_a_cache = durable::replace(&kept, &bytes);
    }
    sweep(paths, ROOM);
}

/// The archive with this manifest, as far as its name tells.
pub fn find(paths: &Paths, manifest_sha256: &str) -> Option<PathBuf> {
    file(paths, manifest_sha256).filter(|path| path.is_file())
}

/// Forgets an archive that is not what its name says.
pub fn forget(archive: &Path) {
    let _only_a_cache = fs::remove_file(archive);
}

fn sweep(paths: &Paths, room: u64) {
    let listing = directory(paths).and_then(|dir| fs::read_dir(dir).ok());
    let mut kept: Vec<(SystemTime, u64, PathBuf)> = listing
        .into_iter()
        .flatten()
        .filter_map(|item| {
            let item = item.ok()?;
            let metadata = item.metadata().ok()?;
            Some((metadata.modified().ok()?, metadata.len(), item.path()))
        })
        .collect();
    kept.sort();
    let mut total: u64 = kept.iter().map(|(_, size, _)| size).sum();
    for (_, size, path) in kept {
        if total <= room {
            break;
        }
        forget(&path);
        total -= size;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths { cache: Some(dir.path().to_owned()), ..Paths::default() };
        let archive = dir.path().join("archive");
        fs::write(&archive, [0; 100]).unwrap();
        for (name, age) in [("a", 300), ("b", 200), ("c", 100)] {
            keep(&paths, name, &archive);
            let kept = fs::File::open(find(&paths, name).unwrap()).unwrap();
            kept.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
        }
        let a = find(&paths, "a").unwrap();
        keep(&paths, "a", &a);
        sweep(&paths, 200);
        let left: Vec<bool> = ["a", "b", "c"].iter().map(|name| find(&paths, name).is_some()).collect();
        assert_eq!(left, [true, false, true]);
        assert!(find(&Paths::default(), "a").is_none());
    }
}
