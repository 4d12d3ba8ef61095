//! Who signed in: the ID token, which has to be there and has to be right before anything is stored.

use seqera_plugin_api::{Error, ErrorKind, Result, warning};

use super::SignIn;
use crate::authority::host_name;
use crate::clock;
use crate::oauth::{Expected, Identity, Tokens, fetch_keys, refuse_id_token, verify_id_token};

impl SignIn<'_> {
    /// Whom the ID token is about.
    ///
    /// # Errors
    /// `Security` when there is none (`openid` is always asked for) or it cannot be trusted; `Unreachable` without the
    /// keys to judge it.
    pub(super) fn identify(&self, tokens: &Tokens, nonce: Option<&str>) -> Result<Identity> {
        let host = self.host();
        let id_token =
            tokens.id_token.as_ref().ok_or_else(|| refuse_id_token("the server did not send one"))?;
        let url = self.provider.jwks_uri.clone().ok_or_else(|| {
            Error::new(ErrorKind::Security, "the server does not say where the keys are that it signs with")
                .hint("Nothing was stored.")
        })?;
        let keys = self.engine.run(fetch_keys(self.engine.client(&url), url))?;
        let expected = Expected {
            issuer: &self.provider.issuer,
            client_id: &self.key.client_id,
            audience: &host.setting("auth_audience").map(|setting| setting.value).unwrap_or_default(),
            nonce,
            access_token: &tokens.access_token,
            now: clock::now(),
            clock_offset: tokens.clock_offset,
        };
        let identity = verify_id_token(id_token.expose(), &keys, &expected)?;
        let server = host_name(self.provider.authority.url());
        if let Some(complaint) = clock::complaint(tokens.clock_offset, &server) {
            warning!(host, "{complaint}; set it, or sign-in will fail some day");
        }
        Ok(identity)
    }
}
