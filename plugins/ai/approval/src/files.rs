//! The only look the engine takes at the world.

use std::io;
use std::path::{Path, PathBuf};

/// Looks at names without following them.
pub trait Filesystem {
    /// What a name stands for, a symbolic link not followed.
    ///
    /// # Errors
    /// Those of `lstat(2)`; the engine asks a person when it is anything but "not found".
    fn status(&self, path: &Path) -> io::Result<Status>;

    /// Where a symbolic link points, as written in it.
    ///
    /// # Errors
    /// Those of `readlink(2)`.
    fn link_target(&self, path: &Path) -> io::Result<PathBuf>;
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// The kind of file.
    pub kind: Kind,
    /// How many names the file has.
    pub links: u64,
}

/// The kinds of file that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A disk or another block device.
    BlockDevice,
    /// A character device, a pipe, a socket.
    Special,
}

/// The file system of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemFiles;

impl Filesystem for SystemFiles {
    fn status(&self, path: &Path) -> io::Result<Status> {
        let metadata = std::fs::symlink_metadata(path)?;
        Ok(Status { kind: kind(&metadata), links: links(&metadata) })
    }

    fn link_target(&self, path: &Path) -> io::Result<PathBuf> {
        std::fs::read_link(path)
    }
}

fn kind(metadata: &std::fs::Metadata) -> Kind {
    let kind = metadata.file_type();
    if kind.is_symlink() {
        Kind::Link
    } else if kind.is_dir() {
        Kind::Directory
    } else if kind.is_file() {
        Kind::File
    } else if is_block_device(kind) {
        Kind::BlockDevice
    } else {
        Kind::Special
    }
}

#[cfg(unix)]
fn is_block_device(kind: std::fs::FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_block_device(&kind)
}

#[cfg(not(unix))]
fn is_block_device(_: std::fs::FileType) -> bool {
    false
}

#[cfg(unix)]
fn links(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(metadata)
}

/// Windows tells it only for an open file; there, a second name is not noticed.
#[cfg(not(unix))]
fn links(_: &std::fs::Metadata) -> u64 {
    1
}
