//! What the emulator knows.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::Value;

use super::accounts::{Account, default_accounts};
use super::backend::Session;
use super::faults::Faults;
use super::oidc::{Grants, SigningKey};
use super::request_log::RequestLog;

/// What an event stream begins with that was asked for without a cursor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replay {
    /// Everything that was said in the session, then `history_end`.
    #[default]
    Everything,
    /// What comes from the last message on.
    Nothing,
    /// Everything, and no event has a number.
    Unnumbered,
    /// Everything, and nothing says where it ends.
    WithoutEnd,
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Certificate {
    /// Nothing.
    #[default]
    Good,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYet,
    /// It is for another host.
    OfAnother,
}

/// How an emulator is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// `0` for any.
    pub port: u16,
    /// Who may sign in.
    pub accounts: Vec<Account>,
    /// Life of an access token, in seconds.
    pub ttl_access: i64,
    /// Life of a code for another device, in seconds.
    pub ttl_device: u64,
    /// Seconds between two polls for such a code.
    pub device_interval: u64,
    /// Whether a renewal brings a new refresh token and ends the old one.
    pub rotate: bool,
    /// Whether sign-ins get a refresh token at all.
    pub refresh_tokens: bool,
    /// Whether people are signed in without a page.
    pub auto_approve: bool,
    /// What an event stream begins with.
    pub replay: Replay,
    /// Milliseconds that every answer takes longer.
    pub latency_ms: u64,
    /// Where requests are logged, one JSON line each.
    pub request_log: Option<PathBuf>,
    /// Serve https; the authority that signed the certificate is written there, as PEM.
    pub tls_ca: Option<PathBuf>,
    /// How many seconds its clock is ahead of ours, in `Date` and in ID tokens.
    pub clock_ahead: i64,
    /// What is wrong with the certificate.
    pub certificate: Certificate,
    /// The name it goes by instead of its address, in URLs and in its certificate. Nobody resolves it: for proxies.
    pub host_name: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            accounts: default_accounts(),
            ttl_access: 3600,
            ttl_device: 600,
            device_interval: 5,
            rotate: true,
            refresh_tokens: true,
            auto_approve: false,
            replay: Replay::default(),
            latency_ms: 0,
            request_log: None,
            tls_ca: None,
            clock_ahead: 0,
            certificate: Certificate::default(),
            host_name: None,
        }
    }
}

pub(super) struct State {
    backend: String,
    options: Mutex<Options>,
    grants: Mutex<Grants>,
    sessions: Mutex<HashMap<String, Arc<Session>>>,
    scripts: Mutex<VecDeque<Vec<Value>>>,
    pub(super) key: SigningKey,
    pub(super) faults: Faults,
    pub(super) log: RequestLog,
}

impl State {
    pub(super) fn new(backend: String, options: Options) -> io::Result<Self> {
        Ok(Self {
            backend,
            grants: Mutex::default(),
            sessions: Mutex::default(),
            scripts: Mutex::default(),
            key: SigningKey::generate().ok_or_else(|| io::Error::other("no key could be made"))?,
            faults: Faults::default(),
            log: RequestLog::new(options.request_log.clone()),
            options: Mutex::new(options),
        })
    }

    pub(super) fn backend(&self) -> &str {
        &self.backend
    }

    pub(super) fn issuer(&self) -> String {
        format!("{}/api", self.backend)
    }

    pub(super) fn options(&self) -> Options {
        lock(&self.options).clone()
    }

    pub(super) fn configure(&self, change: impl FnOnce(&mut Options)) {
        change(&mut lock(&self.options));
    }

    pub(super) fn grants(&self) -> MutexGuard<'_, Grants> {
        lock(&self.grants)
    }

    pub(super) fn first_access_token(&self) -> String {
        lock(&self.options).accounts.first().map(|account| account.access_token.clone()).unwrap_or_default()
    }

    pub(super) fn account(&self, user_name: &str) -> Option<Account> {
        lock(&self.options).accounts.iter().find(|account| account.user_name == user_name).cloned()
    }

    /// Whose a bearer is: a personal access token, or a live access token of a sign-in.
    pub(super) fn account_of_bearer(&self, bearer: Option<&str>) -> Option<Account> {
        let bearer = bearer?;
        let personal =
            lock(&self.options).accounts.iter().find(|account| account.access_token == bearer).cloned();
        personal.or_else(|| {
            let user_name = self.grants().account_of_access_token(bearer)?;
            self.account(&user_name)
        })
    }

    pub(super) fn session(&self, id: &str) -> Option<Arc<Session>> {
        lock(&self.sessions).get(id).cloned()
    }

    pub(super) fn sessions(&self) -> Vec<Arc<Session>> {
        lock(&self.sessions).values().cloned().collect()
    }

    pub(super) fn add_session(&self, session: Arc<Session>) {
        lock(&self.sessions).insert(session.id.clone(), session);
    }

    pub(super) fn script(&self, steps: Vec<Value>) {
        lock(&self.scripts).push_back(steps);
    }

    pub(super) fn next_script(&self) -> Option<Vec<Value>> {
        lock(&self.scripts).pop_front()
    }

    pub(super) fn reset(&self) {
        self.faults.clear();
        self.log.clear();
        lock(&self.scripts).clear();
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// 24 random bytes, as text.
pub(super) fn random() -> String {
    let mut bytes = [0; 24];
    // Without a source of randomness the answers would still be distinct in time, and this is no place of secrets.
    let _filled = SystemRandom::new().fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Seconds since the Unix epoch.
pub(super) fn now() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX))
}
