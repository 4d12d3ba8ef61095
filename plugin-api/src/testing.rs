//! Fakes for the unit tests of a plugin (feature `testing`).
//!
//! ```
//! use seqera_plugin_api::testing::FakeHost;
//!
//! let fake = FakeHost::new().setting("backend_url", "http://backend.example");
//! let host = fake.host();
//! assert_eq!(host.setting("backend_url").unwrap().value, "http://backend.example");
//! ```

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::error::{Error, ErrorKind, Result};
use crate::host::{CancelGuard, Host, Lender, Setting, Terminal};
use crate::output::{Output, Transcript, lock};
use crate::secret::Secret;
use crate::service::{
    AccessToken, CancelHandle, Exchange, HttpRequest, PlatformHttp, ResponseHead, Service, Session,
    TokenProvider, TokenRequest,
};

/// A host in memory: settings, services, terminal and answers are what the test says.
#[derive(Clone, Default)]
pub struct FakeHost {
    settings: HashMap<String, String>,
    services: HashMap<String, Service>,
    facts: HashMap<String, String>,
    policy: HashMap<String, String>,
    terminal: Terminal,
    transcript: Arc<Mutex<Transcript>>,
}

impl FakeHost {
    /// A host that lends nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
            .facts("product", r#"{"name":"seqera","version":"0.0.0","os":"linux","arch":"x86_64"}"#)
    }

    /// Sets a setting.
    #[must_use]
    pub fn setting(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Lends a service under a name.
    #[must_use]
    pub fn service(mut self, name: &str, service: Service) -> Self {
        self.services.insert(name.to_owned(), service);
        self
    }

    /// Says something (JSON) of a topic.
    #[must_use]
    pub fn facts(mut self, topic: &str, json: &str) -> Self {
        self.facts.insert(topic.to_owned(), json.to_owned());
        self
    }

    /// The admin's policy says this.
    #[must_use]
    pub fn policy(mut self, key: &str, value: &str) -> Self {
        self.policy.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Keeps all directories below `root`.
    #[must_use]
    pub fn directories(self, root: &Path) -> Self {
        let json = serde_json::json!({
            "config": root.join("config"), "data": root.join("data"),
            "cache": root.join("cache"), "state": root.join("state"),
        });
        self.facts("paths", &json.to_string())
    }

    /// A person sits in front of a terminal and will type these lines.
    #[must_use]
    pub fn person(mut self, lines: &[&str]) -> Self {
        self.terminal = Terminal { stdin: true, stdout: true, stderr: true, ..Terminal::default() };
        self.input(lines)
    }

    /// Standard input holds these lines.
    #[must_use]
    pub fn input(self, lines: &[&str]) -> Self {
        lock(&self.transcript).input = lines.iter().map(|line| format!("{line}\n")).collect();
        self
    }

    /// The handle to give to the plugin.
    #[must_use]
    pub fn host(&self) -> Host {
        Host::new(Arc::new(self.clone()))
    }

    /// What was printed to standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&lock(&self.transcript).stdout).into_owned()
    }

    /// What was printed to standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&lock(&self.transcript).stderr).into_owned()
    }
}

impl Lender for FakeHost {
    fn service(&self, name: &str, _major: u32) -> Result<Service> {
        self.services
            .get(name)
            .cloned()
            .ok_or_else(|| Error::new(ErrorKind::NoProvider, format!("no plugin provides {name}")))
    }

    fn setting(&self, key: &str) -> Option<Setting> {
        let value = self.settings.get(key)?.clone();
        Some(Setting { value, origin: "test".to_owned() })
    }

    fn policy(&self, key: &str) -> Option<String> {
        self.policy.get(key).cloned()
    }

    fn facts(&self, topic: &str) -> Option<String> {
        self.facts.get(topic).cloned()
    }

    fn terminal(&self) -> Terminal {
        self.terminal
    }

    fn cancelled(&self) -> Option<i32> {
        None
    }

    fn on_cancel(&self, _callback: Box<dyn Fn(i32) + Send + Sync>) -> CancelGuard {
        CancelGuard::new(())
    }

    fn output(&self) -> Output {
        Output::memory(Arc::clone(&self.transcript))
    }
}

/// A provider that lends one fixed token to one fixed session.
#[derive(Debug, Clone)]
pub struct FakeTokenProvider {
    /// Who is signed in.
    pub session: Session,
}

impl TokenProvider for FakeTokenProvider {
    fn token(&self, _request: &TokenRequest) -> Result<AccessToken> {
        Ok(AccessToken {
            bearer: Secret::new("fake-bearer"),
            expires_at: None,
            source: self.session.source.clone(),
        })
    }

    fn invalidate(&self, _token: &AccessToken) -> Result<()> {
        Ok(())
    }

    fn session(&self, _resolve: bool) -> Result<Session> {
        Ok(self.session.clone())
    }

    fn redact(&self, text: &[u8]) -> Vec<u8> {
        text.to_vec()
    }
}

/// Status and body.
type Answer = (u16, Vec<u8>);

/// A server in memory: answers requests from a list and remembers them.
#[derive(Clone, Default)]
pub struct FakeHttp {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    requests: Arc<Mutex<Vec<HttpRequest>>>,
}

impl FakeHttp {
    /// A server that has no answers yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an answer; they are given in order.
    #[must_use]
    pub fn answer(self, status: u16, body: &str) -> Self {
        lock(&self.answers).push_back((status, body.as_bytes().to_vec()));
        self
    }

    /// What was asked so far.
    #[must_use]
    pub fn requests(&self) -> Vec<HttpRequest> {
        lock(&self.requests).clone()
    }
}

impl PlatformHttp for FakeHttp {
    fn open(&self, request: HttpRequest) -> Result<Box<dyn Exchange>> {
        lock(&self.requests).push(request);
        let (status, body) = lock(&self.answers)
            .pop_front()
            .ok_or_else(|| Error::new(ErrorKind::Unreachable, "the fake server has no answer left"))?;
        Ok(Box::new(FakeExchange { status, body: body.into() }))
    }
}

struct FakeExchange {
    status: u16,
    body: VecDeque<u8>,
}

impl Exchange for FakeExchange {
    fn head(&mut self) -> Result<ResponseHead> {
        Ok(ResponseHead { status: self.status, headers: Vec::new() })
    }

    fn read_vec(&mut self, max: usize) -> Result<Vec<u8>> {
        let count = max.min(self.body.len());
        Ok(self.body.drain(..count).collect())
    }

    fn canceller(&self) -> Arc<dyn CancelHandle> {
        Arc::new(Inert)
    }
}

struct Inert;

impl CancelHandle for Inert {
    fn cancel(&self) {}
}
