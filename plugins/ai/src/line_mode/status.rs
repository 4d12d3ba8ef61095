//! `/status`

use std::time::{SystemTime, UNIX_EPOCH};

use seqera_plugin_api::service::{Session, SessionState};
use seqera_plugin_api::{Host, Result, out, printable};

use crate::driver::Driver;

/// Sign-in, account, token source, expiry, organization, backend, session.
pub(super) fn status(host: &Host, driver: &Driver) -> Result<()> {
    let session = host.token_provider()?.session(false)?;
    out!(host, "Sign-in: {}", state(&session))?;
    out!(host, "Account: {}", account(&session))?;
    out!(host, "Token: {}", printable(&session.source))?;
    out!(host, "Ends: {}", ends(&session))?;
    let organization = host.organization().and_then(|organization| organization.current());
    let name = match &organization {
        Ok(Some(selected)) => printable(&selected.name).into_owned(),
        Ok(None) => "none selected".to_owned(),
        Err(error) => format!("not known ({error})"),
    };
    out!(host, "Organization: {name}")?;
    out!(host, "Backend: {}", printable(driver.backend.address()))?;
    out!(host, "Session: {}", driver.agent.session().map_or("none yet".into(), printable))
}

fn state(session: &Session) -> &'static str {
    match session.state {
        SessionState::Valid | SessionState::Renewable => "signed in",
        SessionState::Unchecked => "a token from the environment",
        SessionState::SignedOut => "signed out",
        _ => "the session has ended; run `seqera login`",
    }
}

fn account(session: &Session) -> String {
    let name = session.account_name.as_deref().or(session.account_id.as_deref()).unwrap_or("not known yet");
    let email = session.email.as_ref().map(|email| format!(" <{email}>")).unwrap_or_default();
    printable(&format!("{name}{email}")).into_owned()
}

fn ends(session: &Session) -> String {
    let Some(expires_at) = session.expires_at else { return "the token does not say".to_owned() };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs().cast_signed());
    match expires_at - now {
        left if left <= 0 => "renewed at the next use".to_owned(),
        left if left < 120 => format!("in {left} s, then it is renewed"),
        left => format!("in {} min, then it is renewed", left / 60),
    }
}
