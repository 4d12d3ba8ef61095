//! A signed static index: `index.json` and `index.json.minisig` beside the archives, in a directory or on any web
//! server.
//!
//! The signature is checked before the text is parsed. The serial number only grows: an index that is older than one
//! seen before is a rollback, by which somebody could hide a revocation, and is refused (`seen`). What an index revokes
//! stays revoked for every source.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};

use super::address::is_address;
use super::durable;
use super::seen::{Seen, Withdrawn};
use super::signature::{self, SigningKey, Unverified};
use super::store::Store;
use crate::error::{Code, Error, Result};
use crate::{files, output};

/// The index itself.
pub const INDEX_FILE: &str = "index.json";
/// Its signature.
pub const INDEX_SIGNATURE: &str = "index.json.minisig";
/// The version of the format.
const FORMAT: u32 = 1;
/// More than any index needs, in bytes.
const MAX_INDEX: u64 = 16 << 20;

/// Where an index lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In a directory of this machine.
    Directory(PathBuf),
    /// On a web server; the address ends in a slash.
    Url(String),
}

impl Location {
    /// Reads a path or an address.
    pub fn parse(text: &str) -> Self {
        let text = text.strip_prefix("path:").unwrap_or(text);
        if is_address(text) {
            let base = text.strip_suffix(INDEX_FILE).unwrap_or(text).trim_end_matches('/');
            return Self::Url(format!("{base}/"));
        }
        let path = Path::new(text);
        let path = if path.ends_with(INDEX_FILE) { path.parent().unwrap_or(path) } else { path };
        Self::Directory(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
    }

    fn read(&self, store: &Store, file: &str) -> Result<Vec<u8>> {
        match self {
            Self::Directory(dir) => files::read(&dir.join(file), MAX_INDEX).map_err(|error| {
                Error::new(Code::Failed, format!("the index {self} cannot be read"))
                    .because(format!("{file}: {error}"))
            }),
            Self::Url(base) => store.downloads().to_memory(&format!("{base}{file}"), MAX_INDEX),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(dir) => dir.display().fmt(f),
            Self::Url(url) => f.write_str(url),
        }
    }
}

/// `index.json`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// [`FORMAT`].
    pub index: u32,
    /// What its publisher calls it.
    pub name: String,
    /// Grows with every change.
    pub serial: u64,
    /// When a newer one takes its place at the latest, as RFC 3339: who gets it later than that is kept from that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// What it offers.
    #[serde(default)]
    pub plugins: Vec<Offer>,
    /// What must not be used any more.
    #[serde(default)]
    pub revoked: Revoked,
}

/// One version of one plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The plugin's name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// One line for people.
    #[serde(default)]
    pub about: String,
    /// The archive, seen from the index.
    pub archive: String,
    /// SHA-256 of the archive.
    pub sha256: String,
}

/// What was withdrawn.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// Ids of keys.
    #[serde(default)]
    pub keys: Vec<String>,
    /// SHA-256 of libraries or manifests.
    #[serde(default)]
    pub digests: Vec<String>,
}

impl Index {
    /// Reads an index of which the signature is good and the serial number not lower than before; with `is_remembered`
    /// no older one will be taken from now on, and what it withdraws is withdrawn.
    ///
    /// # Errors
    /// `Denied`: it is not signed with a trusted key, or with one that is revoked. `Mismatch`: it was changed, or is older
    /// than one seen before.
    pub fn open(store: &Store, location: &Location, is_remembered: bool) -> Result<Self> {
        let text = location.read(store, INDEX_FILE)?;
        let signature = location.read(store, INDEX_SIGNATURE).map_err(|error| {
            Error::new(Code::Denied, format!("the index {location} is not signed")).because(error.to_string())
        })?;
        let keys = super::admission::trusted_keys(store)?;
        let signature = String::from_utf8_lossy(&signature);
        let verified = signature::verify(&text, &signature, &keys).map_err(|problem| {
            let code =
                if matches!(problem, Unverified::UnknownKey(_)) { Code::Denied } else { Code::Mismatch };
            let error = Error::new(code, format!("the signature of the index {location} does not count"));
            match &problem {
                Unverified::UnknownKey(_) => {
                    error.because(&problem).hint("If you trust its publisher: seqera plugin trust add KEY")
                }
                _ => error.because(&problem).hint("Nothing was installed from it."),
            }
        })?;
        if let Some(reason) = Withdrawn::read(&store.paths, store.config())?.key(&verified.key_id) {
            return Err(Error::new(
                Code::Denied,
                format!("the signature of the index {location} does not count"),
            )
            .because(reason)
            .hint("Ask its publisher for the key that took its place: seqera plugin trust add KEY"));
        }
        let index = Self::parse(&text).map_err(|problem| {
            Error::new(Code::Failed, format!("the index {location} is wrong")).because(problem)
        })?;
        if verified.comment != index.comment() {
            return Err(Error::new(
                Code::Mismatch,
                format!("the index {location} is not the one that was signed"),
            )
            .because(format!(
                "the signature is for `{}`, this is `{}`",
                verified.comment,
                index.comment()
            )));
        }
        Seen::note(&store.paths, location, &verified.key_id, &index, &text, is_remembered)?;
        if let Some(expires) = index.expires.as_ref().filter(|expires| is_past(expires)) {
            output::warning(&format!(
                "the index {location} was to be renewed by {expires}: what was withdrawn since may be hidden from you"
            ));
        }
        Ok(index)
    }

    /// Parses a text that was verified.
    ///
    /// # Errors
    /// One line that says what is wrong.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let index: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if index.index > FORMAT {
            return Err(format!("it has format {}: a newer seqera is needed", index.index));
        }
        if let Some(expires) = &index.expires {
            humantime::parse_rfc3339(expires).map_err(|error| format!("expires = {expires}: {error}"))?;
        }
        Ok(index)
    }

    fn comment(&self) -> String {
        format!("index={} serial={}", self.name, self.serial)
    }

    /// The highest version of a plugin that meets a requirement and everything else.
    pub fn best(
        &self,
        name: &str,
        requirement: &VersionReq,
        accepts: impl Fn(&Version) -> bool,
    ) -> Option<&Offer> {
        self.plugins
            .iter()
            .filter(|offer| {
                offer.name == name && requirement.matches(&offer.version) && accepts(&offer.version)
            })
            .max_by(|a, b| a.version.cmp(&b.version))
    }

    /// The names of what it offers.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.plugins.iter().map(|offer| offer.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Signs the index and writes it with its signature into a directory, the signature last.
    ///
    /// # Errors
    /// `Failed`: it cannot be written.
    pub fn publish(&self, directory: &Path, key: &SigningKey) -> Result<()> {
        let failed = |error: &dyn fmt::Display| {
            Error::new(Code::Failed, format!("cannot write the index in {}", directory.display()))
                .because(error)
        };
        let mut text = serde_json::to_string_pretty(self).map_err(|error| failed(&error))?;
        text.push('\n');
        let signature = key.sign(text.as_bytes(), &self.comment())?;
        durable::replace_public(&directory.join(INDEX_FILE), text.as_bytes())
            .and_then(|()| durable::replace_public(&directory.join(INDEX_SIGNATURE), signature.as_bytes()))
            .map_err(|error| failed(&error))
    }

    /// A new one, or the one that lies in `directory`.
    ///
    /// # Errors
    /// `Failed`: what lies there is no index.
    pub fn of_directory(directory: &Path, name: Option<&str>) -> Result<Self> {
        let path = directory.join(INDEX_FILE);
        let wrong = |problem: String| {
            Error::new(Code::Failed, format!("{} is wrong", path.display())).because(problem)
        };
        let before = match files::read(&path, MAX_INDEX) {
            Ok(text) => Some(Self::parse(&text).map_err(wrong)?),
            // One that is there and cannot be read has a serial number to go on from.
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(wrong(error.to_string())),
            Err(_) => None,
        };
        match (before, name) {
            (Some(before), name) => {
                Ok(Self { name: name.map_or(before.name.clone(), str::to_owned), ..before })
            }
            (None, Some(name)) => Ok(Self {
                index: FORMAT,
                name: name.to_owned(),
                serial: 0,
                expires: None,
                plugins: Vec::new(),
                revoked: Revoked::default(),
            }),
            (None, None) => Err(Error::new(Code::Usage, "a new index needs a name").hint("Add --name NAME.")),
        }
    }
}

fn is_past(time: &str) -> bool {
    humantime::parse_rfc3339(time).is_ok_and(|time| time <= SystemTime::now())
}
