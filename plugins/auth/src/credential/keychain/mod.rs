//! Secret documents in the keychain of the system: one item each, so that reading one asks once.
//!
//! `worker` bounds every call, `platform` is the keychain of this system, `chunked` gets long documents into short
//! items. What was read or written here stays in memory, and so does why nothing can be read: a command asks the
//! keychain once.

mod chunked;
mod platform;
mod problem;
mod worker;

pub(crate) use problem::{Problem, Reason};

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use seqera_plugin_api::{Error, ErrorKind, Host, Result, status};
use zeroize::Zeroizing;

use self::chunked::Chunked;
use self::platform::{ITEM_LIMIT, Native};
use self::worker::{Patience, Worker};
use super::{Credential, CredentialStore, Key, StoreKind, document};

/// What a probe writes, reads and removes.
const PROBE: &str = "v1|probe";

/// What the last question brought.
type Known = Result<Option<Credential>>;

/// For how long a keychain that could not be used is not asked again: a person may unlock it in the middle of a long
/// session.
const FAILED: Duration = Duration::from_secs(30);

/// The keychain.
pub(crate) struct KeychainStore {
    host: Host,
    worker: Worker<Chunked<Native>>,
    known: Mutex<HashMap<String, (Instant, Known)>>,
    /// Two threads that want to know it ask once.
    asking: Mutex<()>,
}

impl KeychainStore {
    /// Touches nothing yet.
    pub(crate) fn new(host: &Host) -> Self {
        Self {
            host: host.clone(),
            worker: Worker::new(|| Ok(Chunked::new(Native::open()?, ITEM_LIMIT))),
            known: Mutex::default(),
            asking: Mutex::default(),
        }
    }

    /// Finds out whether it can be used.
    ///
    /// # Errors
    /// Why it cannot.
    pub(crate) fn try_out(&self) -> Result<(), Problem> {
        self.ask(|items| {
            let token = std::process::id().to_string();
            let name = format!("{PROBE}|{token}");
            items.set(&name, token.as_bytes())?;
            let read = items.get(&name);
            items.delete(&name)?;
            match read? {
                Some(bytes) if *bytes == token.as_bytes() => Ok(()),
                _ => Err(Problem::said(Reason::Damaged, "it does not give back what it was given")),
            }
        })
    }

    fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Chunked<Native>) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let can_unlock = self.host.terminal().is_interactive() && has_display();
        let patience = if can_unlock { Patience::PERSON } else { Patience::MACHINE };
        let waits = || status!(self.host, "Waiting for your keychain to be unlocked...");
        self.worker.ask(&patience, waits, work)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Instant, Known)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, key: &Key) -> Known {
        let wanted = key.item_name();
        let found = match self.ask(move |items| items.get(&wanted))? {
            Some(bytes) => document::parse(&bytes, "the item in the keychain")?,
            None => None,
        };
        Ok(found.filter(|credential| credential.belongs_to(key)))
    }
}

impl CredentialStore for KeychainStore {
    fn kind(&self) -> StoreKind {
        StoreKind::Keychain
    }

    fn load(&self, key: &Key) -> Result<Option<Credential>> {
        let _alone = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.known().get(&key.item_name()).cloned();
        let known = known.filter(|(since, known)| known.is_ok() || since.elapsed() < FAILED);
        known.map_or_else(|| self.reload(key), |(_, known)| known)
    }

    fn reload(&self, key: &Key) -> Result<Option<Credential>> {
        let name = key.item_name();
        let found = self.read(key);
        let mut known = self.known();
        // What was read once is worth more than a keychain that fails later.
        if found.is_ok() || known.get(&name).is_none_or(|(_, before)| before.is_err()) {
            known.insert(name, (Instant::now(), found.clone()));
        }
        drop(known);
        found
    }

    fn save(&self, key: &Key, credential: &Credential) -> Result<()> {
        let bytes = Zeroizing::new(serde_json::to_vec(credential).map_err(|error| {
            Error::new(ErrorKind::CredentialStore, "cannot write the credential").caused_by(&error)
        })?);
        let name = key.item_name();
        let wanted = name.clone();
        self.ask(move |items| items.set(&wanted, &bytes))?;
        self.known().insert(name, (Instant::now(), Ok(Some(credential.clone()))));
        Ok(())
    }

    fn delete(&self, key: &Key) -> Result<()> {
        let name = key.item_name();
        let wanted = name.clone();
        self.ask(move |items| items.delete(&wanted))?;
        self.known().insert(name, (Instant::now(), Ok(None)));
        Ok(())
    }

    fn probe(&self) -> Result<()> {
        self.try_out().map_err(Error::from)
    }

    fn source(&self, _key: &Key) -> String {
        "keychain".to_owned()
    }

    /// One place for every process of this user that sees this keychain, whatever directory its settings are in.
    fn lock_path(&self, key: &Key) -> Result<PathBuf> {
        let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty()).ok_or_else(|| {
            Error::new(ErrorKind::Config, "there is no home directory to keep locks in").hint("Set HOME.")
        })?;
        let directory = if cfg!(any(windows, target_os = "macos")) {
            home.join(".seqera/locks")
        } else {
            home.join(".local/state/seqera/locks")
        };
        Ok(directory.join(format!("{}.lock", key.file_stem())))
    }
}

/// Whether a dialog of the system could be seen.
fn has_display() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if cfg!(any(windows, target_os = "macos")) {
        return !is_set("SSH_CONNECTION") && !is_set("SSH_TTY");
    }
    is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")
}
