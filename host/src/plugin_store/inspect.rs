//! Looks at an unpacked package, in the order in which it may be trusted: signature, manifest, digests, bytes of the
//! library, and only then what the library says when it is loaded in a child process.

use std::fs;
use std::path::Path;

use seqera_plugin_abi::description::Description;
use serde_json::{Value, json};

use super::archive::MAX_LIBRARY;
use super::package::MANIFEST_FILE;
use super::probe;
use super::signature::{self, MANIFEST_SIGNATURE, PublicKey, Unverified, manifest_comment};
use super::static_check::{self, Glibc};
use crate::digest;
use crate::discovery::MAX_MANIFEST;
use crate::discovery::manifest::{Artifact, Manifest};
use crate::error::{Code, Error, Result};
use crate::files;

/// A manifest whose signature, if it has one, is good.
#[derive(Debug)]
pub struct Inspected {
    /// What it says.
    pub manifest: Manifest,
    /// SHA-256 of its text.
    pub manifest_sha256: String,
    /// Id of the key that signed it.
    pub signer: Option<String>,
}

impl Inspected {
    /// Reads and verifies the manifest in `dir`; `shown` is what errors call the package.
    ///
    /// # Errors
    /// `Mismatch`: it was changed after signing, or the signature is for another one. `Denied`: the key is not trusted.
    /// `CannotLoad`: it makes no sense.
    pub fn read(dir: &Path, shown: &str, keys: &[PublicKey]) -> Result<Self> {
        let unreadable = |name: &str, problem: String| {
            Error::new(Code::CannotLoad, format!("{shown} is no package of a plugin"))
                .because(format!("{name}: {problem}"))
        };
        let text = files::read(&dir.join(MANIFEST_FILE), MAX_MANIFEST)
            .map_err(|error| unreadable(MANIFEST_FILE, error.to_string()))?;
        let signature_path = dir.join(MANIFEST_SIGNATURE);
        let verified = if signature_path.exists() {
            let signature = files::read(&signature_path, MAX_MANIFEST)
                .map_err(|error| unreadable(MANIFEST_SIGNATURE, error.to_string()))?;
            let signature = String::from_utf8_lossy(&signature);
            Some(signature::verify(&text, &signature, keys).map_err(|problem| distrusted(shown, &problem))?)
        } else {
            None
        };
        let manifest = std::str::from_utf8(&text)
            .map_err(|error| error.to_string())
            .and_then(Manifest::parse)
            .map_err(|problem| unreadable(MANIFEST_FILE, problem))?;
        if let Some(verified) = &verified {
            let plugin = &manifest.plugin;
            let expected = manifest_comment(&plugin.name, &plugin.version);
            if verified.comment != expected {
                return Err(Error::new(
                    Code::Mismatch,
                    format!("the signature of {shown} is for something else"),
                )
                .because(format!("it says `{}`, the manifest `{expected}`", verified.comment)));
            }
        }
        Ok(Self {
            manifest,
            manifest_sha256: digest::of_bytes(&text),
            signer: verified.map(|verified| verified.key_id),
        })
    }

    /// The library for this machine.
    ///
    /// # Errors
    /// `CannotLoad`: there is none.
    pub fn artifact(&self) -> Result<&Artifact> {
        self.manifest.artifact.get(crate::TARGET).ok_or_else(|| {
            let targets: Vec<&str> = self.manifest.artifact.keys().map(String::as_str).collect();
            Error::new(Code::CannotLoad, format!("{} has no library for {}", self.label(), crate::TARGET))
                .because(format!("it has one for {}", targets.join(", ")))
        })
    }

    /// Compares the digests of its files in `dir`, and looks at the bytes of the library.
    ///
    /// # Errors
    /// `Mismatch`: a file is not the one that the manifest names. `CannotLoad`: this machine cannot load it.
    pub fn check_files(&self, dir: &Path) -> Result<()> {
        let artifact = self.artifact()?;
        let library = self.matching(dir, &artifact.file, &artifact.sha256)?;
        self.matching(dir, &self.manifest.cli.file, &self.manifest.cli.sha256)?;
        let cannot = |problem: String| {
            Error::new(Code::CannotLoad, format!("{} cannot be loaded here", self.label())).because(problem)
        };
        let floor = static_check::check(&library, crate::TARGET).map_err(cannot)?;
        let said = artifact.glibc.as_deref().and_then(Glibc::parse);
        match (floor.max(said), Glibc::of_this_system()) {
            (Some(floor), Some(here)) if floor > here => {
                Err(cannot(format!("it needs glibc {floor}, and this system has {here}")))
            }
            _ => Ok(()),
        }
    }

    fn matching(&self, dir: &Path, file: &str, sha256: &str) -> Result<Vec<u8>> {
        let path = dir.join(file);
        let content = files::read(&path, MAX_LIBRARY).map_err(|error| {
            Error::new(Code::Mismatch, format!("{} is not whole", self.label()))
                .because(format!("{file}: {error}"))
        })?;
        let found = digest::of_bytes(&content);
        if found == sha256 {
            return Ok(content);
        }
        Err(Error::new(
            Code::Mismatch,
            format!("{file} of {} is not the one that was packaged", self.label()),
        )
        .because(format!("it has sha256 {found}"))
        .because(format!("its manifest says {sha256}")))
    }

    /// Loads the library in a child process and compares what it says.
    ///
    /// # Errors
    /// `CannotLoad`: it does not say what it is, or would take the process down with a panic. `Mismatch`: it is
    /// something else than what its manifest or its command tree says.
    pub fn probe(&self, dir: &Path) -> Result<()> {
        let artifact = self.artifact()?;
        let path = dir.join(&artifact.file);
        let cannot = |problem: String| {
            Error::new(Code::CannotLoad, format!("{} cannot be loaded here", self.label())).because(problem)
        };
        let description = probe::describe(&path).map_err(cannot)?;
        probe::panic_fence(&path).map_err(cannot)?;
        let cli = fs::read(dir.join(&self.manifest.cli.file)).unwrap_or_default();
        match self.difference(&description, &cli) {
            None => Ok(()),
            Some(difference) => Err(Error::new(
                Code::Mismatch,
                format!("{} says something else than its library", self.label()),
            )
            .because(difference)
            .hint("Its publisher has to package it again.")),
        }
    }

    /// The first thing in which manifest and command tree differ from what the library says.
    fn difference(&self, description: &Description, cli: &[u8]) -> Option<String> {
        let artifact = self.artifact().ok()?;
        let said =
            match Manifest::describe(description, crate::TARGET, artifact.clone(), self.manifest.cli.clone())
            {
                Ok(said) => said,
                Err(problem) => return Some(problem),
            };
        let value = |manifest: &Manifest| serde_json::to_value(manifest).unwrap_or_default();
        let (said, written) = (value(&said), value(&self.manifest));
        for part in ["plugin", "compat", "command", "requires", "provides", "capabilities"] {
            if said[part] != written[part] {
                return Some(format!(
                    "{part}: the library says {}, the manifest {}",
                    said[part], written[part]
                ));
            }
        }
        let tree: Value = serde_json::from_slice(cli).unwrap_or_default();
        (tree != json!({ "commands": description.commands }))
            .then(|| "cli.json is not the command tree of the library".to_owned())
    }

    /// `hello 0.3.0`
    pub fn label(&self) -> String {
        format!("{} {}", self.manifest.plugin.name, self.manifest.plugin.version)
    }
}

fn distrusted(shown: &str, problem: &Unverified) -> Error {
    let what = format!("the signature of {shown} does not count");
    match problem {
        Unverified::UnknownKey(_) => Error::new(Code::Denied, what)
            .because(problem)
            .hint("If you trust its publisher, ask for the public key: seqera plugin trust add KEY"),
        _ => Error::new(Code::Mismatch, what).because(problem),
    }
}
