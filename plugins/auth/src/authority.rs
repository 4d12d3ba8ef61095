//! URLs that secrets may be sent to.

use seqera_plugin_api::{Error, ErrorKind, Host, Result};
use url::Url;

/// The authority (OpenID Connect issuer) that is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authority {
    /// Without a slash at its end; scheme and host in lower case, no default port.
    url: Url,
}

impl Authority {
    /// Reads it from the settings.
    ///
    /// # Errors
    /// `Config` when it is not a URL that secrets may be sent to.
    pub(crate) fn configured(host: &Host) -> Result<Self> {
        configured_url(host, "auth_domain", "SEQERA_AUTH_DOMAIN").map(|url| Self { url })
    }

    /// The authority that a credential is bound to.
    ///
    /// # Errors
    /// `Config` when it is none.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        parse(text).map(|url| Self { url })
    }

    /// The canonical text: what credentials are bound to.
    pub(crate) fn as_str(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// Whether an issuer, as a document writes it, is this one: byte for byte but for one slash at the end (OpenID
    /// Connect Discovery 4.3).
    pub(crate) fn is_issuer(&self, issuer: &str) -> bool {
        issuer.strip_suffix('/').unwrap_or(issuer) == self.as_str()
    }

    /// For people.
    pub(crate) fn name(&self) -> String {
        host_name(&self.url)
    }

    /// An address below it.
    pub(crate) fn join(&self, path: &str) -> Result<Url> {
        parse(&format!("{}{path}", self.as_str()))
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }
}

/// The backend that is configured.
///
/// # Errors
/// As [`Authority::configured`].
pub(crate) fn backend(host: &Host) -> Result<Url> {
    configured_url(host, "backend_url", "SEQERA_AI_BACKEND_URL")
}

/// An address below the backend.
pub(crate) fn below_backend(host: &Host, path: &str) -> Result<Url> {
    parse(&format!("{}{path}", backend(host)?.as_str().trim_end_matches('/')))
}

fn configured_url(host: &Host, key: &str, variable: &str) -> Result<Url> {
    let setting = host.setting(key).ok_or_else(|| {
        Error::new(ErrorKind::Config, format!("{key} is not set")).hint(format!("Set {variable}."))
    })?;
    let wrong = |reason: String| {
        Error::new(ErrorKind::Config, format!("{key} is not an address to sign in with: {}", setting.value))
            .because(reason)
            .because(format!("it is set by {}", setting.origin))
            .hint(format!("Set {variable}, or {key} in config.toml, to an address that begins with https://"))
    };
    let url = Url::parse(setting.value.trim()).map_err(|error| wrong(error.to_string()))?;
    if url.cannot_be_a_base() || url.host().is_none() || !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("it has no host, or is neither http nor https".to_owned()));
    }
    if !is_secure(&url) {
        return Err(wrong(
            "http sends tokens in the clear; only this machine may be asked that way".to_owned(),
        ));
    }
    Ok(url)
}

/// Whether a secret may be sent there: https, or this machine (RFC 8252 section 8.3, OpenID Connect Discovery 4).
pub(crate) fn is_secure(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

/// Whether the address is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// `host` or `host:port`, for people.
pub(crate) fn host_name(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

pub(crate) fn parse(text: &str) -> Result<Url> {
    Url::parse(text)
        .map_err(|error| Error::new(ErrorKind::Config, format!("{text} is not a URL")).because(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// auth b.21
    #[test]
    fn an_issuer_is_the_authority_byte_for_byte_but_for_one_slash() {
        for configured in ["https://cloud.example/api", "https://cloud.example/api/"] {
            let authority = Authority::parse(configured).unwrap();
            for issuer in ["https://cloud.example/api", "https://cloud.example/api/"] {
                assert!(authority.is_issuer(issuer), "{configured} {issuer}");
            }
            for issuer in [
                "https://cloud.example/api//",
                "https://cloud.example/API",
                "https://cloud.example:443/api",
                "https://CLOUD.example/api",
                "https://cloud.example/api?",
                "https://cloud.example/",
                "http://cloud.example/api",
                "",
            ] {
                assert!(!authority.is_issuer(issuer), "{configured} {issuer}");
            }
        }
    }
}
