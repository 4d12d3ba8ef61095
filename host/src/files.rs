//! Reads files that somebody else may have put there: neither a pipe, nor a device, nor one without an end stops us.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// How much is made room for before it is there, in bytes.
pub const READ_AT_ONCE: u64 = 64 << 10;

/// Opens a regular file.
///
/// # Errors
/// Those of the file system; it is something else.
pub fn open(path: &Path) -> io::Result<File> {
    open_with_length(path).map(|(file, _)| file)
}

fn open_with_length(path: &Path) -> io::Result<(File, u64)> {
    let file = open_at_once(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() {
        Ok((file, metadata.len()))
    } else {
        Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file"))
    }
}

/// Opens a file without waiting for the other end of a pipe.
///
/// # Errors
/// Those of the file system.
#[cfg(unix)]
pub fn open_at_once(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let at_once = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    File::options().read(true).custom_flags(at_once).open(path)
}

#[cfg(not(unix))]
pub fn open_at_once(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// Those of the file system; it is something else, or larger.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let (file, length) = open_with_length(path)?;
    // One read for what is usually there, whatever the file claims to be.
    let length = length.min(limit).min(READ_AT_ONCE);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1);
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("it is larger than {limit} bytes")));
    }
    Ok(bytes)
}

/// As [`read`], for text.
///
/// # Errors
/// As there; it is no UTF-8.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(read(path, limit)?).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}
