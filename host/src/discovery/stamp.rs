//! A cheap sign that a file or directory is as it was.

use std::fs;
use std::path::Path;

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
