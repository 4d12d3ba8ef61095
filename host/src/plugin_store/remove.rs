//! Takes plugins away.

use std::fs;

use semver::Version;

use super::locking;
use super::store::{Lock, Store};
use crate::audit::{self, Event, Record};
use crate::config::Locked;
use crate::discovery::{Entry, Origin};
use crate::error::{Code, Error, Result};
use crate::sign_in::grants;

/// Removes one version of a plugin, or all, and answers what was removed.
///
/// # Errors
/// `Failed`: there is none that the user installed, or it cannot be removed.
pub fn remove(store: &Store, name: &str, version: Option<&Version>, dry_run: bool) -> Result<Vec<Entry>> {
    let held = store.lock_unless(dry_run)?;
    let (all, _) = store.catalog().all();
    let (own, others): (Vec<Entry>, Vec<Entry>) =
        all.into_iter().filter(|entry| entry.name() == name).partition(|entry| entry.origin == Origin::User);
    let meant: Vec<Entry> = own
        .iter()
        .filter(|entry| version.is_none_or(|version| entry.version() == version))
        .cloned()
        .collect();
    let is_meant = |locked: &Locked| version.is_none_or(|version| *version == locked.version);
    if meant.is_empty() {
        // Locked and not installed: there is still something to take away.
        return match !dry_run && own.is_empty() && locking::forget(store, name, is_meant)? {
            true => Ok(meant),
            false => Err(missing(name, version, &own, &others)),
        };
    }
    if dry_run {
        return Ok(meant);
    }
    let _was_locked = locking::forget(store, name, is_meant)?;
    take_away(&held, store, name, &meant, meant.len() == own.len())?;
    if meant.len() < own.len() {
        locking::follow(store, name, false)?;
    }
    Ok(meant)
}

/// Takes versions of one plugin away; with the last of them goes what it was granted.
///
/// # Errors
/// `Failed`: they cannot be removed.
pub fn take_away(_held: &Lock, store: &Store, name: &str, entries: &[Entry], is_last: bool) -> Result<()> {
    for entry in entries {
        store.discard(&entry.dir)?;
        let version = Some(entry.version().to_string());
        let record = Record { version, sha256: entry.sha256(), ..Record::new(Event::Removed, name) };
        audit::write(&store.paths, &[record]);
    }
    if is_last {
        // Whoever installs the name again is asked again.
        let _taken_back = grants::revoke(&store.paths, name, &[])?;
    }
    // The directory of the name goes with its last version; what else lies in it keeps it.
    let _not_empty = fs::remove_dir(store.root().join(name));
    Ok(())
}

fn missing(name: &str, version: Option<&Version>, own: &[Entry], others: &[Entry]) -> Error {
    let label = version.map_or(name.to_owned(), |version| format!("{name} {version}"));
    let error = Error::new(Code::Failed, format!("{label} is not installed"));
    if let Some(other) = others.first() {
        return error
            .because(format!(
                "{} is {} and lies in {}",
                other.label(),
                other.origin.as_str(),
                other.dir.display()
            ))
            .hint(match other.origin {
                Origin::Bundled => {
                    format!("It came with seqera. To switch it off: seqera plugin disable {name}")
                }
                Origin::Linked | Origin::User => format!("seqera plugin unlink {name}"),
            });
    }
    if own.is_empty() {
        return error.hint("`seqera plugin list` shows what is.");
    }
    let versions: Vec<String> = own.iter().map(|entry| entry.version().to_string()).collect();
    error.because(format!("installed is {}", versions.join(", ")))
}
