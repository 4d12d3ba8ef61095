//! Which plugins there are, and which one a word or a service means. Opens no library.

mod choice;
mod entry;
mod index;
pub mod link;
pub mod manifest;
mod overview;
mod scan;
mod stamp;
mod weigh;

use std::path::PathBuf;
use std::sync::OnceLock;

pub use choice::switched_off;
pub use entry::{Broken, Entry, MANIFEST_FILE, MAX_MANIFEST, Origin};
use index::Index;
pub use index::replace;
use scan::{Found, Root, scan, scan_named};
pub use stamp::Stamp;
use stamp::Stamps;
pub use weigh::Case;

use crate::config::{Config, Paths};
use crate::error::Result;
use crate::plugin_store::seen::Withdrawn;

/// The plugins on this machine, as far as they were looked at.
pub struct Catalog<'a> {
    roots: Vec<Root>,
    cache: Option<PathBuf>,
    paths: Paths,
    config: &'a Config,
    withdrawn: OnceLock<Result<Withdrawn>>,
}

impl<'a> Catalog<'a> {
    /// The catalog of these directories, under these settings.
    pub fn new(paths: &Paths, config: &'a Config) -> Self {
        let root = |path: &Option<PathBuf>, origin| Some(Root { path: path.clone()?, origin });
        let bundled = root(&paths.bundled_plugins, Origin::Bundled);
        let user = root(&paths.user_plugins, Origin::User);
        // Hardly anybody has any: then nothing more is looked at.
        let linked = root(&link::directory(paths).filter(|dir| dir.is_dir()), Origin::Linked);
        Self {
            roots: bundled.into_iter().chain(user).chain(linked).collect(),
            cache: paths.cache.clone(),
            paths: paths.clone(),
            config,
            withdrawn: OnceLock::new(),
        }
    }

    /// What indexes withdrew.
    fn withdrawn(&self) -> Result<&Withdrawn> {
        let read = || Withdrawn::read(&self.paths, self.config);
        self.withdrawn.get_or_init(read).as_ref().map_err(Clone::clone)
    }

    /// The settings that count.
    pub fn config(&self) -> &Config {
        self.config
    }

    /// The directories that are looked in, in order.
    pub fn directories(&self) -> impl Iterator<Item = &PathBuf> {
        self.roots.iter().map(|root| &root.path)
    }

    /// All plugins, each checked to be as it was when it was read.
    pub fn all(&self) -> (Vec<Entry>, Vec<Broken>) {
        self.everything(Entry::is_fresh)
    }

    /// All plugins, as far as their directories tell that nothing came or went. A manifest that was edited where it
    /// lies is seen by [`Catalog::all`] and when the plugin is used; help need not pay for looking at each.
    pub fn all_by_directories(&self) -> (Vec<Entry>, Vec<Broken>) {
        self.everything(Entry::is_there)
    }

    fn everything(&self, is_fresh: fn(&Entry, &Stamps) -> bool) -> (Vec<Entry>, Vec<Broken>) {
        let known = self.cache.as_ref().filter(|_| !self.config.has_policy()).and_then(|cache| {
            let index = Index::read(cache, &self.roots)?;
            let entries = index.all()?;
            let stamps = self.stamps();
            let are_fresh = entries.iter().all(|entry| is_fresh(entry, &stamps));
            are_fresh.then(|| (entries, index.broken().to_vec()))
        });
        known.unwrap_or_else(|| {
            let found = self.rebuild();
            (found.entries, found.broken)
        })
    }

    fn stamps(&self) -> Stamps {
        Stamps::below(self.roots.iter().map(|root| root.path.as_path()))
    }

    /// The plugins that may claim the command `word`.
    fn claiming(&self, word: &str) -> Vec<Entry> {
        self.found(|index| index.claiming(word))
    }

    /// The plugins that may provide `service`.
    fn providing(&self, service: &str) -> Vec<Entry> {
        self.found(|index| index.providing(service))
    }

    /// What is looked for in the index, each entry checked to be as it was. When there is none, everything is read
    /// again before that is believed.
    fn found(&self, look: impl FnOnce(&Index) -> Option<Vec<Entry>>) -> Vec<Entry> {
        let known = self.cache.as_ref().and_then(|cache| {
            let entries = look(&Index::read(cache, &self.roots)?)?;
            let stamps = self.stamps();
            let is_news = entries.is_empty() || !entries.iter().all(|entry| entry.is_fresh(&stamps));
            (!is_news && self.may_be_believed(&entries)).then_some(entries)
        });
        known.unwrap_or_else(|| self.rebuild().entries)
    }

    /// The index lies where the user writes, or where `XDG_CACHE_HOME` says. Under a policy it only tells where to look:
    /// which versions there are, whose they are and what they say is read again.
    fn may_be_believed(&self, entries: &[Entry]) -> bool {
        let names = || entries.iter().map(Entry::name).collect();
        !self.config.has_policy() || scan_named(&self.roots, &names()).entries == entries
    }

    fn rebuild(&self) -> Found {
        let found = scan(&self.roots);
        if let Some(cache) = &self.cache {
            Index::write(cache, &self.roots, &found);
        }
        found
    }
}
