//! Gets a package from where it lies into a directory of ours.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use semver::Version;

use super::address::{join, shown};
use super::archive::{self, LIMITS};
use super::download::finished;
use super::index::Location;
use super::package::MANIFEST_FILE;
use super::source::{Resolved, Source, Wanted};
use super::steps::{Step, reached};
use super::store::Store;
use crate::error::{Code, Error, Result};
use crate::{digest, files};

/// A package in a directory of ours, unpacked and not yet trusted.
pub struct Fetched {
    /// `path:/…`, `https://…`, `index:NAME`
    pub label: String,
    /// SHA-256 of the archive, when there was one.
    pub archive_sha256: Option<String>,
    /// What the source says it is.
    pub promised: Option<(String, Version)>,
    /// Where the archive lies now.
    pub archive: Option<PathBuf>,
    /// What was asked for, of a source that holds one package and says nothing about it.
    pub wanted: Option<Wanted>,
}

/// Gets the package into `into`, through `scratch` when it is an archive.
///
/// # Errors
/// It cannot be read or downloaded, is not the archive that the index names, or cannot be unpacked.
pub fn fetch(store: &Store, resolved: &Resolved, scratch: &Path, into: &Path) -> Result<Fetched> {
    match resolved {
        Resolved::Package(Source::Directory(path), wanted) => {
            if !path.join(MANIFEST_FILE).is_file() {
                return Err(Error::new(Code::Failed, format!("{} is no package", path.display()))
                    .because(format!("there is no {MANIFEST_FILE} in it"))
                    .hint("`seqera plugin package LIBRARY` makes a package of a library."));
            }
            archive::copy_directory(path, into, LIMITS)
                .map_err(|problem| refused(&path.display().to_string(), problem))?;
            reached(Step::Fetched)?;
            let label = format!("path:{}", path.display());
            Ok(Fetched { label, archive_sha256: None, promised: None, archive: None, wanted: wanted.clone() })
        }
        Resolved::Package(Source::Archive(path), wanted) => {
            let file =
                File::open(path).map_err(|error| refused(&path.display().to_string(), error.to_string()))?;
            let sha256 = unpack(file, &path.display().to_string(), into, None)?;
            let label = format!("path:{}", path.display());
            Ok(Fetched { wanted: wanted.clone(), ..fetched(label, sha256, path.clone()) })
        }
        Resolved::Package(Source::Kept(path, label), wanted) => {
            let file = File::open(path).map_err(|error| refused(label, error.to_string()))?;
            let sha256 = unpack(file, label, into, None)?;
            Ok(Fetched { wanted: wanted.clone(), ..fetched(label.clone(), sha256, path.clone()) })
        }
        Resolved::Package(Source::Url(url), wanted) => {
            let file = download(store, url, scratch)?;
            let label = shown(url).into_owned();
            let sha256 = unpack(file, &label, into, None)?;
            Ok(Fetched { wanted: wanted.clone(), ..fetched(label, sha256, saved(scratch)) })
        }
        Resolved::Offer(place, offer) => {
            let shown = format!("{} {} of {}", offer.name, offer.version, place.label);
            let (file, archive) = match &place.location {
                Location::Url(base) => {
                    (download(store, &join(base, &offer.archive), scratch)?, saved(scratch))
                }
                Location::Directory(dir) => {
                    let name = Path::new(&offer.archive);
                    if name.components().any(|part| !matches!(part, std::path::Component::Normal(_))) {
                        return Err(refused(&shown, format!("`{}` lies outside the index", offer.archive)));
                    }
                    let path = dir.join(name);
                    (files::open(&path).map_err(|error| refused(&shown, error.to_string()))?, path)
                }
            };
            let sha256 = unpack(file, &shown, into, Some(&offer.sha256))?;
            let promised = Some((offer.name.clone(), offer.version.clone()));
            Ok(Fetched { promised, ..fetched(place.label.clone(), sha256, archive) })
        }
        Resolved::Package(..) => Err(Error::new(Code::Failed, "the source was not resolved")),
    }
}

fn fetched(label: String, sha256: String, archive: PathBuf) -> Fetched {
    Fetched { label, archive_sha256: Some(sha256), promised: None, archive: Some(archive), wanted: None }
}

/// Where a download is saved.
fn saved(scratch: &Path) -> PathBuf {
    scratch.join("download")
}

fn download(store: &Store, url: &str, scratch: &Path) -> Result<File> {
    let path = saved(scratch);
    let failed = |error: std::io::Error| {
        Error::new(Code::Failed, format!("cannot save {}", shown(url))).because(error)
    };
    let mut file =
        fs::OpenOptions::new().read(true).write(true).create_new(true).open(path).map_err(failed)?;
    store.downloads().to_file(url, &mut file, LIMITS.packed)?;
    finished(file).map_err(failed)
}

/// Unpacks an archive whose digest, if there is one to be met, was compared before.
fn unpack(mut file: File, shown: &str, into: &Path, expected: Option<&str>) -> Result<String> {
    let mut bytes = Vec::new();
    (&mut file)
        .take(LIMITS.packed + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| refused(shown, error.to_string()))?;
    if bytes.len() as u64 > LIMITS.packed {
        return Err(refused(shown, format!("it is larger than {} MB", LIMITS.packed >> 20)));
    }
    reached(Step::Fetched)?;
    let sha256 = digest::of_bytes(&bytes);
    if expected.is_some_and(|expected| !expected.eq_ignore_ascii_case(&sha256)) {
        return Err(Error::new(Code::Mismatch, format!("{shown} is not the archive that the index names"))
            .because(format!("it has sha256 {sha256}"))
            .because(format!("the index says {}", expected.unwrap_or_default()))
            .hint("It was not unpacked."));
    }
    archive::unpack(bytes.as_slice(), into, LIMITS).map_err(|problem| refused(shown, problem))?;
    Ok(sha256)
}

fn refused(shown: &str, problem: String) -> Error {
    Error::new(Code::Failed, format!("{shown} cannot be installed")).because(problem)
}
