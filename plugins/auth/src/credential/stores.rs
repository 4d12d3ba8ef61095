//! The stores there are, and which of them holds a credential.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use seqera_plugin_api::{Error, ErrorKind, Host, Result};

use super::file_store::FileStore;
use super::keychain::KeychainStore;
use super::{CredentialStore, Index, Key, StoreKind};

/// The stores, each opened when it is first used.
pub(crate) struct Stores {
    host: Host,
    keychain: OnceLock<Arc<KeychainStore>>,
}

impl Stores {
    pub(crate) fn new(host: Host) -> Self {
        Self { host, keychain: OnceLock::new() }
    }

    /// The index of sessions.
    pub(crate) fn index(&self) -> Result<Index> {
        Ok(Index::new(&self.host, &self.directory()?))
    }

    /// The store that was chosen at sign-in. Of a sign-in that nobody remembers the file is looked for, and nothing
    /// else: that costs nothing and asks nobody.
    ///
    /// # Errors
    /// `CredentialStore` when the index cannot be read, or names a store of a newer seqera.
    pub(crate) fn of(&self, key: &Key) -> Result<Arc<dyn CredentialStore>> {
        let Some(record) = self.index()?.find(key)? else { return self.open(StoreKind::File) };
        let kind = StoreKind::parse(&record.store).ok_or_else(|| {
            Error::new(
                ErrorKind::CredentialStore,
                format!("the credentials are kept in `{}`, which this seqera does not know", record.store),
            )
            .hint("Use the newer seqera that signed you in, or sign in again: seqera login")
        })?;
        self.open(kind)
    }

    /// A store of this kind.
    ///
    /// # Errors
    /// `Config` without a directory for files.
    pub(crate) fn open(&self, kind: StoreKind) -> Result<Arc<dyn CredentialStore>> {
        Ok(match kind {
            StoreKind::File => Arc::new(FileStore::new(&self.host, &self.directory()?)),
            StoreKind::Keychain => self.keychain(),
        })
    }

    /// The keychain, not touched yet.
    pub(crate) fn keychain(&self) -> Arc<KeychainStore> {
        Arc::clone(self.keychain.get_or_init(|| Arc::new(KeychainStore::new(&self.host))))
    }

    /// Removes the copy that another store may hold. Whoever asks holds the lock of the credential.
    ///
    /// # Errors
    /// Those of that store; then the index still knows of the copy.
    pub(crate) fn remove_copy(&self, key: &Key) -> Result<()> {
        let index = self.index()?;
        let place = index.find(key)?.and_then(|record| StoreKind::parse(record.also_in.as_deref()?));
        let Some(place) = place else { return Ok(()) };
        self.open(place)?.delete(key)?;
        index.update(key, |record| record.also_in = None)
    }

    fn directory(&self) -> Result<PathBuf> {
        self.host.paths().config_dir().cloned()
    }
}
