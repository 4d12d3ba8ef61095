//! What is kept between two commands: one secret document per credential, and an index without secrets.

mod document;
mod file_store;
mod index;
mod lock;

pub(crate) use document::{Credential, Key};
pub(crate) use file_store::FileStore;
pub(crate) use index::{Index, Record};
pub(crate) use lock::Lock;

use seqera_plugin_api::Result;

/// Where secret documents are kept.
pub(crate) trait CredentialStore: Send + Sync {
    /// Reads one; `None` when there is none.
    fn load(&self, key: &Key) -> Result<Option<Credential>>;

    /// Replaces one, whole or not at all.
    fn save(&self, key: &Key, credential: &Credential) -> Result<()>;

    /// Removes one; one that is not there is fine.
    fn delete(&self, key: &Key) -> Result<()>;

    /// Finds out whether saving will work, before the person is sent to the browser.
    fn probe(&self) -> Result<()>;

    /// `file:PATH` or `keychain`, for people.
    fn source(&self, key: &Key) -> String;
}
