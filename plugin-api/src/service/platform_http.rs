//! `platform-http@1`: HTTP with the session's authorization, so that a plugin holds neither token nor client.

use std::sync::Arc;

use crate::error::Result;

/// Makes HTTP requests. The convenient face of it is [`Http`](crate::Http).
pub trait PlatformHttp: Send + Sync {
    /// Starts a request and returns at once.
    ///
    /// The provider adds `Authorization`, `User-Agent` and `X-Client-Version`, follows no redirect with a
    /// bearer, and repeats a request once with a renewed token after a 401.
    ///
    /// # Errors
    /// `Denied`, before a byte is sent, when a bearer would go to an origin that is neither backend, authority
    /// nor granted; `Usage` for something that is not a URL. Everything else is answered by the exchange.
    fn open(&self, request: HttpRequest) -> Result<Box<dyn Exchange>>;
}

/// One request under way.
pub trait Exchange: Send {
    /// Waits for status and headers.
    ///
    /// # Errors
    /// `Unreachable`, `SignInNeeded` (no token to be had), `Interrupted` after a cancel.
    fn head(&mut self) -> Result<ResponseHead>;

    /// Waits for more of the body: at least one byte and at most `max`, or nothing at its end.
    ///
    /// # Errors
    /// A body that was cut is an error (`Unreachable`), and stays one: it never looks like an end.
    fn read_vec(&mut self, max: usize) -> Result<Vec<u8>>;

    /// A handle that cancels this exchange from another thread.
    fn canceller(&self) -> Arc<dyn CancelHandle>;
}

/// Cancels an exchange; harmless when it has ended.
pub trait CancelHandle: Send + Sync {
    /// Wakes whoever waits on the exchange with `Interrupted` and closes the connection.
    fn cancel(&self);
}

/// Whether a request carries the session's bearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Authorization {
    /// `Authorization: Bearer …`
    #[default]
    Bearer,
    /// None; any host may be asked.
    None,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// An absolute URL.
    pub url: String,
    /// Headers besides those that the provider adds.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// Milliseconds until the head must have come; `None` is the provider's default (30 s).
    pub timeout_ms: Option<u64>,
    /// Milliseconds that may pass without a byte of the body; `None` for as long as it takes.
    pub idle_timeout_ms: Option<u64>,
    /// Whether the bearer goes along.
    pub authorization: Authorization,
}

impl HttpRequest {
    /// A request with the bearer and nothing else.
    #[must_use]
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        Self {
            method: method.to_owned(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout_ms: None,
            idle_timeout_ms: None,
            authorization: Authorization::Bearer,
        }
    }
}

/// Status and headers of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status code.
    pub status: u16,
    /// Headers in order; names in lower case.
    pub headers: Vec<(String, String)>,
}
