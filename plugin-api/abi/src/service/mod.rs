//! Services: what plugins lend each other.

pub mod json_service;
pub mod organization;
pub mod platform_http;
pub mod token_provider;

use abi_stable::StableAbi;
use abi_stable::std_types::{RString, RVec};

use crate::error::Extension;
use json_service::JsonServiceBox;
use organization::OrganizationBox;
use platform_http::PlatformHttpBox;
use token_provider::TokenProviderBox;

/// A service. Non-exhaustive: kinds are appended, and a host passes on those it does not know.
#[repr(u8)]
#[derive(StableAbi)]
#[sabi(kind(WithNonExhaustive(size = [usize; 8], align = 8, traits(Send, Sync))))]
pub enum Service {
    /// Access tokens.
    TokenProvider(TokenProviderBox),
    /// Authorized HTTP.
    PlatformHttp(PlatformHttpBox),
    /// The billed organization.
    Organization(OrganizationBox),
    /// A team's own.
    Json(JsonServiceBox),
}

/// Who asks for a service, filled in by the host, frozen.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Default, PartialEq, Eq)]
pub struct Consumer {
    /// Name of the plugin.
    pub plugin: RString,
    /// Its version.
    pub version: RString,
    /// SHA-256 of its library, lower-case hex.
    pub digest: RString,
    /// Token audiences granted to it.
    pub audiences: RVec<RString>,
    /// Hosts granted to it, besides backend and authority.
    pub hosts: RVec<RString>,
    /// Room to grow.
    pub ext: Extension,
}
