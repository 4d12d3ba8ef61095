//! What went wrong on the way to a server, for people. No URL with a query, no body, no token.

use std::error::Error as _;

use seqera_plugin_api::{Error, ErrorKind};
use url::Url;

use crate::authority::host_name;

/// A signal asked us to stop.
pub(crate) fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "stopped")
}

/// A server that did not answer in time.
pub(crate) fn timed_out(url: &Url) -> Error {
    Error::new(ErrorKind::Unreachable, format!("{} did not answer in time", host_name(url)))
        .hint("Try again, or check the network.")
}

/// A request that failed on the way.
pub(crate) fn transport(url: &Url, error: &reqwest::Error) -> Error {
    if error.is_timeout() {
        return timed_out(url);
    }
    let mut reasons = Vec::new();
    let mut next = error.source();
    while let Some(source) = next {
        reasons.push(source.to_string());
        next = source.source();
    }
    // The deepest is the one that says something: `Connection refused`, `UnknownIssuer`.
    let reason = reasons.last().cloned().unwrap_or_else(|| "the connection broke".to_owned());
    let name = host_name(url);
    if reasons.iter().any(|reason| reason.contains("certificate")) {
        return Error::new(ErrorKind::Unreachable, format!("the certificate of {name} is not trusted here"))
            .because(reason)
            .hint(
                "Behind a company proxy? Set SEQERA_CA_BUNDLE to the PEM file of its certificate authority.",
            );
    }
    let what = if error.is_connect() { "cannot reach" } else { "lost the connection to" };
    Error::new(ErrorKind::Unreachable, format!("{what} {name}"))
        .because(reason)
        .hint("Check the address and the network.")
}
