//! Walks the plugins directories and reads every manifest. Slow and exact; the index remembers what it found.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::entry::{Broken, Entry, MANIFEST_FILE, MAX_MANIFEST, Origin};
use super::manifest::{Manifest, is_plugin_name};
use super::stamp::Stamp;
use crate::{digest, files};

/// The name of the file that lists the digests of the bundled plugins, in the format of `sha256sum`.
pub const DIGESTS_FILE: &str = "SHA256SUMS";
/// More than it ever needs, in bytes.
const MAX_DIGESTS: u64 = 16 << 20;

/// A directory to look in.
#[derive(Debug, Clone)]
pub struct Root {
    /// Its path.
    pub path: PathBuf,
    /// Whose it is.
    pub origin: Origin,
}

/// What lies in the directories.
#[derive(Debug, Default)]
pub struct Found {
    /// The plugins.
    pub entries: Vec<Entry>,
    /// What looks like one.
    pub broken: Vec<Broken>,
}

/// Reads everything below the roots.
pub fn scan(roots: &[Root]) -> Found {
    let mut found = Found::default();
    for root in roots {
        match directories(&root.path) {
            Ok(names) => scan_root(root, names, &mut found),
            Err(problem) => {
                let broken = problem.map(|problem| Broken { dir: root.path.clone(), problem });
                found.broken.extend(broken);
            }
        }
    }
    found
}

/// Reads every version of these plugins, as [`scan`] does.
pub fn scan_named(roots: &[Root], names: &BTreeSet<&str>) -> Found {
    let mut found = Found::default();
    for root in roots {
        let names = names.iter().filter(|name| is_plugin_name(name)).map(|name| root.path.join(name));
        scan_root(root, names.filter(|dir| dir.is_dir()).collect(), &mut found);
    }
    found
}

/// Reads the plugins whose versions lie in these directories of a root.
fn scan_root(root: &Root, names: Vec<PathBuf>, found: &mut Found) {
    let digests = match root.origin {
        Origin::Bundled => files::read_text(&root.path.join(DIGESTS_FILE), MAX_DIGESTS).unwrap_or_default(),
        Origin::User | Origin::Linked => String::new(),
    };
    for name in names {
        let parent = Stamp::of(&name);
        for dir in directories(&name).unwrap_or_default() {
            let read = read_entry(&dir, root, parent, &digests);
            match read {
                Ok(entry) => found.entries.push(entry),
                Err(problem) => found.broken.push(Broken { dir, problem }),
            }
        }
    }
}

/// Subdirectories in order of their names, without hidden ones. `Err(None)` when there is no such directory.
fn directories(path: &Path) -> Result<Vec<PathBuf>, Option<String>> {
    let listing = match fs::read_dir(path) {
        Ok(listing) => listing,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(None),
        Err(error) => return Err(Some(format!("it cannot be read: {error}"))),
    };
    let mut found: Vec<PathBuf> = listing
        .filter_map(|item| Some(item.ok()?.path()))
        .filter(|path| path.is_dir() && !is_hidden(path))
        .collect();
    found.sort();
    Ok(found)
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn read_entry(dir: &Path, root: &Root, parent: Stamp, digests: &str) -> Result<Entry, String> {
    let path = dir.join(MANIFEST_FILE);
    let text = files::read_text(&path, MAX_MANIFEST).map_err(|error| match error.kind() {
        ErrorKind::NotFound => format!("there is no {MANIFEST_FILE} in it"),
        _ => format!("its {MANIFEST_FILE} cannot be read: {error}"),
    })?;
    let manifest =
        Manifest::parse(&text).map_err(|problem| format!("its {MANIFEST_FILE} is wrong: {problem}"))?;
    check_place(dir, &manifest)?;
    if root.origin == Origin::Bundled {
        check_bundled(dir, &root.path, &manifest, &text, digests)?;
    }
    Ok(Entry { dir: dir.to_owned(), origin: root.origin, stamp: Stamp::of(&path), parent, manifest })
}

/// A directory is called as the manifest says: `<name>/<version>`.
fn check_place(dir: &Path, manifest: &Manifest) -> Result<(), String> {
    let version = dir.file_name().and_then(|name| name.to_str());
    let name = dir.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    let (expected_name, expected_version) = (&manifest.plugin.name, manifest.plugin.version.to_string());
    if name == Some(expected_name) && version == Some(&expected_version) {
        Ok(())
    } else {
        Err(format!("its manifest says {expected_name} {expected_version}, its directory something else"))
    }
}

/// A plugin in the bundled directory is trusted because staging listed it, not because it lies there.
fn check_bundled(
    dir: &Path,
    root: &Path,
    manifest: &Manifest,
    text: &str,
    digests: &str,
) -> Result<(), String> {
    let listed = |file: &str| {
        let path = dir.join(file);
        let relative = path.strip_prefix(root).ok()?.to_str()?.to_owned();
        digests.lines().find_map(|line| {
            let (digest, name) = line.split_once("  ")?;
            (name == relative).then(|| digest.to_owned())
        })
    };
    if listed(MANIFEST_FILE).as_deref() != Some(digest::of_bytes(text.as_bytes()).as_str()) {
        return Err(format!("its {MANIFEST_FILE} is not the one that came with seqera ({DIGESTS_FILE})"));
    }
    match manifest.artifact.get(crate::TARGET) {
        Some(artifact) if listed(&artifact.file).as_deref() != Some(artifact.sha256.as_str()) => {
            Err(format!("its library is not the one that came with seqera ({DIGESTS_FILE})"))
        }
        _ => Ok(()),
    }
}
