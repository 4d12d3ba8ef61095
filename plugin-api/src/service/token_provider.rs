//! `token-provider@1`: access tokens for Seqera Platform.

use crate::error::Result;
use crate::secret::Secret;

/// Lends access tokens. The refresh token never leaves the provider.
pub trait TokenProvider: Send + Sync {
    /// An access token that is good for use now. Renews it first when it is due; waits for another process
    /// that is doing so.
    ///
    /// # Errors
    /// `SignInNeeded` when there is no session or it has ended, `Unreachable` when a renewal was due and the
    /// authority could not be reached (the session is kept), `Denied` for an audience that was not granted.
    fn token(&self, request: &TokenRequest) -> Result<AccessToken>;

    /// Says that a server refused this token with 401. The next [`TokenProvider::token`] renews, unless
    /// somebody already did.
    ///
    /// # Errors
    /// Those of the credential store.
    fn invalidate(&self, token: &AccessToken) -> Result<()>;

    /// Who is signed in, without secrets. With `resolve`, the account behind an environment token is asked of
    /// the server when it is not known yet; without it, no network is used.
    ///
    /// # Errors
    /// Those of the credential store; with `resolve` those of the request.
    fn session(&self, resolve: bool) -> Result<Session>;

    /// Masks every live secret in `text`, the refresh token included.
    fn redact(&self, text: &[u8]) -> Vec<u8>;
}

/// What a token is wanted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// The audience; `platform` is the one that exists.
    pub audience: String,
    /// Seconds that the token must still live; `0` leaves the choice to the provider.
    pub min_ttl_seconds: u64,
}

impl Default for TokenRequest {
    fn default() -> Self {
        Self { audience: "platform".to_owned(), min_ttl_seconds: 0 }
    }
}

/// An access token, lent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// What goes behind `Authorization: Bearer`.
    pub bearer: Secret,
    /// When it ends, seconds since the Unix epoch; `None` when nobody said.
    pub expires_at: Option<i64>,
    /// Where it comes from: `env:NAME`, `keychain`, or `file:PATH`.
    pub source: String,
}

/// The state of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SessionState {
    /// Nobody is signed in.
    #[default]
    SignedOut,
    /// The access token is good.
    Valid,
    /// The access token has ended and can be renewed.
    Renewable,
    /// The access token has ended and cannot be renewed.
    Expired,
    /// The server ended the session.
    NeedsLogin,
    /// A token from the environment that no server was asked about yet.
    Unchecked,
}

impl SessionState {
    /// The word used in JSON and across the ABI.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Valid => "valid",
            Self::Renewable => "renewable",
            Self::Expired => "expired",
            Self::NeedsLogin => "needs_login",
            Self::Unchecked => "unchecked",
        }
    }

    /// The state of a word; an unknown one is [`SessionState::Unchecked`].
    #[must_use]
    pub fn parse(word: &str) -> Self {
        [Self::SignedOut, Self::Valid, Self::Renewable, Self::Expired, Self::NeedsLogin]
            .into_iter()
            .find(|state| state.as_str() == word)
            .unwrap_or(Self::Unchecked)
    }

    /// `true` when a request made now would carry a token.
    #[must_use]
    pub fn is_usable(self) -> bool {
        matches!(self, Self::Valid | Self::Renewable | Self::Unchecked)
    }
}

/// Who is signed in. No secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Session {
    /// Its state.
    pub state: SessionState,
    /// The authority that issued it, or, for a token from the environment, the backend it is sent to.
    pub issuer: String,
    /// The profile it is stored under.
    pub profile: String,
    /// Stable identifier of the account (`sub`, or the user name of user-info). `None`: not known.
    pub account_id: Option<String>,
    /// Name for people.
    pub account_name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Where the token comes from: `env:NAME`, `keychain`, `file:PATH`; empty when signed out.
    pub source: String,
    /// When the access token ends, seconds since the Unix epoch.
    pub expires_at: Option<i64>,
}
