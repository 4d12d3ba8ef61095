//! The keychain of this system, behind [`Items`].

use std::sync::Arc;

use keyring_core::api::CredentialStoreApi;
use keyring_core::{Entry, Error};
use zeroize::Zeroizing;

use super::chunked::{Bytes, Items};
use super::{Problem, Reason};

/// The service that all our items have in common.
const SERVICE: &str = "seqera";

/// Longest item. Windows allows 2,560 bytes (`CRED_MAX_CREDENTIAL_BLOB_SIZE`); elsewhere a megabyte is no trouble.
pub(super) const ITEM_LIMIT: Option<usize> = if cfg!(windows) { Some(2400) } else { None };

/// One session with it, for as long as this lives.
pub(super) struct Native {
    store: Arc<dyn CredentialStoreApi + Send + Sync>,
}

impl Native {
    /// Opens a session. May block: see [`super::worker`].
    pub(super) fn open() -> Result<Self, Problem> {
        Ok(Self { store: open()? })
    }

    fn entry(&self, name: &str) -> Result<Entry, Problem> {
        self.store.build(SERVICE, name, None).map_err(|error| problem(&error))
    }
}

impl Items for Native {
    fn get(&self, name: &str) -> Result<Option<Bytes>, Problem> {
        match self.entry(name)?.get_secret() {
            Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(problem(&error)),
        }
    }

    fn set(&self, name: &str, bytes: &[u8]) -> Result<(), Problem> {
        self.entry(name)?.set_secret(bytes).map_err(|error| problem(&error))
    }

    fn delete(&self, name: &str) -> Result<(), Problem> {
        match self.entry(name)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(problem(&error)),
        }
    }
}

#[cfg(target_os = "macos")]
fn open() -> Result<Arc<dyn CredentialStoreApi + Send + Sync>, Problem> {
    Ok(apple_native_keyring_store::keychain::Store::new().map_err(|error| problem(&error))?)
}

#[cfg(windows)]
fn open() -> Result<Arc<dyn CredentialStoreApi + Send + Sync>, Problem> {
    Ok(windows_native_keyring_store::Store::new().map_err(|error| problem(&error))?)
}

#[cfg(all(unix, not(target_os = "macos")))]
fn open() -> Result<Arc<dyn CredentialStoreApi + Send + Sync>, Problem> {
    // libdbus would start a bus of its own on an X display; a keychain in there would be gone with it.
    if !has_bus() {
        return Err(Problem::new(Reason::NoBus));
    }
    Ok(dbus_secret_service_keyring_store::Store::new().map_err(|error| problem(&error))?)
}

#[cfg(all(unix, not(target_os = "macos")))]
fn has_bus() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    set("DBUS_SESSION_BUS_ADDRESS").is_some()
        || set("XDG_RUNTIME_DIR").is_some_and(|dir| std::path::Path::new(&dir).join("bus").exists())
}

/// Never the error's own text where it could hold data: `BadEncoding` and its like carry what was stored.
fn problem(error: &Error) -> Problem {
    match error {
        Error::NoStorageAccess(source) => Problem::said(no_access(), first_line(source)),
        Error::PlatformFailure(source) => Problem::said(failure(source.as_ref()), first_line(source)),
        Error::Ambiguous(_) => Problem::said(Reason::Damaged, "there is more than one item of that name"),
        Error::BadEncoding(_) | Error::BadDataFormat(..) | Error::BadStoreFormat(_) => {
            Problem::new(Reason::Damaged)
        }
        Error::TooLong(what, limit) => Problem::said(Reason::Failed, format!("{what} is over {limit}")),
        Error::Invalid(what, why) => Problem::said(Reason::Failed, format!("{what}: {why}")),
        Error::NotSupportedByStore(what) => Problem::said(Reason::Failed, what),
        _ => Problem::new(Reason::Failed),
    }
}

fn first_line(error: &impl std::fmt::Display) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

fn no_access() -> Reason {
    // On Linux that is a lock that nobody opened; macOS and Windows say it of a refusal, too.
    if cfg!(any(target_os = "macos", windows)) { Reason::Denied } else { Reason::Locked }
}

#[cfg(all(unix, not(target_os = "macos")))]
fn failure(source: &(dyn std::error::Error + Send + Sync + 'static)) -> Reason {
    use dbus_secret_service::Error as ServiceError;
    let Some(error) = source.downcast_ref::<ServiceError>() else { return Reason::Failed };
    let ServiceError::Dbus(error) = error else {
        return match error {
            ServiceError::Locked | ServiceError::NoResult | ServiceError::Prompt => Reason::Locked,
            ServiceError::Unavailable => Reason::NoService,
            _ => Reason::Failed,
        };
    };
    match error.name().and_then(|name| name.rsplit('.').next()).unwrap_or_default() {
        "ServiceUnknown" | "NameHasNoOwner" | "ExecFailed" | "ChildExited" | "ServiceNotFound" => {
            Reason::NoService
        }
        "NoServer" | "FileNotFound" | "NotSupported" | "Disconnected" | "BadAddress" => Reason::NoBus,
        "NoReply" | "Timeout" | "TimedOut" => Reason::TimedOut,
        "AccessDenied" | "AuthFailed" => Reason::Denied,
        "IsLocked" => Reason::Locked,
        _ => Reason::Failed,
    }
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn failure(_source: &(dyn std::error::Error + Send + Sync + 'static)) -> Reason {
    Reason::Failed
}
