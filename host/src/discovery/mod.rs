//! Which plugins there are, and which one a word or a service means. Opens no library.

mod choice;
mod entry;
mod index;
pub mod manifest;
mod scan;
mod stamp;

use std::path::PathBuf;

pub use entry::{Broken, Entry, Origin};
use index::Index;
pub use index::replace;
use scan::{Found, Root, scan};
pub use stamp::Stamp;

use crate::config::{Config, Paths};

/// The plugins on this machine, as far as they were looked at.
pub struct Catalog<'a> {
    roots: Vec<Root>,
    cache: Option<PathBuf>,
    config: &'a Config,
}

impl<'a> Catalog<'a> {
    /// The catalog of these directories, under these settings.
    pub fn new(paths: &Paths, config: &'a Config) -> Self {
        let root = |path: &Option<PathBuf>, origin| Some(Root { path: path.clone()?, origin });
        let bundled = root(&paths.bundled_plugins, Origin::Bundled);
        let user = root(&paths.user_plugins, Origin::User);
        Self { roots: bundled.into_iter().chain(user).collect(), cache: paths.cache.clone(), config }
    }

    /// The directories that are looked in, in order.
    pub fn directories(&self) -> impl Iterator<Item = &PathBuf> {
        self.roots.iter().map(|root| &root.path)
    }

    /// All plugins, each checked to be as it was when it was read.
    pub fn all(&self) -> (Vec<Entry>, Vec<Broken>) {
        let known = self.cache.as_ref().and_then(|cache| {
            let index = Index::read(cache, &self.roots)?;
            let entries = index.all()?;
            entries.iter().all(Entry::is_fresh).then(|| (entries, index.broken().to_vec()))
        });
        known.unwrap_or_else(|| {
            let found = self.rebuild();
            (found.entries, found.broken)
        })
    }

    /// The plugins that mention `word` (a command, an alias, a service, their name); those are checked to be as they
    /// were. When none does, everything is read again before that is believed.
    fn mentioning(&self, word: &str) -> Vec<Entry> {
        let known = self.cache.as_ref().and_then(|cache| {
            let entries = Index::read(cache, &self.roots)?.mentioning(word)?;
            (!entries.is_empty() && entries.iter().all(Entry::is_fresh)).then_some(entries)
        });
        known.unwrap_or_else(|| self.rebuild().entries)
    }

    fn rebuild(&self) -> Found {
        let found = scan(&self.roots);
        if let Some(cache) = &self.cache {
            Index::write(cache, &self.roots, &found);
        }
        found
    }
}
