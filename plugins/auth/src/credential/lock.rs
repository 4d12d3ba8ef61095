//! One process at a time renews a credential.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use seqera_plugin_api::{Error, ErrorKind, Result, private_file};

/// How long another process may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Held while it lives; the system takes it from a process that was killed.
pub(crate) struct Lock {
    /// `None` on a file system that knows no locks: then only the comparison after re-reading protects.
    _file: Option<File>,
}

impl Lock {
    /// Waits for the lock.
    ///
    /// # Errors
    /// `CredentialStore` when the file cannot be made or another process holds it for more than 30 s.
    pub(crate) fn acquire(path: &Path) -> Result<Self> {
        let failed = |reason: String| {
            Error::new(ErrorKind::CredentialStore, "the credentials cannot be locked")
                .because(format!("{}: {reason}", path.display()))
        };
        if let Some(directory) = path.parent() {
            private_file::create_directory(directory)?;
        }
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| failed(error.to_string()))?;
        let started = Instant::now();
        let mut pause = Duration::from_millis(20);
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: Some(file) }),
                Err(TryLockError::WouldBlock) if started.elapsed() < PATIENCE => {
                    std::thread::sleep(pause);
                    pause = (pause * 3 / 2).min(Duration::from_millis(200));
                }
                Err(TryLockError::WouldBlock) => return Err(failed("another process holds it".to_owned())),
                Err(TryLockError::Error(_no_locks_here)) => return Ok(Self { _file: None }),
            }
        }
    }
}
