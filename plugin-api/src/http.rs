//! Authorized HTTP for plugins: a small, blocking client on top of the service `platform-http@1`.

use std::io::{self, Read};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::host::{CancelGuard, Host};
use crate::service::{Authorization, CancelHandle, Exchange, HttpRequest, PlatformHttp, ResponseHead};

/// How much of a body is taken at once, in bytes.
const CHUNK: usize = 64 * 1024;
/// How much of an answer that is not a stream is read, in bytes.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// A client of the configured backend.
#[derive(Clone)]
pub struct Http {
    service: Arc<dyn PlatformHttp>,
    host: Host,
    backend: String,
}

impl Http {
    pub(crate) fn new(host: &Host) -> Result<Self> {
        let backend = host.setting("backend_url").ok_or_else(|| {
            Error::new(ErrorKind::Config, "no backend is configured").hint("Set backend_url.")
        })?;
        if !(backend.value.starts_with("https://") || backend.value.starts_with("http://")) {
            return Err(Error::new(
                ErrorKind::Config,
                format!("the backend is not a URL: {} (from {})", backend.value, backend.origin),
            )
            .hint("Set SEQERA_AI_BACKEND_URL, or backend_url in config.toml, to an address that begins with https://"));
        }
        Ok(Self {
            service: host.platform_http()?,
            host: host.clone(),
            backend: backend.value.trim_end_matches('/').to_owned(),
        })
    }

    /// The address of the backend, without a slash at its end.
    #[must_use]
    pub fn backend(&self) -> &str {
        &self.backend
    }

    /// A request for `target`: a path below the backend (`/v1/…`), or an absolute URL.
    #[must_use]
    pub fn request(&self, method: &str, target: &str) -> RequestBuilder<'_> {
        let url =
            if target.starts_with('/') { format!("{}{target}", self.backend) } else { target.to_owned() };
        RequestBuilder { http: self, request: HttpRequest::new(method, url), survives_cancel: false }
    }

    /// `GET`
    #[must_use]
    pub fn get(&self, target: &str) -> RequestBuilder<'_> {
        self.request("GET", target)
    }

    /// `POST`
    #[must_use]
    pub fn post(&self, target: &str) -> RequestBuilder<'_> {
        self.request("POST", target)
    }
}

/// A request being put together.
pub struct RequestBuilder<'a> {
    http: &'a Http,
    request: HttpRequest,
    survives_cancel: bool,
}

impl RequestBuilder<'_> {
    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends `value` as JSON.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Result<Self> {
        self.request.body = serde_json::to_vec(value)
            .map_err(|error| Error::new(ErrorKind::Failed, "cannot write the request").caused_by(&error))?;
        Ok(self.header("content-type", "application/json"))
    }

    /// Sends no bearer.
    #[must_use]
    pub fn anonymous(mut self) -> Self {
        self.request.authorization = Authorization::None;
        self
    }

    /// Milliseconds until the head must have come.
    #[must_use]
    pub fn timeout_ms(mut self, timeout: u64) -> Self {
        self.request.timeout_ms = Some(timeout);
        self
    }

    /// Milliseconds that may pass without a byte of the body.
    #[must_use]
    pub fn idle_timeout_ms(mut self, timeout: u64) -> Self {
        self.request.idle_timeout_ms = Some(timeout);
        self
    }

    /// Goes on when a signal asks the command to stop; for the last words to a server.
    #[must_use]
    pub fn survives_cancel(mut self) -> Self {
        self.survives_cancel = true;
        self
    }

    /// Sends it and waits for the head, whatever its status.
    ///
    /// # Errors
    /// Those of [`PlatformHttp::open`] and [`Exchange::head`].
    pub fn send(self) -> Result<Response> {
        let url = self.request.url.clone();
        let mut exchange = self.http.service.open(self.request)?;
        let guard = if self.survives_cancel {
            None
        } else {
            let canceller = exchange.canceller();
            Some(self.http.host.on_cancel(move |_| canceller.cancel()))
        };
        let head = exchange.head()?;
        Ok(Response { head, exchange, url, _guard: guard })
    }
}

/// An answer: its head is here, its body is still on the way.
pub struct Response {
    head: ResponseHead,
    exchange: Box<dyn Exchange>,
    url: String,
    _guard: Option<CancelGuard>,
}

impl Response {
    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// `true` for 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.head.status)
    }

    /// The first header of that name, which is given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A handle that cancels the rest of the body from another thread.
    #[must_use]
    pub fn canceller(&self) -> Arc<dyn CancelHandle> {
        self.exchange.canceller()
    }

    /// The next part of the body as it arrives; empty at its end.
    ///
    /// # Errors
    /// See [`Exchange::read_vec`].
    pub fn chunk(&mut self) -> Result<Vec<u8>> {
        self.exchange.read_vec(CHUNK)
    }

    /// The whole body, up to 16 MiB.
    ///
    /// # Errors
    /// See [`Exchange::read_vec`]; `UnexpectedAnswer` when it is longer.
    pub fn body(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let part = self.chunk()?;
            if part.is_empty() {
                return Ok(body);
            }
            body.extend_from_slice(&part);
            if body.len() > BODY_LIMIT {
                return Err(Error::new(
                    ErrorKind::UnexpectedAnswer,
                    format!("{} answers without end", self.url),
                ));
            }
        }
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// `UnexpectedAnswer` when it is something else; otherwise as [`Response::body`].
    pub fn json<T: DeserializeOwned>(&mut self) -> Result<T> {
        let body = self.body()?;
        serde_json::from_slice(&body).map_err(|error| {
            let seen = if body.first() == Some(&b'<') { "HTML" } else { "something that is not the JSON expected" };
            Error::new(ErrorKind::UnexpectedAnswer, format!("{} answers with {seen}", self.url))
                .because(error)
                .hint("Is a proxy or a sign-in page of the network in between? `seqera info` shows the backend in use.")
        })
    }

    /// The answer if its status is 2xx, else an error that says what the server said.
    ///
    /// # Errors
    /// `SignInNeeded` for 401, `Failed` for other 4xx, `Unreachable` for 5xx; each has the detail `status`.
    pub fn success(mut self) -> Result<Self> {
        if self.is_success() {
            return Ok(self);
        }
        let status = self.status();
        let kind = match status {
            401 => ErrorKind::SignInNeeded,
            400..500 => ErrorKind::Failed,
            500..600 => ErrorKind::Unreachable,
            _ => ErrorKind::UnexpectedAnswer,
        };
        let said = self.body().ok().and_then(|body| server_detail(&body));
        let mut error = Error::new(kind, format!("{} answers {status}", self.url)).with("status", status);
        if let Some(said) = said {
            error = error.with("detail", &said).because(said);
        }
        Err(if status == 401 { error.hint("Run `seqera login`.") } else { error })
    }
}

impl Read for Response {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let part = self.exchange.read_vec(buffer.len()).map_err(io::Error::other)?;
        buffer[..part.len()].copy_from_slice(&part);
        Ok(part.len())
    }
}

/// What a server says in the `detail`, `message` or `error_description` of a JSON error, in one short line.
fn server_detail(body: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    let text = ["detail", "message", "error_description", "error"]
        .iter()
        .find_map(|key| value.get(key)?.as_str())?;
    Some(crate::output::printable(text).chars().take(400).collect())
}
