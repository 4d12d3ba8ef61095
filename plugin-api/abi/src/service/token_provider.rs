//! `token-provider@1`

use abi_stable::std_types::{RBox, ROption, RResult, RSlice, RString, RVec};
use abi_stable::{StableAbi, sabi_trait};

use crate::error::{Extension, PluginError};

/// The service as it crosses the boundary.
pub type TokenProviderBox = TokenProvider_TO<'static, RBox<()>>;

/// Lends access tokens.
#[sabi_trait]
pub trait TokenProvider: Send + Sync {
    /// A token that is good now.
    fn token(&self, request: TokenRequest) -> RResult<AccessToken, PluginError>;

    /// A server refused this token.
    fn invalidate(&self, token: AccessToken) -> RResult<(), PluginError>;

    /// Who is signed in. Uses the network only with `resolve`.
    fn session(&self, resolve: bool) -> RResult<Session, PluginError>;

    /// Masks every live secret.
    #[sabi(last_prefix_field)]
    fn redact(&self, text: RSlice<'_, u8>) -> RVec<u8>;
}

/// What a token is wanted for, frozen.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// The audience.
    pub audience: RString,
    /// Reserved.
    pub scopes: RVec<RString>,
    /// Seconds that the token must still live.
    pub min_ttl_seconds: u64,
    /// Room to grow.
    pub ext: Extension,
}

/// A token, lent, frozen. It has no `Debug`: it is a secret.
#[repr(C)]
#[derive(StableAbi, Clone)]
pub struct AccessToken {
    /// The secret.
    pub bearer: RString,
    /// Seconds since the Unix epoch.
    pub expires_at: ROption<i64>,
    /// Where it comes from.
    pub source: RString,
    /// Room to grow.
    pub ext: Extension,
}

/// A session without its secrets, frozen.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// `signed_out`, `valid`, `renewable`, `expired`, `needs_login`, `unchecked`.
    pub state: RString,
    /// The authority.
    pub issuer: RString,
    /// The profile.
    pub profile: RString,
    /// Stable id of the account.
    pub account_id: ROption<RString>,
    /// Name for people.
    pub account_name: ROption<RString>,
    /// E-mail address.
    pub email: ROption<RString>,
    /// Where the token comes from.
    pub source: RString,
    /// Seconds since the Unix epoch.
    pub expires_at: ROption<i64>,
    /// Room to grow.
    pub ext: Extension,
}
