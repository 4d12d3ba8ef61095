//! How the backend is asked: retries, renewals, and errors that say who must act.

use std::time::Duration;

use seqera_plugin_api::{Error, ErrorKind, Host, Http, RequestBuilder, Response, Result};
use serde_json::Value;

use crate::sanitizer::sanitized;
use crate::secrets::Secrets;

/// A session's id as a part of a path: it comes from a server, or from a command line.
pub(crate) fn segment(id: &str) -> String {
    let mut path = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) || (byte == b'.' && id.len() > 2) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}

/// Tries of a request that changes something; network errors and 5xx are tried again.
const TRIES: u32 = 3;
/// Longest silence within an answer that is not a stream.
pub(super) const SILENCE_MS: u64 = 30_000;
/// Longest wait for the server to say that a session is over.
const EXPIRE_TIMEOUT_MS: u64 = 2000;

/// The backend, for one command.
pub(crate) struct Backend {
    pub(super) host: Host,
    pub(super) http: Http,
    pub(super) is_headless: bool,
    /// A server may say again what it was told.
    pub(super) secrets: Secrets,
    /// Waits, and tells whether it was woken to stop.
    pause: Box<dyn Fn(Duration) -> bool>,
}

impl Backend {
    /// `pause` waits for a duration and answers `false` when the command shall stop.
    pub(crate) fn new(
        host: &Host,
        is_headless: bool,
        secrets: Secrets,
        pause: impl Fn(Duration) -> bool + 'static,
    ) -> Result<Self> {
        Ok(Self { host: host.clone(), http: host.http()?, is_headless, secrets, pause: Box::new(pause) })
    }

    pub(crate) fn address(&self) -> &str {
        self.http.backend()
    }

    /// Something that is good to be said but that nobody waits for.
    pub(super) fn last_words(&self, path: &str, body: Option<&Value>) {
        let request = self.http.post(path).survives_cancel().timeout_ms(EXPIRE_TIMEOUT_MS);
        let request = match body {
            Some(body) => request.json(body),
            None => Ok(request.header("content-type", "application/json")),
        };
        if let Err(error) = request.and_then(RequestBuilder::send) {
            log::info!("{path} could not be told: {error}");
        }
    }

    /// Posts once: for what must not be done twice.
    pub(super) fn post_once(&self, path: &str, body: &Value) -> Result<Response> {
        self.checked(self.http.post(path).json(body)?.idle_timeout_ms(SILENCE_MS).send()?)
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Response> {
        let mut pause = Duration::from_secs(1);
        for attempt in 1.. {
            let sent = self.http.post(path).json(body)?.idle_timeout_ms(SILENCE_MS).send();
            let is_passing = match &sent {
                Ok(response) => response.status() >= 500,
                Err(error) => error.kind() == ErrorKind::Unreachable,
            };
            if !is_passing || attempt == TRIES {
                return self.checked(sent?);
            }
            log::info!("{path} is tried again");
            if !(self.pause)(pause) {
                break;
            }
            pause *= 2;
        }
        Err(Error::new(ErrorKind::Interrupted, "stopped"))
    }

    pub(super) fn checked(&self, response: Response) -> Result<Response> {
        let hidden = |error: Error| error.map_texts(|text| self.secrets.hidden(text));
        response.success().map_err(|error| self.explain(hidden(error)))
    }

    /// Says who must act.
    fn explain(&self, error: Error) -> Error {
        let said = error.detail("detail").map(|text| sanitized(text).into_owned());
        let because = |new: Error| match &said {
            Some(said) => new.because(said),
            None => new.because(error.message()),
        };
        let status = error.detail("status").unwrap_or_default().to_owned();
        match status.as_str() {
            "401" => self.not_accepted(),
            "402" => because(Error::new(ErrorKind::QuotaExhausted, "there are no credits left"))
                .hint("Choose another organization with `seqera org switch`, or ask its owner for credits."),
            "403" => because(Error::new(ErrorKind::Failed, "your account may not use the assistant"))
                .hint("You are still signed in. Ask the owner of your organization for access."),
            "429" => {
                because(Error::new(ErrorKind::QuotaExhausted, "the assistant takes no more messages for now"))
                    .hint("Try again later.")
            }
            _ => error,
        }
        .with("status", status)
    }

    fn not_accepted(&self) -> Error {
        let source = self
            .host
            .token_provider()
            .and_then(|provider| provider.session(false))
            .map(|session| session.source);
        match source.as_deref().ok().and_then(|source| source.strip_prefix("env:")) {
            Some(variable) => {
                Error::new(ErrorKind::SignInNeeded, format!("the backend rejected the token in {variable}"))
                    .hint(format!("Correct {variable}, or unset it to use your login."))
            }
            None => Error::new(ErrorKind::SignInNeeded, "the backend does not accept your session any more")
                .hint("Run `seqera login`."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn an_id_is_one_segment_of_a_path() {
        assert_eq!(segment("a1-B_2.x~"), "a1-B_2.x~");
        assert_eq!(segment("../a?b#c%"), "..%2Fa%3Fb%23c%25");
        assert_eq!(segment(".."), "%2E%2E");
    }
}
