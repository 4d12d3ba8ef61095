//! The committed inputs of each target.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where the inputs of a target lie.
#[must_use]
pub fn directory(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// The inputs of a target with their file names, in the order of these.
///
/// # Errors
/// The directory or a file of it cannot be read.
pub fn read(target: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut inputs = Vec::new();
    for item in fs::read_dir(directory(target))? {
        let item = item?;
        inputs.push((item.file_name().to_string_lossy().into_owned(), fs::read(item.path())?));
    }
    inputs.sort();
    Ok(inputs)
}

/// Keeps an input that failed, under a name of its content, and answers where.
///
/// # Errors
/// It cannot be written.
pub fn keep(target: &str, input: &[u8]) -> io::Result<PathBuf> {
    // FNV-1a: only a name.
    let name = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let path = directory(target).join(format!("failed-{name:016x}"));
    fs::write(&path, input)?;
    Ok(path)
}
