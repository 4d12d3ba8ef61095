//! The authorization request (RFC 6749 section 4.1.1, RFC 7636, OpenID Connect Core 3.1.2.1).

use oauth2::basic::BasicClient;
use oauth2::{AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope};
use seqera_plugin_api::{Error, ErrorKind, Host, Result};
use url::Url;

use super::Provider;

/// One sign-in that was begun. Its secrets are new each time.
pub(crate) struct AuthorizationRequest {
    /// What the browser opens.
    pub(crate) url: Url,
    pub(crate) redirect_uri: String,
    pub(crate) port: u16,
    pub(crate) client_id: String,
    state: CsrfToken,
    nonce: CsrfToken,
    verifier: PkceCodeVerifier,
}

impl AuthorizationRequest {
    /// Begins one that comes back to a port of this machine. `consent` has the server ask the person again, which some
    /// want before they give a refresh token (OpenID Connect Core 11).
    ///
    /// # Errors
    /// `UnexpectedAnswer` when the provider's endpoint is no URL for oauth2.
    pub(crate) fn new(host: &Host, provider: &Provider, port: u16, consent: bool) -> Result<Self> {
        let setting = |key: &str| host.setting(key).map(|setting| setting.value).unwrap_or_default();
        let broken = |error: url::ParseError| {
            Error::new(ErrorKind::UnexpectedAnswer, "the authority names an address that is none")
                .because(error)
        };
        let client_id = setting("auth_client_id");
        let redirect_uri = format!("http://127.0.0.1:{port}/callback");
        let client = BasicClient::new(ClientId::new(client_id.clone()))
            .set_auth_uri(AuthUrl::new(provider.authorization_endpoint.to_string()).map_err(broken)?)
            .set_redirect_uri(RedirectUrl::new(redirect_uri.clone()).map_err(broken)?);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        // The nonce binds the ID token to this request.
        let nonce = CsrfToken::new_random_len(24);
        let request = client
            .authorize_url(|| CsrfToken::new_random_len(24))
            .add_scopes(provider.scopes.iter().map(|scope| Scope::new(scope.clone())))
            .add_extra_param("audience", setting("auth_audience"))
            .add_extra_param("nonce", nonce.secret())
            .set_pkce_challenge(challenge);
        let (url, state) =
            if consent { request.add_extra_param("prompt", "consent").url() } else { request.url() };
        Ok(Self { url, redirect_uri, port, client_id, state, nonce, verifier })
    }

    /// Whether a callback is the answer to this request. Takes the same time however much of it is right.
    pub(crate) fn is_answered_by(&self, state: &str) -> bool {
        let (ours, theirs) = (self.state.secret().as_bytes(), state.as_bytes());
        ours.len() == theirs.len() && ours.iter().zip(theirs).fold(0, |diff, (a, b)| diff | (a ^ b)) == 0
    }

    /// What the ID token has to repeat.
    pub(crate) fn nonce(&self) -> &str {
        self.nonce.secret()
    }

    /// The PKCE verifier, sent with the code.
    pub(crate) fn verifier(&self) -> &str {
        self.verifier.secret()
    }
}
