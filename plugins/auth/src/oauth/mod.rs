//! The protocol of signing in: OAuth 2.0 for native apps (RFC 8252) with PKCE (RFC 7636) against an OpenID Provider.

mod authorization;
mod device_grant;
mod discovery;
mod id_token;
mod jwks;
mod loopback;
mod revocation;
mod token_endpoint;
mod user;

pub(crate) use authorization::AuthorizationRequest;
pub(crate) use device_grant::{DeviceAuthorization, begin_device_grant, poll_device_grant};
pub(crate) use discovery::{Provider, discover};
pub(crate) use id_token::{Expected, Identity, refuse as refuse_id_token, verify as verify_id_token};
pub(crate) use jwks::fetch_keys;
pub(crate) use loopback::{Callback, Event, LoopbackListener, Page};
pub(crate) use revocation::{Hint, revoke};
pub(crate) use token_endpoint::{Grant, RETRY_AFTER, TokenError, Tokens, UNANSWERED, request_tokens};
pub(crate) use user::{account_of, backend_user, provider_user};
