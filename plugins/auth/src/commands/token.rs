//! `seqera auth token`

use clap::Args;
use seqera_plugin_api::service::AccessToken;
use seqera_plugin_api::{Error, ErrorKind, Exit, Result, out, status};

use crate::clock;
use crate::env_token::EnvToken;
use crate::session::Sessions;

/// Print the access token, and nothing else, on standard output
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// Seconds that the token must still live
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    min_ttl: i64,
    /// Renew the token first
    #[arg(long)]
    force_refresh: bool,
    /// Name of the login to use
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

pub(crate) fn run(sessions: &Sessions, args: &TokenArgs) -> Result<Exit> {
    sessions.use_profile(args.profile.as_deref())?;
    match EnvToken::find()? {
        Some(token) => {
            let but = if args.force_refresh { "; it cannot be renewed" } else { "" };
            status!(sessions.host(), "This is the token in {}{but}.", token.variable);
        }
        None if args.force_refresh && !sessions.force_renewal()? => {
            status!(sessions.host(), "This is the stored token; it cannot be renewed.");
        }
        None => {}
    }
    let token = sessions.token(args.min_ttl)?;
    check_life(&token, args.min_ttl)?;
    out!(sessions.host(), "{}", token.bearer.expose())?;
    Ok(Exit::SUCCESS)
}

/// A token that was asked to live on and does not would fail later, where nobody looks.
fn check_life(token: &AccessToken, min_ttl: i64) -> Result<()> {
    let remaining = token.expires_at.map(|at| at - clock::now());
    match remaining.filter(|remaining| min_ttl > 0 && *remaining < min_ttl) {
        None => Ok(()),
        Some(remaining) => {
            Err(Error::new(ErrorKind::Failed, format!("no token that lives {min_ttl} s can be had"))
                .because(format!("the newest one ends in {remaining} s"))
                .hint("Ask for less with --min-ttl."))
        }
    }
}
