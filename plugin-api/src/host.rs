//! What the host lends a plugin.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::http::Http;
use crate::output::Output;
use crate::service::{
    JsonService, ORGANIZATION, Organization, PLATFORM_HTTP, PlatformHttp, Service, TOKEN_PROVIDER,
    TokenProvider,
};

/// The host, as one plugin sees it: its identity is bound in the handle. Cheap to clone, usable from any thread.
#[derive(Clone)]
pub struct Host {
    lender: Arc<dyn Lender>,
}

/// What stands behind a [`Host`]: the real host across the ABI, or a fake.
pub(crate) trait Lender: Send + Sync {
    fn service(&self, name: &str, major: u32) -> Result<Service>;
    fn setting(&self, key: &str) -> Option<Setting>;
    fn policy(&self, key: &str) -> Option<String>;
    fn facts(&self, topic: &str) -> Option<String>;
    fn terminal(&self) -> Terminal;
    fn cancelled(&self) -> Option<i32>;
    fn on_cancel(&self, callback: Box<dyn Fn(i32) + Send + Sync>) -> CancelGuard;
    fn output(&self) -> Output;
}

/// A setting with the place it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its value as text.
    pub value: String,
    /// Where it was set: `default`, an environment variable's name, or `FILE:LINE`.
    pub origin: String,
}

/// Facts about the three standard streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terminal {
    /// Standard input is a terminal.
    pub stdin: bool,
    /// Standard output is a terminal.
    pub stdout: bool,
    /// Standard error is a terminal.
    pub stderr: bool,
    /// Colour is wanted on standard output.
    pub color_stdout: bool,
    /// Colour is wanted on standard error.
    pub color_stderr: bool,
}

impl Terminal {
    /// A person can be asked: questions go to standard error, answers come from standard input.
    #[must_use]
    pub fn is_interactive(&self) -> bool {
        self.stdin && self.stderr
    }
}

/// Name and version of the product.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Product {
    /// `seqera`
    pub name: String,
    /// The product version.
    pub version: String,
    /// Operating system, as Rust names it.
    pub os: String,
    /// Processor, as Rust names it.
    pub arch: String,
}

/// Directories of the product; `None` when no home directory is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
pub struct Paths {
    /// Settings and credentials.
    pub config: Option<PathBuf>,
    /// Plugins of the user.
    pub data: Option<PathBuf>,
    /// What may be deleted at any time.
    pub cache: Option<PathBuf>,
    /// Journals and histories.
    pub state: Option<PathBuf>,
}

impl Paths {
    /// The configuration directory.
    ///
    /// # Errors
    /// `Config` when there is no home directory to put it in.
    pub fn config_dir(&self) -> Result<&PathBuf> {
        self.config.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::Config, "there is no home directory to keep settings in")
                .hint("Set HOME, or SEQERA_CONFIG_DIR to a directory of yours.")
        })
    }
}

/// Keeps a cancel callback registered while it lives.
pub struct CancelGuard {
    _release: Box<dyn Send + Sync>,
}

impl CancelGuard {
    pub(crate) fn new(release: impl Send + Sync + 'static) -> Self {
        Self { _release: Box::new(release) }
    }
}

impl Host {
    pub(crate) fn new(lender: Arc<dyn Lender>) -> Self {
        Self { lender }
    }

    /// The service that lends access tokens. Loads its provider when nobody has yet.
    ///
    /// # Errors
    /// `NoProvider`, `Denied`, or why the provider could not be loaded.
    pub fn token_provider(&self) -> Result<Arc<dyn TokenProvider>> {
        match self.lender.service(TOKEN_PROVIDER, 1)? {
            Service::TokenProvider(service) => Ok(service),
            _ => Err(wrong_kind(TOKEN_PROVIDER)),
        }
    }

    /// The service that makes authorized requests, raw. See [`Host::http`].
    ///
    /// # Errors
    /// As [`Host::token_provider`].
    pub fn platform_http(&self) -> Result<Arc<dyn PlatformHttp>> {
        match self.lender.service(PLATFORM_HTTP, 1)? {
            Service::PlatformHttp(service) => Ok(service),
            _ => Err(wrong_kind(PLATFORM_HTTP)),
        }
    }

    /// Authorized HTTP against the configured backend.
    ///
    /// # Errors
    /// As [`Host::token_provider`]; `Config` when the backend is not a URL.
    pub fn http(&self) -> Result<Http> {
        Http::new(self)
    }

    /// The service that knows the billed organization.
    ///
    /// # Errors
    /// As [`Host::token_provider`].
    pub fn organization(&self) -> Result<Arc<dyn Organization>> {
        match self.lender.service(ORGANIZATION, 1)? {
            Service::Organization(service) => Ok(service),
            _ => Err(wrong_kind(ORGANIZATION)),
        }
    }

    /// A team's own service.
    ///
    /// # Errors
    /// As [`Host::token_provider`].
    pub fn json_service(&self, name: &str, major: u32) -> Result<Arc<dyn JsonService>> {
        match self.lender.service(name, major)? {
            Service::Json(service) => Ok(service),
            _ => Err(wrong_kind(name)),
        }
    }

    /// The effective value of a setting, e.g. `backend_url`.
    #[must_use]
    pub fn setting(&self, key: &str) -> Option<Setting> {
        self.lender.setting(key)
    }

    /// What the admin's policy says about `key`.
    #[must_use]
    pub fn policy(&self, key: &str) -> Option<String> {
        self.lender.policy(key)
    }

    /// What the host knows of a topic (`product`, `paths`, `plugins`, …). `None`: not known to this host.
    #[must_use]
    pub fn facts<T: DeserializeOwned>(&self, topic: &str) -> Option<T> {
        serde_json::from_str(&self.lender.facts(topic)?).ok()
    }

    /// Name and version of the product.
    ///
    /// # Errors
    /// When the host is too old to know.
    pub fn product(&self) -> Result<Product> {
        self.facts("product")
            .ok_or_else(|| Error::new(ErrorKind::Failed, "the host does not say its version"))
    }

    /// Directories of the product.
    #[must_use]
    pub fn paths(&self) -> Paths {
        self.facts("paths").unwrap_or_default()
    }

    /// Facts about the standard streams.
    #[must_use]
    pub fn terminal(&self) -> Terminal {
        self.lender.terminal()
    }

    /// The door through which everything is printed.
    #[must_use]
    pub fn output(&self) -> Output {
        self.lender.output()
    }

    /// The signal that asked the command to stop, if one did.
    #[must_use]
    pub fn cancelled(&self) -> Option<i32> {
        self.lender.cancelled()
    }

    /// Calls `callback` (on a thread of the host) when a signal asks the command to stop.
    ///
    /// While no callback is registered, such a signal ends the process at once with 128 plus its number.
    /// While one is, the command is expected to end by itself, with `Interrupted`; a second signal ends the
    /// process.
    #[must_use = "the callback is registered while the guard lives"]
    pub fn on_cancel(&self, callback: impl Fn(i32) + Send + Sync + 'static) -> CancelGuard {
        self.lender.on_cancel(Box::new(callback))
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Host")
    }
}

fn wrong_kind(name: &str) -> Error {
    Error::new(ErrorKind::NoProvider, format!("the provider of {name} offers another kind of service"))
        .hint("Run `seqera plugin list` to see who provides it.")
}
