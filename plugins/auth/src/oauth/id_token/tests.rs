//! Tokens signed here with keys of ring; RSA comes from the certified provider, in the suites.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::json;

use super::*;

const NOW: i64 = 1_800_000_000;
const ISSUER: &str = "https://id.example/api";

enum Signer {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    fn p256() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        Self::P256(
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap(),
        )
    }

    fn ed25519() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed25519(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap())
    }

    fn name(&self) -> &'static str {
        match self {
            Self::P256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
        }
    }

    fn keys(&self) -> KeySet {
        let key = match self {
            Self::P256(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = (URL_SAFE_NO_PAD.encode(&point[..32]), URL_SAFE_NO_PAD.encode(&point[32..]));
                json!({ "kty": "EC", "crv": "P-256", "kid": "k", "x": x, "y": y })
            }
            Self::Ed25519(pair) => {
                let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": "k", "x": x })
            }
        };
        // A key of another kind beside it must not spoil it.
        let document = json!({ "keys": [{ "kty": "quantum" }, key] });
        KeySet::parse(document.to_string().as_bytes()).unwrap()
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = match self {
            Self::P256(pair) => pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(signed.as_bytes()).as_ref().to_vec(),
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn token(&self, change: &Value) -> String {
        let mut claims = json!({
            "iss": ISSUER, "aud": "cli", "sub": "alice", "nonce": "n", "iat": NOW, "exp": NOW + 300,
        });
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        self.sign(&json!({ "alg": self.name(), "kid": "k" }), &claims)
    }
}

fn judge(token: &str, keys: &KeySet, clock_offset: Option<i64>) -> Result<Identity> {
    let access_token = Secret::new("the-access-token");
    let expected = Expected {
        issuer: ISSUER,
        client_id: "cli",
        audience: "platform",
        nonce: Some("n"),
        access_token: &access_token,
        now: NOW,
        clock_offset,
    };
    verify(token, keys, &expected)
}

#[test]
fn what_is_right_is_believed() {
    for signer in [Signer::p256(), Signer::ed25519()] {
        let keys = signer.keys();
        for change in [
            json!({}),
            json!({ "aud": ["cli", "platform"], "azp": "cli" }),
            json!({ "exp": NOW - 100 }),
            json!({ "iat": NOW + 100 }),
        ] {
            let identity = judge(&signer.token(&change), &keys, None).unwrap();
            assert_eq!(identity.subject, "alice", "{change}");
        }
    }
}

#[test]
fn each_claim_is_looked_at() {
    let signer = Signer::p256();
    let keys = signer.keys();
    for change in [
        json!({ "iss": "https://evil.example" }),
        json!({ "iss": "https://id.example/api/" }),
        json!({ "aud": "another" }),
        json!({ "aud": ["cli", "stranger"], "azp": "cli" }),
        json!({ "aud": ["cli", "platform"] }),
        json!({ "azp": "another" }),
        json!({ "nonce": "another" }),
        json!({ "nonce": null }),
        json!({ "exp": NOW - 120 }),
        json!({ "exp": null }),
        json!({ "iat": NOW + 121 }),
        json!({ "nbf": NOW + 121 }),
        json!({ "at_hash": "AAAA" }),
        json!({ "sub": "" }),
    ] {
        let error = judge(&signer.token(&change), &keys, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Security, "{change}");
    }
}

#[test]
fn a_clock_that_is_off_is_named_instead_of_the_token() {
    let signer = Signer::p256();
    let late = signer.token(&json!({ "iat": NOW + 430, "exp": NOW + 730 }));
    let error = judge(&late, &signer.keys(), Some(430)).unwrap_err();
    assert!(error.to_string().contains("7 min behind that of id.example"), "{error}");
}

#[test]
fn signatures() {
    let signer = Signer::p256();
    let keys = signer.keys();
    let claims = json!({ "iss": ISSUER });
    let refused = |token: &str| judge(token, &keys, None).unwrap_err();
    let reason = |token: &str| format!("{:?}", refused(token));
    assert!(reason(&Signer::p256().token(&json!({}))).contains("its signature is wrong"));
    for (header, says) in [
        (json!({ "alg": "none" }), "signed with none"),
        (json!({ "alg": "HS256", "kid": "k" }), "signed with HS256"),
        (json!({ "alg": "EdDSA", "kid": "k" }), "a key that the server does not publish"),
        (json!({ "alg": "ES256", "kid": "other" }), "a key that the server does not publish"),
        (json!({ "alg": "ES256", "kid": "k", "crit": ["x"] }), "demands an extension"),
    ] {
        let said = reason(&signer.sign(&header, &claims));
        assert!(said.contains(says), "{header}: {said}");
    }
    for text in ["", ".", "..", "a.b.c", "e30.e30.", "\u{0}.\u{1}.\u{2}"] {
        let _no_panic = refused(text);
    }
}
