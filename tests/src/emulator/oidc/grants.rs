//! What was granted: codes, access tokens, refresh tokens, in families that end together.

use std::collections::HashMap;

use super::device::Devices;
use crate::emulator::state::{now, random};

/// A code that waits for its exchange.
#[derive(Clone)]
pub(super) struct Code {
    pub(super) user_name: String,
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
    pub(super) nonce: Option<String>,
    pub(super) scope: String,
    pub(super) expires_at: i64,
    /// The family that it brought; a code that comes again ends it.
    pub(super) family: Option<u64>,
}

struct Access {
    family: u64,
    expires_at: i64,
}

struct Refresh {
    family: u64,
    scope: String,
    is_used: bool,
}

/// All grants.
#[derive(Default)]
pub(crate) struct Grants {
    codes: HashMap<String, Code>,
    families: HashMap<u64, String>,
    access: HashMap<String, Access>,
    refresh: HashMap<String, Refresh>,
    next_family: u64,
    /// Every secret that was given out or shown, alive or not.
    secrets: Vec<String>,
    pub(super) devices: Devices,
}

/// What a token request brings.
pub(super) struct Issued {
    pub(super) user_name: String,
    pub(super) access_token: String,
    pub(super) refresh_token: Option<String>,
    pub(super) scope: String,
}

impl Grants {
    pub(super) fn add_code(&mut self, code: Code) -> String {
        let text = self.new_secret("");
        self.codes.insert(text.clone(), code);
        text
    }

    /// Takes a code; one that was used before ends what it brought (RFC 6749 section 4.1.2).
    pub(super) fn take_code(&mut self, text: &str) -> Option<Code> {
        let code = self.codes.get(text)?.clone();
        if let Some(family) = code.family {
            self.end_family(family);
            return None;
        }
        (code.expires_at >= now()).then_some(code)
    }

    /// Starts a family with a code.
    pub(super) fn begin(&mut self, text: &str, code: &Code, ttl: i64, with_refresh: bool) -> Issued {
        self.next_family += 1;
        let family = self.next_family;
        self.families.insert(family, code.user_name.clone());
        if let Some(code) = self.codes.get_mut(text) {
            code.family = Some(family);
        }
        Issued {
            user_name: code.user_name.clone(),
            access_token: self.add_access(family, ttl),
            refresh_token: with_refresh.then(|| self.add_refresh(family, &code.scope)),
            scope: code.scope.clone(),
        }
    }

    /// Renews. A refresh token that comes again after it was rotated ends its family (RFC 9700 section 4.14.2).
    pub(super) fn renew(&mut self, text: &str, ttl: i64, rotate: bool) -> Option<Issued> {
        let refresh = self.refresh.get_mut(text)?;
        let (family, scope) = (refresh.family, refresh.scope.clone());
        if refresh.is_used {
            self.end_family(family);
            return None;
        }
        let user_name = self.families.get(&family)?.clone();
        if rotate {
            refresh.is_used = true;
        }
        Some(Issued {
            user_name,
            access_token: self.add_access(family, ttl),
            refresh_token: rotate.then(|| self.add_refresh(family, &scope)),
            scope,
        })
    }

    /// Ends a token: a refresh token with its whole family, an access token alone. An unknown one is ended already.
    pub(super) fn revoke(&mut self, text: &str) {
        if let Some(refresh) = self.refresh.get(text) {
            self.end_family(refresh.family);
        }
        self.access.remove(text);
    }

    /// Ends everything.
    pub(crate) fn revoke_all(&mut self) {
        self.families.clear();
        self.access.clear();
        self.refresh.clear();
    }

    /// How many tokens are alive.
    pub(crate) fn live(&self) -> usize {
        let access = self.access.values().filter(|access| access.expires_at > now()).count();
        access + self.refresh.values().filter(|refresh| !refresh.is_used).count()
    }

    /// How many families can go on: those with a refresh token that is good.
    pub(crate) fn live_families(&self) -> usize {
        let good = self.refresh.values().filter(|refresh| !refresh.is_used);
        good.map(|refresh| refresh.family).collect::<std::collections::HashSet<_>>().len()
    }

    /// Every code, token and verifier that went over the wire.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.secrets.clone()
    }

    /// Somebody showed this.
    pub(super) fn note_secret(&mut self, secret: &str) {
        self.secrets.push(secret.to_owned());
    }

    fn new_secret(&mut self, prefix: &str) -> String {
        let secret = format!("{prefix}{}", random());
        self.note_secret(&secret);
        secret
    }

    /// Whose a live access token is.
    pub(crate) fn account_of_access_token(&self, text: &str) -> Option<String> {
        let access = self.access.get(text).filter(|access| access.expires_at > now())?;
        self.families.get(&access.family).cloned()
    }

    fn end_family(&mut self, family: u64) {
        self.families.remove(&family);
        self.access.retain(|_, access| access.family != family);
        self.refresh.retain(|_, refresh| refresh.family != family);
    }

    fn add_access(&mut self, family: u64, ttl: i64) -> String {
        let text = self.new_secret("at_");
        self.access.insert(text.clone(), Access { family, expires_at: now() + ttl });
        text
    }

    fn add_refresh(&mut self, family: u64, scope: &str) -> String {
        let text = self.new_secret("rt_");
        self.refresh.insert(text.clone(), Refresh { family, scope: scope.to_owned(), is_used: false });
        text
    }
}
