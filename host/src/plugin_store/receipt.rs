//! `receipt.toml`: where an installed plugin came from and who vouched for it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::package::MANIFEST_FILE;
use crate::discovery::{Entry, MAX_MANIFEST, Origin};
use crate::error::{Code, Error, Result};
use crate::{digest, files};

/// Its name, in the directory of the version.
pub const RECEIPT_FILE: &str = "receipt.toml";
/// More than it ever needs, in bytes.
const MAX_RECEIPT: u64 = 64 << 10;
/// The version of the format.
const FORMAT: u32 = 1;

/// The receipt of one version of one plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// [`FORMAT`].
    pub receipt: u32,
    /// `path:/…`, `https://…`, `index:NAME`
    pub source: String,
    /// SHA-256 of the archive, when there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive_sha256: Option<String>,
    /// SHA-256 of `plugin.toml`.
    pub manifest_sha256: String,
    /// Id of the key that signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// Seconds since 1970.
    pub installed_at: u64,
    /// The version of seqera that installed it.
    pub installed_by: String,
}

impl Receipt {
    /// The receipt of something that is installed now.
    pub fn new(source: &str, manifest_sha256: &str) -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self {
            receipt: FORMAT,
            source: source.to_owned(),
            archive_sha256: None,
            manifest_sha256: manifest_sha256.to_owned(),
            signer: None,
            installed_at: now.map_or(0, |since| since.as_secs()),
            installed_by: crate::VERSION.to_owned(),
        }
    }

    /// The receipt in the directory of a version; `None` when it was put there by other means.
    pub fn read(dir: &Path) -> Option<Self> {
        Self::parse(&files::read_text(&dir.join(RECEIPT_FILE), MAX_RECEIPT).ok()?)
    }

    /// Reads the text of one; `None` when it is none that this version understands.
    pub fn parse(text: &str) -> Option<Self> {
        let receipt: Self = toml::from_str(text).ok()?;
        (receipt.receipt <= FORMAT).then_some(receipt)
    }

    /// Whether a manifest is the one that was installed.
    ///
    /// # Errors
    /// `Mismatch`: it is another one.
    pub fn check(&self, manifest_sha256: &str, label: &str) -> Result<()> {
        if self.manifest_sha256 == manifest_sha256 {
            return Ok(());
        }
        Err(Error::new(Code::Mismatch, format!("{label} is not what was installed"))
            .because("its plugin.toml was changed since"))
    }
}

/// Whether a plugin that was installed still has the manifest that was installed: whoever exchanges a library can write
/// its digest into the manifest too. What has no receipt was put there by other means, and nobody vouched for it.
///
/// # Errors
/// `Mismatch`: it has another one.
pub fn check_manifest(entry: &Entry) -> Result<()> {
    if entry.origin != Origin::User {
        return Ok(());
    }
    let Some(receipt) = Receipt::read(&entry.dir) else { return Ok(()) };
    let text = files::read(&entry.dir.join(MANIFEST_FILE), MAX_MANIFEST).unwrap_or_default();
    receipt.check(&digest::of_bytes(&text), &entry.label())
}
