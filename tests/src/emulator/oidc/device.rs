//! The device authorization grant (RFC 8628): its endpoint, and the page where the code is typed.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::json;

use super::CLIENT_ID;
use super::authorize::escape;
use super::grants::Code;
use crate::emulator::http::{Request, Response, json as json_answer, with_type};
use crate::emulator::state::{State, now, random};

/// Letters that make no words and are not taken for digits (section 6.1).
const LETTERS: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ";

/// Codes that were handed out.
#[derive(Default)]
pub(super) struct Devices(HashMap<String, Device>);

struct Device {
    user_code: String,
    scope: String,
    expires_at: Instant,
    interval: Duration,
    polled_at: Option<Instant>,
    decision: Decision,
}

#[derive(Clone)]
enum Decision {
    Pending,
    Approved(String),
    Denied,
    Used,
}

/// What a poll brings.
pub(super) enum Poll {
    Granted(Code),
    /// An error code of section 3.5.
    Refused(&'static str),
}

impl Devices {
    /// Polls. Whoever polls too fast has to wait five seconds longer from then on.
    pub(super) fn poll(&mut self, device_code: &str) -> Poll {
        let Some(device) = self.0.get_mut(device_code) else { return Poll::Refused("invalid_grant") };
        let polled_at = device.polled_at.replace(Instant::now());
        if device.expires_at <= Instant::now() {
            return Poll::Refused("expired_token");
        }
        let grace = Duration::from_millis(50);
        if polled_at.is_some_and(|last| last.elapsed() + grace < device.interval) {
            device.interval += Duration::from_secs(5);
            return Poll::Refused("slow_down");
        }
        match device.decision.clone() {
            Decision::Pending => Poll::Refused("authorization_pending"),
            Decision::Denied => Poll::Refused("access_denied"),
            Decision::Used => Poll::Refused("invalid_grant"),
            Decision::Approved(user_name) => {
                device.decision = Decision::Used;
                Poll::Granted(Code {
                    user_name,
                    redirect_uri: String::new(),
                    challenge: String::new(),
                    nonce: None,
                    scope: device.scope.clone(),
                    expires_at: now(),
                    family: None,
                })
            }
        }
    }

    /// `false` when there is no such code that still waits.
    fn decide(&mut self, user_code: &str, decision: Decision) -> bool {
        let plain = |code: &str| code.replace('-', "").to_ascii_uppercase();
        let waits = |device: &&mut Device| {
            matches!(device.decision, Decision::Pending)
                && device.expires_at > Instant::now()
                && plain(&device.user_code) == plain(user_code)
        };
        self.0.values_mut().find(waits).map(|device| device.decision = decision).is_some()
    }
}

/// `POST /api/device_authorization`
pub(super) fn begin(state: &State, request: &Request) -> Response {
    let form = request.form();
    if form.get("client_id").map(String::as_str) != Some(CLIENT_ID) {
        return json_answer(401, &json!({ "error": "invalid_client" }));
    }
    let options = state.options();
    let (device_code, user_code) = (random(), user_code());
    let device = Device {
        user_code: user_code.clone(),
        scope: form.get("scope").cloned().unwrap_or_default(),
        expires_at: Instant::now() + Duration::from_secs(options.ttl_device),
        interval: Duration::from_secs(options.device_interval),
        polled_at: None,
        decision: Decision::Pending,
    };
    state.grants().devices.0.insert(device_code.clone(), device);
    let page = format!("{}/device", state.issuer());
    json_answer(
        200,
        &json!({
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": page,
            "verification_uri_complete": format!("{page}?user_code={user_code}"),
            "expires_in": options.ttl_device,
            "interval": options.device_interval,
        }),
    )
}

/// `GET /api/device`: `user_code` and `login_hint` (an account, or `deny`) decide; else there is a page to type them.
pub(super) fn page(state: &State, request: &Request) -> Response {
    let value = |name: &str| request.query.get(name).map(String::as_str).unwrap_or_default();
    let (user_code, chosen) = (value("user_code"), value("login_hint"));
    let decision = match chosen {
        "" => None,
        "deny" => Some(Decision::Denied),
        name => state.account(name).map(|account| Decision::Approved(account.user_name)),
    };
    let Some(decision) = decision else { return form(state, user_code) };
    if state.grants().devices.decide(user_code, decision) {
        html(200, "<h1>Done</h1><p>You can close this page and go back to the terminal.</p>")
    } else {
        html(400, "<h1>Sorry</h1><p>That code is not known here, or it has ended.</p>")
    }
}

fn form(state: &State, user_code: &str) -> Response {
    let mut buttons = String::new();
    for account in state.options().accounts {
        let _infallible = write!(
            buttons,
            "<p><button name=\"login_hint\" value=\"{}\">Allow as {}</button></p>",
            escape(&account.user_name),
            escape(&account.full_name())
        );
    }
    html(
        200,
        &format!(
            "<h1>Sign in a device</h1><p>The Seqera CLI on another device asks to use your account. This is an \
             emulator on your own machine; no password is asked for.</p>\
             <form><p><label>Code <input name=\"user_code\" value=\"{}\"></label></p>{buttons}\
             <p><button name=\"login_hint\" value=\"deny\">Decline</button></p></form>",
            escape(user_code)
        ),
    )
}

fn html(status: u16, body: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Seqera Platform (emulator)</title>\
         <body style=\"font:16px system-ui;margin:15vh auto;max-width:30rem\">{body}</body></html>"
    );
    with_type(status, "text/html; charset=utf-8", page)
}

/// `BCDF-GHJK`
fn user_code() -> String {
    let letter = |byte: u8| char::from(LETTERS[usize::from(byte) % LETTERS.len()]);
    let letters: Vec<char> = random().bytes().take(8).map(letter).collect();
    let half = |part: &[char]| part.iter().collect::<String>();
    format!("{}-{}", half(&letters[..4]), half(&letters[4..]))
}
