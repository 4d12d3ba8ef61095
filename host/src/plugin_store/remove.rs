//! Takes plugins away.

use semver::Version;

use super::locking;
use super::steps::{Step, reached};
use super::store::{Lock, Store};
use crate::audit::{self, Event, Record};
use crate::config::Locked;
use crate::discovery::manifest::is_plugin_name;
use crate::discovery::{Entry, Origin};
use crate::error::{Code, Error, Result};
use crate::sign_in::grants;

/// Removes one version of a plugin, or all, and answers what was removed.
///
/// # Errors
/// `Failed`: there is none that the user installed, or it cannot be removed.
pub fn remove(store: &Store, name: &str, version: Option<&Version>, dry_run: bool) -> Result<Vec<Entry>> {
    if !is_plugin_name(name) {
        return Err(Error::new(Code::Usage, format!("`{name}` is not a name for a plugin")));
    }
    let held = store.lock_unless(dry_run)?;
    reached(Step::Locked)?;
    // It is written at the end: one that cannot be read has to be known now.
    let _readable = store.config().lock()?;
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
        let is_left = !dry_run && unlock(store, name, is_meant, own.is_empty())?;
        return if is_left { Ok(meant) } else { Err(missing(name, version, &own, &others)) };
    }
    if dry_run {
        return Ok(meant);
    }
    let is_last = meant.len() == own.len();
    take_away(&held, store, name, &meant, is_last)?;
    // Not before: what is there and locked no more would run, whatever it is.
    let _was_locked = unlock(store, name, is_meant, is_last)?;
    Ok(meant)
}

/// The lock of what is not installed, or not any more: whoever was killed while he removed it left that. `false`: there
/// was none.
fn unlock(store: &Store, name: &str, is_meant: impl Fn(&Locked) -> bool, is_last: bool) -> Result<bool> {
    let was_locked = locking::forget(store, name, is_meant)?;
    reached(Step::Forgotten)?;
    if was_locked && !is_last {
        locking::follow(store, name, false)?;
    }
    Ok(was_locked)
}

/// Takes versions of one plugin away; with the last of them goes what it was granted.
///
/// # Errors
/// `Failed`: they cannot be removed.
pub fn take_away(_held: &Lock, store: &Store, name: &str, entries: &[Entry], is_last: bool) -> Result<()> {
    if is_last {
        // First: whoever installs the name again is asked again, even if this is as far as it goes.
        let _taken_back = grants::revoke(&store.paths, name, &[])?;
        reached(Step::Revoked)?;
    }
    for entry in entries {
        store.discard(name, &entry.dir)?;
        let version = Some(entry.version().to_string());
        let record = Record { version, sha256: entry.sha256(), ..Record::new(Event::Removed, name) };
        audit::write(&store.paths, &[record]);
        reached(Step::TakenAway)?;
    }
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
