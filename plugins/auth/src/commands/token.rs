//! `seqera auth token`

use clap::Args;
use seqera_plugin_api::{Exit, Result, out};

use crate::session::Sessions;

/// Print the access token, and nothing else, on standard output
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// Seconds that the token must still live
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    min_ttl: i64,
    /// Renew the token first
    #[arg(long)]
    force_refresh: bool,
}

pub(crate) fn run(sessions: &Sessions, args: &TokenArgs) -> Result<Exit> {
    if args.force_refresh {
        sessions.force_renewal()?;
    }
    let token = sessions.token(args.min_ttl)?;
    out!(sessions.host(), "{}", token.bearer.expose())?;
    Ok(Exit::SUCCESS)
}
