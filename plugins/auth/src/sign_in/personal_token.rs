//! A personal access token that the person brings along: verified, then kept like any other credential.

use seqera_plugin_api::{Error, ErrorKind, Result};

use super::completion::{Draft, end_all, keep};
use super::hidden_input::read_secret;
use super::store_choice::Choice;
use crate::account::Account;
use crate::authority::{below_backend, host_name};
use crate::clock;
use crate::credential::{CredentialKind, Key};
use crate::env_token::can_be_sent;
use crate::oauth::backend_user;
use crate::session::Sessions;

/// Reads the token, asks the backend whose it is, and stores it.
///
/// # Errors
/// `Usage` for what is no token, `SignInNeeded` for one that the backend does not accept; nothing is stored then.
pub(crate) fn sign_in_with_token(sessions: &Sessions, key: &Key, choice: &Choice) -> Result<Account> {
    let token = read_secret(sessions.host(), "Paste your access token (it is not shown): ")?;
    if !can_be_sent(token.expose()) {
        return Err(Error::new(ErrorKind::Usage, "what was given on standard input is not a token")
            .because("it has spaces, control characters or letters that no token has"));
    }
    let url = below_backend(sessions.host(), "/v1/cli/user-info")?;
    let engine = sessions.engine()?;
    let asked = engine.run(backend_user(engine.client(&url), url.clone(), token.clone()));
    let account = asked.map_err(|error| match error.kind() {
        ErrorKind::SignInNeeded => {
            Error::new(ErrorKind::SignInNeeded, format!("{} rejected the token", host_name(&url)))
                .hint("Nothing was stored. Make a new access token on the Platform, or run `seqera login`.")
        }
        _ => error.hint("Nothing was stored."),
    })?;
    let draft = Draft {
        kind: CredentialKind::PersonalAccessToken,
        access_token: token,
        refresh_token: None,
        expires_at: None,
        obtained_at: clock::now(),
        scope: None,
        account: Some(account.clone()),
    };
    let before = keep(sessions, key, &choice.store, choice.may_fall_back, draft)?;
    let _a_token_of_its_own = end_all(sessions, key, before, None);
    Ok(account)
}
