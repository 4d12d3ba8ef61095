//! Sign-in to Seqera Platform, and the two services that lend it: `token-provider@1` and `platform-http@1`.
//!
//! # Architecture
//!
//! | room | does |
//! | --- | --- |
//! | `commands` | `login`, `logout`, `auth status`, `auth token`, `info`; one file each |
//! | `sign_in`, `sign_out` | which way to sign in, and what each ends with; ending a session at the server |
//! | `oauth` | the protocol: discovery, authorization request, loopback listener, device grant, token endpoint, revocation |
//! | `credential` | what is kept: documents in keychain or file, the lock between processes, the index without secrets |
//! | `session` | which token is in charge now; renews it when it is due |
//! | `http` | one I/O thread, one client, one TLS configuration for everything |
//! | `service` | the two services as other plugins see them |
//!
//! The refresh token never leaves this library. An access token leaves it through `token-provider`, on the wire, and
//! through `auth token`, and nowhere else.

mod account;
mod authority;
mod browser;
mod clock;
mod commands;
mod core_dumps;
mod credential;
mod env_token;
mod http;
mod oauth;
mod service;
mod session;
mod sign_in;
mod sign_out;
mod wording;

use std::sync::Arc;

use seqera_plugin_api::service::{Consumer, ORGANIZATION, PLATFORM_HTTP, Service, TOKEN_PROVIDER};
use seqera_plugin_api::{Exit, Host, Invocation, Manifest, Plugin, Result, export_plugin, manifest};

use crate::service::{BearerHttp, SessionTokens};
use crate::session::Sessions;

/// The plugin.
pub struct AuthPlugin {
    sessions: Arc<Sessions>,
}

impl Drop for AuthPlugin {
    /// A command that was interrupted ends; what renews for it on another thread is not left in the middle.
    fn drop(&mut self) {
        self.sessions.settle();
    }
}

impl Plugin for AuthPlugin {
    fn manifest() -> Manifest {
        manifest!("auth")
            .publisher("seqera")
            .command::<commands::LoginArgs>()
            .command::<commands::LogoutArgs>()
            .command::<commands::AuthArgs>()
            .command::<commands::InfoArgs>()
            .provides(TOKEN_PROVIDER, 1)
            .provides(PLATFORM_HTTP, 1)
            // Of others: login sets the organization, and another provider may stand behind platform-http.
            .uses(ORGANIZATION, 1)
            .uses(TOKEN_PROVIDER, 1)
            .uses(PLATFORM_HTTP, 1)
            .token_audience("platform")
    }

    fn new(host: Host) -> Result<Self> {
        core_dumps::forbid();
        Ok(Self { sessions: Arc::new(Sessions::new(host)) })
    }

    fn run(&self, invocation: &Invocation) -> Result<Exit> {
        commands::run(&self.sessions, invocation)
    }

    fn provide(&self, name: &str, major: u32, consumer: &Consumer) -> Result<Option<Service>> {
        let sessions = Arc::clone(&self.sessions);
        Ok(match (name, major) {
            (TOKEN_PROVIDER, 1) => {
                Some(Service::TokenProvider(Arc::new(SessionTokens::new(sessions, consumer.clone()))))
            }
            (PLATFORM_HTTP, 1) => {
                Some(Service::PlatformHttp(Arc::new(BearerHttp::new(sessions, consumer.clone()))))
            }
            _ => None,
        })
    }
}

export_plugin!(AuthPlugin);
