//! Keeps `plugins.lock` what is installed. Whoever writes it holds the lock of the store.

use super::receipt::Receipt;
use super::seen::Withdrawn;
use super::store::Store;
use super::{address, admission, durable, verify};
use crate::config::lock::{self, Lock};
use crate::config::{Config, Locked};
use crate::discovery::{Catalog, Entry, Origin};
use crate::error::{Code, Error, Result};
use crate::output;

/// What is written down about a plugin that was installed.
fn locked(entry: &Entry, receipt: &Receipt) -> Locked {
    Locked {
        name: entry.name().to_owned(),
        version: entry.version().clone(),
        source: receipt.source.clone(),
        manifest_sha256: receipt.manifest_sha256.clone(),
        signer: receipt.signer.clone(),
        abi: entry.manifest.compat.abi.clone(),
        sha256: entry
            .manifest
            .artifact
            .iter()
            .map(|(target, artifact)| (target.clone(), artifact.sha256.clone()))
            .collect(),
    }
}

/// The same, once the files were checked: what was changed since it was installed must not become what is meant.
fn locked_if_whole(store: &Store, entry: &Entry, receipt: &Receipt) -> Result<Locked> {
    let keys = admission::trusted_keys(store)?;
    verify::check(entry, Some(receipt), &keys, &Withdrawn::read(&store.paths, store.config())?)
        .map_err(|error| error.hint("It was not locked."))?;
    Ok(locked(entry, receipt))
}

/// Why another machine cannot install what is locked, when it cannot.
fn not_to_be_followed(config: &Config, locked: &Locked) -> Option<String> {
    let is_missing = address::is_incomplete(&locked.source) && config.plugin_source(&locked.name).is_none();
    is_missing.then(|| {
        format!(
            "{} is locked, and `seqera plugin sync` cannot install it elsewhere: its source is written down without what is as \
             good as a password ({}); install it from an address without that, or name its source: [plugins.{}] source",
            locked.label(),
            locked.source,
            locked.name
        )
    })
}

/// What the lock would say of the plugins that are installed.
pub struct Record {
    /// All of it.
    pub plugins: Vec<Locked>,
    /// What is worth a word.
    pub remarks: Vec<String>,
}

/// Looks at what runs now. What is locked and not installed stays locked, unless the files want something else.
///
/// # Errors
/// Those of the configuration and of the lock.
pub fn record(store: &Store) -> Result<Record> {
    let config = Config::read(&store.paths)?;
    let lock = config.lock()?;
    let catalog = Catalog::new(&store.paths, &config);
    let (mut entries, _) = catalog.all();
    entries.retain(|entry| entry.origin != Origin::Linked);
    let mut names: Vec<&str> = entries.iter().map(Entry::name).collect();
    let before = lock.map(Lock::plugins).unwrap_or_default();
    names.extend(before.iter().map(|rule| rule.value.name.as_str()));
    names.sort_unstable();
    names.dedup();

    let mut record = Record { plugins: Vec::new(), remarks: Vec::new() };
    for name in names {
        let versions: Vec<&Entry> = entries.iter().filter(|entry| entry.name() == name).collect();
        let known = lock.and_then(|lock| lock.of(name)).map(|rule| &rule.value);
        let pins = config.pins_of_files(name)?;
        if pins.disabled.is_some() {
            // Neither used nor forgotten.
            record.plugins.extend(known.cloned());
            continue;
        }
        let as_locked = config.pins(name).and_then(|pins| catalog.choose_by(name, &versions, &pins));
        let chosen = match as_locked {
            Ok(Some(entry)) => Some(entry),
            _ => catalog.choose_by(name, &versions, &pins).ok().flatten(),
        };
        match chosen {
            Some(entry) if entry.origin == Origin::User => match Receipt::read(&entry.dir) {
                Some(receipt) => {
                    let locked = locked_if_whole(store, entry, &receipt)?;
                    record.remarks.extend(not_to_be_followed(&config, &locked));
                    record.plugins.push(locked);
                }
                None => record.remarks.push(format!(
                    "{} is left out: it was not installed with `seqera plugin install` ({})",
                    entry.label(),
                    entry.dir.display()
                )),
            },
            Some(_) => {}
            None => {
                if let Some(known) = known {
                    record.remarks.push(format!(
                        "{} is locked and not installed; `seqera plugin sync` installs it",
                        known.label()
                    ));
                    record.plugins.push(known.clone());
                }
            }
        }
    }
    Ok(record)
}

/// After an installation: a plugin that is new is locked too; with `moves` also one that was locked in another
/// version. Without a lock nothing happens.
///
/// # Errors
/// Those of the lock.
pub fn follow(store: &Store, name: &str, moves: bool) -> Result<()> {
    let config = Config::read(&store.paths)?;
    let Some(lock) = config.lock()? else { return Ok(()) };
    if lock.of(name).is_some() && !moves {
        return Ok(());
    }
    let catalog = Catalog::new(&store.paths, &config);
    let (entries, _) = catalog.all();
    let versions: Vec<&Entry> =
        entries.iter().filter(|entry| entry.name() == name && entry.origin != Origin::Linked).collect();
    // What a pin refuses was said already, and is not locked.
    let chosen = config.pins_of_files(name).and_then(|pins| catalog.choose_by(name, &versions, &pins));
    let Ok(Some(entry)) = chosen else { return Ok(()) };
    match Receipt::read(&entry.dir).filter(|_| entry.origin == Origin::User) {
        Some(receipt) => {
            let locked = locked_if_whole(store, entry, &receipt)?;
            if let Some(remark) = not_to_be_followed(&config, &locked) {
                output::warning(&remark);
            }
            replace(store, lock, name, Some(locked))
        }
        None => Ok(()),
    }
}

/// Before a plugin is removed: it is locked no more, if `is_meant` says so. `false`: it was not locked.
///
/// # Errors
/// Those of the lock.
pub fn forget(store: &Store, name: &str, is_meant: impl Fn(&Locked) -> bool) -> Result<bool> {
    let config = Config::read(&store.paths)?;
    let Some(lock) = config.lock()? else { return Ok(false) };
    match lock.of(name) {
        Some(rule) if is_meant(&rule.value) => replace(store, lock, name, None).map(|()| true),
        _ => Ok(false),
    }
}

fn replace(store: &Store, lock: &Lock, name: &str, with: Option<Locked>) -> Result<()> {
    let others = lock.plugins().iter().filter(|rule| rule.value.name != name);
    write(store, others.map(|rule| rule.value.clone()).chain(with).collect())
}

/// Writes the lock in one step.
///
/// # Errors
/// `Failed`: it cannot be written; then it is as it was.
pub fn write(store: &Store, plugins: Vec<Locked>) -> Result<()> {
    let path = Lock::path_in(&store.paths)?;
    let text = lock::text(plugins)?;
    lock::target(&path)
        .and_then(|target| {
            let is_same = std::fs::read_to_string(&target).is_ok_and(|before| before == text);
            if is_same { Ok(()) } else { durable::replace_public(&target, text.as_bytes()) }
        })
        .map_err(|error| Error::new(Code::Failed, format!("cannot write {}", path.display())).because(error))
}
