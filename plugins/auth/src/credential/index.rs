//! `auth.json`: the sessions there are, without a secret. What asks who is signed in reads this and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use seqera_plugin_api::{Error, ErrorKind, Host, Result, private_file, warning};
use serde::{Deserialize, Serialize};

use super::file_store::FileStore;
use super::{Credential, CredentialKind, Key, Lock, StoreKind};
use crate::account::Account;
use crate::clock;

const FORMAT: u32 = 1;
/// Accounts of environment tokens that are remembered.
const REMEMBERED: usize = 32;

/// The whole index.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
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
    /// Another store that may hold a copy: it failed when the credential was moved out of it or into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) also_in: Option<String>,
}

impl Record {
    pub(crate) fn belongs_to(&self, key: &Key) -> bool {
        self.issuer == key.issuer && self.client_id == key.client_id && self.profile == key.profile
    }

    /// The record of a document that no index remembers; whose it is can be asked again.
    fn of_file(credential: &Credential) -> Self {
        Self {
            profile: credential.profile.clone(),
            issuer: credential.issuer.clone(),
            client_id: credential.client_id.clone(),
            audience: String::new(),
            store: StoreKind::File.as_str().to_owned(),
            kind: credential.kind,
            account: None,
            scopes: credential.scopes(),
            access_expires_at: credential.expires_at,
            renewable: credential.refresh_token.is_some(),
            generation: credential.generation,
            logged_in_at: credential.obtained_at,
            ended: false,
            also_in: None,
        }
    }

    pub(crate) fn key(&self) -> Key {
        Key { issuer: self.issuer.clone(), client_id: self.client_id.clone(), profile: self.profile.clone() }
    }
}

/// The index file.
pub(crate) struct Index {
    host: Host,
    path: PathBuf,
    files: FileStore,
}

impl Index {
    pub(crate) fn new(host: &Host, config: &Path) -> Self {
        Self { host: host.clone(), path: config.join("auth.json"), files: FileStore::new(host, config) }
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
        if let Some(document) = self.parse()? {
            return Ok(document);
        }
        let _lock = self.lock()?;
        self.read_locked()
    }

    /// As [`Index::read`], for whoever holds the lock: a file that makes no sense is put aside, and what is in the files
    /// of credentials takes its place.
    fn read_locked(&self) -> Result<Document> {
        if let Some(document) = self.parse()? {
            return Ok(document);
        }
        let aside = self.path.with_extension(format!("corrupt-{}", clock::now()));
        fs::rename(&self.path, &aside).map_err(|error| {
            Error::new(ErrorKind::CredentialStore, format!("{} cannot be understood", self.path.display()))
                .because(format!("and it cannot be moved away: {error}"))
                .hint("Move the file away, then run `seqera login`.")
                .with("reason", "corrupt")
        })?;
        warning!(
            self.host,
            "{} could not be understood and was kept as {}; a login that is not in a file has to be made again",
            self.path.display(),
            aside.display()
        );
        let sessions = self.files.documents().iter().map(Record::of_file).collect();
        let document = Document { sessions, ..Document::default() };
        self.write(&document)?;
        Ok(document)
    }

    /// `None` for a file that makes no sense.
    fn parse(&self) -> Result<Option<Document>> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let Some(bytes) = private_file::read(&self.path)? else { return Ok(Some(Document::default())) };
        // The version first: a newer index may look different in every other way.
        if let Ok(Version { version }) = serde_json::from_slice(&bytes)
            && version > FORMAT
        {
            return Err(Error::new(
                ErrorKind::CredentialStore,
                format!("{} was written by a newer seqera (format {version})", self.path.display()),
            )
            .hint("Use that one, or move the file away and run `seqera login`.")
            .with("reason", "newer"));
        }
        Ok(serde_json::from_slice(&bytes).ok())
    }

    fn lock(&self) -> Result<Lock> {
        Lock::acquire(&self.path.with_extension("lock"))
    }

    fn change(&self, change: impl FnOnce(&mut Document)) -> Result<()> {
        let _lock = self.lock()?;
        let mut document = self.read_locked()?;
        change(&mut document);
        self.write(&document)
    }

    fn write(&self, document: &Document) -> Result<()> {
        let bytes = serde_json::to_vec_pretty(&Document { version: FORMAT, ..document.clone() }).map_err(
            |error| Error::new(ErrorKind::CredentialStore, "cannot write the index").caused_by(&error),
        )?;
        private_file::write(&self.path, &bytes)
    }
}
