//! What was asked. Tokens, codes and verifiers appear as the beginning of their SHA-256 and never as themselves.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use ring::digest;
use serde::Serialize;
use serde_json::{Map, Value};

use super::http::Request;

/// Names whose values are secrets.
const SECRETS: [&str; 7] =
    ["code", "code_verifier", "refresh_token", "token", "access_token", "client_secret", "device_code"];
/// Names of which only the length is of interest.
const LENGTHS: [&str; 3] = ["state", "nonce", "code_challenge"];

/// One request.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Milliseconds since the emulator started.
    pub at_ms: u128,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// Query parameters.
    pub query: Map<String, Value>,
    /// The status that was answered; 0 when the connection was dropped.
    pub status: u16,
    /// `User-Agent`
    pub user_agent: String,
    /// `X-Client-Version`
    pub client_version: String,
    /// `Accept`
    pub accept: String,
    /// The beginning of the SHA-256 of the bearer; empty without one.
    pub bearer_sha256: String,
    /// The body, as JSON or as the fields of a form.
    pub body: Value,
}

/// The log.
pub(super) struct RequestLog {
    started: Instant,
    entries: Mutex<Vec<Entry>>,
    file: Option<PathBuf>,
}

impl RequestLog {
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        Self { started: Instant::now(), entries: Mutex::default(), file }
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn clear(&self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(super) fn add(&self, request: &Request, status: u16) {
        let is_form = request.header("content-type").starts_with("application/x-www-form-urlencoded");
        let body = if is_form { Value::Object(masked(request.form())) } else { request.json() };
        let entry = Entry {
            at_ms: self.started.elapsed().as_millis(),
            method: request.method.to_string(),
            path: request.path.clone(),
            query: masked(request.query.clone()),
            status,
            user_agent: request.header("user-agent").to_owned(),
            client_version: request.header("x-client-version").to_owned(),
            accept: request.header("accept").to_owned(),
            bearer_sha256: request.bearer().map(fingerprint).unwrap_or_default(),
            body,
        };
        if let Some(path) = &self.file {
            let line = serde_json::to_string(&entry).unwrap_or_default();
            let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
            let _a_log = file.and_then(|mut file| writeln!(file, "{line}"));
        }
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }
}

fn masked(values: impl IntoIterator<Item = (String, String)>) -> Map<String, Value> {
    values
        .into_iter()
        .map(|(name, value)| {
            let shown = if SECRETS.contains(&name.as_str()) {
                Value::from(format!("sha256:{}", fingerprint(&value)))
            } else if LENGTHS.contains(&name.as_str()) {
                Value::from(format!("length:{}", value.len()))
            } else {
                Value::from(value)
            };
            (name, shown)
        })
        .collect()
}

/// The first 16 hexadecimal digits of the SHA-256 of a secret.
pub(super) fn fingerprint(secret: &str) -> String {
    let digest = digest::digest(&digest::SHA256, secret.as_bytes());
    digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
