//! `plugin.toml`: what lies beside a library, generated from it and never written by hand.

use std::collections::BTreeMap;

use semver::Version;
use seqera_plugin_abi::description::{Capabilities, Description, Requirement};
use serde::{Deserialize, Serialize};

use crate::output;

/// The version of the format that this host writes, and the highest that it reads.
pub const MANIFEST_FORMAT: u32 = 1;

/// `plugin.toml`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_FORMAT`] when it was written.
    pub manifest: u32,
    /// Who it is.
    pub plugin: Identity,
    /// What it needs of the host.
    pub compat: Compatibility,
    /// Its library, by target triple.
    pub artifact: BTreeMap<String, Artifact>,
    /// The words it claims.
    #[serde(default, rename = "command")]
    pub commands: Vec<Word>,
    /// Its command tree.
    pub cli: File,
    /// Services it uses.
    #[serde(default)]
    pub requires: BTreeMap<String, Requirement>,
    /// Services it provides, with their major version.
    #[serde(default)]
    pub provides: BTreeMap<String, u32>,
    /// What it asks to be granted.
    #[serde(default)]
    pub capabilities: Capabilities,
}

/// Who a plugin is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// One line for people.
    #[serde(default)]
    pub about: String,
    /// Who publishes it.
    #[serde(default)]
    pub publisher: String,
}

/// What a plugin needs of the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compatibility {
    /// The ABI version it was compiled against.
    pub abi: Version,
}

/// A library.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    /// Its file name, beside the manifest.
    pub file: String,
    /// SHA-256, lower-case hex.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
    /// The lowest glibc that it works with, `2.34`; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glibc: Option<String>,
}

/// A word that a plugin claims at the top level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// The word.
    pub name: String,
    /// One line for people.
    #[serde(default)]
    pub about: String,
    /// Other words for it.
    #[serde(default)]
    pub aliases: Vec<String>,
}

/// A file beside the manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct File {
    /// Its name.
    pub file: String,
    /// SHA-256, lower-case hex.
    pub sha256: String,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// One line that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Format {
            manifest: u32,
        }
        let one_line = |error: toml::de::Error| error.message().lines().next().unwrap_or_default().to_owned();
        let format: Format = toml::from_str(text).map_err(one_line)?;
        if format.manifest > MANIFEST_FORMAT {
            return Err(format!(
                "its manifest has format {}, this seqera reads up to {MANIFEST_FORMAT}: a newer seqera is needed",
                format.manifest
            ));
        }
        if format.manifest == 0 {
            return Err("there is no manifest of format 0".to_owned());
        }
        let manifest: Self = toml::from_str(text).map_err(one_line)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The manifest of a library that says `description` of itself.
    ///
    /// # Errors
    /// One line that says what is wrong with the description.
    pub fn describe(
        description: &Description,
        target: &str,
        artifact: Artifact,
        cli: File,
    ) -> Result<Self, String> {
        let version =
            |text: &str| Version::parse(text).map_err(|error| format!("`{text}` is no version: {error}"));
        let manifest = Self {
            manifest: MANIFEST_FORMAT,
            plugin: Identity {
                name: description.name.clone(),
                version: version(&description.version)?,
                about: description.about.clone(),
                publisher: description.publisher.clone(),
            },
            compat: Compatibility { abi: version(&description.abi)? },
            artifact: BTreeMap::from([(target.to_owned(), artifact)]),
            commands: description
                .commands
                .iter()
                .map(|command| Word {
                    name: command.name.clone(),
                    about: command.about.clone(),
                    aliases: command.aliases.clone(),
                })
                .collect(),
            cli,
            requires: description.requires.clone(),
            provides: description.provides.clone(),
            capabilities: description.capabilities.clone(),
        };
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        if !is_plugin_name(&self.plugin.name) {
            return Err(format!("`{}` is not a name for a plugin", self.plugin.name));
        }
        let files = self.artifact.values().map(|artifact| &artifact.file).chain([&self.cli.file]);
        for file in files {
            if file.is_empty() || file.contains(['/', '\\']) || file.starts_with("..") {
                return Err(format!("`{file}` does not lie beside the manifest"));
            }
        }
        self.check_text()?;
        let digests = self.artifact.values().map(|artifact| &artifact.sha256).chain([&self.cli.sha256]);
        for digest in digests {
            if digest.len() != 64 || !digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                return Err(format!("`{}` is no SHA-256", digest.escape_debug()));
            }
        }
        for word in self.commands.iter().flat_map(Word::all) {
            if !is_word(word) {
                let allowed = "it is made of a-z, 0-9, - and _, and begins with one of the first two";
                return Err(format!("`{}` cannot be a command: {allowed}", word.escape_debug()));
            }
            if crate::builtin::is_builtin(word) {
                return Err(format!("it claims `{word}`, which is a command of seqera itself"));
            }
        }
        Ok(())
    }
}

impl Manifest {
    /// What people are shown before they agree to a plugin has to be what it looks like.
    fn check_text(&self) -> Result<(), String> {
        let hides = |c: &char| c.is_control() || output::is_hidden(*c) && !output::is_joiner(*c);
        let lines = self.commands.iter().map(|command| &command.about);
        for line in lines.chain([&self.plugin.about, &self.plugin.publisher]) {
            if let Some(c) = line.chars().find(hides) {
                return Err(format!("a line for people has the character U+{:04X}", u32::from(c)));
            }
        }
        let targets = self.artifact.iter();
        let targets = targets
            .flat_map(|(target, artifact)| [Some(target), Some(&artifact.file), artifact.glibc.as_ref()]);
        let names = self.requires.keys().chain(self.provides.keys()).chain([&self.cli.file]);
        let names = names.chain(&self.capabilities.audiences).chain(&self.capabilities.hosts);
        let is_plain = |name: &&String| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
        match names.chain(targets.flatten()).find(|name| !is_plain(name)) {
            None => Ok(()),
            Some(name) => Err(format!("`{}` is no name: that is ASCII without spaces", name.escape_debug())),
        }
    }
}

/// Whether it can be a command, at the top or below: it is typed, completed by shells and shown before anybody agreed
/// to the plugin.
fn is_word(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
}

impl Word {
    /// The word and its aliases.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.aliases.iter().map(String::as_str))
    }
}

/// `^[a-z][a-z0-9-]{0,31}$`, and no device name of Windows: such a directory could not be made there.
pub fn is_plugin_name(name: &str) -> bool {
    let plain = name.len() <= 32
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let numbered =
        |device: &str| name.len() == 4 && name.starts_with(device) && name.as_bytes()[3].is_ascii_digit();
    plain && !["con", "prn", "aux", "nul"].contains(&name) && !numbered("com") && !numbered("lpt")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert!(["org", "a", "rna-seq2"].iter().all(|name| is_plugin_name(name)));
        assert!(
            !["", "Org", "2a", "-a", "a_b", "con", "lpt1", "../x"].iter().any(|name| is_plugin_name(name))
        );
    }

    #[test]
    fn a_newer_format_is_named() {
        assert!(Manifest::parse("manifest = 9").unwrap_err().contains("a newer seqera is needed"));
    }
}
