//! A local Seqera Platform on loopback: OpenID Provider, backend and a demo agent.
//!
//! | path | answers | as |
//! | --- | --- | --- |
//! | `GET /api/.well-known/openid-configuration` | provider metadata | `oidc::discovery` |
//! | `GET /api/jwks` | the key of ID tokens | `oidc::id_token` |
//! | `GET /api/authorize` | a page for people, a redirect for scripts | `oidc::authorize` |
//! | `POST /api/token` | code, refresh with rotation and reuse detection | `oidc::token` |
//! | `POST /api/device_authorization`, `GET /api/device` | a code for another device, and the page to type it | `oidc::device` |
//! | `POST /api/revoke` | RFC 7009 | `oidc::revocation` |
//! | `GET /api/userinfo`, `GET /api/user-info` | the account | `oidc::userinfo` |
//! | `GET /`, `/v1/cli/{service-info,user-info,organizations,credits,skills}` | small facts | `backend::facts` |
//! | `POST /v1/cli/sessions`, `GET …`, `…/{id}/messages`, `…/expire`, `…/tool-results` | sessions | `backend::sessions` |
//! | `GET /v1/cli/sessions/{id}/events` | the event stream, with cursor and replay | `backend::events` |
//! | `/__ctl/{requests,fault,config,script,reset}` | the control plane of tests | `control` |
//!
//! It knows no plugin and no client: what it speaks is the protocol, so that any client of it works unchanged.

mod accounts;
mod agent;
mod backend;
mod control;
mod faults;
mod http;
mod oidc;
mod request_log;
mod server;
mod state;
mod tls;

use std::sync::Arc;

pub use accounts::{Account, Organization};
pub use faults::Fault;
pub use request_log::Entry;
pub use state::{Certificate, Options, Replay};

use state::State;

/// A running emulator, on a thread of its own; it stops when this is dropped.
pub struct Emulator {
    /// `http://127.0.0.1:PORT`
    pub backend: String,
    /// The issuer: the backend and a path.
    pub auth_domain: String,
    /// A personal access token of the first account.
    pub access_token: String,
    state: Arc<State>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Emulator {
    /// Starts one.
    ///
    /// # Errors
    /// When the port is taken or the system gives no thread.
    pub fn start(options: Options) -> std::io::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", options.port))?;
        listener.set_nonblocking(true)?;
        let scheme = if options.tls_ca.is_some() { "https" } else { "http" };
        let address = listener.local_addr()?;
        let name = options.host_name.clone().unwrap_or_else(|| address.ip().to_string());
        let backend = format!("{scheme}://{name}:{}", address.port());
        let state = Arc::new(State::new(backend.clone(), options)?);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let served = Arc::clone(&state);
        let thread = std::thread::Builder::new().name("emulator".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = server::serve(listener, served) => {}
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        })?;
        Ok(Self {
            auth_domain: state.issuer(),
            access_token: state.first_access_token(),
            backend,
            state,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// One with the default accounts.
    ///
    /// # Errors
    /// As [`Emulator::start`].
    pub fn start_default() -> std::io::Result<Self> {
        Self::start(Options::default())
    }

    /// What was asked so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Entry> {
        self.state.log.entries()
    }

    /// How often a path was asked.
    #[must_use]
    pub fn count(&self, method: &str, path: &str) -> usize {
        self.requests().iter().filter(|entry| entry.method == method && entry.path == path).count()
    }

    /// Forgets what was asked so far.
    pub fn forget_requests(&self) {
        self.state.log.clear();
    }

    /// Lets requests go wrong.
    pub fn fault(&self, fault: Fault) {
        self.state.faults.add(fault);
    }

    /// Changes settings while it runs.
    pub fn configure(&self, change: impl FnOnce(&mut Options)) {
        self.state.configure(change);
    }

    /// Replaces the next answer of the agent by raw bytes of an event stream, in steps.
    pub fn script(&self, steps: Vec<serde_json::Value>) {
        self.state.script(steps);
    }

    /// Ends every sign-in at the server, as an admin would.
    pub fn revoke_all(&self) {
        self.state.grants().revoke_all();
    }

    /// How many access tokens and refresh tokens are alive.
    #[must_use]
    pub fn live_tokens(&self) -> usize {
        self.state.grants().live()
    }

    /// Every code, token and verifier that went over the wire.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.state.grants().secrets()
    }

    /// How many sign-ins can be renewed.
    #[must_use]
    pub fn live_families(&self) -> usize {
        self.state.grants().live_families()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}
