//! The plugin index: what the last scan found, so that a command need not read every manifest.
//!
//! A cache and nothing more: when it is missing, stale, unreadable or nonsense it is made anew, and when it cannot
//! be written nothing is lost but time. The first line is the header, every further line one plugin, so that a
//! dispatch parses only the lines that mention its word.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::entry::{Broken, Entry};
use super::scan::{DIGESTS_FILE, Found, Root};
use super::stamp::Stamp;

/// Raised whenever the format changes.
const FORMAT: u32 = 1;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Header {
    format: u32,
    product: String,
    roots: Vec<RootStamp>,
    broken: Vec<Broken>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct RootStamp {
    path: PathBuf,
    dir: Stamp,
    digests: Stamp,
}

/// An index that was read and whose roots are as they were.
pub struct Index {
    text: String,
    broken: Vec<Broken>,
}

impl Index {
    /// Reads the index; `None` when there is none that fits these roots.
    pub fn read(cache: &Path, roots: &[Root]) -> Option<Self> {
        let text = fs::read_to_string(file(cache)).ok()?;
        let header: Header = serde_json::from_str(text.lines().next()?).ok()?;
        let fits = header.format == FORMAT
            && header.product == crate::VERSION
            && header.roots == roots.iter().map(stamp).collect::<Vec<_>>();
        fits.then_some(Self { text, broken: header.broken })
    }

    /// All entries. `None`: a line is nonsense.
    pub fn all(&self) -> Option<Vec<Entry>> {
        self.matching(|_| true)
    }

    /// Every version of each plugin of which some version may claim the command `word`. `None`: nonsense.
    pub fn claiming(&self, word: &str) -> Option<Vec<Entry>> {
        let needle = serde_json::Value::from(word).to_string();
        self.all_versions(|line| line.contains(&needle))
    }

    /// Every version of each plugin of which some version provides `service`. `None`: nonsense.
    ///
    /// Only the list of what is provided counts: nearly every plugin uses the token provider.
    pub fn providing(&self, service: &str) -> Option<Vec<Entry>> {
        let needle = serde_json::Value::from(service).to_string();
        self.all_versions(|line| {
            let provided = line.split_once("\"provides\":{").and_then(|(_, rest)| rest.split_once('}'));
            provided.is_some_and(|(services, _)| services.contains(&needle))
        })
    }

    fn all_versions(&self, is_meant: impl Fn(&str) -> bool) -> Option<Vec<Entry>> {
        let names: BTreeSet<String> =
            self.matching(is_meant)?.iter().map(|entry| entry.name().to_owned()).collect();
        let needles: Vec<String> =
            names.iter().map(|name| format!("\"plugin\":{{\"name\":\"{name}\"")).collect();
        self.matching(|line| needles.iter().any(|needle| line.contains(needle.as_str())))
    }

    fn matching(&self, wanted: impl Fn(&str) -> bool) -> Option<Vec<Entry>> {
        self.text
            .lines()
            .skip(1)
            .filter(|line| wanted(line))
            .map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// What looked like a plugin.
    pub fn broken(&self) -> &[Broken] {
        &self.broken
    }

    /// Remembers what a scan found. Failure is of no consequence.
    pub fn write(cache: &Path, roots: &[Root], found: &Found) {
        let header = Header {
            format: FORMAT,
            product: crate::VERSION.to_owned(),
            roots: roots.iter().map(stamp).collect(),
            broken: found.broken.clone(),
        };
        let mut text = serde_json::to_string(&header).unwrap_or_default();
        for entry in &found.entries {
            text.push('\n');
            text.push_str(&serde_json::to_string(entry).unwrap_or_default());
        }
        text.push('\n');
        let _only_a_cache = replace(&file(cache), text.as_bytes());
    }
}

/// Replaces a file of the cache at once, so that a reader never sees half of it.
pub fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

fn file(cache: &Path) -> PathBuf {
    cache.join("plugin-index.jsonl")
}

fn stamp(root: &Root) -> RootStamp {
    RootStamp {
        path: root.path.clone(),
        dir: Stamp::of(&root.path),
        digests: Stamp::of(&root.path.join(DIGESTS_FILE)),
    }
}
