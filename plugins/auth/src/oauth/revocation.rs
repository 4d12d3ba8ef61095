//! Token revocation (RFC 7009). Our own request: it needs its own time limit and its own idea of success.

use std::time::Duration;

use seqera_plugin_api::{Error, ErrorKind, Result, Secret};
use url::Url;

use crate::authority::host_name;
use crate::http::fetch;

/// Longest wait: signing out must not hang.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What kind of token it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hint {
    RefreshToken,
    AccessToken,
}

/// Ends a token at the server. A token that the server does not know is ended.
///
/// # Errors
/// The server could not be told.
pub(crate) async fn revoke(
    client: reqwest::Client,
    endpoint: Url,
    client_id: String,
    token: Secret,
    hint: Hint,
) -> Result<()> {
    let hint = match hint {
        Hint::RefreshToken => "refresh_token",
        Hint::AccessToken => "access_token",
    };
    let form = [("client_id", client_id.as_str()), ("token", token.expose()), ("token_type_hint", hint)];
    let request = client.post(endpoint.clone()).form(&form);
    let answer = fetch(endpoint.clone(), request, TIMEOUT).await?;
    let is_unsupported = || answer.json().is_some_and(|body| body["error"] == "unsupported_token_type");
    if (200..300).contains(&answer.status) || (answer.status == 400 && is_unsupported()) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unreachable, format!("{} could not be told", host_name(&endpoint)))
        .because(format!("it answers {}", answer.status)))
}
