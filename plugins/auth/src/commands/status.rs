//! `seqera auth status`

use clap::Args;
use seqera_plugin_api::service::{Session, SessionState};
use seqera_plugin_api::{ErrorKind, Exit, Result, out, printable};
use serde_json::json;

use crate::clock;
use crate::session::Sessions;

/// Show who is signed in, where from, and until when; exit with 4 when nobody is
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Ask the server as well
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(sessions: &Sessions, args: &StatusArgs) -> Result<Exit> {
    if args.check {
        sessions.check()?;
    }
    let session = sessions.session(args.check)?;
    if args.json {
        out!(sessions.host(), "{:#}", to_json(&session))?;
    } else {
        print(sessions, &session)?;
    }
    Ok(if session.state.is_usable() { Exit::SUCCESS } else { Exit::code(ErrorKind::SignInNeeded.code()) })
}

fn to_json(session: &Session) -> serde_json::Value {
    let host = url::Url::parse(&session.issuer).ok().map(|url| crate::authority::host_name(&url));
    json!({
        "version": 1,
        "profiles": [{
            "profile": session.profile,
            "active": true,
            "host": host,
            "issuer": session.issuer,
            "account": session.account_name,
            "account_id": session.account_id,
            "email": session.email,
            "source": session.source,
            "state": session.state.as_str(),
            "expires_at": session.expires_at,
        }],
    })
}

fn print(sessions: &Sessions, session: &Session) -> Result<()> {
    let host = sessions.host();
    out!(host, "State: {}", describe(session))?;
    if let Some(name) = &session.account_name {
        let email = session.email.as_ref().map(|email| format!(" <{email}>")).unwrap_or_default();
        out!(host, "Account: {}{}", printable(name), printable(&email))?;
    }
    out!(host, "Authority: {}", printable(&session.issuer))?;
    if !session.source.is_empty() {
        out!(host, "Token: {}", printable(&session.source))?;
    }
    if let Some(expires_at) = session.expires_at {
        out!(host, "Access token ends: {}", relative(expires_at - clock::now()))?;
    }
    Ok(())
}

fn describe(session: &Session) -> &'static str {
    match session.state {
        SessionState::SignedOut => "signed out; run `seqera login`",
        SessionState::Valid => "signed in",
        SessionState::Renewable => "signed in; the access token is renewed at the next use",
        SessionState::Expired | SessionState::NeedsLogin => "the session has ended; run `seqera login`",
        _ => "a token from the environment, not checked",
    }
}

/// `in 5 min`, `2 h ago`: no time zone to be wrong about.
fn relative(seconds: i64) -> String {
    let magnitude = seconds.unsigned_abs();
    let text = match magnitude {
        0..120 => format!("{magnitude} s"),
        120..7200 => format!("{} min", magnitude / 60),
        _ => format!("{} h", magnitude / 3600),
    };
    if seconds >= 0 { format!("in {text}") } else { format!("{text} ago") }
}
