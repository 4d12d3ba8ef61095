//! Makes the index of a directory of packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use humantime::format_rfc3339_seconds;

use super::archive::{self, LIMITS};
use super::index::{Index, Offer};
use super::package::MANIFEST_FILE;
use super::signature::SigningKey;
use crate::digest;
use crate::discovery::manifest::Manifest;
use crate::error::{Code, Error, Result};
use crate::files;

/// What shall be different.
pub struct Changes<'a> {
    /// A name.
    pub name: Option<&'a str>,
    /// SHA-256 of libraries or manifests to withdraw.
    pub revoked_digests: &'a [String],
    /// Ids of keys to withdraw.
    pub revoked_keys: &'a [String],
    /// In how many days it is published anew at the latest.
    pub valid_days: Option<u32>,
    /// Nothing is written.
    pub dry_run: bool,
}

/// Reads every archive of the directory, raises the serial number, signs and writes the index.
///
/// # Errors
/// `Failed`: an archive is no package, or something cannot be written.
pub fn publish(directory: &Path, key: &SigningKey, changes: &Changes<'_>) -> Result<Index> {
    let mut index = Index::of_directory(directory, changes.name)?;
    index.plugins = archives(directory)?.iter().map(|path| offer(path)).collect::<Result<_>>()?;
    index.plugins.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    let twice = index
        .plugins
        .windows(2)
        .find(|pair| pair[0].name == pair[1].name && pair[0].version == pair[1].version);
    if let Some([one, other]) = twice {
        return Err(Error::new(Code::Failed, format!("two archives are {} {}", one.name, one.version))
            .because(format!("{} and {}", one.archive, other.archive)));
    }
    index.serial += 1;
    let valid = changes.valid_days.map(|days| Duration::from_secs(u64::from(days) * 24 * 60 * 60));
    index.expires = valid.map(|valid| format_rfc3339_seconds(SystemTime::now() + valid).to_string());
    add(&mut index.revoked.digests, changes.revoked_digests);
    add(&mut index.revoked.keys, changes.revoked_keys);
    if !changes.dry_run {
        index.publish(directory, key)?;
    }
    Ok(index)
}

fn add(all: &mut Vec<String>, more: &[String]) {
    all.extend(more.iter().cloned());
    all.sort();
    all.dedup();
}

fn archives(directory: &Path) -> Result<Vec<PathBuf>> {
    let listing = fs::read_dir(directory).map_err(|error| {
        Error::new(Code::Failed, format!("cannot read {}", directory.display())).because(error)
    })?;
    let is_archive = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with(".tar.gz"))
    };
    let mut found: Vec<PathBuf> =
        listing.filter_map(|item| Some(item.ok()?.path())).filter(is_archive).collect();
    found.sort();
    Ok(found)
}

fn offer(path: &Path) -> Result<Offer> {
    let wrong = |problem: String| {
        Error::new(Code::Failed, format!("{} is no package of a plugin", path.display())).because(problem)
    };
    let bytes = files::read(path, LIMITS.packed).map_err(|error| wrong(error.to_string()))?;
    let scratch = tempfile::tempdir().map_err(|error| wrong(error.to_string()))?;
    archive::unpack(bytes.as_slice(), scratch.path(), LIMITS).map_err(wrong)?;
    let text = fs::read_to_string(scratch.path().join(MANIFEST_FILE))
        .map_err(|error| wrong(format!("{MANIFEST_FILE}: {error}")))?;
    let plugin = Manifest::parse(&text).map_err(wrong)?.plugin;
    Ok(Offer {
        name: plugin.name,
        version: plugin.version,
        about: plugin.about,
        archive: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        sha256: digest::of_bytes(&bytes),
    })
}
