//! Services: what plugins lend each other, as ordinary Rust traits.
//!
//! A provider implements a trait and hands it out in [`Plugin::provide`](crate::Plugin::provide); a consumer asks
//! its [`Host`](crate::Host). The binary form in between is made here and seen by neither.
//! Calls block; any thread may make them.

mod json_service;
mod organization;
mod platform_http;
mod token_provider;

use std::sync::Arc;

pub use json_service::JsonService;
pub use organization::{Organization, OrganizationChoice, OrganizationSelection};
pub use platform_http::{Authorization, CancelHandle, Exchange, HttpRequest, PlatformHttp, ResponseHead};
pub use token_provider::{AccessToken, Session, SessionState, TokenProvider, TokenRequest};

/// Name of the service that lends access tokens.
pub const TOKEN_PROVIDER: &str = "token-provider";
/// Name of the service that makes authorized HTTP requests.
pub const PLATFORM_HTTP: &str = "platform-http";
/// Name of the service that knows the billed organization.
pub const ORGANIZATION: &str = "organization";

/// A service as a provider hands it out.
#[derive(Clone)]
#[non_exhaustive]
pub enum Service {
    /// `token-provider`
    TokenProvider(Arc<dyn TokenProvider>),
    /// `platform-http`
    PlatformHttp(Arc<dyn PlatformHttp>),
    /// `organization`
    Organization(Arc<dyn Organization>),
    /// A team's own service.
    Json(Arc<dyn JsonService>),
}

/// Who asks for a service, as the host knows it; a plugin cannot claim to be another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Consumer {
    /// Name of the plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its library, lower-case hex.
    pub digest: String,
    /// Token audiences granted to it.
    pub audiences: Vec<String>,
    /// Hosts, besides backend and authority, that its requests may carry the bearer to.
    pub hosts: Vec<String>,
}
