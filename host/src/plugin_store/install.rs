//! Installs a package: everything is checked in a corner of the store, and one rename makes it count.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use semver::{Version, VersionReq};

use super::admission::{self, Candidate};
use super::archive::MAX_LIBRARY;
use super::fetch::{self, Fetched};
use super::inspect::Inspected;
use super::package::MANIFEST_FILE;
use super::receipt::{RECEIPT_FILE, Receipt};
use super::signature::MANIFEST_SIGNATURE;
use super::source::{self, Resolved, Source};
use super::steps::{Step, reached};
use super::store::{Lock, Store};
use super::{consent, durable, kept, locking};
use crate::audit::{self, Event, Record};
use crate::config::{Config, Locked};
use crate::digest;
use crate::discovery::{Catalog, Entry};
use crate::error::{Code, Error, Result};
use crate::files;
use crate::output;

/// How to install.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Agree to what the plugin asks for.
    pub yes: bool,
    /// Do everything but install.
    pub dry_run: bool,
    /// Replace the same version if it has other content, and let `yes` agree to another publisher.
    pub force: bool,
}

/// Which version is meant, and what the lock has to say about it.
#[derive(Debug, Clone, Copy)]
pub enum Goal<'a> {
    /// The best that the source has and the lock allows.
    Any,
    /// What is locked, and nothing else.
    Exactly(&'a Locked),
    /// Something newer than this; the lock follows.
    Above(&'a Version),
    /// What the configuration wants; the lock follows.
    Anew,
}

impl<'a> Goal<'a> {
    fn above(self) -> Option<&'a Version> {
        match self {
            Self::Above(version) => Some(version),
            Self::Any | Self::Exactly(_) | Self::Anew => None,
        }
    }

    /// Whether the lock follows instead of leading.
    pub fn moves_the_lock(self) -> bool {
        matches!(self, Self::Above(_) | Self::Anew)
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is there now.
    Installed,
    /// It was there already, or something newer was.
    Unchanged,
    /// It would be there, but for `dry_run`.
    WouldInstall,
}

impl Action {
    /// For JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Unchanged => "unchanged",
            Self::WouldInstall => "would-install",
        }
    }
}

/// A plugin and what came of it.
#[derive(Debug)]
pub struct Outcome {
    /// What was done.
    pub action: Action,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// The version that counted before.
    pub before: Option<Version>,
    /// Where it lies.
    pub dir: PathBuf,
    /// Where it comes from.
    pub source: String,
    /// Id of the key that signed it.
    pub signer: Option<String>,
}

/// Installs what `source` offers.
///
/// # Errors
/// Why not; then everything is as it was.
pub fn install(store: &Store, source: &Source, options: Options, goal: Goal<'_>) -> Result<Outcome> {
    let held = store.lock_unless(options.dry_run)?;
    reached(Step::Locked)?;
    install_while(&held, store, source, options, goal)
}

/// As [`install`], for whoever holds the store already.
///
/// # Errors
/// As there.
pub fn install_while(
    _held: &Lock,
    store: &Store,
    source: &Source,
    options: Options,
    goal: Goal<'_>,
) -> Result<Outcome> {
    let outcome = put_in_place(store, source, options, goal).inspect_err(|error| {
        if !options.dry_run {
            audit::refused(&store.paths, source.plugin().unwrap_or_default(), &source.label(), error);
        }
    })?;
    if !options.dry_run {
        locking::follow(store, &outcome.name, goal.moves_the_lock())?;
        reached(Step::Recorded)?;
    }
    if outcome.action == Action::Installed {
        remarks(store, &outcome)?;
    }
    Ok(outcome)
}

fn put_in_place(store: &Store, source: &Source, options: Options, goal: Goal<'_>) -> Result<Outcome> {
    // A policy that nobody understands allows nothing.
    let _understood = store.config().policy()?;
    let above = goal.above();
    let resolved = source::resolve(store, source, !options.dry_run, |name, version| {
        admission::accepts(store, name, version, goal)
    })?;
    if let Resolved::Offer(place, offer) = &resolved
        && let Some(outcome) = needless(store, &offer.name, &offer.version, above, |receipt| {
            receipt.archive_sha256.as_ref() == Some(&offer.sha256)
        })
    {
        return Ok(Outcome { source: place.label.clone(), ..outcome });
    }
    let staging = store.staging(options.dry_run)?;
    let corner = staging.path();
    let package = corner.join("package");
    fs::create_dir(&package).map_err(|error| cannot("write", &package, &error))?;
    let fetched = fetch::fetch(store, &resolved, corner, &package)?;
    reached(Step::Unpacked)?;

    let keys = admission::trusted_keys(store)?;
    let inspected = Inspected::read(&package, &fetched.label, &keys).map_err(not_opened)?;
    keeps_promise(&inspected, &fetched, goal)?;
    let plugin = &inspected.manifest.plugin;
    let candidate = Candidate {
        manifest: &inspected.manifest,
        manifest_sha256: &inspected.manifest_sha256,
        source: &fetched.label,
        signer: inspected.signer.as_deref(),
    };
    if above.is_none() {
        // What is there already and may not run is no success.
        admission::wanted(store, &candidate, goal)?;
    }
    if let Some(outcome) = needless(store, &plugin.name, &plugin.version, above, |receipt| {
        receipt.manifest_sha256 == inspected.manifest_sha256
    }) {
        let source = candidate.source.to_owned();
        return Ok(Outcome { source, signer: inspected.signer.clone(), ..outcome });
    }
    let known = store.installed(Some(&plugin.name));
    let place = store.place(&plugin.name, &plugin.version);
    admission::admit(store, &candidate, goal, &known)?;
    refuse_conflicts(store, &inspected)?;
    let is_repair = known.iter().any(|(entry, receipt)| {
        entry.dir == place
            && receipt.as_ref().is_some_and(|receipt| receipt.manifest_sha256 == inspected.manifest_sha256)
    });
    if !is_repair {
        refuse_replacing(&place, &inspected, options)?;
    }
    reached(Step::Admitted)?;
    inspected.check_files(&package).map_err(not_opened)?;
    reached(Step::Checked)?;
    inspected.probe(&package)?;
    reached(Step::Probed)?;

    let outcome = |action| Outcome {
        action,
        name: plugin.name.clone(),
        version: plugin.version.clone(),
        before: known.first().map(|(entry, _)| entry.version().clone()),
        dir: place.clone(),
        source: fetched.label.clone(),
        signer: inspected.signer.clone(),
    };
    let before = admission::signer_before(&candidate, &known);
    if options.dry_run {
        output::people(&format!("{}\n", output::printable(&consent::summary(&candidate, before))));
        return Ok(outcome(Action::WouldInstall));
    }
    if admission::unasked(store, &candidate, &known)? {
        if options.yes && !options.force {
            admission::may_change_hands(store, &candidate, before, goal)?;
        }
        consent::ask(&candidate, before, options.yes)?;
    }
    reached(Step::Consented)?;
    let ready = assemble(corner, &package, &inspected, &fetched)?;
    reached(Step::Assembled)?;
    admission::record(store, &candidate)?;
    reached(Step::Granted)?;
    put(&ready, &place).map_err(|error| cannot("write", &place, &error))?;
    let outcome = outcome(Action::Installed);
    write_audit(store, &outcome, candidate.digest());
    reached(Step::Placed)?;
    if let Some(archive) = &fetched.archive {
        kept::keep(&store.paths, &inspected.manifest_sha256, archive);
    }
    Ok(outcome)
}

fn not_opened(error: Error) -> Error {
    if error.code == Code::Mismatch as u8 { error.hint("It was not opened.") } else { error }
}

fn write_audit(store: &Store, outcome: &Outcome, sha256: &str) {
    let is_newer = outcome.before.as_ref().is_some_and(|before| *before < outcome.version);
    let event = if is_newer { Event::Upgraded } else { Event::Installed };
    let record = Record {
        version: Some(outcome.version.to_string()),
        before: outcome.before.as_ref().map(ToString::to_string),
        sha256: Some(sha256),
        signer: outcome.signer.as_deref(),
        source: Some(&outcome.source),
        ..Record::new(event, &outcome.name)
    };
    audit::write(&store.paths, &[record]);
}

/// Nothing is to be done when the same is there already, as it was installed, or when nothing newer is offered.
fn needless(
    store: &Store,
    name: &str,
    version: &Version,
    above: Option<&Version>,
    is_same: impl Fn(&Receipt) -> bool,
) -> Option<Outcome> {
    let known = store.installed(Some(name));
    let before = known.first().map(|(entry, _)| entry.version().clone());
    let there = known
        .iter()
        .find(|(entry, receipt)| entry.version() == version && receipt.as_ref().is_some_and(&is_same))
        .filter(|(entry, receipt)| receipt.as_ref().is_some_and(|receipt| is_whole(entry, receipt)))
        .filter(|(entry, _)| store.catalog().is_withdrawn(entry).is_ok_and(|is_withdrawn| !is_withdrawn));
    let is_older = above.is_some_and(|above| version <= above);
    let (entry, receipt) = there.or_else(|| is_older.then(|| known.first())?)?;
    Some(Outcome {
        action: Action::Unchanged,
        name: name.to_owned(),
        version: entry.version().clone(),
        before,
        dir: entry.dir.clone(),
        source: receipt.as_ref().map(|receipt| receipt.source.clone()).unwrap_or_default(),
        signer: receipt.as_ref().and_then(|receipt| receipt.signer.clone()),
    })
}

/// Whether the files of a plugin are still those that its manifest names, and that one the one of the receipt.
fn is_whole(entry: &Entry, receipt: &Receipt) -> bool {
    let cli = &entry.manifest.cli;
    let manifest = (MANIFEST_FILE, receipt.manifest_sha256.as_str());
    let library = entry.artifact().map(|artifact| (artifact.file.as_str(), artifact.sha256.as_str()));
    let cli = (cli.file.as_str(), cli.sha256.as_str());
    [manifest, cli].into_iter().chain(library).all(|(file, sha256)| {
        files::read(&entry.dir.join(file), MAX_LIBRARY).is_ok_and(|bytes| digest::of_bytes(&bytes) == sha256)
    })
}

fn keeps_promise(inspected: &Inspected, fetched: &Fetched, goal: Goal<'_>) -> Result<()> {
    let plugin = &inspected.manifest.plugin;
    if let Goal::Exactly(locked) = goal
        && (locked.name != plugin.name || locked.version != plugin.version)
    {
        return Err(Error::new(
            Code::Mismatch,
            format!("{} holds {}, and {} is locked", fetched.label, inspected.label(), locked.label()),
        ));
    }
    if let Some(wanted) = &fetched.wanted
        && (wanted.name != plugin.name || !is_met(&wanted.requirement, &plugin.version))
    {
        return Err(Error::new(
            Code::Mismatch,
            format!(
                "{} holds {}, not {} {}",
                fetched.label,
                inspected.label(),
                wanted.name,
                wanted.requirement
            ),
        )
        .hint(format!(
            "It is the source of {} in config.toml; name another, or another version.",
            wanted.name
        )));
    }
    match &fetched.promised {
        Some((name, version)) if *name != plugin.name || *version != plugin.version => Err(Error::new(
            Code::Mismatch,
            format!("{} offers {name} {version}, and its archive holds {}", fetched.label, inspected.label()),
        )),
        _ => Ok(()),
    }
}

/// The only version there is may be a pre-release, unless another one was asked for.
fn is_met(requirement: &VersionReq, version: &Version) -> bool {
    *requirement == VersionReq::STAR || requirement.matches(version)
}

/// Two plugins with one word would both not run: the second is not installed, unless the user said which is meant.
fn refuse_conflicts(store: &Store, inspected: &Inspected) -> Result<()> {
    let plugin = &inspected.manifest.plugin;
    let (entries, _) = store.catalog().all();
    for word in inspected.manifest.commands.iter().flat_map(|command| command.all()) {
        if store.config().command_owner(word).is_some() {
            continue;
        }
        let other = entries.iter().find(|entry| entry.name() != plugin.name && entry.command(word).is_some());
        if let Some(other) = other {
            return Err(Error::new(
                Code::Config,
                format!("{} and {} both have the command `{word}`", inspected.label(), other.label()),
            )
            .because(format!("{} is {} ({})", other.name(), other.origin.as_str(), other.dir.display()))
            .hint(format!("Say which one is meant, in config.toml: [commands] {word} = \"{}\"", other.name()))
            .hint("`seqera plugin run NAME -- ARGUMENTS` works for both."));
        }
    }
    Ok(())
}

/// A version that is published does not change: other content under the same number is somebody's mistake, or worse.
fn refuse_replacing(place: &Path, inspected: &Inspected, options: Options) -> Result<()> {
    if !place.exists() || options.force {
        return Ok(());
    }
    Err(Error::new(Code::Failed, format!("{} is installed already, with other content", inspected.label()))
        .because(format!("it lies in {}", place.display()))
        .hint("--force replaces it."))
}

/// Lays together what will be there: only files that the manifest names, and the receipt, which no package can bring.
fn assemble(corner: &Path, package: &Path, inspected: &Inspected, fetched: &Fetched) -> Result<PathBuf> {
    let ready = corner.join("ready");
    let failed = |error: io::Error| cannot("write", &ready, &error);
    fs::create_dir(&ready).map_err(failed)?;
    let signature = inspected.signer.as_ref().map(|_| MANIFEST_SIGNATURE);
    let names = [MANIFEST_FILE, &inspected.manifest.cli.file, &inspected.artifact()?.file];
    for name in names.into_iter().chain(signature) {
        fs::rename(package.join(name), ready.join(name)).map_err(failed)?;
        let file = File::open(ready.join(name)).map_err(failed)?;
        durable::close_to_others(&file).and_then(|()| file.sync_all()).map_err(failed)?;
    }
    let receipt = Receipt {
        archive_sha256: fetched.archive_sha256.clone(),
        signer: inspected.signer.clone(),
        ..Receipt::new(&fetched.label, &inspected.manifest_sha256)
    };
    let text = toml::to_string(&receipt)
        .map_err(|error| Error::new(Code::Failed, "cannot write the receipt").because(error))?;
    durable::replace(&ready.join(RECEIPT_FILE), text.as_bytes()).map_err(failed)?;
    durable::open_to_all(&ready).map_err(failed)?;
    Ok(ready)
}

fn put(ready: &Path, place: &Path) -> io::Result<()> {
    if let Some(parent) = place.parent() {
        durable::create_directory(parent)?;
    }
    durable::take_place(ready, place)
}

/// What is not wrong and still worth a word.
fn remarks(store: &Store, installed: &Outcome) -> Result<()> {
    // The lock may have moved.
    let config = Config::read(&store.paths)?;
    let catalog = Catalog::new(&store.paths, &config);
    let (entries, _) = catalog.all();
    let Some(entry) = entries.iter().find(|entry| entry.dir == installed.dir) else { return Ok(()) };
    let plugin = entry.manifest.plugin.clone();
    for (service, requirement) in &entry.manifest.requires {
        let has_provider =
            entries.iter().any(|entry| entry.manifest.provides.get(service) == Some(&requirement.major));
        if !requirement.optional && !has_provider {
            output::warning(&format!("no plugin provides {service}@{}, which it needs", requirement.major));
        }
    }
    let versions: Vec<Entry> = entries.into_iter().filter(|entry| entry.name() == plugin.name).collect();
    match catalog.choose(&plugin.name, versions.iter()) {
        Ok(Some(entry)) if *entry.version() == plugin.version => {}
        Ok(Some(entry)) => {
            output::warning(&format!(
                "{} {} ({}) is the one that runs; `seqera plugin list` shows all",
                plugin.name,
                entry.version(),
                entry.origin.as_str()
            ));
        }
        Ok(None) => output::warning(&format!(
            "a pre-release runs only when config.toml names it: [plugins.{}] version = \"={}\"",
            plugin.name, plugin.version
        )),
        Err(error) => output::warning(&error.to_string()),
    }
    Ok(())
}

fn cannot(verb: &str, path: &Path, error: &io::Error) -> Error {
    Error::new(Code::Failed, format!("cannot {verb} {}", path.display())).because(error)
}
