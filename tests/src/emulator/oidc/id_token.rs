//! ID tokens, signed with ES256 (OpenID Connect Core 2, RFC 7518 section 3.4), and the key set.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use crate::emulator::accounts::Account;

/// The life of an ID token, in seconds.
const TTL: i64 = 300;
const KEY_ID: &str = "emulator-1";

/// The provider's key.
pub(crate) struct SigningKey {
    pair: EcdsaKeyPair,
}

impl SigningKey {
    /// Makes one; `None` without a source of randomness.
    pub(crate) fn generate() -> Option<Self> {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).ok()?;
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).ok()?;
        Some(Self { pair })
    }

    /// The key set (RFC 7517).
    pub(crate) fn jwks(&self) -> Value {
        // An uncompressed point: 0x04, x, y.
        let point = self.pair.public_key().as_ref();
        let half = |from: usize| URL_SAFE_NO_PAD.encode(point.get(from..from + 32).unwrap_or_default());
        json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": KEY_ID, "x": half(1), "y": half(33),
        }] })
    }

    /// An ID token for an account.
    pub(crate) fn id_token(
        &self,
        issuer: &str,
        client_id: &str,
        account: &Account,
        nonce: Option<&str>,
        access_token: &str,
        now: i64,
    ) -> String {
        let hash = digest::digest(&digest::SHA256, access_token.as_bytes());
        let mut claims = json!({
            "iss": issuer,
            "sub": account.user_name,
            "aud": client_id,
            "azp": client_id,
            "iat": now,
            "exp": now + TTL,
            "at_hash": URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]),
            "name": account.full_name(),
            "email": account.email,
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": KEY_ID });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes());
        signature
            .map(|signature| format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
            .unwrap_or_default()
    }
}
