//! Ending a session at the server (RFC 7009).

use std::sync::Arc;
use std::time::Duration;

use seqera_plugin_api::{Error, ErrorKind, Host, Result};

use crate::authority::Authority;
use crate::clock;
use crate::credential::{Credential, CredentialKind, Key};
use crate::http::Engine;
use crate::oauth::{Hint, discover, revoke};
use crate::session::Sessions;

/// Longest time for all of it: what is stored here has to go soon, whatever the server does.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What became of a session at the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtServer {
    /// It is over there, too.
    Ended,
    /// The server has no way to be told.
    NotOffered,
    /// A personal access token: it is the person's, and only the person ends it.
    NotOurs,
}

/// Tells the server that a session is over: the refresh token first, then the access token if it is still good.
///
/// # Errors
/// The server could not be told; `Interrupted` after a signal.
pub(crate) fn end_at_server(sessions: &Sessions, key: &Key, credential: &Credential) -> Result<AtServer> {
    if credential.kind == CredentialKind::PersonalAccessToken {
        return Ok(AtServer::NotOurs);
    }
    let engine = sessions.engine()?;
    let telling = tell(
        sessions.host().clone(),
        Arc::clone(&engine),
        Authority::parse(&key.issuer)?,
        credential.clone(),
    );
    engine.run(async move {
        tokio::time::timeout(TIMEOUT, telling).await.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Unreachable,
                format!("it did not answer within {} s", TIMEOUT.as_secs()),
            ))
        })
    })
}

async fn tell(
    host: Host,
    engine: Arc<Engine>,
    authority: Authority,
    credential: Credential,
) -> Result<AtServer> {
    let provider = discover(host, Arc::clone(&engine), authority).await?;
    let Some(endpoint) = provider.revocation_endpoint else { return Ok(AtServer::NotOffered) };
    let client = engine.client(&endpoint);
    let is_live = !credential.is_expired(clock::now());
    let refresh = credential.refresh_token.map(|token| (token, Hint::RefreshToken));
    let access = is_live.then_some((credential.access_token, Hint::AccessToken));
    // Both are tried: a server need not end access tokens with their session. The first failure is reported.
    let mut outcome = Ok(AtServer::Ended);
    for (token, hint) in refresh.into_iter().chain(access) {
        let told = revoke(client.clone(), endpoint.clone(), credential.client_id.clone(), token, hint).await;
        outcome = outcome.and_then(|ended| told.map(|()| ended));
    }
    outcome
}
