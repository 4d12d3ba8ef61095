//! The secret document of a credential.

use seqera_plugin_api::{Error, ErrorKind, Result, Secret};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// The format that is written, and the highest that is understood.
const FORMAT: u32 = 1;

/// What a credential is bound to: a token of one authority is never sent to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// The authority, canonical.
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) profile: String,
}

impl Key {
    /// A file name for it.
    pub(crate) fn file_stem(&self) -> String {
        let mut hasher = Sha256::new();
        for part in [&self.profile, &self.client_id, &self.issuer] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The user of its item in a keychain.
    pub(crate) fn item_name(&self) -> String {
        format!("v1|{}|{}|{}", self.profile, self.client_id, self.issuer)
    }
}

/// Where a credential comes from, and with it what can be done with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CredentialKind {
    /// A sign-in: it can be renewed and ended.
    #[default]
    Session,
    /// Made by the person on the Platform: it can be neither.
    PersonalAccessToken,
}

/// Tokens, with what is needed to use and to renew them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Credential {
    #[serde(rename = "v")]
    pub(crate) version: u32,
    /// Counts renewals: tells whether somebody else renewed meanwhile.
    pub(crate) generation: u64,
    #[serde(default)]
    pub(crate) kind: CredentialKind,
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) profile: String,
    #[serde(with = "secret")]
    pub(crate) access_token: Secret,
    /// Seconds since the Unix epoch; `None` when the server did not say.
    pub(crate) expires_at: Option<i64>,
    pub(crate) obtained_at: i64,
    #[serde(default, with = "optional_secret", skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_token: Option<Secret>,
    #[serde(default)]
    pub(crate) scope: Option<String>,
    /// Fields of a newer seqera: kept as they are.
    #[serde(flatten)]
    pub(crate) further: serde_json::Map<String, serde_json::Value>,
}

impl Credential {
    pub(crate) fn belongs_to(&self, key: &Key) -> bool {
        self.issuer == key.issuer && self.client_id == key.client_id && self.profile == key.profile
    }

    pub(crate) fn scopes(&self) -> Vec<String> {
        self.scope.iter().flat_map(|scope| scope.split_whitespace()).map(str::to_owned).collect()
    }

    /// Whether the access token should be renewed before it is used: within the last quarter of its life, a minute
    /// at most.
    /// `jitter` is a part of that, in percent, by which it is due earlier: not every process at the same second.
    ///
    /// One that was just given and is too short for `min_ttl` as a whole is not due for that: the next would be no longer.
    pub(crate) fn is_due(&self, now: i64, min_ttl: i64, jitter: i64) -> bool {
        const JUST_NOW: i64 = 60;
        let Some(expires_at) = self.expires_at else { return false };
        let lifetime = expires_at.saturating_sub(self.obtained_at).max(0);
        let is_new = (0..JUST_NOW).contains(&now.saturating_sub(self.obtained_at));
        let min_ttl = if is_new && lifetime < min_ttl { 0 } else { min_ttl };
        let skew = (lifetime / 4).min(60);
        let skew = (skew + skew * jitter / 100).max(min_ttl);
        now.saturating_add(skew) >= expires_at
    }

    pub(crate) fn is_expired(&self, now: i64) -> bool {
        self.expires_at.is_some_and(|expires_at| now >= expires_at)
    }
}

/// Reads a document; `None` when it is none at all.
///
/// # Errors
/// `CredentialStore` for one of a newer seqera: it is neither used nor overwritten. Detail `reason`: `newer`.
pub(super) fn parse(bytes: &[u8], place: &str) -> Result<Option<Credential>> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    // The version first: a newer document may look different in every other way.
    if serde_json::from_slice::<Version>(bytes).is_ok_and(|version| version.v > FORMAT) {
        return Err(Error::new(ErrorKind::CredentialStore, format!("{place} was written by a newer seqera"))
            .hint("Use that one, or sign in with another profile: seqera login --profile NAME")
            .with("reason", "newer"));
    }
    Ok(serde_json::from_slice(bytes).ok())
}

mod secret {
    use super::{Deserialize, Deserializer, Secret, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(value.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

mod optional_secret {
    use super::{Deserialize, Deserializer, Secret, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
        value.as_ref().map(Secret::expose).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Secret>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(obtained_at: i64, expires_at: Option<i64>) -> Credential {
        Credential {
            version: FORMAT,
            generation: 1,
            kind: CredentialKind::Session,
            issuer: "i".to_owned(),
            client_id: "c".to_owned(),
            profile: "p".to_owned(),
            access_token: Secret::new("at"),
            expires_at,
            obtained_at,
            refresh_token: Some(Secret::new("s3cret-rt")),
            scope: None,
            further: serde_json::Map::new(),
        }
    }

    #[test]
    fn a_short_lived_token_is_not_renewed_before_every_request() {
        let short = credential(0, Some(300));
        assert!(!short.is_due(200, 0, 0) && short.is_due(240, 0, 0));
        let shorter = credential(0, Some(4));
        assert!(!shorter.is_due(2, 0, 0) && shorter.is_due(3, 0, 0));
        assert!(!credential(0, None).is_due(i64::MAX - 100, 0, 0));
        assert!(short.is_due(200, 150, 0));
        assert!(!short.is_due(236, 0, 0) && short.is_due(236, 0, 10));
    }

    #[test]
    fn debug_prints_no_token_and_unknown_fields_survive() {
        assert!(!format!("{:?}", credential(0, None)).contains("s3cret-rt"));
        let text = r#"{"v":1,"generation":1,"issuer":"i","client_id":"c","profile":"p","access_token":"a","expires_at":null,"obtained_at":0,"later":7}"#;
        let read: Credential = serde_json::from_str(text).unwrap();
        assert!(serde_json::to_string(&read).unwrap().contains("\"later\":7"));
    }

    #[test]
    fn parts_of_a_key_cannot_run_into_each_other() {
        let key = |profile: &str, client: &str| Key {
            issuer: "i".into(),
            client_id: client.into(),
            profile: profile.into(),
        };
        assert_ne!(key("ab", "c").file_stem(), key("a", "bc").file_stem());
    }
}
