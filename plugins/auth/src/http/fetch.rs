//! Small requests with small answers, for sign-in itself.

use std::time::Duration;

use reqwest::RequestBuilder;
use reqwest::header::{DATE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER};
use seqera_plugin_api::{Error, ErrorKind, Result};
use url::Url;
use zeroize::Zeroizing;

use super::failure::{timed_out, transport};
use crate::authority::host_name;
use crate::clock;

/// Longest answer that is read, in bytes.
const LIMIT: usize = 1024 * 1024;

/// A whole answer. The body may hold tokens: it is overwritten when dropped, and never printed.
#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Zeroizing<Vec<u8>>,
    /// How many seconds the server's clock is ahead of ours, when it says its time.
    pub(crate) clock_offset: Option<i64>,
    /// How many seconds it asks us to wait.
    pub(crate) retry_after: Option<u64>,
    /// Where a redirect leads.
    pub(crate) location: Option<String>,
}

impl Answer {
    /// The body as JSON; `None` when it is something else.
    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// What the body seems to be, for errors.
    pub(crate) fn looks_like(&self) -> &'static str {
        match self.body.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None => "nothing",
            Some(b'<') => "HTML",
            Some(b'{') => "other JSON",
            Some(_) => "something else",
        }
    }
}

/// Sends a request and reads the whole answer.
///
/// # Errors
/// `Unreachable`, or `UnexpectedAnswer` for an answer without end.
pub(crate) async fn fetch(url: Url, request: RequestBuilder, timeout: Duration) -> Result<Answer> {
    let whole = async {
        let mut response = request.send().await.map_err(|error| transport(&url, &error))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let mut body = Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|error| transport(&url, &error))? {
            body.extend_from_slice(&chunk);
            if body.len() > LIMIT {
                return Err(Error::new(
                    ErrorKind::UnexpectedAnswer,
                    format!("{} answers without end", host_name(&url)),
                ));
            }
        }
        Ok(Answer {
            status,
            body,
            clock_offset: text(&headers, DATE)
                .and_then(|date| httpdate::parse_http_date(date).ok())
                .map(|date| clock::seconds(date) - clock::now()),
            retry_after: text(&headers, RETRY_AFTER).and_then(|seconds| seconds.trim().parse().ok()),
            location: text(&headers, LOCATION).map(str::to_owned),
        })
    };
    tokio::time::timeout(timeout, whole).await.unwrap_or_else(|_| Err(timed_out(&url)))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}
