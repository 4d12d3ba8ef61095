//! The authorization endpoint (RFC 6749 section 4.1.1): a page for people, a redirect for scripts.

use std::fmt::Write as _;

use url::Url;

use super::CLIENT_ID;
use super::grants::Code;
use crate::emulator::http::{Request, Response, detail, redirect, with_type};
use crate::emulator::state::{State, now};

/// Life of a code, in seconds.
const CODE_TTL: i64 = 60;

pub(super) fn answer(state: &State, request: &Request) -> Response {
    let value = |name: &str| request.query.get(name).map(String::as_str).unwrap_or_default();
    if value("client_id") != CLIENT_ID {
        return detail(400, "the client is not known here");
    }
    let Some(callback) = loopback(value("redirect_uri")) else {
        return detail(400, "the redirect URI is not one of this client");
    };
    let problem = if value("response_type") != "code" {
        Some(("unsupported_response_type", "only code"))
    } else if value("code_challenge_method") != "S256" || value("code_challenge").len() != 43 {
        Some(("invalid_request", "PKCE with S256 is required"))
    } else {
        None
    };
    if let Some((error, description)) = problem {
        return back(state, request, callback, &[("error", error), ("error_description", description)]);
    }
    let options = state.options();
    let for_people = request.header("accept").contains("text/html") && !options.auto_approve;
    let chosen = value("login_hint");
    if for_people && chosen.is_empty() {
        return page(state, request);
    }
    if chosen == "deny" {
        return back(
            state,
            request,
            callback,
            &[("error", "access_denied"), ("error_description", "declined")],
        );
    }
    let first = options.accounts.first().map(|account| account.user_name.clone()).unwrap_or_default();
    let user_name = if chosen.is_empty() { first } else { chosen.to_owned() };
    if state.account(&user_name).is_none() {
        return detail(404, "there is no such account");
    }
    let code = state.grants().add_code(Code {
        user_name,
        redirect_uri: value("redirect_uri").to_owned(),
        challenge: value("code_challenge").to_owned(),
        nonce: request.query.get("nonce").cloned(),
        scope: value("scope").to_owned(),
        expires_at: now() + CODE_TTL,
        family: None,
    });
    back(state, request, callback, &[("code", &code)])
}

/// Any port of the loopback address (RFC 8252 section 7.3).
fn loopback(redirect_uri: &str) -> Option<Url> {
    let url = Url::parse(redirect_uri).ok()?;
    let is_ours = url.scheme() == "http" && url.host_str() == Some("127.0.0.1") && url.path() == "/callback";
    is_ours.then_some(url)
}

fn back(state: &State, request: &Request, mut callback: Url, parameters: &[(&str, &str)]) -> Response {
    {
        let mut query = callback.query_pairs_mut();
        query.extend_pairs(parameters);
        if let Some(value) = request.query.get("state") {
            query.append_pair("state", value);
        }
        query.append_pair("iss", &state.issuer());
    }
    redirect(callback.as_str())
}

fn page(state: &State, request: &Request) -> Response {
    let query = |account: &str| {
        let mut url = url::form_urlencoded::Serializer::new(String::new());
        url.extend_pairs(&request.query).append_pair("login_hint", account);
        url.finish()
    };
    let mut rows = String::new();
    for account in state.options().accounts {
        let name = escape(&account.full_name());
        let email = escape(&account.email);
        let _infallible = write!(
            rows,
            "<p><a href=\"?{}\">Sign in as {name}</a> &lt;{email}&gt;</p>",
            query(&account.user_name)
        );
    }
    let body = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Seqera Platform (emulator)</title>\
         <body style=\"font:16px system-ui;margin:15vh auto;max-width:30rem\"><h1>Sign in</h1>\
         <p>This is an emulator on your own machine; no password is asked for.</p>{rows}\
         <p><a href=\"?{}\">Decline</a></p></body></html>",
        query("deny")
    );
    with_type(200, "text/html; charset=utf-8", body)
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
