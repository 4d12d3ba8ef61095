//! `seqera logout`

use std::sync::Arc;

use clap::Parser;
use seqera_plugin_api::{Exit, Result, status, warning};

use crate::authority::Authority;
use crate::clock;
use crate::credential::{Credential, CredentialStore, Key};
use crate::env_token::EnvToken;
use crate::http::Engine;
use crate::oauth::{Hint, Provider, revoke};
use crate::session::Sessions;

/// Sign out: end the session at the server and remove the credentials from this machine
#[derive(Debug, Parser)]
#[command(name = "logout")]
pub(crate) struct LogoutArgs {
    /// Sign out of every authority and profile
    #[arg(long)]
    all: bool,
}

pub(crate) fn run(sessions: &Arc<Sessions>, args: &LogoutArgs) -> Result<Exit> {
    let host = sessions.host();
    let keys: Vec<Key> = if args.all {
        sessions.index()?.sessions()?.iter().map(crate::credential::Record::key).collect()
    } else {
        vec![sessions.key(&Authority::configured(host)?)]
    };
    let mut ended = 0;
    for key in &keys {
        ended += usize::from(end(sessions, key)?);
    }
    if ended == 0 {
        status!(host, "[Logout] You are not signed in.");
    }
    if let Some(token) = EnvToken::find()? {
        warning!(host, "{0} is still set and signs you in; unset it to sign out: unset {0}", token.variable);
    }
    Ok(Exit::SUCCESS)
}

/// Ends one session; `false` when there was none. What is stored here goes whatever the server says.
fn end(sessions: &Arc<Sessions>, key: &Key) -> Result<bool> {
    let host = sessions.host();
    let store = sessions.store()?;
    let index = sessions.index()?;
    let known = index.find(key)?.is_some();
    // A credential that cannot be read cannot be revoked, but it can be removed.
    let credential = store.load(key);
    if !known && matches!(credential, Ok(None)) {
        return Ok(false);
    }
    let _lock = sessions.lock(key)?;
    let told = match &credential {
        Ok(Some(credential)) => tell_server(sessions, key, credential),
        _ => Ok(()),
    };
    store.delete(key)?;
    index.remove(key)?;
    match told {
        Ok(()) => status!(host, "[Logout] ✓ Signed out of {}", key.issuer),
        Err(error) => {
            status!(host, "[Logout] ✓ Signed out here: the credentials were removed from this machine");
            warning!(
                host,
                "{} could not be told, and the session stays valid there until it ends: {error}",
                key.issuer
            );
        }
    }
    Ok(true)
}

/// Revokes the refresh token, then the access token if it is still good (RFC 7009 section 2.1).
fn tell_server(sessions: &Arc<Sessions>, key: &Key, credential: &Credential) -> Result<()> {
    let host = sessions.host();
    let engine = sessions.engine()?;
    let authority = Authority::parse(&key.issuer)?;
    let provider = Provider::of(&engine, host, &authority)?;
    let Some(endpoint) = provider.revocation_endpoint else {
        warning!(host, "{} does not let sessions be ended from here", authority.name());
        return Ok(());
    };
    let refresh = credential.refresh_token.clone().map(|token| (token, Hint::RefreshToken));
    let is_live = !credential.is_expired(clock::now());
    let access = is_live.then(|| (credential.access_token.clone(), Hint::AccessToken));
    // Both are tried, the first failure is reported.
    let outcomes: Vec<Result<()>> = refresh
        .into_iter()
        .chain(access)
        .map(|(token, hint)| revoke_one(&engine, &endpoint, key, token, hint))
        .collect();
    outcomes.into_iter().collect()
}

fn revoke_one(
    engine: &Engine,
    endpoint: &url::Url,
    key: &Key,
    token: seqera_plugin_api::Secret,
    hint: Hint,
) -> Result<()> {
    engine.run(revoke(engine.client(endpoint), endpoint.clone(), key.client_id.clone(), token, hint))
}
