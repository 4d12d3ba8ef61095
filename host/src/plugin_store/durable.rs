//! Files that are there whole or not at all, even when the power goes.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes a file in one step; what was there before stays until then.
///
/// # Errors
/// Those of the file system.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_directory(directory);
    Ok(())
}

/// Makes what was renamed in a directory outlive a crash of the system. Some file systems cannot: no error.
pub fn sync_directory(directory: &Path) {
    let _not_everywhere = File::open(directory).and_then(|directory| directory.sync_all());
}
