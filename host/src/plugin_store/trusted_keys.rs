//! The keys whose signatures count: those built in, and those of `trusted_keys.toml`.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::durable;
use super::signature::PublicKey;
use crate::config::Paths;
use crate::error::{Code, Error, Result};

/// Public keys of the product's releases, one after another; the build that releases sets the variable.
const RELEASE_KEYS: Option<&str> = option_env!("SEQERA_RELEASE_KEYS");

const HEADING: &str = "# Keys whose signatures are trusted. Written by `seqera plugin trust`.\n";

/// A trusted key.
#[derive(Debug, Clone)]
pub struct TrustedKey {
    /// The key.
    pub key: PublicKey,
    /// What the user calls it.
    pub name: String,
    /// It came with the program.
    pub is_built_in: bool,
}

/// All keys that the user or the product trusts. Policy may replace them: see `admission`.
#[derive(Debug, Clone, Default)]
pub struct TrustedKeys {
    keys: Vec<TrustedKey>,
    file: Option<PathBuf>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Document {
    #[serde(default, rename = "key")]
    keys: Vec<Row>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Row {
    #[serde(default)]
    name: String,
    key: String,
}

/// The keys of the product's releases.
///
/// # Errors
/// `Config`: one is no key; that is a fault of the build.
pub fn built_in() -> Result<Vec<PublicKey>> {
    let keys = RELEASE_KEYS.unwrap_or_default().split_whitespace().map(PublicKey::parse);
    keys.collect::<Result<_, _>>()
        .map_err(|problem| Error::new(Code::Config, "a built-in key is wrong").because(problem))
}

impl TrustedKeys {
    /// Reads the keys.
    ///
    /// # Errors
    /// `Config`: the file cannot be read, or holds something that is no key.
    pub fn read(paths: &Paths) -> Result<Self> {
        let file = paths.config.as_ref().map(|dir| dir.join("trusted_keys.toml"));
        let of_release = |key| TrustedKey { key, name: "seqera".to_owned(), is_built_in: true };
        let mut keys: Vec<TrustedKey> = built_in()?.into_iter().map(of_release).collect();
        let Some(path) = &file else { return Ok(Self { keys, file }) };
        let wrong = |problem: String| {
            Error::new(Code::Config, format!("{} is wrong", path.display()))
                .because(problem)
                .hint("Correct the file, or remove it and add the keys again.")
        };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                String::new()
            }
            Err(error) => return Err(wrong(error.to_string())),
        };
        let document: Document = toml::from_str(&text).map_err(|error| wrong(error.message().to_owned()))?;
        for row in document.keys {
            let key = PublicKey::parse(&row.key).map_err(wrong)?;
            keys.push(TrustedKey { key, name: row.name, is_built_in: false });
        }
        Ok(Self { keys, file })
    }

    /// Waits until nobody else changes the keys; nobody does while the answer lives. To be called before they are read.
    ///
    /// # Errors
    /// `Failed`: the directory of settings cannot be written.
    pub fn lock(paths: &Paths) -> Result<Option<File>> {
        let Some(directory) = &paths.config else { return Ok(None) };
        durable::lock(&directory.join(".trusted_keys.lock")).map(Some).map_err(|error| {
            Error::new(Code::Failed, format!("cannot write into {}", directory.display())).because(error)
        })
    }

    /// All of them, the built-in ones first.
    pub fn list(&self) -> &[TrustedKey] {
        &self.keys
    }

    /// The keys alone, for [`verify`](super::signature::verify).
    pub fn public_keys(&self) -> Vec<PublicKey> {
        self.keys.iter().map(|trusted| trusted.key.clone()).collect()
    }

    /// Trusts a key once the file is written. `false`: it was trusted already.
    pub fn add(&mut self, added: TrustedKey) -> bool {
        let is_new = !self.keys.iter().any(|known| known.key.text() == added.key.text());
        if is_new {
            self.keys.push(added);
        }
        is_new
    }

    /// Trusts a key no more, by its id, its text or its name, once the file is written.
    ///
    /// # Errors
    /// `Usage`: there is no such key, or it came with the program.
    pub fn remove(&mut self, which: &str) -> Result<Vec<TrustedKey>> {
        let is_meant = |known: &TrustedKey| {
            known.key.id().eq_ignore_ascii_case(which) || known.key.text() == which || known.name == which
        };
        let (removed, kept): (Vec<_>, Vec<_>) =
            self.keys.drain(..).partition(|known| !known.is_built_in && is_meant(known));
        self.keys = kept;
        if removed.is_empty() {
            let error = Error::new(Code::Usage, format!("`{which}` is not a key that was added"));
            return Err(match self.keys.iter().any(is_meant) {
                true => error.because("it came with seqera"),
                false => error.hint("`seqera plugin trust list` shows the keys."),
            });
        }
        Ok(removed)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// `Failed`: it cannot be written.
    pub fn write(&self) -> Result<()> {
        let Some(path) = &self.file else {
            return Err(Error::new(Code::Config, "there is no directory for settings")
                .hint("Set HOME, or SEQERA_CONFIG_DIR."));
        };
        let keys = self
            .keys
            .iter()
            .filter(|known| !known.is_built_in)
            .map(|known| Row { name: known.name.clone(), key: known.key.text().to_owned() })
            .collect();
        let failed = |problem: String| {
            Error::new(Code::Failed, format!("cannot write {}", path.display())).because(problem)
        };
        let text = toml::to_string(&Document { keys }).map_err(|error| failed(error.to_string()))?;
        durable::replace(path, format!("{HEADING}{text}").as_bytes())
            .map_err(|error| failed(error.to_string()))
    }
}
