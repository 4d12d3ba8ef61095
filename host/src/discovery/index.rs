//! The plugin index: what the last scan found, so that a command need not read every manifest.
//!
//! A cache and nothing more: when it is missing, stale, unreadable or nonsense it is made anew, and when it cannot
//! be written nothing is lost but time. The first line is the header, then comes a short line for each plugin, its key,
//! and then a line for each with its whole manifest. A dispatch reads header and keys, and the manifests that it needs;
//! help reads no manifest at all.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::entry::{Broken, Entry};
use super::scan::{DIGESTS_FILE, Found, Root};
use super::stamp::Stamp;
use crate::files;

/// Raised whenever the format changes.
const FORMAT: u32 = 2;
/// Header and keys of a hundred plugins: read at once.
const CHUNK: u64 = 16 << 10;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Header {
    format: u32,
    product: String,
    /// How many bytes of keys follow.
    keys: u64,
    /// How many keys these are.
    plugins: usize,
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
    file: File,
    /// The keys, a line each.
    keys: String,
    /// Where the manifests begin.
    manifests: u64,
    broken: Vec<Broken>,
}

/// What is known of a plugin without its manifest. Fields are separated by tabs, which JSON keeps out of the others;
/// those that every lookup compares come first.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    /// The words that it claims, aliases too, as JSON.
    words: &'a str,
    /// The services that it provides, as JSON.
    provides: &'a str,
    /// Its name.
    pub name: &'a str,
    rest: &'a str,
}

/// The fields that only some lookups need.
#[derive(Debug)]
pub struct Details<'a> {
    /// Its version.
    pub version: &'a str,
    /// Which of the roots it lies in.
    pub root: usize,
    /// The directory that holds all versions of this plugin when it was read.
    pub parent: Stamp,
    /// Its commands, each with one line for people.
    pub commands: Vec<(String, String)>,
    /// Where its manifest begins, and how long it is.
    place: (u64, u64),
}

impl<'a> Key<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.splitn(4, '\t');
        let mut field = || fields.next();
        Some(Self { words: field()?, provides: field()?, name: field()?, rest: field()? })
    }

    /// The other fields. `None`: nonsense.
    pub fn details(&self) -> Option<Details<'a>> {
        let mut fields = self.rest.split('\t');
        let mut field = || fields.next();
        Some(Details {
            place: (field()?.parse().ok()?, field()?.parse().ok()?),
            version: field()?,
            root: field()?.parse().ok()?,
            parent: serde_json::from_str(field()?).ok()?,
            commands: serde_json::from_str(field()?).ok()?,
        })
    }
}

impl Index {
    /// Reads the index; `None` when there is none that fits these roots.
    pub fn read(cache: &Path, roots: &[Root]) -> Option<Self> {
        let file = files::open(&file(cache)).ok()?;
        let mut text = Vec::with_capacity(usize::try_from(CHUNK).ok()?);
        let _length = (&file).take(CHUNK).read_to_end(&mut text).ok()?;
        let line = text.iter().position(|byte| *byte == b'\n')?;
        let header: Header = serde_json::from_slice(text.get(..line)?).ok()?;
        let fits = header.format == FORMAT
            && header.product == crate::VERSION
            && header.roots == roots.iter().map(stamp).collect::<Vec<_>>();
        if !fits {
            return None;
        }
        let keys = text.split_off(line + 1);
        let manifests = u64::try_from(line).ok()?.checked_add(1)?.checked_add(header.keys)?;
        let keys = complete(&file, keys, header.keys)?;
        if keys.lines().count() != header.plugins {
            return None;
        }
        Some(Self { file, keys, manifests, broken: header.broken })
    }

    /// The keys of all plugins. `None`: one is nonsense.
    pub fn keys(&self) -> Option<Vec<Key<'_>>> {
        self.keys.lines().map(Key::parse).collect()
    }

    /// All entries. `None`: a line is nonsense.
    pub fn all(&self) -> Option<Vec<Entry>> {
        self.keys()?.iter().map(|key| self.entry(key)).collect()
    }

    /// Every version of each plugin of which some version may claim the command `word`. `None`: nonsense.
    pub fn claiming(&self, word: &str) -> Option<Vec<Entry>> {
        let needle = serde_json::Value::from(word).to_string();
        self.all_versions(|key| key.words.contains(&needle) || key.name == word)
    }

    /// Every version of each plugin of which some version provides `service`. `None`: nonsense.
    pub fn providing(&self, service: &str) -> Option<Vec<Entry>> {
        let needle = serde_json::Value::from(service).to_string();
        self.all_versions(|key| key.provides.contains(&needle))
    }

    fn all_versions(&self, is_meant: impl Fn(&Key<'_>) -> bool) -> Option<Vec<Entry>> {
        let keys = self.keys()?;
        let names: BTreeSet<&str> = keys.iter().filter(|key| is_meant(key)).map(|key| key.name).collect();
        keys.iter().filter(|key| names.contains(key.name)).map(|key| self.entry(key)).collect()
    }

    /// The whole entry of a key. `None`: nonsense.
    pub fn entry(&self, key: &Key<'_>) -> Option<Entry> {
        let (at, length) = key.details()?.place;
        let mut file = &self.file;
        let _position = file.seek(SeekFrom::Start(self.manifests.checked_add(at)?)).ok()?;
        let mut text = Vec::with_capacity(usize::try_from(length.min(files::READ_AT_ONCE)).ok()?);
        let _length = file.take(length).read_to_end(&mut text).ok()?;
        let entry: Entry = serde_json::from_slice(&text).ok()?;
        (entry.name() == key.name).then_some(entry)
    }

    /// What looked like a plugin.
    pub fn broken(&self) -> &[Broken] {
        &self.broken
    }

    /// Remembers what a scan found. Failure is of no consequence.
    pub fn write(cache: &Path, roots: &[Root], found: &Found) {
        let _only_a_cache = render(roots, found).map(|text| replace(&file(cache), text.as_bytes()));
    }
}

/// `None` for a plugin that cannot be written down.
fn render(roots: &[Root], found: &Found) -> Option<String> {
    let (mut keys, mut manifests) = (String::new(), String::new());
    for entry in &found.entries {
        let at = manifests.len();
        manifests.push_str(&serde_json::to_string(entry).ok()?);
        keys.push_str(&key(roots, entry, at, manifests.len() - at)?);
        manifests.push('\n');
    }
    let header = Header {
        format: FORMAT,
        product: crate::VERSION.to_owned(),
        keys: u64::try_from(keys.len()).ok()?,
        plugins: found.entries.len(),
        roots: roots.iter().map(stamp).collect(),
        broken: found.broken.clone(),
    };
    Some(format!("{}\n{keys}{manifests}", serde_json::to_string(&header).ok()?))
}

fn key(roots: &[Root], entry: &Entry, at: usize, length: usize) -> Option<String> {
    let commands = &entry.manifest.commands;
    let words: Vec<&str> = commands.iter().flat_map(|command| command.all()).collect();
    let provides: Vec<&String> = entry.manifest.provides.keys().collect();
    let abouts: Vec<(&str, &str)> =
        commands.iter().map(|command| (command.name.as_str(), command.about.as_str())).collect();
    let root = roots.iter().position(|root| root.origin == entry.origin)?;
    Some(format!(
        "{}\t{}\t{}\t{at}\t{length}\t{}\t{root}\t{}\t{}\n",
        serde_json::to_string(&words).ok()?,
        serde_json::to_string(&provides).ok()?,
        entry.name(),
        entry.version(),
        serde_json::to_string(&entry.parent).ok()?,
        serde_json::to_string(&abouts).ok()?,
    ))
}

/// The keys, of which the beginning was read.
fn complete(file: &File, mut keys: Vec<u8>, length: u64) -> Option<String> {
    let read = u64::try_from(keys.len()).ok()?;
    if let Some(missing) = length.checked_sub(read) {
        let _length = file.take(missing).read_to_end(&mut keys).ok()?;
    }
    let length = usize::try_from(length).ok()?;
    if keys.len() < length {
        return None;
    }
    keys.truncate(length);
    String::from_utf8(keys).ok()
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::discovery::Origin;

    fn entry(name: &str, version: &str, about: &str, provides: &str) -> Entry {
        serde_json::from_value(json!({
            "dir": format!("/nowhere/{name}/{version}"), "origin": "user",
            "stamp": [1, 2, 3, 4, 5, 6], "parent": [6, 5, 4, 3, 2, 1],
            "manifest": {
                "manifest": 1, "plugin": { "name": name, "version": version }, "compat": { "abi": "1.0.0" },
                "artifact": {}, "cli": { "file": "cli.json", "sha256": "" },
                "command": [{ "name": format!("{name}-it"), "about": about, "aliases": ["short"] }],
                "provides": { provides: 1 },
            },
        }))
        .unwrap()
    }

    fn written(dir: &Path) -> (Vec<Root>, Found) {
        let roots = vec![Root { path: dir.join("plugins"), origin: Origin::User }];
        let entries = vec![
            entry("one", "1.0.0", "a\tb\n\"c\"\u{7f}", "odd\tname"),
            entry("two", "1.0.0", "", "tokens"),
            entry("one", "2.0.0-rc.1", "plain", "tokens"),
        ];
        let found = Found { entries, broken: vec![Broken { dir: "/x".into(), problem: "y".to_owned() }] };
        Index::write(dir, &roots, &found);
        (roots, found)
    }

    #[test]
    fn what_was_written_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let (roots, found) = written(dir.path());
        let index = Index::read(dir.path(), &roots).unwrap();
        assert_eq!(index.all().unwrap(), found.entries);
        assert_eq!(index.broken(), found.broken);
        let names = |entries: Option<Vec<Entry>>| -> Vec<String> {
            entries.unwrap().iter().map(Entry::label).collect()
        };
        let both = ["one 1.0.0", "one 2.0.0-rc.1"];
        assert_eq!(names(index.claiming("one-it")), both);
        assert_eq!(names(index.claiming("two")), ["two 1.0.0"], "by its name");
        assert_eq!(names(index.claiming("short")).len(), 3);
        assert_eq!(names(index.claiming("it")), [""; 0], "no part of a word");
        assert_eq!(names(index.providing("odd\tname")), both);
        assert_eq!(names(index.providing("tokens")).len(), 3);
        let keys = index.keys().unwrap();
        let details = keys[0].details().unwrap();
        assert_eq!(details.commands, [("one-it".to_owned(), "a\tb\n\"c\"\u{7f}".to_owned())]);
        assert_eq!((details.version, details.root, details.parent), ("1.0.0", 0, found.entries[0].parent));
    }

    /// Whatever became of the bytes: it is understood as it was, or as little as a missing one, and nothing panics.
    #[test]
    fn a_cut_or_a_wrong_byte_is_no_trap() {
        let dir = tempfile::tempdir().unwrap();
        let (roots, found) = written(dir.path());
        let path = file(dir.path());
        let good = fs::read(&path).unwrap();
        for length in 0..good.len() - 1 {
            fs::write(&path, &good[..length]).unwrap();
            let all = Index::read(dir.path(), &roots).and_then(|index| index.all());
            assert_eq!(all, None, "cut after {length}");
        }
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 0x11;
            fs::write(&path, bytes).unwrap();
            let Some(index) = Index::read(dir.path(), &roots) else { continue };
            let found_there = index.all().is_none_or(|entries| entries.len() <= found.entries.len() + 1);
            assert!(found_there, "byte {at}");
            let _no_panic = (index.claiming("one-it"), index.providing("tokens"));
            let _no_panic: Option<Vec<_>> =
                index.keys().map(|keys| keys.iter().map(Key::details).collect::<Vec<_>>());
        }
    }
}
