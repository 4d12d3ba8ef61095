//! The token endpoint (RFC 6749 sections 4.1.3 and 6, RFC 8628 section 3.4).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use serde_json::json;

use super::CLIENT_ID;
use super::device::Poll;
use super::grants::Issued;
use crate::emulator::http::{Request, Response, json as json_answer};
use crate::emulator::state::{State, now};

pub(super) fn answer(state: &State, request: &Request) -> Response {
    let form = request.form();
    let value = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if value("client_id") != CLIENT_ID
        || form.contains_key("client_secret")
        || request.headers.contains_key("authorization")
    {
        return refuse(401, "invalid_client", "this is a public client");
    }
    match value("grant_type") {
        "authorization_code" => exchange(state, value("code"), value("code_verifier"), value("redirect_uri")),
        "refresh_token" => renew(state, value("refresh_token")),
        "urn:ietf:params:oauth:grant-type:device_code" => poll(state, value("device_code")),
        _ => refuse(400, "unsupported_grant_type", "only authorization_code, refresh_token and device_code"),
    }
}

fn exchange(state: &State, text: &str, verifier: &str, redirect_uri: &str) -> Response {
    let options = state.options();
    let mut grants = state.grants();
    grants.note_secret(verifier);
    let Some(code) = grants.take_code(text) else {
        return refuse(400, "invalid_grant", "the code is not known, was used, or came too late");
    };
    let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
    if challenge != code.challenge || redirect_uri != code.redirect_uri {
        return refuse(400, "invalid_grant", "verifier or redirect URI do not match the request");
    }
    let with_refresh = options.refresh_tokens && code.scope.split(' ').any(|scope| scope == "offline_access");
    let issued = grants.begin(text, &code, options.ttl_access, with_refresh);
    drop(grants);
    answer_with(state, &issued, options.ttl_access, code.nonce.as_deref())
}

fn poll(state: &State, device_code: &str) -> Response {
    let options = state.options();
    let mut grants = state.grants();
    grants.note_secret(device_code);
    match grants.devices.poll(device_code) {
        Poll::Refused(error) => refuse(400, error, "the person has the word"),
        Poll::Granted(code) => {
            let with_refresh =
                options.refresh_tokens && code.scope.split(' ').any(|scope| scope == "offline_access");
            let issued = grants.begin("", &code, options.ttl_access, with_refresh);
            drop(grants);
            answer_with(state, &issued, options.ttl_access, None)
        }
    }
}

fn renew(state: &State, refresh_token: &str) -> Response {
    let options = state.options();
    let issued = state.grants().renew(refresh_token, options.ttl_access, options.rotate);
    match issued {
        Some(issued) => answer_with(state, &issued, options.ttl_access, None),
        None => refuse(400, "invalid_grant", "the refresh token is not good any more"),
    }
}

fn answer_with(state: &State, issued: &Issued, ttl: i64, nonce: Option<&str>) -> Response {
    let mut body = json!({
        "access_token": issued.access_token,
        "token_type": "Bearer",
        "expires_in": ttl,
        "scope": issued.scope,
    });
    if let Some(refresh_token) = &issued.refresh_token {
        body["refresh_token"] = refresh_token.as_str().into();
    }
    if let Some(account) = state.account(&issued.user_name) {
        let time = now() + state.options().clock_ahead;
        body["id_token"] = state
            .key
            .id_token(&state.issuer(), CLIENT_ID, &account, nonce, &issued.access_token, time)
            .into();
    }
    json_answer(200, &body)
}

fn refuse(status: u16, error: &str, description: &str) -> Response {
    json_answer(status, &json!({ "error": error, "error_description": description }))
}
