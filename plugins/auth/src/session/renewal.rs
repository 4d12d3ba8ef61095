//! Renewing a session so that nobody is signed out by us.
//!
//! One process at a time: lock, read again (somebody may have renewed meanwhile), take room for the answer, ask, store,
//! and only then use. Nothing rests on the lock alone: who comes too late takes what the other stored, and removes
//! nothing but the very credential that the server refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use seqera_plugin_api::{CancelGuard, Error, ErrorKind, Result, Secret, status, warning};

use super::{Sessions, session_ended, still_signed_in, token_refused};
use crate::authority::Authority;
use crate::clock;
use crate::credential::{Credential, CredentialKind, CredentialStore, Key, Lock, Reservation, StoreKind};
use crate::http::{Engine, interrupted};
use crate::oauth::{Grant, Provider, RETRY_AFTER, TokenError, Tokens, UNANSWERED, discover, request_tokens};
use crate::sign_out::end_at_server;

/// How often a renewal is tried when nothing is known to be lost.
const TRIES: u32 = 3;
/// How long the issuer may take to say where its token endpoint is. What it is sent after that is never cut short by
/// us: it has a limit of its own.
const DISCOVERY: Duration = Duration::from_secs(8);
/// No try begins later than this. With the limit of a request all of it takes 20 s; a signal waits as long, and so do
/// other processes.
const LAST_TRY: Duration = Duration::from_secs(10);
/// How often storing is tried: what is at stake then is the login.
const SAVES: u32 = 3;

impl Sessions {
    /// A successor of `seen`, renewed here or by another process.
    pub(super) fn renew(
        &self,
        authority: &Authority,
        key: &Key,
        seen: &Credential,
        min_ttl: i64,
    ) -> Result<Credential> {
        match self.renew_once(authority, key, seen, min_ttl)? {
            Successor::Ours(credential) => Ok(credential),
            Successor::Adopted(credential) if self.is_usable(&credential) => Ok(credential),
            // What the other process stored has ended since.
            Successor::Adopted(credential) => {
                self.renew_once(authority, key, &credential, min_ttl).map(Successor::into_inner)
            }
        }
    }

    fn renew_once(
        &self,
        authority: &Authority,
        key: &Key,
        seen: &Credential,
        min_ttl: i64,
    ) -> Result<Successor> {
        let store = self.store(key)?;
        let mut lock = match Lock::acquire(&store.lock_path(key)?) {
            Ok(lock) => lock,
            // Somebody renews and takes long; what is still good can be used meanwhile.
            Err(error) if self.is_usable(seen) => {
                log::info!("not renewed now: {error}");
                return Ok(Successor::Ours(seen.clone()));
            }
            Err(error) if error.detail("reason") == Some("busy") => {
                return Err(still_signed_in(authority, &error));
            }
            Err(error) => return Err(error),
        };
        // A sign-in that was waited for may have chosen another store.
        let store = self.store(key)?;
        let stored = store.reload(key)?.ok_or_else(|| self.nobody(authority, key))?;
        let credential = self.newest(key, stored);
        if credential.kind == CredentialKind::PersonalAccessToken {
            return if self.is_refused(&credential) {
                Err(token_refused(authority))
            } else {
                Ok(Successor::Ours(credential))
            };
        }
        let is_news = credential.access_token != seen.access_token;
        if is_news && !self.must_renew(&credential, min_ttl) {
            log::debug!("another process renewed the session");
            return Ok(Successor::Ours(credential));
        }
        let Some(refresh_token) = credential.refresh_token.clone() else {
            if self.is_usable(&credential) {
                return Ok(Successor::Ours(credential));
            }
            return Err(session_ended(authority, &key.profile, None)
                .because("the server gave it no way to be renewed"));
        };
        let room = match store.reserve(key) {
            Ok(room) => room,
            Err(error) if self.is_usable(&credential) => {
                warning!(self.host(), "the session is not renewed, it could not be stored: {error}");
                return Ok(Successor::Ours(credential));
            }
            Err(error) => return Err(error),
        };
        // As long as nothing was sent a signal ends it at once.
        let began = Instant::now();
        let provider = match self.provider_of(key) {
            Ok(provider) => provider,
            Err(error) => {
                return self.conclude(authority, key, store.as_ref(), &credential, room, Err(error));
            }
        };
        if !lock.prolong() {
            return Err(still_signed_in(authority, &lock_lost()));
        }
        // From here until the answer is on disk a signal has to wait: a rotated token that was not stored is lost.
        let signalled = Arc::new(AtomicBool::new(false));
        let renewal = self.under_way.begin();
        let _no_signal = self.hold_signals(Arc::clone(&signalled));
        let tries =
            Tries { provider, client_id: key.client_id.clone(), began, signalled: Arc::clone(&signalled) };
        let outcome = self.redeem(tries, refresh_token, credential.scope.clone());
        let outcome = self.conclude(authority, key, store.as_ref(), &credential, room, outcome);
        drop(renewal);
        if signalled.load(Ordering::SeqCst) { Err(interrupted()) } else { outcome }
    }

    /// A signal is noted, and a second one ends the process only when everybody heard of the first.
    fn hold_signals(&self, signalled: Arc<AtomicBool>) -> CancelGuard {
        let (under_way, host) = (Arc::clone(&self.under_way), self.host.clone());
        self.host.on_cancel(move |_| {
            signalled.store(true, Ordering::SeqCst);
            under_way.wait(|| status!(host, "Your session is being renewed; this ends when it is stored."));
        })
    }

    fn conclude(
        &self,
        authority: &Authority,
        key: &Key,
        store: &dyn CredentialStore,
        credential: &Credential,
        room: Reservation,
        outcome: Result<Tokens, TokenError>,
    ) -> Result<Successor> {
        let is_signed_out = || matches!(store.reload(key), Ok(None));
        match outcome {
            Ok(tokens) => {
                let renewed = renewed(credential, tokens);
                if is_signed_out() {
                    return Err(self.signed_out_meanwhile(authority, key, &renewed));
                }
                self.persist(store, key, &renewed, room);
                Ok(Successor::Ours(renewed))
            }
            Err(TokenError::GrantEnded) => {
                self.grant_ended(authority, key, credential).map(Successor::Adopted)
            }
            Err(TokenError::Forbidden(error) | TokenError::Fatal(error)) => Err(error),
            Err(TokenError::Transient(_)) if is_signed_out() => Err(self.nobody(authority, key)),
            Err(TokenError::Transient(error)) => {
                if self.is_usable(credential) {
                    warning!(self.host(), "the session could not be renewed yet: {error}");
                    return Ok(Successor::Ours(credential.clone()));
                }
                Err(still_signed_in(authority, &error))
            }
        }
    }

    /// Somebody signed out while the server answered, and does not want a session again.
    fn signed_out_meanwhile(&self, authority: &Authority, key: &Key, renewed: &Credential) -> Error {
        if let Err(error) = end_at_server(self, key, renewed) {
            log::info!("what nobody wants any more could not be revoked: {error}");
        }
        self.nobody(authority, key)
    }

    fn is_usable(&self, credential: &Credential) -> bool {
        !credential.is_expired(clock::now()) && !self.is_refused(credential)
    }

    /// The issuer that the credential is bound to, whatever the settings say now.
    fn provider_of(&self, key: &Key) -> Result<Provider, TokenError> {
        let engine = self.engine().map_err(TokenError::Fatal)?;
        let issuer = Authority::parse(&key.issuer).map_err(TokenError::Fatal)?;
        let (host, worker, name) = (self.host.clone(), Arc::clone(&engine), issuer.name());
        let late = move || {
            let late = format!("{name} did not answer in time");
            TokenError::Transient(Error::new(ErrorKind::Unreachable, late))
        };
        let asked = async move {
            let asked = tokio::time::timeout(DISCOVERY, provider(host, &worker, issuer)).await;
            Ok(asked.unwrap_or_else(|_| Err(late())))
        };
        engine.run(asked).unwrap_or_else(|error| Err(TokenError::Fatal(error)))
    }

    fn redeem(
        &self,
        tries: Tries,
        refresh_token: Secret,
        scope: Option<String>,
    ) -> Result<Tokens, TokenError> {
        let engine = self.engine().map_err(TokenError::Fatal)?;
        let worker = Arc::clone(&engine);
        let work = async move { Ok(tries.redeem(&worker, &refresh_token, scope.as_deref()).await) };
        engine.run_to_end(work).unwrap_or_else(|error| Err(TokenError::Fatal(error)))
    }

    fn grant_ended(&self, authority: &Authority, key: &Key, used: &Credential) -> Result<Credential> {
        let store = self.store(key)?;
        // A file system without locks lets two renew at once; the one that came too late takes what the other stored.
        if let Some(current) = store.reload(key)?.filter(|current| is_later(current, used)) {
            return Ok(current);
        }
        store.delete(key)?;
        self.index()?.update(key, |record| {
            record.ended = true;
            record.access_expires_at = None;
        })?;
        Err(session_ended(authority, &key.profile, Some(used.obtained_at)))
    }

    /// Stores tokens before anybody uses them. When nothing can store them they are good for this process only, and
    /// that is said: to fail here would lose them for this process, too.
    fn persist(&self, store: &dyn CredentialStore, key: &Key, credential: &Credential, room: Reservation) {
        let mut outcome = store.save_reserved(key, credential, room);
        for _ in 1..SAVES {
            if outcome.is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(200));
            outcome = store.save(key, credential);
        }
        let mut kept_in = store.kind();
        if outcome.is_err() && store.kind() == StoreKind::Keychain && self.may_use_file() {
            let file = self.stores().open(StoreKind::File);
            if let Ok(file) = file.and_then(|file| file.save(key, credential).map(|()| file)) {
                warning!(
                    self.host(),
                    "the keychain takes nothing: your credentials are kept in {} now",
                    file.source(key)
                );
                (outcome, kept_in) = (Ok(()), StoreKind::File);
            }
        }
        if let Err(error) = outcome {
            self.hold(credential);
            warning!(
                self.host(),
                "the renewed session could not be stored: {error}; this command goes on, the next one needs `seqera login`"
            );
            return;
        }
        let noted = self.index().and_then(|index| {
            index.update(key, |record| {
                record.access_expires_at = credential.expires_at;
                record.generation = credential.generation;
                record.ended = false;
                kept_in.as_str().clone_into(&mut record.store);
                if kept_in != store.kind() {
                    record.also_in = Some(store.kind().as_str().to_owned());
                }
            })
        });
        if let Err(error) = noted {
            log::warn!("the index of sessions could not be brought up to date: {error}");
        }
    }

    /// Whether a file may take the place of a keychain: unless somebody said that it has to be the keychain.
    fn may_use_file(&self) -> bool {
        let setting = self.host.setting("credential_store");
        setting.is_none_or(|setting| setting.value.trim() == StoreKind::File.as_str())
    }
}

/// What comes after a credential that was due.
enum Successor {
    /// Renewed here, or good enough as it is.
    Ours(Credential),
    /// Another process stored it while the server refused what this one had.
    Adopted(Credential),
}

impl Successor {
    fn into_inner(self) -> Credential {
        match self {
            Self::Ours(credential) | Self::Adopted(credential) => credential,
        }
    }
}

/// Whether what is stored came after what was used: a later renewal, or a sign-in meanwhile, which counts anew. What was
/// never stored is later than what is.
fn is_later(stored: &Credential, used: &Credential) -> bool {
    let is_another_sign_in =
        stored.refresh_token != used.refresh_token && stored.obtained_at >= used.obtained_at;
    stored.generation > used.generation || is_another_sign_in
}

fn lock_lost() -> Error {
    Error::new(ErrorKind::CredentialStore, "this process was stopped too long, and another may renew it now")
}

/// The successor of a credential. Without a new refresh token the old one stays (RFC 6749 section 6).
fn renewed(before: &Credential, tokens: Tokens) -> Credential {
    Credential {
        generation: before.generation + 1,
        access_token: tokens.access_token,
        expires_at: tokens.expires_at,
        obtained_at: tokens.obtained_at,
        refresh_token: tokens.refresh_token.or_else(|| before.refresh_token.clone()),
        scope: tokens.scope.or_else(|| before.scope.clone()),
        ..before.clone()
    }
}

async fn provider(
    host: seqera_plugin_api::Host,
    engine: &Arc<Engine>,
    issuer: Authority,
) -> Result<Provider, TokenError> {
    let provider = discover(host, Arc::clone(engine), issuer.clone()).await.map_err(|error| {
        if error.kind() == ErrorKind::Security {
            TokenError::Fatal(error)
        } else {
            TokenError::Transient(error)
        }
    })?;
    if provider.authority == issuer {
        return Ok(provider);
    }
    // The token was given by one issuer; it is not shown to another, however well they know each other.
    Err(TokenError::Fatal(
        Error::new(ErrorKind::Security, format!("{} says that it is another authority now", issuer.as_str()))
            .because(format!("its issuer is {}", provider.authority.as_str()))
            .hint("Nothing was sent. Run `seqera login` if that is right."),
    ))
}

/// What a refresh token is redeemed with, more than once if need be.
struct Tries {
    provider: Provider,
    client_id: String,
    began: Instant,
    /// Somebody wants it to end.
    signalled: Arc<AtomicBool>,
}

impl Tries {
    /// Tries again with the same refresh token: if the server did rotate it, the successor is known to nobody.
    async fn redeem(
        &self,
        engine: &Arc<Engine>,
        refresh_token: &Secret,
        scope: Option<&str>,
    ) -> Result<Tokens, TokenError> {
        let endpoint = &self.provider.token_endpoint;
        let mut pause = Duration::from_millis(200);
        let mut attempt = 1;
        loop {
            let grant =
                Grant::Refresh { refresh_token: refresh_token.clone(), scope: scope.map(str::to_owned) };
            let client = engine.client(endpoint);
            let outcome = request_tokens(client, endpoint.clone(), self.client_id.clone(), grant).await;
            let Err(TokenError::Transient(error)) = &outcome else { return outcome };
            let asked = error.detail(RETRY_AFTER).and_then(|seconds| seconds.parse().ok());
            let wait = asked.map_or(pause, Duration::from_secs).max(pause);
            let is_wanted = error.detail(UNANSWERED).is_some() || !self.signalled.load(Ordering::SeqCst);
            if attempt >= TRIES || self.began.elapsed().saturating_add(wait) > LAST_TRY || !is_wanted {
                return outcome;
            }
            log::info!("renewal, try {attempt}: {error}");
            tokio::time::sleep(wait).await;
            attempt += 1;
            pause *= 4;
        }
    }
}
