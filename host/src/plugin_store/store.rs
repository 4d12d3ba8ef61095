//! The user's plugins directory: its lock, its corner for things that are not finished, and what is installed in it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use semver::Version;
use tempfile::TempDir;

use super::download::Downloads;
use super::durable;
use super::receipt::Receipt;
use super::steps::{Step, reached};
use crate::broker::Broker;
use crate::config::{Config, Paths};
use crate::discovery::{Catalog, Entry, Origin};
use crate::error::{Code, Error, Result};
use crate::signals::Signals;

/// Where packages are unpacked and checked; on the file system of the plugins, so that a rename finishes them.
const STAGING: &str = ".staging";
/// Where what was removed waits for its deletion.
const TRASH: &str = ".trash";

/// The store of this user.
pub struct Store {
    /// The directories.
    pub paths: Paths,
    root: PathBuf,
    broker: Arc<Broker>,
}

/// Held while it lives; the system takes it from a process that was killed.
#[must_use]
pub struct Lock {
    _file: Option<File>,
}

impl Store {
    /// The store, with nothing touched yet.
    ///
    /// # Errors
    /// `Config`: there is no directory for plugins, or the configuration is wrong.
    pub fn open() -> Result<Self> {
        let paths = Paths::find();
        let config = Config::read(&paths)?;
        Self::with(paths, config)
    }

    /// The store under these settings.
    ///
    /// # Errors
    /// `Config`: there is no directory for plugins.
    pub fn with(paths: Paths, config: Config) -> Result<Self> {
        let root = paths.user_plugins.clone().ok_or_else(|| {
            Error::new(Code::Config, "there is no directory for plugins")
                .hint("Set HOME, or SEQERA_PLUGINS_DIR.")
        })?;
        let broker = Broker::new(paths.clone(), config, Signals::install());
        Ok(Self { paths, root, broker })
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        self.broker.config()
    }

    /// All plugins on this machine.
    pub fn catalog(&self) -> Catalog<'_> {
        self.broker.catalog()
    }

    /// The way to other machines.
    pub fn downloads(&self) -> Downloads {
        Downloads::new(Arc::clone(&self.broker))
    }

    /// Waits until nobody else changes the store, and sweeps what was left by somebody who was killed.
    ///
    /// # Errors
    /// `Failed`: the directory cannot be written, or another process takes too long.
    pub fn lock(&self) -> Result<Lock> {
        let failed = |problem: String| {
            Error::new(Code::Failed, format!("the plugins in {} cannot be changed", self.root.display()))
                .because(problem)
        };
        let file = durable::lock(&self.root.join(".lock")).map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => failed(error.to_string()).hint("Try again later."),
            _ => failed(error.to_string()),
        })?;
        self.finish_removals();
        for leftover in [STAGING, TRASH] {
            let _kept_until_next_time = fs::remove_dir_all(self.root.join(leftover));
        }
        Ok(Lock { _file: Some(file) })
    }

    /// As [`lock`](Self::lock), unless everything is only tried out: then nobody is waited for, and nothing is written.
    ///
    /// # Errors
    /// As there.
    pub fn lock_unless(&self, dry_run: bool) -> Result<Lock> {
        if dry_run { Ok(Lock { _file: None }) } else { self.lock() }
    }

    /// A fresh directory for a package that is not finished. What is only tried out lies in the cache.
    ///
    /// # Errors
    /// `Failed`: it cannot be made.
    pub fn staging(&self, dry_run: bool) -> Result<TempDir> {
        let place = self.paths.cache.as_ref().filter(|_| dry_run).unwrap_or(&self.root);
        let corner = self.corner(place, STAGING)?;
        if dry_run {
            sweep(&place.join(STAGING));
        }
        Ok(corner)
    }

    /// Takes a version of a plugin out of the way at once, and then deletes it. The directory of its name goes with the
    /// last one; what else lies in it keeps it.
    ///
    /// # Errors
    /// `Failed`: it cannot be moved; then it is still there, whole.
    pub fn discard(&self, name: &str, version: &Path) -> Result<()> {
        let trash = self.corner(&self.root, TRASH)?;
        // It is called as the plugin there: whoever goes on from here knows which directory may be empty now.
        fs::rename(version, trash.path().join(name))
            .map_err(|error| self.failed(&format!("remove {}", version.display()), &error))?;
        reached(Step::Trashed)?;
        let of_name = self.root.join(name);
        durable::sync_directory(&of_name);
        let _not_empty = fs::remove_dir(of_name);
        // What cannot be deleted now, because somebody uses it, goes with the next sweep.
        let _swept_later = trash.close();
        Ok(())
    }

    /// Only of what somebody was removing: other empty directories are not ours.
    fn finish_removals(&self) {
        let listed = |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten();
        let removals = listed(&self.root.join(TRASH)).flat_map(|removal| listed(&removal.path()));
        for removed in removals {
            let _not_empty = fs::remove_dir(self.root.join(removed.file_name()));
        }
    }

    fn corner(&self, place: &Path, name: &str) -> Result<TempDir> {
        let corner = place.join(name);
        durable::create_directory(&corner)
            .and_then(|()| tempfile::Builder::new().prefix("").tempdir_in(&corner))
            .map_err(|error| self.failed(&format!("write into {}", corner.display()), &error))
    }

    /// Where a version has its place.
    pub fn place(&self, name: &str, version: &Version) -> PathBuf {
        self.root.join(name).join(version.to_string())
    }

    /// The user's plugins, with the receipts of those that were installed; the highest version first.
    pub fn installed(&self, name: Option<&str>) -> Vec<(Entry, Option<Receipt>)> {
        let (entries, _) = self.catalog().all();
        let mut found: Vec<_> = entries
            .into_iter()
            .filter(|entry| entry.origin == Origin::User && name.is_none_or(|name| entry.name() == name))
            .map(|entry| {
                let receipt = Receipt::read(&entry.dir);
                (entry, receipt)
            })
            .collect();
        found.sort_by(|(a, _), (b, _)| a.name().cmp(b.name()).then_with(|| b.version().cmp(a.version())));
        found
    }

    fn failed(&self, what: &str, error: &io::Error) -> Error {
        Error::new(Code::Failed, format!("cannot {what}")).because(error)
    }
}

/// Removes what was left in a directory by somebody who was killed; a trial does not take as long as a day.
fn sweep(directory: &Path) {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let is_left = |path: &PathBuf| {
        let age = fs::metadata(path).ok().and_then(|metadata| metadata.modified().ok()?.elapsed().ok());
        age.is_some_and(|age| age > DAY)
    };
    let items = fs::read_dir(directory).into_iter().flatten().flatten().map(|item| item.path());
    for left in items.filter(is_left) {
        let _kept_until_next_time = fs::remove_dir_all(left);
    }
}
