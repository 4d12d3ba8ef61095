//! One process at a time renews a credential.
//!
//! The system's own lock is enough where it works: it ends with its process, whatever kills it. On file systems that
//! several machines share it may be refused, or hold on one machine only; there a lease is taken as well. And nothing
//! rests on either alone: what was stored is read again inside, and only what was refused is removed.

mod lease;

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use seqera_plugin_api::{Error, ErrorKind, Result, private_file};

use self::lease::Lease;

/// How long another process may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Held while it lives; the system takes it from a process that was killed.
pub(crate) struct Lock {
    /// Given back before the file is.
    lease: Option<Lease>,
    /// `None` on a file system that knows no locks.
    _file: Option<File>,
}

impl Lock {
    /// Waits for the lock.
    ///
    /// # Errors
    /// `CredentialStore` when the file cannot be made or another process holds it for more than 30 s (detail `reason`:
    /// `busy`).
    pub(crate) fn acquire(path: &Path) -> Result<Self> {
        Self::acquire_within(PATIENCE, path)
    }

    /// Waits for the lock, but no longer than this.
    ///
    /// # Errors
    /// As [`Lock::acquire`].
    pub(crate) fn acquire_within(patience: Duration, path: &Path) -> Result<Self> {
        let failed = |reason: String| {
            Error::new(ErrorKind::CredentialStore, "the credentials cannot be locked")
                .because(format!("{}: {reason}", path.display()))
        };
        let busy = || failed("another process holds it".to_owned()).with("reason", "busy");
        if let Some(directory) = path.parent() {
            private_file::create_directory(directory)?;
        }
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| failed(error.to_string()))?;
        let mut wait = Wait::new(patience);
        let held = loop {
            match file.try_lock() {
                Ok(()) => break Some(file),
                Err(TryLockError::WouldBlock) => {
                    if !wait.goes_on() {
                        return Err(busy());
                    }
                }
                Err(TryLockError::Error(_no_locks_here)) => break None,
            }
        };
        if held.is_some() && !is_shared_between_machines(path) {
            return Ok(Self { lease: None, _file: held });
        }
        loop {
            match Lease::try_take(path) {
                Ok(Some(lease)) => return Ok(Self { lease: Some(lease), _file: held }),
                Ok(None) if wait.goes_on() => {}
                Ok(None) => return Err(busy()),
                // A directory of which only the file of the lock can be written: then that has to do.
                Err(error) => {
                    log::info!("no lease beside {}: {error}", path.display());
                    return Ok(Self { lease: None, _file: held });
                }
            }
        }
    }

    /// Begins the time of a lease anew, before what must not happen twice; `false` when it has passed, or nearly: then
    /// another machine may hold it by now.
    pub(crate) fn prolong(&mut self) -> bool {
        self.lease.as_mut().is_none_or(Lease::prolong)
    }
}

/// Patience, in steps that grow and that no two processes take together.
struct Wait {
    patience: Duration,
    began: Instant,
    pause: Duration,
}

impl Wait {
    fn new(patience: Duration) -> Self {
        Self { patience, began: Instant::now(), pause: Duration::from_millis(20) }
    }

    /// Waits a little; `false` when that was long enough.
    fn goes_on(&mut self) -> bool {
        if self.began.elapsed() >= self.patience {
            return false;
        }
        let jitter = Duration::from_millis(u64::from(std::process::id() % 8));
        std::thread::sleep(self.pause + jitter);
        self.pause = (self.pause * 3 / 2).min(Duration::from_millis(200));
        true
    }
}

/// Whether a lock there may hold on this machine only: NFS (mounted with `local_lock`), Lustre, GPFS, BeeGFS, SMB,
/// Ceph, and directories of a virtual machine's host.
#[cfg(target_os = "linux")]
fn is_shared_between_machines(path: &Path) -> bool {
    const KINDS: [u32; 8] = [
        0x0000_6969,
        0x0BD0_0BD0,
        0x4750_4653,
        0x1983_0326,
        0xFF53_4D42,
        0xFE53_4D42,
        0x00C3_6400,
        0x0102_1997,
    ];
    // The numbers are of 32 bits, whatever the type of the field is here.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::unnecessary_cast,
        reason = "see above"
    )]
    let kind = |stat: rustix::fs::StatFs| stat.f_type as u32;
    rustix::fs::statfs(path).is_ok_and(|stat| KINDS.contains(&kind(stat)))
}

#[cfg(not(target_os = "linux"))]
fn is_shared_between_machines(_path: &Path) -> bool {
    false
}
