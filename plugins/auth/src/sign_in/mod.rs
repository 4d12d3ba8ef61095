//! Signing in, from the choice of a way to a credential that is stored.
//!
//! | file | does |
//! | --- | --- |
//! | `surroundings` | what this terminal, machine and session can do: a browser here, on another machine, or none |
//! | `store_choice` | where the credential will be kept; found out before anybody is sent to a browser |
//! | `browser_flow` | authorization code with PKCE over the loopback redirect, or a pasted address |
//! | `device_flow` | a code that is typed on another device |
//! | `keyboard` | an address that is pasted while the browser is waited for |
//! | `personal_token` | an access token that the person brings along |
//! | `identity` | what the ID token has to say before anything is believed |
//! | `completion` | what all ways end with: whose it is, store it, end the session before |

mod browser_flow;
mod completion;
mod device_flow;
mod hidden_input;
mod identity;
mod keyboard;
mod personal_token;
mod port_holder;
mod store_choice;
mod surroundings;

pub(crate) use browser_flow::BrowserOptions;
pub(crate) use personal_token::sign_in_with_token;
pub(crate) use port_holder::holder_of;
pub(crate) use store_choice::{StoreWish, choose_store};
pub(crate) use surroundings::Surroundings;

use std::sync::Arc;

use seqera_plugin_api::{Host, Result};

use crate::credential::{CredentialStore, Key};
use crate::http::Engine;
use crate::oauth::Provider;
use crate::session::Sessions;

/// A sign-in under way: with whom, for which credential, into which store.
pub(crate) struct SignIn<'a> {
    pub(crate) sessions: &'a Sessions,
    pub(crate) engine: Arc<Engine>,
    pub(crate) provider: Provider,
    pub(crate) key: Key,
    pub(crate) store: Arc<dyn CredentialStore>,
    /// Whether a file may be used when the keychain fails at the last moment.
    pub(crate) may_fall_back: bool,
}

impl SignIn<'_> {
    fn host(&self) -> &Host {
        self.sessions.host()
    }

    /// Signs in with a browser on this machine, or with a pasted address.
    ///
    /// # Errors
    /// What the person, the browser or the authority say against it.
    pub(crate) fn with_browser(&self, options: &BrowserOptions) -> Result<()> {
        browser_flow::run(self, options)
    }

    /// Signs in with a code that is typed on another device.
    ///
    /// # Errors
    /// What the person or the authority say against it; `TimedOut` when nobody typed it.
    pub(crate) fn with_device(&self) -> Result<()> {
        device_flow::run(self)
    }
}
