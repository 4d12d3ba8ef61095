//! A sign-in on another device: shows a code, and waits until somebody entered it there.

use seqera_plugin_api::{Error, ErrorKind, Result, printable, status};

use super::SignIn;
use super::browser_flow::this_machine;
use super::completion::Completion;
use crate::authority::host_name;
use crate::oauth::{DeviceAuthorization, begin_device_grant, poll_device_grant};
use crate::wording;

pub(super) fn run(sign_in: &SignIn<'_>) -> Result<()> {
    if once(sign_in)? == Completion::Stands {
        return Ok(());
    }
    status!(
        sign_in.host(),
        "[Login] The server ended the new session together with the one before. Once more, please:"
    );
    match once(sign_in)? {
        Completion::Stands => Ok(()),
        Completion::EndedWithTheOneBefore => Err(does_not_last(&sign_in.provider.issuer)),
    }
}

/// A server that ends a session as soon as it has begun.
pub(super) fn does_not_last(issuer: &str) -> Error {
    Error::new(ErrorKind::SignInNeeded, format!("{issuer} ends each session as soon as it has begun"))
        .hint("Run `seqera logout`, then `seqera login`.")
}

fn once(sign_in: &SignIn<'_>) -> Result<Completion> {
    let provider = &sign_in.provider;
    let Some(endpoint) = provider.device_authorization_endpoint.clone() else {
        return Err(not_offered(&provider.issuer));
    };
    let host = sign_in.host();
    let audience = host.setting("auth_audience").map(|setting| setting.value).unwrap_or_default();
    let client_id = sign_in.key.client_id.clone();
    let engine = &sign_in.engine;
    let scope = provider.scopes.join(" ");
    let begun = begin_device_grant(engine.client(&endpoint), endpoint, client_id.clone(), scope, audience);
    let authorization = engine.run(begun)?;
    show(sign_in, &authorization);
    let token_endpoint = provider.token_endpoint.clone();
    let polling = poll_device_grant(engine.client(&token_endpoint), token_endpoint, client_id, authorization);
    let tokens = engine.run(polling).map_err(|error| match error.kind() {
        ErrorKind::Interrupted => error.because("sign-in was interrupted; nothing was changed"),
        _ => error,
    })?;
    sign_in.complete(tokens, None)
}

/// What is approved, where, and by whom it was asked for: a code that somebody else sent is how people are tricked.
fn show(sign_in: &SignIn<'_>, authorization: &DeviceAuthorization) {
    let host = sign_in.host();
    let ends = i64::try_from(authorization.life.as_secs()).unwrap_or(i64::MAX);
    status!(host, "[Login] On any device with a browser, open this address:");
    status!(host, "{}", authorization.verification_uri);
    status!(host, "[Login] and enter the code: {}", printable(&authorization.user_code));
    if let Some(url) = &authorization.verification_uri_complete {
        status!(host, "[Login] or open the address that has the code in it: {url}");
    }
    status!(
        host,
        "[Login] It lets the Seqera CLI on {} use your account at {}. Never enter a code that somebody sent you.",
        this_machine(),
        url::Url::parse(&sign_in.key.issuer)
            .map_or_else(|_| sign_in.key.issuer.clone(), |url| host_name(&url)),
    );
    status!(host, "[Login] Waiting for you; the code ends {}.", wording::relative(ends));
}

fn not_offered(issuer: &str) -> Error {
    Error::new(ErrorKind::UnexpectedAnswer, format!("{issuer} does not offer device sign-in"))
        .hint("Use `seqera login --no-browser` and paste the address that the browser ends up with, or SEQERA_ACCESS_TOKEN.")
        .with("kind", "Unsupported")
}
