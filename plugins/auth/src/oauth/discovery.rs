//! Provider metadata (OpenID Connect Discovery 1.0, RFC 8414).

use std::sync::Arc;
use std::time::Duration;

use seqera_plugin_api::{Error, ErrorKind, Host, Result, printable};
use serde::Deserialize;
use url::Url;

use crate::authority::{Authority, is_loopback, is_secure};
use crate::http::{Answer, Engine, fetch};

/// Longest wait for the document.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How many redirects of the document are followed.
const REDIRECTS: u32 = 3;

#[derive(Debug, Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    #[serde(default)]
    jwks_uri: Option<Url>,
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
    /// Its issuer as it writes it: what callbacks and ID tokens have to repeat byte for byte.
    pub(crate) issuer: String,
    /// The same, canonical: what credentials are bound to.
    pub(crate) authority: Authority,
    /// Where the keys are that ID tokens are signed with.
    pub(crate) jwks_uri: Option<Url>,
    pub(crate) authorization_endpoint: Url,
    pub(crate) token_endpoint: Url,
    pub(crate) revocation_endpoint: Option<Url>,
    /// Where a sign-in on another device begins (RFC 8628).
    pub(crate) device_authorization_endpoint: Option<Url>,
    pub(crate) userinfo_endpoint: Url,
    /// Whether every callback has to carry `iss` (RFC 9207).
    pub(crate) sends_issuer: bool,
    /// What a sign-in asks for.
    pub(crate) scopes: Vec<String>,
}

impl Provider {
    /// Has a sign-in ask for further scopes. The server need not list all that it knows (RFC 8414, section 2), so it is
    /// the one to refuse them.
    pub(crate) fn ask_for(&mut self, further: &[String]) {
        for scope in further {
            if !self.scopes.contains(scope) {
                self.scopes.push(scope.clone());
            }
        }
    }
}

/// The scopes of the documentation.
const SCOPES: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// Asks the authority what it offers.
///
/// A document that names another issuer is believed if that issuer says the same of itself: one hop, as from
/// `https://api.cloud.seqera.io` to `https://cloud.seqera.io/api`. Everything is bound to that issuer then.
///
/// # Errors
/// `Unreachable`; `UnexpectedAnswer` when it is no OpenID Provider; `Security` when it names an issuer that does not
/// confirm it, offers no PKCE with S256, or would have secrets sent in the clear.
pub(crate) async fn discover(host: Host, engine: Arc<Engine>, authority: Authority) -> Result<Provider> {
    let path = host.setting("auth_configuration_endpoint").map(|setting| setting.value).unwrap_or_default();
    let document = read(&authority, &get(&engine, &authority, &path).await?)?;
    if authority.is_issuer(&document.issuer) {
        return check(&authority, document);
    }
    let advertised = document.issuer;
    let unconfirmed = |reason: Error| {
        refuse(format!("{} says that it is another authority", authority.as_str()))
            .because(format!("its issuer is {}, which does not confirm it", printable(&advertised)))
            .because(reason)
            .hint("If that is the right one, set SEQERA_AUTH_DOMAIN to it.")
    };
    let second = async {
        let issuer = next_hop(&authority, &advertised)?;
        let document = read(&issuer, &get(&engine, &issuer, &path).await?)?;
        if issuer.is_issuer(&document.issuer) {
            Ok((issuer, document))
        } else {
            Err(refuse(format!("it says in turn that it is {}", printable(&document.issuer))))
        }
    };
    let (issuer, document) = second.await.map_err(unconfirmed)?;
    log::info!("{} is {}", authority.as_str(), issuer.as_str());
    check(&issuer, document)
}

/// The document, after at most three redirects; each as secure as the first address.
async fn get(engine: &Engine, authority: &Authority, path: &str) -> Result<Answer> {
    let mut url = authority.join(path)?;
    for _ in 0..=REDIRECTS {
        let request = engine.client(&url).get(url.clone()).header("accept", "application/json");
        let answer = fetch(url.clone(), request, TIMEOUT).await?;
        let is_redirect = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
        let Some(location) = answer.location.as_ref().filter(|_| is_redirect) else { return Ok(answer) };
        let next = url.join(location).ok().filter(|next| is_as_secure(&url, next));
        url = next.ok_or_else(|| {
            refuse(format!("{} leads to an address that is not secure", authority.name()))
                .because(format!("it redirects to {}", printable(location)))
        })?;
    }
    Err(Error::new(
        ErrorKind::UnexpectedAnswer,
        format!("{} does not answer as a sign-in server", authority.as_str()),
    )
    .because("it redirects without end"))
}

/// Whether going on from one address to the other gives nothing away: https, or this machine for who began there.
fn is_as_secure(from: &Url, to: &Url) -> bool {
    to.scheme() == "https" || (from.scheme() == "http" && is_loopback(from) && is_secure(to))
}

fn next_hop(authority: &Authority, issuer: &str) -> Result<Authority> {
    let parsed = Authority::parse(issuer).ok().filter(|next| is_as_secure(authority.url(), next.url()));
    parsed.ok_or_else(|| refuse("that is no address to sign in at".to_owned()))
}

fn refuse(message: String) -> Error {
    Error::new(ErrorKind::Security, message).hint("Nothing was sent and nothing was stored.")
}

impl Provider {
    /// As [`discover`], on the I/O thread, for callers that block.
    pub(crate) fn of(engine: &Arc<Engine>, host: &Host, authority: &Authority) -> Result<Self> {
        engine.run(discover(host.clone(), Arc::clone(engine), authority.clone()))
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
        .with("kind", "NotAnAuthority")
    })
}

fn check(authority: &Authority, document: Document) -> Result<Provider> {
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
        document.jwks_uri.as_ref(),
        document.revocation_endpoint.as_ref(),
        document.device_authorization_endpoint.as_ref(),
    ];
    for endpoint in endpoints.into_iter().flatten() {
        if !is_as_secure(authority.url(), endpoint) {
            return Err(refuse(format!("{} would have secrets sent in the clear", authority.name()))
                .because(format!("one of its endpoints is at {}", endpoint.origin().ascii_serialization())));
        }
    }
    let offers = |scope: &&str| {
        document.scopes_supported.as_ref().is_none_or(|scopes| scopes.iter().any(|other| other == scope))
    };
    let scopes = SCOPES.iter().copied().filter(|scope| *scope == "openid" || offers(scope));
    Ok(Provider {
        scopes: scopes.map(str::to_owned).collect(),
        issuer: document.issuer,
        authority: authority.clone(),
        jwks_uri: document.jwks_uri,
        authorization_endpoint: document.authorization_endpoint,
        token_endpoint: document.token_endpoint,
        revocation_endpoint: document.revocation_endpoint,
        device_authorization_endpoint: document.device_authorization_endpoint,
        userinfo_endpoint,
        sends_issuer: document.authorization_response_iss_parameter_supported,
    })
}
