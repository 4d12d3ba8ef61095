//! `/status`

use std::time::{SystemTime, UNIX_EPOCH};

use seqera_plugin_api::service::{Session, SessionState};
use seqera_plugin_api::{Host, Result, out};

use crate::driver::Driver;
use crate::sanitizer::one_line;

/// Sign-in, account, token source, expiry, organization, backend, session, modes.
pub(super) fn status(host: &Host, driver: &Driver) -> Result<()> {
    let session = host.token_provider()?.session(false)?;
    out!(host, "Sign-in: {}", state(&session))?;
    out!(host, "Account: {}", account(&session))?;
    out!(host, "Token: {}", one_line(&session.source, 400))?;
    out!(host, "Ends: {}", ends(&session))?;
    let organization = host.organization().and_then(|organization| organization.current());
    let name = match &organization {
        Ok(Some(selected)) => one_line(&selected.name, 80),
        Ok(None) => "none selected".to_owned(),
        Err(error) => format!("not known ({error})"),
    };
    out!(host, "Organization: {name}")?;
    out!(host, "Backend: {}", one_line(driver.backend.address(), 200))?;
    out!(host, "Session: {}", driver.agent.session().map_or("none yet".to_owned(), |id| one_line(id, 200)))?;
    let mode = match (driver.agent.goal(), driver.agent.plans()) {
        (Some(goal), _) => format!("goal (attempt {})", goal.attempt),
        (None, true) => "plan".to_owned(),
        (None, false) => "build".to_owned(),
    };
    let granted = if driver.approvals.grants_rest_of_session() {
        " (and what is not dangerous, for this session)"
    } else {
        ""
    };
    out!(host, "Mode: {mode}, approval {}{granted}", driver.agent.approval().name())
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
    one_line(&format!("{name}{email}"), 200)
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
