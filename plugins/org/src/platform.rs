//! The organizations of the account, as the backend lists them.

use seqera_plugin_api::{Error, ErrorKind, Host, Result};
use serde::Deserialize;

use crate::selection::OrganizationRecord;

#[derive(Deserialize)]
struct Answer {
    organizations: Vec<OrganizationRecord>,
}

/// Asks the backend.
pub(crate) fn organizations(host: &Host) -> Result<Vec<OrganizationRecord>> {
    let response = host.http()?.get("/v1/cli/organizations").header("accept", "application/json").send()?;
    let mut response = response.success().map_err(|error| explain(host, error))?;
    Ok(response.json::<Answer>()?.organizations)
}

/// Says whose fault a refusal is: that of a variable, of the session, or of the account.
fn explain(host: &Host, error: Error) -> Error {
    let source =
        host.token_provider().and_then(|provider| provider.session(false)).map(|session| session.source);
    let variable = source.as_deref().ok().and_then(|source| source.strip_prefix("env:"));
    match (error.detail("status"), variable) {
        (Some("401"), Some(variable)) => {
            Error::new(ErrorKind::SignInNeeded, format!("the backend rejected the token in {variable}"))
                .hint(format!("Correct {variable}, or unset it to use your login."))
        }
        (Some("401"), None) => {
            Error::new(ErrorKind::SignInNeeded, "the backend does not accept your session any more")
                .hint("Run `seqera login`.")
        }
        (Some("403"), _) => Error::new(ErrorKind::Failed, "your account may not list organizations")
            .because(error.detail("detail").unwrap_or("the backend answers 403"))
            .hint("You are still signed in. Ask the owner of the organization for access."),
        _ => error,
    }
}
