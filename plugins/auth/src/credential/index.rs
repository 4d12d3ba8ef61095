//! `auth.json`: the sessions there are, without a secret. What asks who is signed in reads this and nothing else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use seqera_plugin_api::{Error, ErrorKind, Result, private_file};
use serde::{Deserialize, Serialize};

use super::{CredentialKind, Key, Lock};
use crate::account::Account;

const FORMAT: u32 = 1;
/// Accounts of environment tokens that are remembered.
const REMEMBERED: usize = 32;

/// The whole index.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Document {
    version: u32,
    #[serde(default)]
    sessions: Vec<Record>,
    /// Whose an environment token is, by its fingerprint.
    #[serde(default)]
    environment: BTreeMap<String, Account>,
    /// The issuer that an authority turned out to be, where it is not the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    issuers: BTreeMap<String, String>,
    #[serde(flatten)]
    further: serde_json::Map<String, serde_json::Value>,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) profile: String,
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) audience: String,
    /// `file` or `keychain`.
    pub(crate) store: String,
    #[serde(default)]
    pub(crate) kind: CredentialKind,
    #[serde(default)]
    pub(crate) account: Option<Account>,
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
    pub(crate) access_expires_at: Option<i64>,
    pub(crate) renewable: bool,
    pub(crate) generation: u64,
    pub(crate) logged_in_at: i64,
    /// The server ended the session.
    #[serde(default)]
    pub(crate) ended: bool,
}

impl Record {
    pub(crate) fn belongs_to(&self, key: &Key) -> bool {
        self.issuer == key.issuer && self.client_id == key.client_id && self.profile == key.profile
    }

    pub(crate) fn key(&self) -> Key {
        Key { issuer: self.issuer.clone(), client_id: self.client_id.clone(), profile: self.profile.clone() }
    }
}

/// The index file.
pub(crate) struct Index {
    path: PathBuf,
}

impl Index {
    pub(crate) fn new(config: &Path) -> Self {
        Self { path: config.join("auth.json") }
    }

    /// All sessions.
    pub(crate) fn sessions(&self) -> Result<Vec<Record>> {
        Ok(self.read()?.sessions)
    }

    /// The session of a key.
    pub(crate) fn find(&self, key: &Key) -> Result<Option<Record>> {
        Ok(self.read()?.sessions.into_iter().find(|record| record.belongs_to(key)))
    }

    /// Adds or replaces a session.
    pub(crate) fn put(&self, record: &Record) -> Result<()> {
        self.change(|document| {
            document.sessions.retain(|other| !other.belongs_to(&record.key()));
            document.sessions.push(record.clone());
        })
    }

    /// Changes a session that is there.
    pub(crate) fn update(&self, key: &Key, change: impl FnOnce(&mut Record)) -> Result<()> {
        self.change(|document| {
            if let Some(record) = document.sessions.iter_mut().find(|record| record.belongs_to(key)) {
                change(record);
            }
        })
    }

    /// Takes a session out.
    pub(crate) fn remove(&self, key: &Key) -> Result<()> {
        self.change(|document| document.sessions.retain(|record| !record.belongs_to(key)))
    }

    /// The issuer that an authority turned out to be at the last sign-in.
    pub(crate) fn issuer_of(&self, authority: &str) -> Result<Option<String>> {
        Ok(self.read()?.issuers.remove(authority))
    }

    /// Remembers which issuer an authority is; the same one needs no remembering.
    pub(crate) fn remember_issuer(&self, authority: &str, issuer: &str) -> Result<()> {
        let known = self.issuer_of(authority)?;
        if known.as_deref().unwrap_or(authority) == issuer {
            return Ok(());
        }
        self.change(|document| {
            if authority == issuer {
                document.issuers.remove(authority);
            } else {
                document.issuers.insert(authority.to_owned(), issuer.to_owned());
            }
        })
    }

    /// Whose an environment token is, if that was found out before.
    pub(crate) fn environment_account(&self, fingerprint: &str) -> Result<Option<Account>> {
        Ok(self.read()?.environment.remove(fingerprint))
    }

    /// Remembers whose it is.
    pub(crate) fn remember_environment(&self, fingerprint: &str, account: &Account) -> Result<()> {
        self.change(|document| {
            while document.environment.len() >= REMEMBERED {
                document.environment.pop_first();
            }
            document.environment.insert(fingerprint.to_owned(), account.clone());
        })
    }

    fn read(&self) -> Result<Document> {
        let Some(bytes) = private_file::read(&self.path)? else { return Ok(Document::default()) };
        let wrong = |reason: String| {
            Error::new(ErrorKind::CredentialStore, format!("{} cannot be understood", self.path.display()))
                .because(reason)
                .hint("Move the file away, then run `seqera login`.")
        };
        let document: Document = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        if document.version > FORMAT {
            return Err(wrong(format!("it was written by a newer seqera (format {})", document.version)));
        }
        Ok(document)
    }

    fn change(&self, change: impl FnOnce(&mut Document)) -> Result<()> {
        let _lock = Lock::acquire(&self.path.with_extension("lock"))?;
        let mut document = self.read()?;
        document.version = FORMAT;
        change(&mut document);
        let bytes = serde_json::to_vec_pretty(&document).map_err(|error| {
            Error::new(ErrorKind::CredentialStore, "cannot write the index").caused_by(&error)
        })?;
        private_file::write(&self.path, &bytes)
    }
}
