//! Who a token belongs to: userinfo of the provider (OpenID Connect Core 5.3), user-info of the backend.

use std::time::Duration;

use seqera_plugin_api::{Error, ErrorKind, Result, Secret};
use serde_json::Value;
use url::Url;

use crate::account::Account;
use crate::authority::host_name;
use crate::http::{Answer, fetch};

const TIMEOUT: Duration = Duration::from_secs(15);

/// Asks the provider whose an access token is.
///
/// # Errors
/// See [`refused`].
pub(crate) async fn provider_user(client: reqwest::Client, endpoint: Url, token: Secret) -> Result<Account> {
    let answer = ask(client, &endpoint, &token).await?;
    let claims = answer.json().unwrap_or_default();
    let text = |name: &str| claims[name].as_str().map(str::to_owned);
    let id = text("sub").ok_or_else(|| nobody(&endpoint))?;
    Ok(Account { id, name: text("name").or_else(|| text("preferred_username")), email: text("email") })
}

/// Asks the backend whose a token from the environment is.
///
/// # Errors
/// See [`refused`].
pub(crate) async fn backend_user(client: reqwest::Client, endpoint: Url, token: Secret) -> Result<Account> {
    let answer = ask(client, &endpoint, &token).await?;
    let body = answer.json().unwrap_or_default();
    account_of(&body["user"]).ok_or_else(|| nobody(&endpoint))
}

/// The account in a user-info answer.
pub(crate) fn account_of(user: &Value) -> Option<Account> {
    let text = |name: &str| user[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let id = user["id"]
        .as_i64()
        .map(|id| id.to_string())
        .or_else(|| text("userName"))
        .or_else(|| text("email"))?;
    let names: Vec<String> = [text("firstName"), text("lastName")].into_iter().flatten().collect();
    let name = if names.is_empty() { text("userName") } else { Some(names.join(" ")) };
    Some(Account { id, name, email: text("email") })
}

async fn ask(client: reqwest::Client, endpoint: &Url, token: &Secret) -> Result<Answer> {
    let request =
        client.get(endpoint.clone()).header("accept", "application/json").bearer_auth(token.expose());
    let answer = fetch(endpoint.clone(), request, TIMEOUT).await?;
    if answer.status == 200 { Ok(answer) } else { Err(refused(endpoint, answer.status)) }
}

/// `SignInNeeded` for a token that is not accepted, `Failed` for an account that may not, `Unreachable` for a server
/// that cannot answer now, `UnexpectedAnswer` for everything else. Each has the detail `status`.
fn refused(endpoint: &Url, status: u16) -> Error {
    let name = host_name(endpoint);
    let (kind, message) = match status {
        401 => (ErrorKind::SignInNeeded, format!("{name} rejected the token")),
        403 => (ErrorKind::Failed, format!("{name} says that this account may not use it")),
        429 | 500.. => (ErrorKind::Unreachable, format!("{name} cannot answer now ({status})")),
        _ => (ErrorKind::UnexpectedAnswer, format!("{name} does not answer as the Platform does ({status})")),
    };
    Error::new(kind, message).with("status", status)
}

fn nobody(endpoint: &Url) -> Error {
    Error::new(
        ErrorKind::UnexpectedAnswer,
        format!("{} does not say whose the token is", host_name(endpoint)),
    )
}
