//! The OpenID Provider.

mod authorize;
mod device;
mod discovery;
mod grants;
mod id_token;
mod revocation;
mod token;
mod userinfo;

pub(super) use grants::Grants;
pub(super) use id_token::SigningKey;

use std::sync::Arc;

use super::http::{Request, Response, detail, json};
use super::state::State;

/// The client that everybody uses: public, without a secret.
pub(super) const CLIENT_ID: &str = "seqera_ai_cli";

pub(super) fn answer(state: &Arc<State>, request: &Request) -> Response {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/api/.well-known/openid-configuration") => discovery::answer(state),
        ("GET", "/api/jwks") => json(200, &state.key.jwks()),
        ("GET", "/api/authorize") => authorize::answer(state, request),
        ("POST", "/api/device_authorization") => device::begin(state, request),
        ("GET", "/api/device") => device::page(state, request),
        ("POST", "/api/token") => token::answer(state, request),
        ("POST", "/api/revoke") => revocation::answer(state, request),
        ("GET", "/api/userinfo") => userinfo::answer(state, request),
        ("GET", "/api/user-info") => super::backend::user_info(state, request),
        _ => detail(404, "there is nothing here"),
    }
}
