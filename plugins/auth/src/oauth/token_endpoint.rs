//! The token endpoint (RFC 6749 sections 4.1.3, 5, 6). Read leniently where the standard is often missed, strictly
//! where it protects.

use std::time::Duration;

use seqera_plugin_api::{Error, ErrorKind, Secret, printable};
use serde::{Deserialize, Deserializer};
use url::Url;

use crate::authority::host_name;
use crate::clock;
use crate::http::{Answer, fetch};

/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The detail of a transient error: how many seconds the server asks us to wait.
pub(crate) const RETRY_AFTER: &str = "retry_after";
/// The detail of a transient error: the server may have done what it was asked, and its answer got lost.
pub(crate) const UNANSWERED: &str = "unanswered";

/// What is asked for.
pub(crate) enum Grant {
    /// The code of a callback, with the PKCE verifier.
    Code { code: Secret, redirect_uri: String, verifier: Secret },
    /// A renewal.
    Refresh { refresh_token: Secret, scope: Option<String> },
}

/// What was granted. The access token's life counts from before the request was sent.
pub(crate) struct Tokens {
    pub(crate) access_token: Secret,
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) expires_at: Option<i64>,
    pub(crate) obtained_at: i64,
    pub(crate) scope: Option<String>,
    pub(crate) id_token: Option<Secret>,
    /// How far the server's clock is ahead of ours, in seconds.
    pub(crate) clock_offset: Option<i64>,
}

/// Why nothing was granted.
#[derive(Debug)]
pub(crate) enum TokenError {
    /// The grant is no longer good: `invalid_grant`.
    GrantEnded,
    /// The account may not any more (403).
    Forbidden(Error),
    /// Trying again may help; nothing is known to be lost.
    Transient(Error),
    /// Trying again will not help.
    Fatal(Error),
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default, deserialize_with = "lenient_seconds")]
    expires_in: Option<i64>,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    id_token: Option<String>,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
    #[serde(default)]
    error_description: Option<String>,
}

/// Asks for tokens. A public client: no secret, `client_id` in the body.
pub(crate) async fn request_tokens(
    client: reqwest::Client,
    endpoint: Url,
    client_id: String,
    grant: Grant,
) -> Result<Tokens, TokenError> {
    let sent_at = clock::now();
    let mut form = vec![("client_id", client_id)];
    match &grant {
        Grant::Code { code, redirect_uri, verifier } => form.extend([
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.expose().to_owned()),
            ("redirect_uri", redirect_uri.clone()),
            ("code_verifier", verifier.expose().to_owned()),
        ]),
        Grant::Refresh { refresh_token, scope } => {
            form.extend([
                ("grant_type", "refresh_token".to_owned()),
                ("refresh_token", refresh_token.expose().to_owned()),
            ]);
            form.extend(scope.clone().map(|scope| ("scope", scope)));
        }
    }
    let request = client.post(endpoint.clone()).header("accept", "application/json").form(&form);
    let unanswered = |error: Error| TokenError::Transient(error.with(UNANSWERED, "true"));
    let answer = fetch(endpoint.clone(), request, TIMEOUT).await.map_err(unanswered)?;
    interpret(&endpoint, &answer, sent_at)
}

/// Tokens in an answer, or why there are none.
pub(super) fn interpret(endpoint: &Url, answer: &Answer, sent_at: i64) -> Result<Tokens, TokenError> {
    let name = host_name(endpoint);
    let strange = |kind| Error::new(kind, format!("{name} did not give a valid answer"));
    match answer.status {
        200 => match serde_json::from_slice::<Granted>(&answer.body) {
            Ok(granted) => accept(&name, granted, sent_at, answer.clock_offset),
            // Never the body itself: it may hold tokens.
            Err(_) => Err(TokenError::Transient(
                strange(ErrorKind::UnexpectedAnswer).because(format!("it sent {}", answer.looks_like())),
            )),
        },
        408 | 429 | 500.. => {
            let error = strange(ErrorKind::Unreachable).because(format!("it answers {}", answer.status));
            Err(TokenError::Transient(match answer.retry_after {
                Some(seconds) => error.with(RETRY_AFTER, seconds),
                None => error,
            }))
        }
        300..400 => Err(TokenError::Fatal(
            strange(ErrorKind::Security)
                .because("it sends tokens elsewhere (a redirect); that is not followed"),
        )),
        status => Err(refused(&name, status, answer)),
    }
}

fn accept(
    name: &str,
    granted: Granted,
    sent_at: i64,
    clock_offset: Option<i64>,
) -> Result<Tokens, TokenError> {
    let is_bearer = granted.token_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
    if !is_bearer || granted.access_token.is_empty() {
        return Err(TokenError::Fatal(
            Error::new(ErrorKind::UnexpectedAnswer, format!("{name} granted a token that cannot be used"))
                .because(format!(
                    "its type is {}",
                    printable(granted.token_type.as_deref().unwrap_or("not given"))
                )),
        ));
    }
    Ok(Tokens {
        access_token: Secret::new(granted.access_token),
        refresh_token: granted.refresh_token.filter(|token| !token.is_empty()).map(Secret::new),
        expires_at: granted.expires_in.map(|seconds| sent_at.saturating_add(seconds)),
        obtained_at: sent_at,
        scope: granted.scope,
        id_token: granted.id_token.map(Secret::new),
        clock_offset,
    })
}

fn refused(name: &str, status: u16, answer: &Answer) -> TokenError {
    let refused: Option<Refused> = serde_json::from_slice(&answer.body).ok();
    let code = refused.as_ref().map(|refused| refused.error.clone()).unwrap_or_default();
    if code == "invalid_grant" {
        return TokenError::GrantEnded;
    }
    let mut said = printable(&code).into_owned();
    if let Some(description) = refused.and_then(|refused| refused.error_description) {
        said = format!("{said} ({})", printable(&description));
    }
    let reason =
        if said.is_empty() { format!("it answers {status}") } else { format!("it answers {status}: {said}") };
    if status == 403 || code == "insufficient_scope" {
        return TokenError::Forbidden(
            Error::new(ErrorKind::Failed, format!("{name} says that your account may not do this any more"))
                .because(reason)
                .hint("You are still signed in. Ask the owner of your organization for access."),
        );
    }
    let is_about_settings = matches!(
        code.as_str(),
        "invalid_client"
            | "unauthorized_client"
            | "invalid_scope"
            | "invalid_target"
            | "unsupported_grant_type"
    );
    TokenError::Fatal(if is_about_settings {
        Error::new(ErrorKind::Config, format!("{name} does not accept this client"))
            .because(reason)
            .hint("Check SEQERA_AUTH_CLI_CLIENT_ID and SEQERA_AUTH_AUDIENCE.")
    } else {
        Error::new(ErrorKind::UnexpectedAnswer, format!("{name} gave no tokens"))
            .because(reason)
            .hint("Try again; if that goes on, run `seqera login`.")
    })
}

/// A number, or a number in a string; anything else is as if it were not there.
pub(super) fn lenient_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    let seconds = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
    Ok(seconds.filter(|seconds| *seconds >= 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Result<Tokens, TokenError> {
        let answer = Answer { status, body: body.as_bytes().to_vec().into(), ..Answer::default() };
        interpret(&Url::parse("https://id.example/token").unwrap(), &answer, 1000)
    }

    #[test]
    fn lifetimes_are_read_leniently() {
        let expiry = |body: &str| answer(200, body).ok().unwrap().expires_at;
        assert_eq!(expiry(r#"{"access_token":"a","token_type":"bearer","expires_in":"60"}"#), Some(1060));
        assert_eq!(expiry(r#"{"access_token":"a","token_type":"Bearer"}"#), None);
    }

    #[test]
    fn only_a_bearer_is_accepted() {
        for body in [r#"{"access_token":"a","token_type":"DPoP"}"#, r#"{"access_token":"a"}"#] {
            assert!(matches!(answer(200, body), Err(TokenError::Fatal(_))), "{body}");
        }
    }

    #[test]
    fn what_ends_a_session_and_what_does_not() {
        assert!(matches!(answer(400, r#"{"error":"invalid_grant"}"#), Err(TokenError::GrantEnded)));
        assert!(matches!(answer(400, r#"{"error":"invalid_client"}"#), Err(TokenError::Fatal(_))));
        assert!(matches!(answer(403, "{}"), Err(TokenError::Forbidden(_))));
        assert!(matches!(answer(400, r#"{"error":"insufficient_scope"}"#), Err(TokenError::Forbidden(_))));
        let Err(TokenError::Fatal(error)) = answer(400, "") else { panic!("a strange answer is no end") };
        assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer);
        for (status, body) in [(503, ""), (429, "{}"), (200, "<html>"), (500, r#"{"error":"x"}"#)] {
            assert!(matches!(answer(status, body), Err(TokenError::Transient(_))), "{status} {body}");
        }
    }

    #[test]
    fn an_error_never_carries_the_answer() {
        let body = r#"{"access_token":"s3cret","token_type":"weird"}"#;
        let Err(TokenError::Fatal(error)) = answer(200, body) else { panic!("accepted") };
        assert!(!format!("{error:?}").contains("s3cret"));
    }
}
