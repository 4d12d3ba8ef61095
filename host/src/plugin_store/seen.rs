//! What was seen of indexes: how new they were, and what they withdrew. It lies beside the keys that are trusted, for it
//! is about what these signed, wherever the plugins lie.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::durable;
use super::index::{Index, Location};
use super::trusted_keys;
use crate::config::{Config, Paths};
use crate::error::{Code, Error, Result};
use crate::policy::Policy;
use crate::{digest, files, output};

/// Its name.
const FILE: &str = "seen_indexes.json";
/// The version of the format.
const FORMAT: u32 = 1;
/// More than is ever seen, in bytes.
const LIMIT: u64 = 64 << 20;

/// What was seen of indexes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    seen: u32,
    /// By name and key, because mirrors of one index share its serial number; and by name and place, where another key
    /// may sign it one day.
    #[serde(default)]
    indexes: BTreeMap<String, SeenIndex>,
    /// All that was ever withdrawn.
    #[serde(default)]
    withdrawn: Vec<Withdrawal>,
}

impl Default for Seen {
    fn default() -> Self {
        Self { seen: FORMAT, indexes: BTreeMap::new(), withdrawn: Vec::new() }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SeenIndex {
    serial: u64,
    sha256: String,
}

/// Something that was withdrawn, and who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Withdrawal {
    #[serde(flatten)]
    what: What,
    /// The name of the index that says so.
    index: String,
    /// The key that signed it.
    by: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum What {
    Key(String),
    Digest(String),
}

/// The file; `None` where there is no place for it.
fn file(paths: &Paths) -> Option<PathBuf> {
    paths.config.as_ref().or(paths.user_plugins.as_ref()).map(|dir| dir.join(FILE))
}

impl Seen {
    /// Reads what was seen. Without the file, nothing was.
    ///
    /// # Errors
    /// `Config`: it cannot be read or understood. To take that for nothing would be to forget what was withdrawn.
    pub fn read(paths: &Paths) -> Result<Self> {
        file(paths).map_or_else(|| Ok(Self::default()), |path| Self::read_file(&path))
    }

    fn read_file(path: &Path) -> Result<Self> {
        let wrong = |problem: String| {
            Error::new(Code::Config, format!("{} is wrong", path.display()))
                .because(problem)
                .because("it says which indexes were seen and what they withdrew")
                .hint("Bring it back from a backup. Without it all of that is forgotten, until each index is asked again.")
        };
        let text = match files::read(path, LIMIT) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(Self::default());
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Err(closed(path, &error)),
            Err(error) => return Err(wrong(error.to_string())),
        };
        let seen: Self = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
        if seen.seen > FORMAT {
            return Err(wrong(format!("it has format {}: a newer seqera is needed", seen.seen)));
        }
        Ok(seen)
    }

    /// Whether an index is as new as the one seen before, and remembers it if that is wanted. Where nothing may be written,
    /// as in an image whose HOME is read-only, that is said, and costs nothing else.
    ///
    /// # Errors
    /// `Mismatch`: it is older, or another one of the same age. `Failed`: it cannot be remembered.
    pub fn note(
        paths: &Paths,
        location: &Location,
        key: &str,
        index: &Index,
        text: &[u8],
        is_remembered: bool,
    ) -> Result<()> {
        let Some(path) = file(paths).filter(|_| is_remembered) else {
            return Self::read(paths)?.add(location, key, index, text);
        };
        let failed = |error: std::io::Error| {
            Error::new(Code::Failed, format!("cannot write {}", path.display())).because(error)
        };
        let held = durable::lock(&path.with_file_name(".seen_indexes.lock"));
        let forgets = held.as_ref().err().filter(|error| may_not_be_written(error)).map(ToString::to_string);
        let _held = if forgets.is_some() { None } else { Some(held.map_err(failed)?) };
        let before = Self::read_file(&path)?;
        let mut seen = before.clone();
        seen.add(location, key, index, text)?;
        if seen == before {
            return Ok(());
        }
        if let Some(problem) = forgets {
            let index = &index.name;
            output::warning(&format!(
                "what the index {index} says is not remembered in {}: {problem}",
                path.display()
            ));
            return Ok(());
        }
        let text = serde_json::to_vec_pretty(&seen).map_err(|error| failed(error.into()))?;
        // No secret is in it, and without it nothing runs: who ran seqera first with another user's HOME must not end that.
        durable::replace_readable(&path, &text).map_err(failed)
    }

    fn add(&mut self, location: &Location, key: &str, index: &Index, text: &[u8]) -> Result<()> {
        let sha256 = digest::of_bytes(text);
        let ids = [format!("{} {key}", index.name), format!("{} at {location}", index.name)];
        let before = ids.iter().filter_map(|id| self.indexes.get(id)).max_by_key(|seen| seen.serial);
        if let Some(before) = before {
            let refused = |problem: String| {
                Error::new(Code::Mismatch, format!("the index {location} is not the newest one")).because(problem)
                    .hint("A mirror may be late; but it may also hide that something was revoked. Ask its publisher.")
                    .hint("Whoever made it anew gives it another name.")
            };
            if index.serial < before.serial {
                return Err(refused(format!(
                    "it has serial {}, and {} was seen before",
                    index.serial, before.serial
                )));
            }
            if index.serial == before.serial && sha256 != before.sha256 {
                return Err(refused(format!("there are two with serial {}", index.serial)));
            }
        }
        for id in ids {
            self.indexes.insert(id, SeenIndex { serial: index.serial, sha256: sha256.clone() });
        }
        let keys = index.revoked.keys.iter().map(|key| What::Key(key.to_ascii_uppercase()));
        let digests = index.revoked.digests.iter().map(|digest| What::Digest(digest.to_ascii_lowercase()));
        for what in keys.chain(digests) {
            let withdrawal = Withdrawal { what, index: index.name.clone(), by: key.to_owned() };
            if !self.withdrawn.contains(&withdrawal) {
                self.withdrawn.push(withdrawal);
            }
        }
        Ok(())
    }
}

fn may_not_be_written(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}

fn closed(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Code::Config, format!("{} cannot be read", path.display()))
        .because(error)
        .because(
            "it says which indexes were seen and what they withdrew: without it no installed plugin runs",
        )
        .hint(format!("Its owner makes it readable: chmod a+r {}", path.display()))
}

/// What was withdrawn, and whose word counts.
///
/// A key withdraws what it signed itself, and what nobody signed. A key that the policy names, or one that came with the
/// program, withdraws what anybody signed: whose key was stolen cannot say so himself.
#[derive(Debug, Default)]
pub struct Withdrawn {
    rows: Vec<Withdrawal>,
    sovereign: Vec<String>,
}

impl Withdrawn {
    /// What was seen, under these settings.
    ///
    /// # Errors
    /// Those of [`Seen::read`], and of the policy.
    pub fn read(paths: &Paths, config: &Config) -> Result<Self> {
        let rows = Seen::read(paths)?.withdrawn;
        if rows.is_empty() {
            return Ok(Self::default());
        }
        let keys = match config.policy()?.and_then(Policy::keys) {
            Some(keys) => keys.value.clone(),
            None => trusted_keys::built_in()?,
        };
        Ok(Self { rows, sovereign: keys.iter().map(|key| key.id().to_owned()).collect() })
    }

    /// Whether nothing was withdrawn.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Why a key counts no more.
    pub fn key(&self, id: &str) -> Option<String> {
        let row = self
            .rows
            .iter()
            .find(|row| row.what == What::Key(id.to_owned()) && self.counts(row, Some(id)))?;
        Some(format!("the key {id} is revoked{}", by(row)))
    }

    /// Why a plugin may not be used, when it was signed so and these are the digests of its manifest and its library.
    pub fn plugin(&self, signer: Option<&str>, digests: &[&str]) -> Option<String> {
        let of_key = || self.key(signer?).map(|reason| format!("{reason}, and it signed this"));
        let of_digest = || {
            let is_meant = |row: &&Withdrawal| match &row.what {
                What::Digest(digest) => digests.contains(&digest.as_str()) && self.counts(row, signer),
                What::Key(_) => false,
            };
            let row = self.rows.iter().find(is_meant)?;
            let What::Digest(digest) = &row.what else { return None };
            Some(format!("its digest {digest} is revoked{}", by(row)))
        };
        of_key().or_else(of_digest)
    }

    fn counts(&self, row: &Withdrawal, signer: Option<&str>) -> bool {
        signer.is_none_or(|signer| signer == row.by) || self.sovereign.contains(&row.by)
    }
}

fn by(row: &Withdrawal) -> String {
    format!(", says the index {}, signed with {}", row.index, row.by)
}

/// The error of a plugin that was withdrawn.
pub fn refusal(label: &str, reason: String) -> Error {
    Error::new(Code::Denied, format!("{label} was withdrawn"))
        .because(reason)
        .hint("Ask its publisher for another version.")
}
