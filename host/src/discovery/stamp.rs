//! A cheap sign that a file or directory is as it was.

use std::fs;
use std::path::Path;
#[cfg(unix)]
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Size, times and inode; all zero for what does not exist. The change time cannot be set back by `touch`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp(u64, i64, i64, i64, i64, u64);

impl Stamp {
    /// The stamp of a path, links followed.
    pub fn of(path: &Path) -> Self {
        fs::metadata(path).map_or_else(|_| Self::default(), |metadata| Self::from(&metadata))
    }
}

#[cfg(unix)]
impl From<&fs::Metadata> for Stamp {
    fn from(metadata: &fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self(
            metadata.size(),
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.ctime(),
            metadata.ctime_nsec(),
            metadata.ino(),
        )
    }
}

#[cfg(not(unix))]
impl From<&fs::Metadata> for Stamp {
    fn from(metadata: &fs::Metadata) -> Self {
        let modified = metadata
            .modified()
            .ok()
            .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
            .map_or(0, |age| i64::try_from(age.as_nanos()).unwrap_or(i64::MAX));
        Self(metadata.len(), modified, 0, 0, 0, 0)
    }
}

/// Looks at many files below a few directories. These are opened once, so that the system need not walk the whole
/// way to each file.
pub struct Stamps {
    #[cfg(unix)]
    bases: Vec<(PathBuf, std::os::fd::OwnedFd)>,
}

#[cfg(unix)]
impl Stamps {
    /// Opens the directories; below one that cannot be opened it is slower.
    pub fn below<'a>(directories: impl Iterator<Item = &'a Path>) -> Self {
        use rustix::fs::{Mode, OFlags, open};
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = |path: &'a Path| Some((path.to_owned(), open(path, flags, Mode::empty()).ok()?));
        Self { bases: directories.filter_map(opened).collect() }
    }

    /// The stamp of a path, links followed.
    pub fn of(&self, path: &Path) -> Stamp {
        let bytes = path.as_os_str().as_encoded_bytes();
        let below = self.bases.iter().find_map(|(base, fd)| {
            let relative = bytes.strip_prefix(base.as_os_str().as_encoded_bytes())?.strip_prefix(b"/")?;
            Some((fd, relative))
        });
        match below {
            Some((fd, relative)) => rustix::fs::statat(fd, relative, rustix::fs::AtFlags::empty())
                .map_or_else(|_| Stamp::default(), |stat| Stamp::from(&stat)),
            None => Stamp::of(path),
        }
    }
}

#[cfg(unix)]
impl From<&rustix::fs::Stat> for Stamp {
    #[allow(clippy::unnecessary_cast, reason = "the types of the fields differ between systems")]
    fn from(stat: &rustix::fs::Stat) -> Self {
        Self(
            stat.st_size as u64,
            stat.st_mtime as i64,
            stat.st_mtime_nsec as i64,
            stat.st_ctime as i64,
            stat.st_ctime_nsec as i64,
            stat.st_ino as u64,
        )
    }
}

#[cfg(not(unix))]
impl Stamps {
    /// Nothing is gained by opening directories here.
    pub fn below<'a>(_directories: impl Iterator<Item = &'a Path>) -> Self {
        Self {}
    }

    /// The stamp of a path, links followed.
    pub fn of(&self, path: &Path) -> Stamp {
        Stamp::of(path)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_a_stamp_agree() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "content").unwrap();
        let stamps = Stamps::below([dir.path()].into_iter());
        for path in [file.as_path(), &dir.path().join("missing"), dir.path(), Path::new("/")] {
            assert_eq!(stamps.of(path), Stamp::of(path), "{}", path.display());
        }
    }
}
