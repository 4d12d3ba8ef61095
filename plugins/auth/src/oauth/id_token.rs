//! ID tokens (OpenID Connect Core 3.1.3.7): who signed in, said by the provider and nobody else.
//!
//! The signature comes first; then each claim, and each with its own words when it is wrong. No library is asked: the
//! one there is for this allows no leeway, overlooks `azp`, a future `iat` and `at_hash`, and brings an RSA with an
//! advisory. `ring` does the arithmetic.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, SHA512, digest};
use seqera_plugin_api::{Error, ErrorKind, Result, Secret, printable};
use serde_json::{Map, Value};

use super::jwks::{Algorithm, KeySet, SignatureProblem};
use crate::clock;

/// What an ID token has to say to be believed.
pub(crate) struct Expected<'a> {
    /// The issuer, byte for byte.
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    /// What our tokens are for: the one other audience that is no stranger.
    pub(crate) audience: &'a str,
    /// That of the request; a device sign-in has none.
    pub(crate) nonce: Option<&'a str>,
    /// The access token that came with it.
    pub(crate) access_token: &'a Secret,
    pub(crate) now: i64,
    /// How far the server's clock is ahead of ours.
    pub(crate) clock_offset: Option<i64>,
}

/// Whom an ID token is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) subject: String,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
}

/// Reads an ID token and believes it, or says why not.
///
/// # Errors
/// `Security`; never with the token in it.
pub(crate) fn verify(token: &str, keys: &KeySet, expected: &Expected<'_>) -> Result<Identity> {
    let parts = Parts::split(token).ok_or_else(|| refuse("it is not a signed token"))?;
    let algorithm = check_signature(&parts, keys)?;
    check_origin(&parts.claims, expected)?;
    check_times(&parts.claims, expected)?;
    check_access_token(&parts.claims, algorithm, expected)?;
    let text = |name: &str| parts.claims.get(name).and_then(Value::as_str).map(str::to_owned);
    let subject = text("sub")
        .filter(|subject| !subject.is_empty())
        .ok_or_else(|| refuse("it does not say who signed in"))?;
    Ok(Identity { subject, name: text("name").or_else(|| text("preferred_username")), email: text("email") })
}

/// The refusal of an ID token.
pub(crate) fn refuse(reason: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Security, "sign-in stopped: the server's ID token cannot be trusted")
        .because(reason)
        .hint("Nothing was stored.")
}

struct Parts<'a> {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Parts<'a> {
    fn split(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let object = |part: &str| -> Option<Map<String, Value>> {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
        };
        Some(Self {
            header: object(header)?,
            claims: object(claims)?,
            signed,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }
}

fn check_signature(parts: &Parts<'_>, keys: &KeySet) -> Result<Algorithm> {
    let text = |name: &str| parts.header.get(name).and_then(Value::as_str);
    let name = text("alg").unwrap_or("none");
    let algorithm = Algorithm::parse(name)
        .ok_or_else(|| refuse(format!("it is signed with {}, which is not accepted", printable(name))))?;
    // What has to be understood (RFC 7515 section 4.1.11) is not understood here.
    if parts.header.contains_key("crit") {
        return Err(refuse("it demands an extension that is not known here"));
    }
    match keys.check(algorithm, text("kid"), parts.signed.as_bytes(), &parts.signature) {
        Ok(()) => Ok(algorithm),
        Err(SignatureProblem::UnknownKey) => {
            Err(refuse("it is signed with a key that the server does not publish"))
        }
        Err(SignatureProblem::Wrong) => Err(refuse("its signature is wrong")),
    }
}

/// By whom, for whom, and in answer to what.
fn check_origin(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<()> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let issuer = text("iss").unwrap_or_default();
    if issuer != expected.issuer {
        return Err(refuse(format!("it comes from {}, not from {}", printable(issuer), expected.issuer)));
    }
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().map(|one| one.as_str().unwrap_or_default()).collect(),
        _ => Vec::new(),
    };
    if !audiences.contains(&expected.client_id) {
        return Err(refuse("it is for another client"));
    }
    if audiences.iter().any(|one| *one != expected.client_id && *one != expected.audience) {
        return Err(refuse("it is for a stranger as well"));
    }
    match claims.get("azp") {
        None if audiences.len() > 1 => return Err(refuse("it does not say for whom it was made (azp)")),
        Some(party) if party.as_str() != Some(expected.client_id) => {
            return Err(refuse("it was made for another client (azp)"));
        }
        _ => {}
    }
    if expected.nonce.is_some() && text("nonce") != expected.nonce {
        return Err(refuse("it does not answer our request (nonce)"));
    }
    Ok(())
}

fn check_times(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<()> {
    let seconds = |name: &str| claims.get(name).and_then(whole_seconds);
    let (Some(expires), Some(issued)) = (seconds("exp"), seconds("iat")) else {
        return Err(refuse("it does not say how long it is good (exp, iat)"));
    };
    let (early, late) =
        (expected.now.saturating_sub(clock::LEEWAY), expected.now.saturating_add(clock::LEEWAY));
    let problem = if expires <= early {
        "it is no longer good"
    } else if issued > late || seconds("nbf").is_some_and(|start| start > late) {
        "it comes from the future"
    } else {
        return Ok(());
    };
    let server = url::Url::parse(expected.issuer)
        .map_or_else(|_| expected.issuer.to_owned(), |url| crate::authority::host_name(&url));
    Err(match clock::complaint(expected.clock_offset, &server) {
        Some(complaint) => Error::new(ErrorKind::Security, format!("sign-in stopped: {complaint}"))
            .because(format!("so its ID token cannot be judged: {problem}"))
            .hint("Set the clock of this computer, then run `seqera login` again. Nothing was stored."),
        None => refuse(problem),
    })
}

/// Seconds since the Unix epoch; some servers send fractions.
fn whole_seconds(value: &Value) -> Option<i64> {
    #[allow(clippy::cast_possible_truncation, reason = "a time that does not fit is clamped, and refused")]
    value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
}

/// `at_hash`: the access token beside it is the one it was made with (3.1.3.6).
fn check_access_token(
    claims: &Map<String, Value>,
    algorithm: Algorithm,
    expected: &Expected<'_>,
) -> Result<()> {
    let Some(claimed) = claims.get("at_hash") else { return Ok(()) };
    let token = expected.access_token.expose().as_bytes();
    let hash = match algorithm {
        Algorithm::EdDsa => digest(&SHA512, token),
        Algorithm::Rs256 | Algorithm::Es256 => digest(&SHA256, token),
    };
    let half = &hash.as_ref()[..hash.as_ref().len() / 2];
    if claimed.as_str() == Some(&URL_SAFE_NO_PAD.encode(half)) {
        return Ok(());
    }
    Err(refuse("it does not belong to the access token that came with it (at_hash)"))
}

#[cfg(test)]
mod tests;
