//! The keys of a provider (RFC 7517), and the signatures that they can vouch for (RFC 7518, RFC 8037).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Client;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use seqera_plugin_api::{Error, ErrorKind, Result};
use serde::Deserialize;
use url::Url;

use crate::authority::host_name;
use crate::http::fetch;

/// Longest wait for the keys.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The algorithms that are accepted. No `none`, and nothing with a shared secret: a public client has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Es256,
    EdDsa,
}

impl Algorithm {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "ES256" => Self::Es256,
            "EdDSA" | "Ed25519" => Self::EdDsa,
            _ => return None,
        })
    }
}

/// A key as it is published; what is not known to be a key of ours is left out.
#[derive(Debug, Clone, Deserialize)]
struct PublishedKey {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default, rename = "use")]
    purpose: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
}

#[derive(Debug)]
enum Material {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Debug)]
struct Key {
    id: Option<String>,
    /// The algorithm it is meant for; nothing else is accepted of it (RFC 8725 section 3.1).
    algorithm: Algorithm,
    material: Material,
}

/// The signing keys of a provider.
#[derive(Debug, Default)]
pub(crate) struct KeySet(Vec<Key>);

/// Why a signature is not vouched for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SignatureProblem {
    /// There is no such key.
    UnknownKey,
    /// The key says that it did not sign this.
    Wrong,
}

/// Asks a provider for its keys.
///
/// # Errors
/// `Unreachable`, or `UnexpectedAnswer` when what comes is no set of keys.
pub(crate) async fn fetch_keys(client: Client, url: Url) -> Result<KeySet> {
    let request = client.get(url.clone()).header("accept", "application/json");
    let answer = fetch(url.clone(), request, TIMEOUT).await?;
    let name = host_name(&url);
    if answer.status == 429 || answer.status >= 500 {
        return Err(Error::new(
            ErrorKind::Unreachable,
            format!("{name} cannot show its keys now ({})", answer.status),
        ));
    }
    let keys = if answer.status == 200 { KeySet::parse(&answer.body) } else { None };
    keys.ok_or_else(|| {
        Error::new(ErrorKind::UnexpectedAnswer, format!("{name} does not show the keys that it signs with"))
            .because(format!("it answers {} with {}", answer.status, answer.looks_like()))
    })
}

impl KeySet {
    /// The keys in a document that we can use. One that we do not know must not spoil the others.
    pub(super) fn parse(document: &[u8]) -> Option<Self> {
        let document: serde_json::Value = serde_json::from_slice(document).ok()?;
        let keys = document.get("keys")?.as_array()?;
        Some(Self(keys.iter().filter_map(Key::read).collect()))
    }

    /// Whether the provider signed `message`.
    pub(super) fn check(
        &self,
        algorithm: Algorithm,
        key_id: Option<&str>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureProblem> {
        let is_meant =
            |key: &&Key| key.algorithm == algorithm && (key_id.is_none() || key.id.as_deref() == key_id);
        let mut candidates = self.0.iter().filter(is_meant).peekable();
        if candidates.peek().is_none() {
            return Err(SignatureProblem::UnknownKey);
        }
        if candidates.any(|key| key.material.verifies(message, signature)) {
            Ok(())
        } else {
            Err(SignatureProblem::Wrong)
        }
    }
}

impl Key {
    fn read(value: &serde_json::Value) -> Option<Self> {
        let published = PublishedKey::deserialize(value).ok()?;
        if published.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let bytes = |field: &Option<String>| URL_SAFE_NO_PAD.decode(field.as_deref()?).ok();
        let (algorithm, material) = match (published.kty.as_str(), published.crv.as_deref()) {
            ("RSA", _) => {
                let material =
                    Material::Rsa { modulus: bytes(&published.n)?, exponent: bytes(&published.e)? };
                (Algorithm::Rs256, material)
            }
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes(&published.x)?, bytes(&published.y)?);
                if x.len() != 32 || y.len() != 32 {
                    return None;
                }
                (Algorithm::Es256, Material::P256([&[4], x.as_slice(), y.as_slice()].concat()))
            }
            ("OKP", Some("Ed25519")) => (Algorithm::EdDsa, Material::Ed25519(bytes(&published.x)?)),
            _ => return None,
        };
        let is_other = published.alg.is_some_and(|name| Algorithm::parse(&name) != Some(algorithm));
        (!is_other).then_some(Self { id: published.kid, algorithm, material })
    }
}

impl Material {
    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verdict = match self {
            Self::Rsa { modulus, exponent } => {
                RsaPublicKeyComponents { n: without_zeros(modulus), e: without_zeros(exponent) }.verify(
                    &RSA_PKCS1_2048_8192_SHA256,
                    message,
                    signature,
                )
            }
            Self::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Self::Ed25519(point) => UnparsedPublicKey::new(&ED25519, point).verify(message, signature),
        };
        verdict.is_ok()
    }
}

/// Some servers publish numbers with a leading zero, which ring does not take.
fn without_zeros(number: &[u8]) -> &[u8] {
    let first = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    &number[first..]
}
