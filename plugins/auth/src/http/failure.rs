//! What went wrong on the way to a server, for people. No URL with a query, no body, no token.

use std::error::Error as StdError;
use std::io;

use rustls::CertificateError;
use seqera_plugin_api::{Error, ErrorKind};
use url::Url;

use crate::authority::{host_name, is_loopback};

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
        return with_proxy(url, timed_out(url));
    }
    if let Some(problem) = tls_problem(error) {
        return tls(&host_name(url), problem);
    }
    let mut reasons = Vec::new();
    let mut next = error.source();
    while let Some(source) = next {
        reasons.push(source.to_string());
        next = source.source();
    }
    // The deepest is the one that says something, such as `Connection refused`.
    let reason = reasons.last().cloned().unwrap_or_else(|| "the connection broke".to_owned());
    let name = host_name(url);
    if reasons.iter().any(|reason| reason.contains("tunnel")) {
        let error =
            Error::new(ErrorKind::Unreachable, format!("the proxy does not lead to {name}")).because(reason);
        return with_proxy(url, error);
    }
    let what = if error.is_connect() { "cannot reach" } else { "lost the connection to" };
    let error = Error::new(ErrorKind::Unreachable, format!("{what} {name}"))
        .because(reason)
        .hint("Check the address and the network.");
    with_proxy(url, error)
}

/// A proxy that is set can be the reason. Its variable is named, not its value: there may be a password in it.
fn with_proxy(url: &Url, error: Error) -> Error {
    const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match VARIABLES.into_iter().find(is_set).filter(|_| !is_loopback(url)) {
        Some(variable) => error.hint(format!(
            "{variable} is set: is that proxy right, and does it let you through? NO_PROXY names the hosts that need none."
        )),
        None => error,
    }
}

/// What TLS has against a connection, however deep it is: `io::Error` hides what it wraps from `source`.
fn tls_problem<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = wrapped.and_then(|wrapped| tls_problem(wrapped)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// Each problem with the one who can solve it.
fn tls(name: &str, problem: &rustls::Error) -> Error {
    use CertificateError as Why;
    let error = |message: String| Error::new(ErrorKind::Unreachable, message).with("kind", "Tls");
    let clock = format!("Is the clock of this computer right? If it is, only the admin of {name} can help.");
    match problem {
        rustls::Error::InvalidCertificate(why) => match why {
            Why::UnknownIssuer => {
                error(format!("the certificate of {name} is signed by an authority that is not trusted here"))
                    .because("UnknownIssuer")
                    .hint("Behind a company proxy? Set SEQERA_CA_BUNDLE to the PEM file of its certificate authority.")
            }
            Why::Expired | Why::ExpiredContext { .. } => {
                error(format!("the certificate of {name} has expired")).because(why).hint(clock)
            }
            Why::NotValidYet | Why::NotValidYetContext { .. } => {
                error(format!("the certificate of {name} is not valid yet")).because(why).hint(clock)
            }
            Why::NotValidForName | Why::NotValidForNameContext { .. } => {
                error(format!("the certificate that {name} shows is not for {name}"))
                    .because(why)
                    .hint("Check the address in SEQERA_AUTH_DOMAIN and SEQERA_AI_BACKEND_URL. If it is right, somebody else answers: nothing was sent.")
            }
            Why::Revoked => error(format!("the certificate of {name} was revoked by its authority"))
                .hint(format!("Only the admin of {name} can help. Nothing was sent.")),
            _ => error(format!("the certificate of {name} is not accepted"))
                .because(why)
                .hint(format!("Only the admin of {name} can help. Nothing was sent.")),
        },
        rustls::Error::InvalidMessage(_) => error(format!("{name} does not speak TLS"))
            .because(problem)
            .hint("Check scheme and port of the address."),
        rustls::Error::General(reason) => error("no secure connection can be made".to_owned())
            .because(reason)
            .hint("Set SEQERA_CA_BUNDLE to a PEM file of certificate authorities; is SSL_CERT_FILE right, if it is set?"),
        _ => error(format!("this computer and {name} do not agree on a secure connection"))
            .because(problem)
            .hint("Does something between them take connections apart? Ask who runs the network."),
    }
}
