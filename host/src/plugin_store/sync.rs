//! Makes what is installed what `plugins.lock` says, and the lock what the configuration wants.

use semver::{Version, VersionReq};

use super::address::shown;
use super::index::Location;
use super::install::{self, Action, Goal, install_while};
use super::seen::Withdrawn;
use super::signature::PublicKey;
use super::source::{self, Source, Wanted};
use super::store::{Lock as Held, Store};
use super::{admission, kept, locking, remove, verify};
use crate::config::{Lock, Locked, exactly};
use crate::discovery::Entry;
use crate::error::{Code, Error, Result};

const UNCHANGED: Change = Change::Put(Action::Unchanged);

/// How.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// The lock stays as it is.
    pub locked: bool,
    /// Nothing is asked of another machine.
    pub offline: bool,
    /// Agree to what the plugins ask for.
    pub yes: bool,
    /// Do everything but change something.
    pub dry_run: bool,
}

/// What came of one version of one plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was there already, or is there now, or would be.
    Put(Action),
    /// It is switched off, and was left alone.
    Disabled,
    /// It was not locked.
    Removed,
    /// It would be, but for `dry_run`.
    WouldRemove,
    /// It could not be installed.
    Failed,
}

impl Change {
    /// For JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Put(action) => action.as_str(),
            Self::Disabled => "disabled",
            Self::Removed => "removed",
            Self::WouldRemove => "would-remove",
            Self::Failed => "failed",
        }
    }
}

/// One version of one plugin, and what came of it.
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its version, when it is known.
    pub version: Option<Version>,
    /// What was done.
    pub change: Change,
    /// Why it could not be done.
    pub problem: Option<Error>,
}

/// What came of all.
pub struct Synced {
    /// By plugin.
    pub rows: Vec<Row>,
    /// Whether the lock is, or would be, another than before.
    pub moves_the_lock: bool,
}

/// Installs what is missing, then writes the lock if it has to change, and only then removes what is not in it.
///
/// # Errors
/// `Mismatch`: the lock would have to change, and may not. What is wrong with one plugin is in its row.
pub fn sync(store: &Store, options: Options) -> Result<Synced> {
    let held = store.lock_unless(options.dry_run)?;
    let before = store.config().lock()?;
    let wanted: Vec<Locked> = match before {
        Some(lock) => lock.plugins().iter().map(|rule| rule.value.clone()).collect(),
        None if options.locked => {
            return Err(Error::new(Code::Mismatch, "there is no lock to follow")
                .because(format!("{} does not exist", Lock::path_in(&store.paths)?.display()))
                .hint("seqera plugin lock  (writes it, from what is installed)"));
        }
        None => locking::record(store)?.plugins,
    };
    let differences = differences(store, &wanted)?;
    if options.locked && !differences.is_empty() {
        return Err(would_move(differences));
    }
    let work = Work { store, held: &held, options, keys: admission::trusted_keys(store)? };
    let mut rows = Vec::new();
    for locked in &wanted {
        if differences.iter().all(|difference| difference.name != locked.name) {
            rows.push(work.follow(locked));
        }
    }
    for difference in &differences {
        rows.push(work.choose_anew(&difference.name));
    }
    let is_done = rows.iter().all(|row| row.problem.is_none());
    if is_done && !options.dry_run && before.is_none() {
        locking::write(store, locking::record(store)?.plugins)?;
    }
    if is_done && before.is_some() {
        rows.extend(work.sweep(&differences)?);
    }
    rows.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(Synced { rows, moves_the_lock: before.is_none() || !differences.is_empty() })
}

/// A plugin about which lock and configuration do not agree.
struct Difference {
    name: String,
    problem: String,
}

fn would_move(differences: Vec<Difference>) -> Error {
    let error = Error::new(Code::Mismatch, "plugins.lock does not say what the configuration wants");
    differences
        .into_iter()
        .fold(error, |error, difference| error.because(difference.problem))
        .hint("seqera plugin sync  (without --locked it brings the lock up to date)")
}

fn differences(store: &Store, wanted: &[Locked]) -> Result<Vec<Difference>> {
    let config = store.config();
    let mut found = Vec::new();
    for locked in wanted {
        if let Some(problem) = difference(store, locked)? {
            found.push(Difference { name: locked.name.clone(), problem });
        }
    }
    for name in config.plugin_names() {
        let is_locked = wanted.iter().any(|locked| locked.name == name);
        let source = config.plugin_source(&name).filter(|_| !is_locked);
        if let Some(rule) = source
            && config.pins_of_files(&name)?.disabled.is_none()
        {
            let problem =
                format!("{name} comes from {} ({}) and is not locked", shown(&rule.value), rule.place);
            found.push(Difference { name, problem });
        }
    }
    Ok(found)
}

/// Why what is locked is not what the files want; what is switched off is left alone.
fn difference(store: &Store, locked: &Locked) -> Result<Option<String>> {
    let pins = store.config().pins_of_files(&locked.name)?;
    if pins.disabled.is_some() {
        return Ok(None);
    }
    let label = locked.label();
    if let Some(rule) = pins.versions.iter().find(|rule| !rule.value.matches(&locked.version)) {
        return Ok(Some(format!("{label} is locked, and version {} is wanted ({})", rule.value, rule.place)));
    }
    let digest = locked.sha256.get(crate::TARGET);
    if let Some(rule) = pins.digests.iter().find(|rule| Some(&rule.value) != digest) {
        return Ok(Some(format!("{label} is locked, and another sha256 is wanted ({})", rule.place)));
    }
    let configured = source::configured(store, &locked.name)?.map(|source| source.label());
    match (configured, store.config().plugin_source(&locked.name)) {
        (Some(label_), Some(rule)) if label_ != locked.source => Ok(Some(format!(
            "{label} is locked from {}, and is wanted from {} ({})",
            locked.source,
            shown(&rule.value),
            rule.place
        ))),
        _ => Ok(None),
    }
}

struct Work<'a> {
    store: &'a Store,
    held: &'a Held,
    options: Options,
    keys: Vec<PublicKey>,
}

impl Work<'_> {
    /// Installs exactly what is locked, unless it is there.
    fn follow(&self, locked: &Locked) -> Row {
        let row = |change, problem| Row {
            name: locked.name.clone(),
            version: Some(locked.version.clone()),
            change,
            problem,
        };
        match self.get(locked) {
            Ok(change) => row(change, None),
            Err(error) => row(Change::Failed, Some(error)),
        }
    }

    fn get(&self, locked: &Locked) -> Result<Change> {
        if self.store.config().pins_of_files(&locked.name)?.disabled.is_some() {
            return Ok(Change::Disabled);
        }
        if self.is_there(locked)? {
            return Ok(UNCHANGED);
        }
        if let Some(archive) = kept::find(&self.store.paths, &locked.manifest_sha256) {
            let source = Source::Kept(archive.clone(), locked.source.clone());
            match self.install(&source, Goal::Exactly(locked)) {
                Err(_) if !self.options.offline => kept::forget(&archive),
                outcome => return outcome.map(|(change, _)| change),
            }
        }
        let wanted = Wanted { name: locked.name.clone(), requirement: exactly(&locked.version) };
        // The configuration may know more of an address than was written down.
        let configured = source::configured(self.store, &locked.name)?;
        let source = match configured.filter(|source| source.label() == locked.source) {
            Some(source) => source,
            None => Source::parse(&locked.source, None, self.store)?,
        };
        let source = source.narrowed(wanted);
        self.may_ask(&source, &locked.label())?;
        self.install(&source, Goal::Exactly(locked)).map(|(change, _)| change)
    }

    /// Whether it is installed and whole. What was changed on disk is not there: it is installed again.
    fn is_there(&self, locked: &Locked) -> Result<bool> {
        let place = self.store.place(&locked.name, &locked.version);
        let installed = self.store.installed(Some(&locked.name));
        let Some((entry, receipt)) = installed.iter().find(|(entry, _)| entry.dir == place) else {
            return Ok(false);
        };
        let is_same =
            receipt.as_ref().is_some_and(|receipt| receipt.manifest_sha256 == locked.manifest_sha256);
        let withdrawn = Withdrawn::read(&self.store.paths, self.store.config())?;
        match verify::check(entry, receipt.as_ref(), &self.keys, &withdrawn) {
            Ok(signer) => Ok(is_same && (locked.signer.is_none() || signer == locked.signer)),
            Err(error) if error.code == Code::Mismatch as u8 => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The best that the configuration allows, from where it says.
    fn choose_anew(&self, name: &str) -> Row {
        let row = |version, change, problem| Row { name: name.to_owned(), version, change, problem };
        match self.get_anew(name) {
            Ok((change, version)) => row(Some(version), change, None),
            Err(error) => row(None, Change::Failed, Some(error)),
        }
    }

    fn get_anew(&self, name: &str) -> Result<(Change, Version)> {
        if let Some(version) = self.fitting(name)? {
            if !self.options.dry_run {
                locking::follow(self.store, name, true)?;
            }
            return Ok((UNCHANGED, version));
        }
        let wanted = Wanted { name: name.to_owned(), requirement: VersionReq::STAR };
        let source = match source::configured(self.store, name)? {
            Some(source) => source,
            None => {
                let lock = self.store.config().lock()?.and_then(|lock| lock.of(name));
                match lock {
                    Some(rule) => Source::parse(&rule.value.source, None, self.store)?,
                    None => Source::Named(wanted.clone()),
                }
            }
        };
        let source = source.narrowed(wanted);
        self.may_ask(&source, name)?;
        self.install(&source, Goal::Anew)
    }

    /// The version that is installed and meets the configuration already, its source included.
    fn fitting(&self, name: &str) -> Result<Option<Version>> {
        let pins = self.store.config().pins_of_files(name)?;
        let from = source::configured(self.store, name)?.map(|source| source.label());
        let installed = self.store.installed(Some(name));
        let from_there = installed.iter().filter_map(|(entry, receipt)| {
            let receipt = receipt.as_ref()?;
            from.as_ref().is_none_or(|from| *from == receipt.source).then_some(entry)
        });
        let versions: Vec<&Entry> = from_there.collect();
        let chosen = self.store.catalog().choose_by(name, &versions, &pins);
        Ok(chosen.ok().flatten().map(|entry| entry.version().clone()))
    }

    fn install(&self, source: &Source, goal: Goal<'_>) -> Result<(Change, Version)> {
        let Options { yes, dry_run, .. } = self.options;
        let options = install::Options { yes, dry_run, force: false };
        let outcome = install_while(self.held, self.store, source, options, goal)?;
        Ok((Change::Put(outcome.action), outcome.version))
    }

    fn may_ask(&self, source: &Source, label: &str) -> Result<()> {
        let elsewhere = match source {
            Source::Url(_) => Some(source.label()),
            Source::Index(place, _) => match &place.location {
                Location::Url(url) => Some(url.clone()),
                Location::Directory(_) => None,
            },
            Source::Named(_) => Some("an index".to_owned()),
            Source::Directory(_) | Source::Archive(_) | Source::Kept(..) => None,
        };
        match elsewhere.filter(|_| self.options.offline) {
            None => Ok(()),
            Some(address) => Err(Error::new(
                Code::Failed,
                format!("{label} is neither installed nor kept on this machine"),
            )
            .because(format!("it comes from {address}, and --offline asks nobody"))
            .hint("seqera plugin sync  (without --offline)")),
        }
    }

    /// Removes what was installed and is not in the lock.
    fn sweep(&self, differences: &[Difference]) -> Result<Vec<Row>> {
        let config = crate::config::Config::read(&self.store.paths)?;
        let Some(lock) = config.lock()? else { return Ok(Vec::new()) };
        let is_open = |name: &str| {
            // With --dry-run nobody knows yet which version of these would be locked.
            self.options.dry_run && differences.iter().any(|difference| difference.name == name)
        };
        let names = self.store.installed(None).into_iter().map(|(entry, _)| entry.name().to_owned());
        let mut names: Vec<String> = names.filter(|name| !is_open(name)).collect();
        names.dedup();
        let mut rows = Vec::new();
        for name in names {
            let installed = self.store.installed(Some(&name));
            let locked = lock.of(&name).map(|rule| &rule.value.version);
            let count = installed.len();
            let extra: Vec<Entry> = installed
                .into_iter()
                .filter(|(entry, receipt)| receipt.is_some() && Some(entry.version()) != locked)
                .map(|(entry, _)| entry)
                .collect();
            if !self.options.dry_run && !extra.is_empty() {
                remove::take_away(self.held, self.store, &name, &extra, extra.len() == count)?;
            }
            let change = if self.options.dry_run { Change::WouldRemove } else { Change::Removed };
            rows.extend(extra.iter().map(|entry| Row {
                name: name.clone(),
                version: Some(entry.version().clone()),
                change,
                problem: None,
            }));
        }
        Ok(rows)
    }
}
