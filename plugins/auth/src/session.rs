//! Which token is in charge now, and its renewal.
//!
//! A token of the environment wins and is used as it is. Otherwise the stored credential of the configured authority,
//! client and profile is used, and renewed when it is due: under a lock between processes, after reading it again
//! (somebody else may have renewed it meanwhile), and persisted before it is used. What is not known to have ended is
//! never thrown away.

mod renewal;
mod under_way;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use seqera_plugin_api::service::{AccessToken, Session, SessionState};
use seqera_plugin_api::{Error, ErrorKind, Host, Result, Secret, printable};

use crate::account::Account;
use crate::authority::{Authority, below_backend};
use crate::clock;
use crate::credential::{Credential, CredentialKind, CredentialStore, Index, Key, Record, StoreKind, Stores};
use crate::env_token::EnvToken;
use crate::http::Engine;
use crate::oauth::{Provider, backend_user, provider_user};
use crate::wording;
use under_way::UnderWay;

/// By how many percent of its margin this process renews earlier: not every process at the same second.
fn jitter() -> i64 {
    i64::from(std::process::id() % 11)
}

/// How long secrets that were looked up are masked without looking again.
const LOOKED_UP: Duration = Duration::from_secs(1);

/// The sessions of this user, and the engine that serves them.
pub(crate) struct Sessions {
    host: Host,
    stores: Stores,
    /// The profile of the command line; else that of the settings.
    profile: OnceLock<String>,
    engine: Mutex<Option<Arc<Engine>>>,
    /// The bearer that a server refused with 401: not good any more, whatever its expiry says.
    refused: Mutex<Option<Secret>>,
    /// A renewed credential that no store took: good for this process.
    unsaved: Mutex<Option<Credential>>,
    /// What was looked up to be masked, and when.
    masked: Mutex<Option<(Instant, Vec<Secret>)>>,
    under_way: Arc<UnderWay>,
}

impl Sessions {
    pub(crate) fn new(host: Host) -> Self {
        Self {
            stores: Stores::new(host.clone()),
            profile: OnceLock::new(),
            host,
            engine: Mutex::default(),
            refused: Mutex::default(),
            unsaved: Mutex::default(),
            masked: Mutex::default(),
            under_way: Arc::default(),
        }
    }

    /// Waits until every renewal is stored that another thread is at.
    pub(crate) fn settle(&self) {
        self.under_way.wait(|| {});
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    /// The engine, started when it is first needed.
    pub(crate) fn engine(&self) -> Result<Arc<Engine>> {
        let mut engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = &*engine {
            return Ok(Arc::clone(engine));
        }
        let started = Arc::new(Engine::start(&self.host)?);
        *engine = Some(Arc::clone(&started));
        Ok(started)
    }

    /// Uses this profile, for everybody who asks in this process. Nothing is written.
    ///
    /// # Errors
    /// `Usage` for what cannot be the name of a profile.
    pub(crate) fn use_profile(&self, name: Option<&str>) -> Result<()> {
        let Some(name) = name else { return Ok(()) };
        check_profile(name, ErrorKind::Usage, "--profile")?;
        self.profile.get_or_init(|| name.to_owned());
        Ok(())
    }

    /// What the current settings bind a credential to.
    ///
    /// # Errors
    /// `Config` for what cannot be the name of a profile.
    pub(crate) fn key(&self, authority: &Authority) -> Result<Key> {
        let setting = |key: &str| self.host.setting(key);
        let profile = match (self.profile.get(), setting("profile")) {
            (Some(profile), _) => profile.clone(),
            (None, Some(setting)) => {
                check_profile(&setting.value, ErrorKind::Config, &setting.origin)?;
                setting.value
            }
            (None, None) => "default".to_owned(),
        };
        let client_id = setting("auth_client_id").map(|setting| setting.value).unwrap_or_default();
        let known = self.index()?.issuer_of(authority.as_str())?;
        let issuer = known.unwrap_or_else(|| authority.as_str().to_owned());
        Ok(Key { issuer, client_id, profile })
    }

    pub(crate) fn stores(&self) -> &Stores {
        &self.stores
    }

    /// The store that holds the credential of `key`.
    pub(crate) fn store(&self, key: &Key) -> Result<Arc<dyn CredentialStore>> {
        self.stores.of(key)
    }

    pub(crate) fn index(&self) -> Result<Index> {
        self.stores.index()
    }

    /// An access token that is good for `min_ttl` seconds more.
    ///
    /// # Errors
    /// See `TokenProvider::token`.
    pub(crate) fn token(&self, min_ttl: i64) -> Result<AccessToken> {
        if let Some(token) = EnvToken::find()? {
            return Ok(AccessToken { source: token.source(), bearer: token.bearer, expires_at: None });
        }
        let authority = Authority::configured(&self.host)?;
        let key = self.key(&authority)?;
        let store = self.store(&key)?;
        let stored = store.load(&key)?.ok_or_else(|| self.nobody(&authority, &key))?;
        let credential = self.newest(&key, stored);
        let credential = if self.must_renew(&credential, min_ttl) {
            self.renew(&authority, &key, &credential, min_ttl)?
        } else {
            credential
        };
        self.will_mask(&credential.access_token);
        Ok(AccessToken {
            bearer: credential.access_token,
            expires_at: credential.expires_at,
            source: store.source(&key),
        })
    }

    /// Has the next token renewed, whatever the expiry says; `false` when it is of a kind that cannot be.
    pub(crate) fn force_renewal(&self) -> Result<bool> {
        let authority = Authority::configured(&self.host)?;
        let key = self.key(&authority)?;
        let Some(credential) = self.store(&key)?.load(&key)? else { return Ok(true) };
        let can_be = credential.refresh_token.is_some();
        if can_be {
            self.invalidate(&credential.access_token);
        }
        Ok(can_be)
    }

    /// Whether the server honours a session that was just stored. What cannot be found out now counts as honoured.
    pub(crate) fn is_honoured(&self, key: &Key) -> bool {
        let ask = || -> Result<()> {
            let authority = Authority::parse(&key.issuer)?;
            let Some(credential) = self.store(key)?.load(key)? else { return Ok(()) };
            let engine = self.engine()?;
            let endpoint = Provider::of(&engine, &self.host, &authority)?.userinfo_endpoint;
            let bearer = credential.access_token.clone();
            match engine.run(provider_user(engine.client(&endpoint), endpoint, bearer)) {
                // Some have access tokens that userinfo does not take: a renewal is the last word.
                Err(error)
                    if error.kind() == ErrorKind::SignInNeeded && credential.refresh_token.is_some() =>
                {
                    self.invalidate(&credential.access_token);
                    self.renew(&authority, key, &credential, 0).map(drop)
                }
                answer => answer.map(drop),
            }
        };
        !ask().is_err_and(|error| error.kind() == ErrorKind::SignInNeeded)
    }

    /// A server refused this bearer.
    pub(crate) fn invalidate(&self, bearer: &Secret) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(bearer.clone());
    }

    fn is_refused(&self, credential: &Credential) -> bool {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(&credential.access_token)
    }

    fn must_renew(&self, credential: &Credential, min_ttl: i64) -> bool {
        self.is_refused(credential) || credential.is_due(clock::now(), min_ttl, jitter())
    }

    fn nobody(&self, authority: &Authority, key: &Key) -> Error {
        let sessions = self.index().and_then(|index| index.sessions()).unwrap_or_default();
        if sessions.iter().any(|record| record.belongs_to(key) && record.ended) {
            return session_ended(authority, &key.profile, None);
        }
        let error = not_signed_in(authority, &key.profile);
        match others_than(key, &sessions).next() {
            Some(record) => error.hint(format!(
                "Or use the login that is there: SEQERA_PROFILE={}",
                printable(&record.profile)
            )),
            None => error,
        }
    }

    /// What is stored, or what could not be and is newer.
    fn newest(&self, key: &Key, stored: Credential) -> Credential {
        let unsaved = self.unsaved.lock().unwrap_or_else(PoisonError::into_inner);
        let newer =
            unsaved.as_ref().filter(|held| held.belongs_to(key) && held.generation > stored.generation);
        newer.cloned().unwrap_or(stored)
    }

    fn hold(&self, credential: &Credential) {
        *self.unsaved.lock().unwrap_or_else(PoisonError::into_inner) = Some(credential.clone());
    }

    /// Who is signed in.
    ///
    /// # Errors
    /// See `TokenProvider::session`.
    pub(crate) fn session(&self, resolve: bool) -> Result<Session> {
        match EnvToken::find()? {
            Some(token) => self.environment_session(&token, resolve),
            None => self.stored_session(resolve),
        }
    }

    fn environment_session(&self, token: &EnvToken, resolve: bool) -> Result<Session> {
        let known = self.index().and_then(|index| index.environment_account(&token.fingerprint()));
        let account = match known {
            Ok(Some(account)) => Some(account),
            _ if resolve => Some(self.resolve_environment(token)?),
            _ => None,
        };
        let issuer = crate::authority::backend(&self.host)?.as_str().trim_end_matches('/').to_owned();
        Ok(Session {
            source: token.source(),
            ..described(account, issuer, "environment", SessionState::Unchecked)
        })
    }

    /// Asks the backend whose a token from the environment is, and remembers it.
    ///
    /// # Errors
    /// Those of the request; a token that was rejected names its variable.
    pub(crate) fn resolve_environment(&self, token: &EnvToken) -> Result<Account> {
        let url = below_backend(&self.host, "/v1/cli/user-info")?;
        let engine = self.engine()?;
        let asked = engine.run(backend_user(engine.client(&url), url.clone(), token.bearer.clone()));
        let account = asked.map_err(|error| match error.kind() {
            ErrorKind::SignInNeeded => Error::new(
                ErrorKind::SignInNeeded,
                format!("{} rejected the token in {}", crate::authority::host_name(&url), token.variable),
            )
            .hint(self.instead_of(token))
            .with("kind", "EnvTokenRejected"),
            _ => error,
        })?;
        // Without a place to remember it, it is asked again next time.
        let _a_convenience =
            self.index().and_then(|index| index.remember_environment(&token.fingerprint(), &account));
        Ok(account)
    }

    /// What to do about a variable that does not sign in, and who is signed in without it.
    fn instead_of(&self, token: &EnvToken) -> String {
        let stored = self.stored_session(false).ok().and_then(|session| session.account_name);
        match stored {
            Some(name) => format!(
                "Correct {0}, or unset it to use your login as {name}, which was not used: unset {0}",
                token.variable
            ),
            None => format!("Correct {0}, or unset it to use your login: unset {0}", token.variable),
        }
    }

    fn stored_session(&self, resolve: bool) -> Result<Session> {
        let authority = Authority::configured(&self.host)?;
        let key = self.key(&authority)?;
        let Some(mut record) = self.index()?.find(&key)? else {
            return Ok(described(None, key.issuer, &key.profile, SessionState::SignedOut));
        };
        if record.account.is_none() && resolve && !record.ended {
            record.account = Some(self.resolve_stored(&key)?);
        }
        describe_record(self, &record)
    }

    /// Asks whose the stored token is. An access token that is refused is no news about the session: a renewal is.
    fn resolve_stored(&self, key: &Key) -> Result<Account> {
        let token = self.token(0)?;
        let account = match self.ask_whose(key, token.bearer.clone()) {
            Err(error) if error.kind() == ErrorKind::SignInNeeded => {
                self.invalidate(&token.bearer);
                self.ask_whose(key, self.token(0)?.bearer)?
            }
            answer => answer?,
        };
        self.index()?.update(key, |record| record.account = Some(account.clone()))?;
        Ok(account)
    }

    fn ask_whose(&self, key: &Key, bearer: Secret) -> Result<Account> {
        let engine = self.engine()?;
        let is_personal =
            self.index()?.find(key)?.is_some_and(|record| record.kind == CredentialKind::PersonalAccessToken);
        if is_personal {
            // The authority knows nothing of it: it was made on the Platform.
            let url = below_backend(&self.host, "/v1/cli/user-info")?;
            return engine.run(backend_user(engine.client(&url), url, bearer));
        }
        let endpoint = Provider::of(&engine, &self.host, &Authority::parse(&key.issuer)?)?.userinfo_endpoint;
        engine.run(provider_user(engine.client(&endpoint), endpoint, bearer))
    }

    /// Asks the server whether the token in charge is good.
    ///
    /// # Errors
    /// What the server says against it.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(token) = EnvToken::find()? {
            return self.resolve_environment(&token).map(drop);
        }
        let authority = Authority::configured(&self.host)?;
        self.resolve_stored(&self.key(&authority)?).map(drop)
    }

    /// Every secret that is alive, to be masked: of all variables, and of all sessions that can be read without asking
    /// anybody. A keychain may ask, so of what is in it only the session in charge, and nothing while a variable is.
    ///
    /// Text comes in many small parts: the store is not asked for each of them.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        let known = self.masked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Some((at, secrets)) if at.elapsed() < LOOKED_UP => secrets,
            _ => {
                let secrets = self.look_up_secrets();
                let mut masked = self.masked.lock().unwrap_or_else(PoisonError::into_inner);
                *masked = Some((Instant::now(), secrets.clone()));
                secrets
            }
        }
    }

    /// A token that was lent and is not known to be masked yet: the next one who asks looks it up.
    fn will_mask(&self, bearer: &Secret) {
        let mut masked = self.masked.lock().unwrap_or_else(PoisonError::into_inner);
        if masked.as_ref().is_some_and(|(_, secrets)| !secrets.contains(bearer)) {
            *masked = None;
        }
    }

    fn look_up_secrets(&self) -> Vec<Secret> {
        let in_charge = Authority::configured(&self.host).and_then(|authority| self.key(&authority)).ok();
        let records = self.index().and_then(|index| index.sessions()).unwrap_or_default();
        let is_file = |record: &&Record| record.store == StoreKind::File.as_str();
        let keys = records.iter().filter(is_file).map(Record::key).chain(in_charge);
        let may_ask = matches!(EnvToken::find(), Ok(None));
        let store =
            |key: &Key| self.store(key).ok().filter(|store| may_ask || store.kind() == StoreKind::File);
        let stored = keys.filter_map(|key| store(&key)?.load(&key).ok()?);
        let held = self.unsaved.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let credentials = stored
            .chain(held)
            .flat_map(|credential| [Some(credential.access_token), credential.refresh_token]);
        EnvToken::all().chain(credentials.flatten()).collect()
    }
}

/// A profile's name stands in file names, keychain items and messages.
fn check_profile(name: &str, kind: ErrorKind, origin: &str) -> Result<()> {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if (1..=64).contains(&name.len()) && name.chars().all(is_fine) {
        return Ok(());
    }
    Err(Error::new(kind, format!("`{}` cannot be the name of a profile", printable(name)))
        .because(format!("it is given by {origin}"))
        .hint("Use letters, digits, `.`, `_` and `-`, at most 64."))
}

fn state(record: &Record) -> SessionState {
    let is_over = record.access_expires_at.is_some_and(|expires_at| clock::now() >= expires_at);
    match (record.ended, is_over, record.renewable) {
        (true, ..) => SessionState::NeedsLogin,
        (false, false, _) => SessionState::Valid,
        (false, true, true) => SessionState::Renewable,
        (false, true, false) => SessionState::Expired,
    }
}

/// A session as its record tells it.
///
/// # Errors
/// As [`Stores::of`].
pub(crate) fn describe_record(sessions: &Sessions, record: &Record) -> Result<Session> {
    let key = record.key();
    Ok(Session {
        source: sessions.store(&key)?.source(&key),
        expires_at: record.access_expires_at,
        ..described(record.account.clone(), key.issuer, &key.profile, state(record))
    })
}

fn described(account: Option<Account>, issuer: String, profile: &str, state: SessionState) -> Session {
    let title = account.as_ref().map(Account::title);
    Session {
        state,
        issuer,
        profile: profile.to_owned(),
        account_name: title,
        email: account.as_ref().and_then(|account| account.email.clone()),
        account_id: account.map(|account| account.id),
        ..Session::default()
    }
}

fn not_signed_in(authority: &Authority, profile: &str) -> Error {
    let host = authority.name();
    let login = login_of(profile);
    let whose = if profile == "default" { String::new() } else { format!(" as `{profile}`") };
    Error::new(ErrorKind::SignInNeeded, format!("you are not signed in to {host}{whose}"))
        .hint(format!("Run `{login}`, or set SEQERA_ACCESS_TOKEN."))
        .with("kind", "NotLoggedIn")
}

/// The other logins of the same authority and client.
pub(crate) fn others_than<'a>(key: &'a Key, sessions: &'a [Record]) -> impl Iterator<Item = &'a Record> {
    sessions.iter().filter(move |record| {
        let other = record.key();
        (&other.issuer, &other.client_id) == (&key.issuer, &key.client_id)
            && other.profile != key.profile
            && !record.ended
    })
}

/// The command that signs a profile in.
fn login_of(profile: &str) -> String {
    if profile == "default" { "seqera login".to_owned() } else { format!("seqera login --profile {profile}") }
}

/// `renewed_at` tells the person which session that was.
fn session_ended(authority: &Authority, profile: &str, renewed_at: Option<i64>) -> Error {
    let ago = |at: i64| wording::relative((at - clock::now()).min(-1));
    let when = renewed_at.map_or_else(String::new, |at| format!(" (last renewed {})", ago(at)));
    Error::new(ErrorKind::SignInNeeded, format!("your session on {} has ended{when}", authority.name()))
        .hint(format!("Run `{}`.", login_of(profile)))
        .with("kind", "SessionExpired")
}

fn token_refused(authority: &Authority) -> Error {
    Error::new(
        ErrorKind::SignInNeeded,
        format!("the personal access token for {} is not accepted any more", authority.name()),
    )
    .hint("Make a new one on the Platform and run `seqera login --with-token`, or run `seqera login`.")
}

fn still_signed_in(authority: &Authority, cause: &Error) -> Error {
    Error::new(ErrorKind::Unreachable, format!("your session could not be renewed at {}", authority.name()))
        .because(cause)
        .hint("You are still signed in; try again.")
}
