//! Files that are there whole or not at all, even when the power goes.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::output;

/// Writes a file in one step; what was there before stays until then.
///
/// # Errors
/// Those of the file system.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_by(tempfile::Builder::new().prefix(".new-"), path, bytes)
}

/// As [`replace`], for what others are meant to read: with the permissions that a new file has.
///
/// # Errors
/// Those of the file system.
pub fn replace_public(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_with_mode(0o666, path, bytes)
}

/// As [`replace`], for what others may read and never write.
///
/// # Errors
/// Those of the file system.
pub fn replace_readable(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_with_mode(0o644, path, bytes)
}

#[cfg_attr(not(unix), allow(unused_variables, reason = "there is no mode"))]
fn replace_with_mode(mode: u32, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    replace_by(builder.prefix(".new-"), path, bytes)
}

fn replace_by(builder: &tempfile::Builder<'_, '_>, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_directory(directory);
    Ok(())
}

/// How long somebody else may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long one waits without a word.
const SILENCE: Duration = Duration::from_secs(1);

/// Waits until nobody else holds the lock of this file, and says so when that takes a while. It is held while the answer
/// lives; the system takes it from a process that was killed.
///
/// # Errors
/// Those of the file system; `TimedOut`: another process takes too long.
pub fn lock(path: &Path) -> io::Result<File> {
    create_directory(path.parent().unwrap_or(Path::new(".")))?;
    let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    let started = Instant::now();
    let mut is_told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if started.elapsed() >= PATIENCE => {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "another seqera is changing them"));
            }
            Err(TryLockError::WouldBlock) => {}
        }
        if !is_told && started.elapsed() >= SILENCE {
            let directory = path.parent().unwrap_or(path).display();
            output::people(&output::printable(&format!(
                "waiting for another seqera, which changes {directory} …\n"
            )));
            is_told = true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Makes what was renamed in a directory outlive a crash of the system. Some file systems cannot: no error.
pub fn sync_directory(directory: &Path) {
    let _not_everywhere = File::open(directory).and_then(|directory| directory.sync_all());
}

/// A directory that was made for us alone becomes one that everybody may read.
///
/// # Errors
/// Those of the file system.
#[cfg(unix)]
pub fn open_to_all(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755))
}

/// Makes a directory, and those above it, that others may read and never write, whatever the mask: what is laid there is
/// run. One that exists keeps its mode.
///
/// # Errors
/// Those of the file system.
pub fn create_directory(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o755);
    builder.create(directory)
}

/// Takes the right to write a file from all others.
///
/// # Errors
/// Those of the file system.
#[cfg(unix)]
pub fn close_to_others(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata()?.permissions().mode();
    file.set_permissions(fs::Permissions::from_mode(mode & !0o022))
}

#[cfg(not(unix))]
pub fn close_to_others(_file: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
pub fn open_to_all(_directory: &Path) -> io::Result<()> {
    Ok(())
}

/// Gives the directory `new` the name `place`, at once. What had the name before has the name `new` afterwards: it is
/// the caller's to remove.
///
/// # Errors
/// Those of the file system; then everything is as it was.
pub fn take_place(new: &Path, place: &Path) -> io::Result<()> {
    if !place.exists() {
        fs::rename(new, place)?;
    } else if exchange(new, place).is_err() {
        // This file system cannot exchange. There is a moment without the old one, and then there is the new one.
        let aside = tempfile::Builder::new().prefix(".old-").tempdir_in(place.parent().unwrap_or(place))?;
        let old = aside.path().join("old");
        fs::rename(place, &old)?;
        if let Err(error) = fs::rename(new, place) {
            fs::rename(&old, place)?;
            return Err(error);
        }
        fs::rename(&old, new)?;
    }
    sync_directory(place.parent().unwrap_or(place));
    Ok(())
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn exchange(_one: &Path, _other: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
