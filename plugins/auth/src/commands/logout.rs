//! `seqera logout`

use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use seqera_plugin_api::{Error, ErrorKind, Exit, Host, Result, printable, status, warning};

use crate::authority::Authority;
use crate::clock;
use crate::credential::{Credential, Key, Lock, Record};
use crate::env_token::EnvToken;
use crate::session::{Sessions, others_than};
use crate::sign_out::{AtServer, end_at_server};
use crate::wording;

/// How long another process may take with a credential before it is removed all the same.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sign out: end the session at the server and remove the credentials from this machine
#[derive(Debug, Parser)]
#[command(name = "logout")]
pub(crate) struct LogoutArgs {
    /// Sign out of every authority and profile
    #[arg(long, conflicts_with = "profile")]
    all: bool,
    /// Name of the login to end
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Fail when the server cannot be told; the credentials are removed from this machine all the same
    #[arg(long)]
    require_revoke: bool,
}

pub(crate) fn run(sessions: &Arc<Sessions>, args: &LogoutArgs) -> Result<Exit> {
    let host = sessions.host();
    sessions.use_profile(args.profile.as_deref())?;
    let outcomes = end_sessions(sessions, args);
    let variable = EnvToken::find()?;
    if let Some(token) = &variable {
        warning!(host, "{0} is still set and signs you in; unset it to sign out: unset {0}", token.variable);
    }
    let mut first_problem = None;
    let mut ended = 0;
    for outcome in outcomes? {
        match outcome {
            Ok(was_there) => ended += usize::from(was_there),
            Err(error) => {
                ended += 1;
                first_problem.get_or_insert(error);
            }
        }
    }
    if ended == 0 {
        let what = if variable.is_some() { "No login is stored here" } else { "You are not signed in" };
        status!(host, "[Logout] {what}{}.", other_profile(sessions, args)?);
    }
    first_problem.map_or(Ok(Exit::SUCCESS), Err)
}

/// Who says "log out" may mean the login that is there.
fn other_profile(sessions: &Sessions, args: &LogoutArgs) -> Result<String> {
    if args.all {
        return Ok(String::new());
    }
    let key = sessions.key(&Authority::configured(sessions.host())?)?;
    let records = sessions.index()?.sessions()?;
    let other = others_than(&key, &records).next();
    Ok(other.map_or_else(String::new, |record| {
        let profile = printable(&record.profile);
        format!(" as `{}`, but as `{profile}`: seqera logout --profile {profile}", key.profile)
    }))
}

/// Each of them, whatever becomes of the others.
fn end_sessions(sessions: &Sessions, args: &LogoutArgs) -> Result<Vec<Result<bool>>> {
    let keys: Vec<Key> = if args.all {
        sessions.index()?.sessions()?.iter().map(Record::key).collect()
    } else {
        vec![sessions.key(&Authority::configured(sessions.host())?)?]
    };
    Ok(keys.iter().map(|key| end(sessions, key, args.require_revoke)).collect())
}

/// Ends one session; `false` when there was none. What is stored here goes whatever the server says.
fn end(sessions: &Sessions, key: &Key, must_revoke: bool) -> Result<bool> {
    let host = sessions.host();
    let store = sessions.store(key)?;
    let _lock = match Lock::acquire_within(PATIENCE, &store.lock_path(key)?) {
        Ok(lock) => Some(lock),
        // A renewal looks whether there is still something to renew before it stores what it got.
        Err(error) if error.detail("reason") == Some("busy") => None,
        Err(error) => return Err(error),
    };
    let index = sessions.index()?;
    // A credential that cannot be read cannot be revoked, but it can be removed.
    let credential = store.reload(key);
    if index.find(key)?.is_none() && matches!(credential, Ok(None)) {
        return Ok(false);
    }
    let told = match &credential {
        Ok(Some(credential)) => end_at_server(sessions, key, credential),
        Ok(None) => Ok(AtServer::Ended),
        Err(error) => Err(error.clone()),
    };
    store.delete(key)?;
    match sessions.stores().remove_copy(key) {
        Ok(()) => index.remove(key)?,
        Err(error) => {
            index.update(key, |record| record.ended = true)?;
            warning!(
                host,
                "an older copy of the credentials could not be removed: {error}; when that is over, run `seqera logout` \
                 again"
            );
        }
    }
    report(host, key, credential.ok().flatten().as_ref(), told, must_revoke)
}

fn report(
    host: &Host,
    key: &Key,
    credential: Option<&Credential>,
    told: Result<AtServer>,
    must_revoke: bool,
) -> Result<bool> {
    if told == Ok(AtServer::Ended) {
        status!(host, "[Logout] ✓ Signed out of {}{}", key.issuer, profile_note(key));
        return Ok(true);
    }
    status!(
        host,
        "[Logout] ✓ Signed out here: the credentials for {}{} were removed from this machine",
        key.issuer,
        profile_note(key)
    );
    let problem = match told {
        Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
        Err(error) => Error::new(ErrorKind::Unreachable, format!("{} could not be told", key.issuer))
            .because(error)
            .hint(format!("The session stays valid there{}.", until(credential))),
        Ok(AtServer::NotOurs) => Error::new(
            ErrorKind::UnexpectedAnswer,
            format!("{} was not told: a personal access token is ended by hand", key.issuer),
        )
        .hint(format!("Delete it {} if you do not need it elsewhere.", tokens_page(key))),
        Ok(_) => Error::new(
            ErrorKind::UnexpectedAnswer,
            format!("{} does not let sessions be ended from here", key.issuer),
        )
        .hint(format!("The session stays valid there{}.", until(credential))),
    };
    if must_revoke {
        return Err(problem);
    }
    warning!(host, "{problem}");
    problem.hints().iter().for_each(|hint| status!(host, "{hint}"));
    Ok(true)
}

/// Where the Platform shows a person the tokens that they made: beside its API, which is the authority.
fn tokens_page(key: &Key) -> String {
    let platform = key.issuer.strip_suffix("/api");
    platform
        .map_or_else(|| "on the Platform, below your tokens,".to_owned(), |url| format!("at {url}/tokens"))
}

/// How long the server honours what was removed here.
fn until(credential: Option<&Credential>) -> String {
    let ends = |at: i64| wording::relative(at - clock::now());
    match credential {
        Some(Credential { refresh_token: None, expires_at: Some(at), .. }) => {
            format!(": its access token ends {}", ends(*at))
        }
        Some(Credential { expires_at: Some(at), .. }) => {
            format!(" until it ends by itself; its access token ends {}", ends(*at))
        }
        _ => " until it ends by itself".to_owned(),
    }
}

fn profile_note(key: &Key) -> String {
    if key.profile == "default" { String::new() } else { format!(" (profile {})", key.profile) }
}
