//! Provider metadata (OpenID Connect Discovery 1.0, RFC 8414).

use std::time::Duration;

use seqera_plugin_api::{Error, ErrorKind, Host, Result, printable};
use serde::Deserialize;
use url::Url;

use crate::authority::{Authority, is_secure};
use crate::http::{Answer, Engine, fetch};

/// Longest wait for the document.
const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    #[serde(default)]
    revocation_endpoint: Option<Url>,
    #[serde(default)]
    device_authorization_endpoint: Option<Url>,
    #[serde(default)]
    userinfo_endpoint: Option<Url>,
    #[serde(default)]
    code_challenge_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    scopes_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// An OpenID Provider, as its own metadata describes it.
#[derive(Debug, Clone)]
pub(crate) struct Provider {
    pub(crate) issuer: String,
    pub(crate) authorization_endpoint: Url,
    pub(crate) token_endpoint: Url,
    pub(crate) revocation_endpoint: Option<Url>,
    /// Where a sign-in on another device begins (RFC 8628).
    pub(crate) device_authorization_endpoint: Option<Url>,
    pub(crate) userinfo_endpoint: Url,
    /// Whether every callback has to carry `iss` (RFC 9207).
    pub(crate) sends_issuer: bool,
    pub(crate) scopes: Vec<&'static str>,
}

/// The scopes of the documentation.
const SCOPES: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// Asks the authority what it offers.
///
/// # Errors
/// `Unreachable`; `UnexpectedAnswer` when it is no OpenID Provider; `Security` when it names another issuer, offers
/// no PKCE with S256, or would have secrets sent in the clear.
pub(crate) async fn discover(host: Host, client: reqwest::Client, authority: Authority) -> Result<Provider> {
    let path = host.setting("auth_configuration_endpoint").map(|setting| setting.value).unwrap_or_default();
    let url = authority.join(&path)?;
    let request = client.get(url.clone()).header("accept", "application/json");
    let answer = fetch(url, request, TIMEOUT).await?;
    let document = read(&authority, &answer)?;
    check(&authority, document)
}

impl Provider {
    /// As [`discover`], on the I/O thread, for callers that block.
    pub(crate) fn of(engine: &Engine, host: &Host, authority: &Authority) -> Result<Self> {
        engine.run(discover(host.clone(), engine.client(authority.url()), authority.clone()))
    }
}

fn read(authority: &Authority, answer: &Answer) -> Result<Document> {
    if answer.status >= 500 || answer.status == 429 {
        return Err(Error::new(
            ErrorKind::Unreachable,
            format!("{} cannot answer now ({})", authority.name(), answer.status),
        )
        .hint("Try again later."));
    }
    let document = if answer.status == 200 { serde_json::from_slice(&answer.body).ok() } else { None };
    document.ok_or_else(|| {
        Error::new(
            ErrorKind::UnexpectedAnswer,
            format!("{} does not answer as a sign-in server", authority.as_str()),
        )
        .because(format!("its configuration answers {} with {}", answer.status, answer.looks_like()))
        .hint("Check SEQERA_AUTH_DOMAIN (auth_domain in config.toml).")
    })
}

fn check(authority: &Authority, document: Document) -> Result<Provider> {
    let refuse = |message: String| {
        Error::new(ErrorKind::Security, message).hint("Nothing was sent and nothing was stored.")
    };
    if document.issuer.trim_end_matches('/') != authority.as_str() {
        return Err(refuse(format!("{} says that it is another authority", authority.as_str()))
            .because(format!("its issuer is {}", printable(&document.issuer)))
            .hint("If that is right, set SEQERA_AUTH_DOMAIN to it."));
    }
    if document
        .code_challenge_methods_supported
        .is_some_and(|methods| !methods.iter().any(|method| method == "S256"))
    {
        return Err(refuse(format!("{} offers no PKCE with S256", authority.name())));
    }
    let userinfo_endpoint = match document.userinfo_endpoint {
        Some(url) => url,
        None => authority.join("/userinfo")?,
    };
    let endpoints = [
        Some(&document.authorization_endpoint),
        Some(&document.token_endpoint),
        Some(&userinfo_endpoint),
        document.revocation_endpoint.as_ref(),
        document.device_authorization_endpoint.as_ref(),
    ];
    for endpoint in endpoints.into_iter().flatten() {
        let is_downgrade = authority.url().scheme() == "https" && endpoint.scheme() != "https";
        if !is_secure(endpoint) || is_downgrade {
            return Err(refuse(format!("{} would have secrets sent in the clear", authority.name()))
                .because(format!("one of its endpoints is at {}", endpoint.origin().ascii_serialization())));
        }
    }
    let offers = |scope: &&str| {
        document.scopes_supported.as_ref().is_none_or(|scopes| scopes.iter().any(|other| other == scope))
    };
    Ok(Provider {
        scopes: SCOPES.iter().copied().filter(|scope| *scope == "openid" || offers(scope)).collect(),
        issuer: document.issuer,
        authorization_endpoint: document.authorization_endpoint,
        token_endpoint: document.token_endpoint,
        revocation_endpoint: document.revocation_endpoint,
        device_authorization_endpoint: document.device_authorization_endpoint,
        userinfo_endpoint,
        sends_issuer: document.authorization_response_iss_parameter_supported,
    })
}
