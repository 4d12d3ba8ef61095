//! The protocol of signing in: OAuth 2.0 for native apps (RFC 8252) with PKCE (RFC 7636) against an OpenID Provider.
//!
//! ID tokens are not looked at yet; they will have a file here.

mod authorization;
mod device_grant;
mod discovery;
mod loopback;
mod revocation;
mod token_endpoint;
mod user;

pub(crate) use authorization::AuthorizationRequest;
pub(crate) use device_grant::{DeviceAuthorization, begin_device_grant, poll_device_grant};
pub(crate) use discovery::{Provider, discover};
pub(crate) use loopback::{Callback, Event, LoopbackListener, Page};
pub(crate) use revocation::{Hint, revoke};
pub(crate) use token_endpoint::{Grant, TokenError, Tokens, request_tokens};
pub(crate) use user::{account_of, backend_user, provider_user};
