//! What is kept between two commands: one secret document per credential, and an index without secrets.
//!
//! A document is in the keychain of the system or in a file. Which of them is chosen once, at sign-in, and remembered
//! in the index: reading never guesses.

mod document;
mod file_store;
mod index;
mod keychain;
mod lock;
mod stores;

pub(crate) use document::{Credential, CredentialKind, Key};
pub(crate) use index::{Index, Record};
pub(crate) use keychain::Problem;
pub(crate) use lock::Lock;
pub(crate) use stores::Stores;

use std::path::PathBuf;

use seqera_plugin_api::{Result, private_file};

/// The kinds of stores there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum StoreKind {
    /// The keychain of the system
    Keychain,
    /// A file that only you can read
    File,
}

impl StoreKind {
    /// The word in index, settings and flags.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Keychain => "keychain",
            Self::File => "file",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Keychain, Self::File].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Room that was taken for a document. Dropped, it is given back.
#[derive(Default)]
pub(crate) struct Reservation(Option<private_file::Draft>);

impl Reservation {
    fn file(draft: private_file::Draft) -> Self {
        Self(Some(draft))
    }

    fn into_file(self) -> Option<private_file::Draft> {
        self.0
    }
}

/// Where secret documents are kept.
pub(crate) trait CredentialStore: Send + Sync {
    fn kind(&self) -> StoreKind;

    /// Reads one, perhaps from memory; `None` when there is none.
    fn load(&self, key: &Key) -> Result<Option<Credential>>;

    /// Reads one afresh: inside the lock, where it matters what other processes did.
    fn reload(&self, key: &Key) -> Result<Option<Credential>> {
        self.load(key)
    }

    /// Replaces one, whole or not at all.
    fn save(&self, key: &Key, credential: &Credential) -> Result<()>;

    /// Makes sure that saving will work, as far as that can be known: before a token is at stake.
    fn reserve(&self, _key: &Key) -> Result<Reservation> {
        Ok(Reservation::default())
    }

    /// Saves into what was reserved.
    fn save_reserved(&self, key: &Key, credential: &Credential, _reservation: Reservation) -> Result<()> {
        self.save(key, credential)
    }

    /// Removes one; one that is not there is fine.
    fn delete(&self, key: &Key) -> Result<()>;

    /// Finds out whether saving will work, before the person is sent to the browser.
    fn probe(&self) -> Result<()>;

    /// `file:PATH` or `keychain`, for people.
    fn source(&self, key: &Key) -> String;

    /// The lock of a credential. Its place is as wide as the store: whoever can reach the one reaches the other.
    fn lock_path(&self, key: &Key) -> Result<PathBuf>;
}
