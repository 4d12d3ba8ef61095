//! Requests to the backend (protocol sections 5, 6 and 8), with their retries.

use std::time::Duration;

use seqera_plugin_api::{Error, ErrorKind, Host, Http, RequestBuilder, Response, Result, printable};
use serde_json::{Value, json};

use crate::surroundings::{caller, workspace};

/// Tries of a request that changes something; network errors and 5xx are tried again.
const TRIES: u32 = 3;
/// Longest wait for the server to say that a session is over.
const EXPIRE_TIMEOUT_MS: u64 = 2000;

/// The backend, for one command.
pub(crate) struct Backend {
    host: Host,
    http: Http,
    is_headless: bool,
    /// Waits, and tells whether it was woken to stop.
    pause: Box<dyn Fn(Duration) -> bool>,
}

impl Backend {
    /// `pause` waits for a duration and answers `false` when the command shall stop.
    pub(crate) fn new(
        host: &Host,
        is_headless: bool,
        pause: impl Fn(Duration) -> bool + 'static,
    ) -> Result<Self> {
        Ok(Self { host: host.clone(), http: host.http()?, is_headless, pause: Box::new(pause) })
    }

    pub(crate) fn address(&self) -> &str {
        self.http.backend()
    }

    /// Makes a session and answers its id.
    pub(crate) fn create_session(&self) -> Result<String> {
        let cwd = workspace(&self.host).display().to_string();
        let mut body = json!({
            "cwd": cwd,
            "approval_mode": "auto",
            "local_execution": true,
            "headless": self.is_headless,
            "directory_context": { "cwd": cwd },
        });
        if let Some(id) = self.organization()? {
            body["organization_id"] = id.into();
        }
        let answer: Value = self.post("/v1/cli/sessions", &body)?.json()?;
        let id = answer["session_id"].as_str().or_else(|| answer["id"].as_str());
        id.map(str::to_owned).ok_or_else(|| {
            Error::new(ErrorKind::UnexpectedAnswer, format!("{} gives no session", self.http.backend()))
        })
    }

    /// The organization that is billed. Without the plugin that knows, none.
    fn organization(&self) -> Result<Option<String>> {
        match self.host.organization() {
            Ok(organization) => Ok(organization.current()?.map(|selected| selected.id)),
            Err(error) if error.kind() == ErrorKind::NoProvider => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Posts what the person said.
    pub(crate) fn post_message(&self, session: &str, content: &str) -> Result<()> {
        let body = json!({
            "type": "user_message",
            "content": content,
            "run_id": uuid::Uuid::new_v4().to_string(),
            "verbose": false,
            "interaction_mode": if self.is_headless { "headless" } else { "interactive" },
            "caller": caller(self.is_headless),
        });
        self.post(&format!("/v1/cli/sessions/{session}/messages"), &body).map(drop)
    }

    /// Opens the event stream.
    pub(crate) fn open_stream(&self, session: &str, cursor: Option<u64>) -> Result<Response> {
        let cursor = cursor.map(|cursor| format!("?cursor={cursor}")).unwrap_or_default();
        let request = self
            .http
            .get(&format!("/v1/cli/sessions/{session}/events{cursor}"))
            .header("accept", "text/event-stream")
            .header("x-client-explicit-cancel", "1");
        self.checked(request.send()?)
    }

    /// Says that a tool was not run, and why.
    pub(crate) fn refuse_tool(&self, session: &str, request_id: &str, reason: &str) -> Result<()> {
        let body = json!({
            "request_id": request_id,
            "result": { "stdout": "", "stderr": reason, "exit_code": 1 },
        });
        self.post(&format!("/v1/cli/sessions/{session}/tool-results"), &body).map(drop)
    }

    /// Asks the server to stop the run; goes on after a signal.
    pub(crate) fn cancel_run(&self, session: &str) {
        self.last_words(&format!("/v1/cli/sessions/{session}/messages"), Some(&json!({ "type": "cancel" })));
    }

    /// Says that the session is over; goes on after a signal.
    pub(crate) fn expire(&self, session: &str) {
        self.last_words(&format!("/v1/cli/sessions/{session}/expire"), None);
    }

    /// Something that is good to be said but that nobody waits for.
    fn last_words(&self, path: &str, body: Option<&Value>) {
        let request = self.http.post(path).survives_cancel().timeout_ms(EXPIRE_TIMEOUT_MS);
        let request = match body {
            Some(body) => request.json(body),
            None => Ok(request.header("content-type", "application/json")),
        };
        if let Err(error) = request.and_then(RequestBuilder::send) {
            log::info!("{path} could not be told: {error}");
        }
    }

    fn post(&self, path: &str, body: &Value) -> Result<Response> {
        let mut pause = Duration::from_secs(1);
        for attempt in 1.. {
            let sent = self.http.post(path).json(body)?.send();
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

    fn checked(&self, response: Response) -> Result<Response> {
        response.success().map_err(|error| self.explain(error))
    }

    /// Says who must act.
    fn explain(&self, error: Error) -> Error {
        let said = error.detail("detail").map(|text| printable(text).into_owned());
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
