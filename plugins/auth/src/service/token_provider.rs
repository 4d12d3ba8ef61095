//! `token-provider@1`

use std::sync::Arc;

use seqera_plugin_api::service::{AccessToken, Consumer, Session, TokenProvider, TokenRequest};
use seqera_plugin_api::{Error, ErrorKind, Result};
use zeroize::Zeroizing;

use crate::session::Sessions;

const MASK: &[u8] = b"[secret]";
/// What is shorter is in every other word.
const SHORTEST: usize = 8;

/// The sessions, lent to one consumer.
pub(crate) struct SessionTokens {
    sessions: Arc<Sessions>,
    consumer: Consumer,
}

impl SessionTokens {
    pub(crate) fn new(sessions: Arc<Sessions>, consumer: Consumer) -> Self {
        Self { sessions, consumer }
    }
}

impl TokenProvider for SessionTokens {
    fn token(&self, request: &TokenRequest) -> Result<AccessToken> {
        if !self.consumer.audiences.contains(&request.audience) {
            return Err(Error::new(
                ErrorKind::Denied,
                format!("the plugin {} may not have tokens for `{}`", self.consumer.plugin, request.audience),
            )
            .hint("Its manifest has to ask for the audience, and it has to be granted."));
        }
        self.sessions.token(i64::try_from(request.min_ttl_seconds).unwrap_or(i64::MAX))
    }

    fn invalidate(&self, token: &AccessToken) -> Result<()> {
        self.sessions.invalidate(&token.bearer);
        Ok(())
    }

    fn session(&self, resolve: bool) -> Result<Session> {
        self.sessions.session(resolve)
    }

    fn redact(&self, text: &[u8]) -> Vec<u8> {
        self.sessions
            .secrets()
            .iter()
            .filter(|secret| secret.expose().len() >= SHORTEST)
            .flat_map(|secret| forms(secret.expose()))
            .fold(text.to_vec(), |text, form| mask(&text, form.as_bytes()))
    }
}

/// A secret as it stands, and as it stands in a URL or form and in JSON where that is different.
fn forms(secret: &str) -> Vec<Zeroizing<String>> {
    let in_form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let in_json = serde_json::Value::from(secret).to_string();
    let mut forms = vec![secret.to_owned(), in_form, in_json.trim_matches('"').to_owned()];
    forms.dedup();
    forms.into_iter().map(Zeroizing::new).collect()
}

fn mask(text: &[u8], secret: &[u8]) -> Vec<u8> {
    if secret.is_empty() {
        return text.to_vec();
    }
    let mut masked = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.windows(secret.len()).position(|window| window == secret) {
        masked.extend_from_slice(&rest[..at]);
        masked.extend_from_slice(MASK);
        rest = &rest[at + secret.len()..];
    }
    masked.extend_from_slice(rest);
    masked
}

#[cfg(test)]
mod tests {
    use super::{forms, mask};

    #[test]
    fn every_occurrence_is_masked() {
        assert_eq!(mask(b"a tok b tok", b"tok"), b"a [secret] b [secret]");
        assert_eq!(mask(b"nothing", b"tok"), b"nothing");
    }

    #[test]
    fn a_secret_is_known_in_every_dress() {
        let texts: Vec<String> = forms("a/b+c\"d").iter().map(|form| form.to_string()).collect();
        assert_eq!(texts, ["a/b+c\"d", "a%2Fb%2Bc%22d", "a/b+c\\\"d"]);
        assert_eq!(forms("plain-1_2").len(), 1);
    }
}
