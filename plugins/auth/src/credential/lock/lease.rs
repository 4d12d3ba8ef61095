//! A lease: a directory that says until when it is whose.
//!
//! It is taken by giving a directory that is complete already the name of the lease: every file system refuses that
//! when the name belongs to a directory with something in it, on every machine. One whose time is over (or whose process
//! is dead) is moved away under a name made of its owner, which stays for a while: of two who find the same lease over
//! only one can do that, and neither can move away what came after it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::clock;

/// How long a lease lasts, in seconds: longer than any renewal takes, shorter than others wait.
const LIFE: i64 = 25;
/// A lease that ends within so many seconds is not prolonged: the clock of another machine may say that it is over.
const MARGIN: i64 = 2;
/// How long an ended lease is kept, in seconds, so that nobody mistakes its successor for it.
const MEMORY: i64 = 600;
const OWNER: &str = "owner";

/// Who holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Owner {
    machine: String,
    process: u32,
    /// Tells two leases of one process apart.
    nonce: String,
    /// Seconds since the Unix epoch.
    until: i64,
}

/// Given back when dropped.
pub(super) struct Lease {
    place: PathBuf,
    owner: Owner,
}

impl Lease {
    /// Takes the lease beside the lock file `path`; `None` while somebody else holds it.
    ///
    /// # Errors
    /// When directories cannot be made there.
    pub(super) fn try_take(path: &Path) -> io::Result<Option<Self>> {
        let place = path.with_extension("lock.d");
        let owner = Owner::of_this_process();
        let draft = beside(&place, &format!("new-{}", owner.nonce));
        fs::create_dir(&draft)?;
        let taken = write_owner(&draft, &owner).and_then(|()| fs::rename(&draft, &place));
        // A server that was asked twice may say no to what it did the first time.
        if taken.is_ok() || read_owner(&place).as_ref() == Some(&owner) {
            forget_ended(&place);
            return Ok(Some(Self { place, owner }));
        }
        let _nothing_left = fs::remove_dir_all(&draft);
        if !place.exists() {
            // It ended just now, or names cannot be given here at all: the difference shows next time.
            return taken.map(|()| None).or_else(|error| match error.kind() {
                io::ErrorKind::PermissionDenied
                | io::ErrorKind::ReadOnlyFilesystem
                | io::ErrorKind::Unsupported => Err(error),
                _ => Ok(None),
            });
        }
        if let Some(other) = read_owner(&place).filter(Owner::is_over) {
            let _somebody_else_did = fs::rename(&place, beside(&place, &format!("ended-{}", other.nonce)));
        }
        Ok(None)
    }

    /// Begins its time anew; `false` when it is over or no longer ours.
    pub(super) fn prolong(&mut self) -> bool {
        let is_ours = || read_owner(&self.place).as_ref() == Some(&self.owner);
        if clock::now() + MARGIN > self.owner.until || !is_ours() {
            return false;
        }
        let longer = Owner { until: clock::now() + LIFE, ..self.owner.clone() };
        if replace_owner(&self.place, &longer).is_ok() {
            self.owner = longer;
        }
        true
    }
}

impl Drop for Lease {
    /// Only what is still ours: who was too slow has lost it to somebody else.
    fn drop(&mut self) {
        if read_owner(&self.place).as_ref() == Some(&self.owner) {
            let ended = beside(&self.place, &format!("ended-{}", self.owner.nonce));
            if fs::rename(&self.place, &ended).is_ok() {
                let _forgotten_later = fs::remove_dir_all(&ended);
            }
        }
    }
}

impl Owner {
    fn of_this_process() -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let (machine, process) = (machine(), std::process::id());
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let now = clock::now();
        let name: String = machine.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
        Self { nonce: format!("{name}-{process}-{now}-{count}"), machine, process, until: now + LIFE }
    }

    /// Whether nobody holds it any more.
    fn is_over(&self) -> bool {
        clock::now() > self.until || (self.machine == machine() && !is_alive(self.process))
    }
}

fn beside(place: &Path, ending: &str) -> PathBuf {
    place.with_extension(format!("d.{ending}"))
}

fn write_owner(directory: &Path, owner: &Owner) -> io::Result<()> {
    let text = serde_json::to_vec(owner).map_err(io::Error::other)?;
    fs::write(directory.join(OWNER), text)
}

/// Whoever reads sees the old one or the new one.
fn replace_owner(directory: &Path, owner: &Owner) -> io::Result<()> {
    let fresh = directory.join("owner.new");
    fs::write(&fresh, serde_json::to_vec(owner).map_err(io::Error::other)?)?;
    fs::rename(fresh, directory.join(OWNER))
}

fn read_owner(directory: &Path) -> Option<Owner> {
    serde_json::from_slice(&fs::read(directory.join(OWNER)).ok()?).ok()
}

/// Removes what is left of leases that ended long ago, and of processes that were killed while they took one.
fn forget_ended(place: &Path) {
    let (Some(directory), Some(name)) = (place.parent(), place.file_name()) else { return };
    let prefix = format!("{}.", name.to_string_lossy());
    for item in fs::read_dir(directory).into_iter().flatten().flatten() {
        let is_old = || {
            let changed = item.metadata().and_then(|metadata| metadata.modified());
            changed.is_ok_and(|time| clock::now().saturating_sub(clock::seconds(time)) > MEMORY)
        };
        if item.file_name().to_string_lossy().starts_with(&prefix) && is_old() {
            let _somebody_else_did = fs::remove_dir_all(item.path());
        }
    }
}

#[cfg(unix)]
fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn machine() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

/// When in doubt it is: then its time decides.
#[cfg(unix)]
fn is_alive(process: u32) -> bool {
    let process = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    process.is_none_or(|process| rustix::process::test_kill_process(process) != Err(rustix::io::Errno::SRCH))
}

#[cfg(not(unix))]
fn is_alive(_process: u32) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock_file() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("k.lock");
        (directory, path)
    }

    fn leave_behind(path: &Path, owner: &Owner) {
        let place = path.with_extension("lock.d");
        fs::create_dir(&place).unwrap();
        write_owner(&place, owner).unwrap();
    }

    #[test]
    fn one_holds_it_at_a_time() {
        let (_directory, path) = lock_file();
        let inside = std::sync::atomic::AtomicU32::new(0);
        let turns = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut mine = 0;
                    while mine < 25 {
                        let Some(_lease) = Lease::try_take(&path).unwrap() else {
                            std::thread::yield_now();
                            continue;
                        };
                        assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                        std::thread::yield_now();
                        inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                        turns.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        mine += 1;
                    }
                });
            }
        });
        assert_eq!(turns.into_inner(), 200);
    }

    #[test]
    fn one_that_still_holds_can_be_prolonged_and_one_whose_time_is_over_cannot() {
        let (_directory, path) = lock_file();
        let mut lease = Lease::try_take(&path).unwrap().unwrap();
        lease.owner.until = clock::now() + MARGIN + 1;
        write_owner(&lease.place, &lease.owner).unwrap();
        assert!(lease.prolong());
        let until = read_owner(&lease.place).unwrap().until;
        assert!(until >= clock::now() + LIFE - 1, "{until}");

        lease.owner.until = clock::now() + MARGIN - 1;
        write_owner(&lease.place, &lease.owner).unwrap();
        assert!(!lease.prolong(), "another clock may be a little ahead");
        lease.owner.until = clock::now() - 1;
        write_owner(&lease.place, &lease.owner).unwrap();
        assert!(Lease::try_take(&path).unwrap().is_none());
        let successor = Lease::try_take(&path).unwrap().unwrap();
        lease.owner.until = clock::now() + LIFE;
        assert!(!lease.prolong(), "it belongs to somebody else, whatever we thought");
        assert_eq!(read_owner(&successor.place).unwrap(), successor.owner);
    }

    #[test]
    fn what_a_dead_process_left_is_taken_over_and_what_a_living_one_holds_is_not() {
        let (_directory, path) = lock_file();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let _ended = child.wait().unwrap();
        leave_behind(&path, &Owner { process: child.id(), ..Owner::of_this_process() });
        assert!(Lease::try_take(&path).unwrap().is_none(), "the dead one is moved away first");
        let lease = Lease::try_take(&path).unwrap().unwrap();
        assert!(Lease::try_take(&path).unwrap().is_none());
        drop(lease);
        assert!(Lease::try_take(&path).unwrap().is_some());
    }

    #[test]
    fn time_ends_the_lease_of_another_machine_and_its_owner_notices() {
        let (_directory, path) = lock_file();
        let there = Owner { machine: "another".to_owned(), process: 1, ..Owner::of_this_process() };
        leave_behind(&path, &there);
        assert!(Lease::try_take(&path).unwrap().is_none() && Lease::try_take(&path).unwrap().is_none());
        let late = Owner { until: clock::now() - 1, ..there };
        write_owner(&path.with_extension("lock.d"), &late).unwrap();
        let slow = Lease { place: path.with_extension("lock.d"), owner: late };
        assert!(Lease::try_take(&path).unwrap().is_none());
        let lease = Lease::try_take(&path).unwrap().unwrap();
        drop(slow);
        assert!(Lease::try_take(&path).unwrap().is_none(), "who was slow does not give away what is not his");
        drop(lease);
    }
}
