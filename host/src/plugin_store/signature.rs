//! Minisign signatures: whether bytes are what the holder of a trusted key signed.
//!
//! A signature is checked before anything that it covers is parsed.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};

use ct_codecs::{Base64, Decoder};

use crate::error::{Code, Error, Result};

/// The file that holds the signature of `plugin.toml`, beside it.
pub const MANIFEST_SIGNATURE: &str = "plugin.toml.minisig";
/// The password of a secret key, for machines where nobody can type it.
pub const PASSWORD_VARIABLE: &str = "SEQERA_SIGNING_PASSWORD";

/// Where the key id lies in what public keys and signatures decode to: behind two bytes of algorithm.
const KEY_ID: std::ops::Range<usize> = 2..10;

/// A public key.
#[derive(Debug, Clone)]
pub struct PublicKey {
    key: minisign_verify::PublicKey,
    text: String,
    id: String,
}

impl PublicKey {
    /// Reads a key: its one line of base64, or a whole `.pub` file.
    ///
    /// # Errors
    /// One line that says why it is no key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let line = text
            .lines()
            .map(str::trim)
            .rfind(|line| !line.is_empty() && !line.starts_with("untrusted comment:"))
            .ok_or("it is empty")?;
        if is_secret(text) {
            return Err("it is a secret key, which only its owner may see".to_owned());
        }
        // It is not repeated: nobody knows what it is.
        let none = || "it is no public key of minisign".to_owned();
        let key = minisign_verify::PublicKey::from_base64(line).map_err(|_| none())?;
        let id = key_id(line).ok_or_else(none)?;
        Ok(Self { key, text: line.to_owned(), id })
    }

    /// Its id: 16 hexadecimal digits, as minisign prints it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its line of base64.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// What a good signature says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The id of the key that made it.
    pub key_id: String,
    /// Its trusted comment, which is signed too.
    pub comment: String,
}

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unverified {
    /// It is no signature.
    Malformed,
    /// Made with a key that is not among the trusted ones.
    UnknownKey(String),
    /// Made with a trusted key, for something else.
    Invalid(String),
}

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("it is not a signature of minisign"),
            Self::UnknownKey(id) => write!(f, "it was made with the key {id}, which is not trusted here"),
            Self::Invalid(id) => {
                write!(f, "the key {id} signed something else: what lies here was changed after signing")
            }
        }
    }
}

/// Checks that `signature` (the text of a `.minisig` file) covers `bytes` and was made with one of `keys`.
///
/// # Errors
/// Why it does not count.
pub fn verify(bytes: &[u8], signature: &str, keys: &[PublicKey]) -> Result<Verified, Unverified> {
    let decoded = minisign_verify::Signature::decode(signature).map_err(|_| Unverified::Malformed)?;
    let id = claimed_key(signature).ok_or(Unverified::Malformed)?;
    let mut known = keys.iter().filter(|key| key.id == id).peekable();
    if known.peek().is_none() {
        return Err(Unverified::UnknownKey(id));
    }
    if known.any(|key| key.key.verify(bytes, &decoded, false).is_ok()) {
        return Ok(Verified { key_id: id, comment: decoded.trusted_comment().to_owned() });
    }
    Err(Unverified::Invalid(id))
}

/// The id of the key that a signature says it was made with; nothing is checked.
pub fn claimed_key(signature: &str) -> Option<String> {
    signature.lines().nth(1).and_then(key_id)
}

/// The trusted comment of a manifest: a signature cannot be moved to another plugin or version.
pub fn manifest_comment(name: &str, version: &semver::Version) -> String {
    format!("name={name} version={version}")
}

/// Whether a text is, or holds, a secret key of minisign.
pub fn is_secret(text: &str) -> bool {
    /// Algorithm, derivation, checksum, salt, limits, and what is encrypted or not: key id, key, checksum.
    const LENGTH: usize = 158;
    let is_one = |line: &str| {
        Base64::decode_to_vec(line.trim(), None)
            .is_ok_and(|bytes| bytes.len() == LENGTH && bytes.starts_with(b"Ed"))
    };
    text.lines().any(is_one)
}

/// As minisign prints it: the little-endian number, in hexadecimal.
fn key_id(line: &str) -> Option<String> {
    let bytes = Base64::decode_to_vec(line.trim(), None).ok()?;
    let id = bytes.get(KEY_ID)?;
    Some(id.iter().rev().map(|byte| format!("{byte:02X}")).collect())
}

/// A secret key of a publisher.
pub struct SigningKey(minisign::SecretKey);

impl SigningKey {
    /// Reads a key file. An encrypted one needs its password: from the variable `SEQERA_SIGNING_PASSWORD`, or typed.
    ///
    /// # Errors
    /// `Failed`: the file cannot be read, is no key, or the password is wrong.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = |problem: String| {
            Error::new(Code::Failed, format!("cannot sign with {}", path.display())).because(problem)
        };
        let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        if PublicKey::parse(&text).is_ok() {
            let error = failed("it is a public key, and only the secret one signs".to_owned());
            let secret = path.with_extension("");
            let is_there = secret != path && fs::read_to_string(&secret).is_ok_and(|text| is_secret(&text));
            return Err(match is_there {
                true => error.hint(format!("The secret one lies beside it: {}", secret.display())),
                false => error.hint("Name the file that was made with it, without .pub."),
            });
        }
        let key_box =
            || minisign::SecretKeyBox::from_string(&text).map_err(|error| failed(error.to_string()));
        if let Ok(key) = key_box()?.into_unencrypted_secret_key() {
            return Ok(Self(key));
        }
        let password = std::env::var(PASSWORD_VARIABLE).ok();
        if password.is_none() && !crate::output::facts().stdin_terminal {
            return Err(failed("its password is needed, and nobody is here to type it".to_owned())
                .hint(format!("Put the password into {PASSWORD_VARIABLE}.")));
        }
        let key = key_box()?.into_secret_key(password).map_err(|error| failed(error.to_string()))?;
        Ok(Self(key))
    }

    /// Makes a key pair: the secret key in `path`, readable by its owner alone, the public one in `path.pub`.
    /// Answers the public key and its file.
    ///
    /// # Errors
    /// `Failed`: a file is there already or cannot be written.
    pub fn create(path: &Path) -> Result<(PublicKey, PathBuf)> {
        let failed = |path: &Path, problem: String| {
            Error::new(Code::Failed, format!("cannot write the key {}", path.display())).because(problem)
        };
        let broken = |error: minisign::PError| failed(path, error.to_string());
        let pair = minisign::KeyPair::generate_unencrypted_keypair().map_err(broken)?;
        let secret = pair.sk.to_box(Some("seqera plugin signing key")).map_err(broken)?;
        let public = pair.pk.to_box().map_err(broken)?.into_string();
        let mut name = path.as_os_str().to_owned();
        name.push(".pub");
        let public_path = PathBuf::from(name);
        create_new(path, secret.into_string().as_bytes(), 0o600)
            .map_err(|error| failed(path, error.to_string()))?;
        create_new(&public_path, public.as_bytes(), 0o644)
            .map_err(|error| failed(&public_path, error.to_string()))?;
        let key = PublicKey::parse(&public).map_err(|problem| failed(&public_path, problem))?;
        Ok((key, public_path))
    }

    /// The text of a `.minisig` file for `bytes`.
    ///
    /// # Errors
    /// `Failed`: the system has no randomness to give.
    pub fn sign(&self, bytes: &[u8], comment: &str) -> Result<String> {
        minisign::sign(None, &self.0, Cursor::new(bytes), Some(comment), Some("signature of a seqera plugin"))
            .map(|signature| signature.into_string())
            .map_err(|error| Error::new(Code::Failed, "cannot sign").because(error))
    }
}

/// Never replaces: a key that is overwritten is lost.
fn create_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _owner_only = mode;
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_pair(dir: &Path, name: &str) -> (SigningKey, PublicKey) {
        let path = dir.join(name);
        let (public, _) = SigningKey::create(&path).unwrap();
        (SigningKey::read(&path).unwrap(), public)
    }

    #[test]
    fn what_was_signed_is_verified_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (secret, public) = key_pair(dir.path(), "one");
        let (_, other) = key_pair(dir.path(), "two");
        let signature = secret.sign(b"manifest", "name=org version=1.0.0").unwrap();
        let keys = [other.clone(), public.clone()];
        let verified = verify(b"manifest", &signature, &keys).unwrap();
        assert_eq!(
            (verified.key_id.as_str(), verified.comment.as_str()),
            (public.id(), "name=org version=1.0.0")
        );
        let id = public.id().to_owned();
        assert_eq!(verify(b"Manifest", &signature, &keys), Err(Unverified::Invalid(id.clone())));
        assert_eq!(verify(b"manifest", &signature, &[other]), Err(Unverified::UnknownKey(id.clone())));
        let moved = signature.replace("name=org", "name=cro");
        assert_eq!(verify(b"manifest", &moved, &keys), Err(Unverified::Invalid(id)));
    }

    #[test]
    fn nonsense_is_malformed() {
        let dir = tempfile::tempdir().unwrap();
        let (secret, public) = key_pair(dir.path(), "one");
        let good = secret.sign(b"x", "c").unwrap();
        for cut in 0..good.len() - 1 {
            if let Some(text) = good.get(..cut) {
                assert!(verify(b"x", text, std::slice::from_ref(&public)).is_err(), "{cut}");
            }
        }
        assert_eq!(verify(b"x", "hello\nworld", &[public]), Err(Unverified::Malformed));
        assert!(PublicKey::parse("").is_err() && PublicKey::parse("RWhello").is_err());
    }

    #[test]
    fn a_secret_key_is_known_and_never_repeated() {
        let dir = tempfile::tempdir().unwrap();
        let (_, public) = key_pair(dir.path(), "key");
        let text = fs::read_to_string(dir.path().join("key")).unwrap();
        let line = text.lines().nth(1).unwrap();
        for secret in [text.as_str(), line] {
            assert!(is_secret(secret));
            let problem = PublicKey::parse(secret).unwrap_err();
            assert!(problem.contains("secret key") && !problem.contains(&line[..8]), "{problem}");
        }
        assert!(!is_secret(public.text()) && !is_secret("RWQ") && !is_secret(""));
    }

    #[test]
    fn a_key_of_minisign_itself_is_read_as_it_prints_it() {
        // The example of minisign's own documentation.
        let text = "untrusted comment: minisign public key E7620F1842B4E81F\n\
                    RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\n";
        assert_eq!(PublicKey::parse(text).unwrap().id(), "E7620F1842B4E81F");
    }

    #[test]
    fn a_key_is_never_overwritten_and_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        SigningKey::create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(SigningKey::create(&path).is_err());
    }
}
