//! The two services as other plugins see them.

mod platform_http;
mod token_provider;

pub(crate) use platform_http::BearerHttp;
pub(crate) use token_provider::SessionTokens;
