//! Small requests with small answers, for sign-in itself.

use std::time::Duration;

use reqwest::RequestBuilder;
use seqera_plugin_api::{Error, ErrorKind, Result};
use url::Url;

use super::failure::{timed_out, transport};
use crate::authority::host_name;

/// Longest answer that is read, in bytes.
const LIMIT: usize = 1024 * 1024;

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
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
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| transport(&url, &error))? {
            body.extend_from_slice(&chunk);
            if body.len() > LIMIT {
                return Err(Error::new(
                    ErrorKind::UnexpectedAnswer,
                    format!("{} answers without end", host_name(&url)),
                ));
            }
        }
        Ok(Answer { status, body })
    };
    tokio::time::timeout(timeout, whole).await.unwrap_or_else(|_| Err(timed_out(&url)))
}
