//! What every way of signing in ends with.

use std::sync::Arc;

use seqera_plugin_api::{Error, ErrorKind, Result, Secret, warning};

use super::SignIn;
use crate::account::Account;
use crate::authority::Authority;
use crate::clock;
use crate::credential::{Credential, CredentialKind, CredentialStore, Key, Lock, Record, StoreKind};
use crate::oauth::{Hint, Identity, Tokens, provider_user, refuse_id_token, revoke};
use crate::session::Sessions;
use crate::sign_out::{AtServer, end_at_server};
use crate::wording;

/// What became of a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Completion {
    Stands,
    /// The server ended it together with the session before: to some, both are one grant of one browser or account
    /// (RFC 7009 section 2.1 lets them). That one is over now, so that signing in once more lasts.
    EndedWithTheOneBefore,
}

impl SignIn<'_> {
    /// Finds out whose the tokens are, stores them, and ends the session that was there before.
    /// `nonce` is what the ID token has to repeat, where the way of signing in has one.
    pub(super) fn complete(&self, tokens: Tokens, nonce: Option<&str>) -> Result<Completion> {
        let account = self
            .identify(&tokens, nonce)
            .and_then(|identity| self.account_of(&tokens, identity))
            .inspect_err(|_| self.give_up(tokens.refresh_token.clone()))?;
        let refresh_token = tokens.refresh_token.clone();
        let scope = tokens.scope.clone().unwrap_or_else(|| self.provider.scopes.join(" "));
        let expires_at = tokens.expires_at;
        let draft = Draft {
            kind: CredentialKind::Session,
            access_token: tokens.access_token,
            refresh_token: tokens.refresh_token,
            expires_at,
            obtained_at: tokens.obtained_at,
            scope: Some(scope),
            account: account.clone(),
        };
        let kept = keep(self.sessions, &self.key, &self.store, self.may_fall_back, draft);
        let before = kept.inspect_err(|_| self.give_up(refresh_token.clone()))?;
        let configured = Authority::configured(self.host())?;
        self.sessions.index()?.remember_issuer(configured.as_str(), &self.key.issuer)?;
        log::info!("signed in as {}", account.as_ref().map(Account::title).unwrap_or_default());
        let is_told = end_all(self.sessions, &self.key, before, refresh_token.as_ref());
        if is_told && !self.sessions.is_honoured(&self.key) {
            return Ok(Completion::EndedWithTheOneBefore);
        }
        if refresh_token.is_none() {
            self.say_that_it_cannot_be_renewed(expires_at);
        }
        Ok(Completion::Stands)
    }

    /// Whose tokens they are, in the words of userinfo; a server that cannot say so now has said enough in its ID token.
    fn account_of(&self, tokens: &Tokens, identity: Identity) -> Result<Option<Account>> {
        let endpoint = self.provider.userinfo_endpoint.clone();
        let ask = provider_user(self.engine.client(&endpoint), endpoint, tokens.access_token.clone());
        match self.engine.run(ask) {
            // OpenID Connect Core 5.3.2: an answer about somebody else must not be used.
            Ok(account) if account.id != identity.subject => {
                Err(refuse_id_token("it is about another account than the access token"))
            }
            Ok(account) => Ok(Some(account)),
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted) => Err(error),
            Err(error) if error.detail("status") == Some("403") => Err(error.hint("Nothing was stored.")),
            Err(error) => {
                log::info!("userinfo does not answer, the ID token does: {error}");
                Ok(Some(Account { id: identity.subject, name: identity.name, email: identity.email }))
            }
        }
    }

    /// Tokens that could not be stored are of use to nobody, but they are alive.
    pub(super) fn give_up(&self, refresh_token: Option<Secret>) {
        if let Some(Err(error)) = refresh_token.map(|token| self.tell_server(token)) {
            log::info!("what could not be stored could not be revoked: {error}");
        }
    }

    fn tell_server(&self, refresh_token: Secret) -> Result<()> {
        let Some(endpoint) = self.provider.revocation_endpoint.clone() else { return Ok(()) };
        let client = self.engine.client(&endpoint);
        let client_id = self.key.client_id.clone();
        self.engine.run_to_end(revoke(client, endpoint, client_id, refresh_token, Hint::RefreshToken))
    }

    fn say_that_it_cannot_be_renewed(&self, expires_at: Option<i64>) {
        let end =
            expires_at.map_or_else(String::new, |at| format!(" {}", wording::relative(at - clock::now())));
        warning!(
            self.host(),
            "this session cannot renew itself and ends{end}; `seqera login --consent` asks the server for one that can"
        );
    }
}

/// Ends the sessions before this one, now that their successor is safe; whether the server was told of one.
pub(super) fn end_all(
    sessions: &Sessions,
    key: &Key,
    before: Vec<Credential>,
    successor: Option<&Secret>,
) -> bool {
    let mut is_told = false;
    // A server may give the same refresh token again: then the session goes on.
    for credential in
        before.into_iter().filter(|old| successor.is_none() || old.refresh_token.as_ref() != successor)
    {
        match end_at_server(sessions, key, &credential) {
            Ok(at_server) => is_told |= at_server == AtServer::Ended,
            Err(error) => warning!(
                sessions.host(),
                "the session before this one could not be ended, and stays valid until it ends: {error}"
            ),
        }
    }
    is_told
}

/// A credential that is not stored yet.
pub(super) struct Draft {
    pub(super) kind: CredentialKind,
    pub(super) access_token: Secret,
    pub(super) refresh_token: Option<Secret>,
    pub(super) expires_at: Option<i64>,
    pub(super) obtained_at: i64,
    pub(super) scope: Option<String>,
    pub(super) account: Option<Account>,
}

/// Stores a credential and answers those that it replaces.
///
/// The document first, then the index that makes it the one in charge, then the document in another store that it
/// replaces: whoever is killed in between leaves the old session or the new one.
pub(super) fn keep(
    sessions: &Sessions,
    key: &Key,
    store: &Arc<dyn CredentialStore>,
    may_fall_back: bool,
    draft: Draft,
) -> Result<Vec<Credential>> {
    let index = sessions.index()?;
    let old_store = sessions.store(key)?;
    // Everybody who renews the old one or the new one waits; always in this order.
    let _old_lock = Lock::acquire(&old_store.lock_path(key)?)?;
    let is_elsewhere = old_store.kind() != store.kind();
    let _new_lock = if is_elsewhere { Some(Lock::acquire(&store.lock_path(key)?)?) } else { None };

    let mut before: Vec<Credential> = Vec::new();
    for place in std::iter::once(&old_store).chain(is_elsewhere.then_some(store)) {
        match place.reload(key) {
            Ok(found) => before.extend(found),
            Err(error) if error.detail("reason") == Some("newer") => return Err(error),
            // What cannot be read cannot be revoked, but it can be replaced.
            Err(error) => log::info!("what was there before cannot be read: {error}"),
        }
    }
    let generation = before.iter().map(|credential| credential.generation).max().map_or(1, |last| last + 1);
    let credential = Credential {
        version: 1,
        generation,
        kind: draft.kind,
        issuer: key.issuer.clone(),
        client_id: key.client_id.clone(),
        profile: key.profile.clone(),
        access_token: draft.access_token,
        expires_at: draft.expires_at,
        obtained_at: draft.obtained_at,
        refresh_token: draft.refresh_token,
        scope: draft.scope,
        further: serde_json::Map::new(),
    };
    let wanted = store.kind();
    let store = save(sessions, key, store, may_fall_back, &credential)?;
    // A store that did not answer may have taken it all the same.
    let left_before = index.find(key)?.and_then(|record| StoreKind::parse(record.also_in.as_deref()?));
    let places = [Some(old_store.kind()), Some(wanted), left_before];
    let copy_in = places.into_iter().flatten().find(|place| *place != store.kind());
    let also_in = copy_in.map(|place| place.as_str().to_owned());
    let record = record(sessions, key, store.kind(), &credential, draft.account);
    index.put(&Record { also_in, ..record })?;
    if let Err(error) = sessions.stores().remove_copy(key)
        && store.kind() == wanted
    {
        warning!(
            sessions.host(),
            "what is left of the session before this one could not be removed: {error}; `seqera logout` tries again"
        );
    }
    Ok(before)
}

fn save(
    sessions: &Sessions,
    key: &Key,
    store: &Arc<dyn CredentialStore>,
    may_fall_back: bool,
    credential: &Credential,
) -> Result<Arc<dyn CredentialStore>> {
    let error: Error = match store.save(key, credential) {
        Ok(()) => return Ok(Arc::clone(store)),
        Err(error) => error,
    };
    if !may_fall_back || store.kind() == StoreKind::File {
        return Err(error.hint("The sign-in was given back: nothing was stored."));
    }
    // It could be used a minute ago. The sign-in is worth more than the place it is kept in.
    let file = sessions.stores().open(StoreKind::File)?;
    file.save(key, credential)?;
    warning!(sessions.host(), "{error}; your credentials are kept in {} instead", file.source(key));
    Ok(file)
}

fn record(
    sessions: &Sessions,
    key: &Key,
    store: StoreKind,
    credential: &Credential,
    account: Option<Account>,
) -> Record {
    let audience = sessions.host().setting("auth_audience").map(|setting| setting.value);
    Record {
        profile: key.profile.clone(),
        issuer: key.issuer.clone(),
        client_id: key.client_id.clone(),
        audience: audience.unwrap_or_default(),
        store: store.as_str().to_owned(),
        kind: credential.kind,
        account,
        scopes: credential.scopes(),
        access_expires_at: credential.expires_at,
        renewable: credential.refresh_token.is_some(),
        generation: credential.generation,
        logged_in_at: clock::now(),
        ended: false,
        also_in: None,
    }
}
