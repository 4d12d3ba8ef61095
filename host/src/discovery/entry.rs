//! One plugin that lies on disk, as discovery found it.

use std::path::{Path, PathBuf};

use semver::Version;
use serde::{Deserialize, Serialize};

use super::manifest::{Artifact, Manifest, Word};
use super::stamp::{Stamp, Stamps};

/// Which plugins directory it lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A developer runs it from where it is built. It counts before the others.
    Linked,
    /// It came with the program and is listed in the digest file there.
    Bundled,
    /// The user put it there.
    User,
}

impl Origin {
    /// For people and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Linked => "linked",
            Self::Bundled => "bundled",
            Self::User => "user",
        }
    }
}

/// A plugin on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The directory of this version.
    pub dir: PathBuf,
    /// Where it comes from.
    pub origin: Origin,
    /// The manifest file when it was read.
    pub stamp: Stamp,
    /// The directory that holds all versions of this plugin when it was read.
    pub parent: Stamp,
    /// What the manifest says.
    pub manifest: Manifest,
}

impl Entry {
    /// The plugin's name.
    pub fn name(&self) -> &str {
        &self.manifest.plugin.name
    }

    /// Its version.
    pub fn version(&self) -> &Version {
        &self.manifest.plugin.version
    }

    /// `org 1.2.0`
    pub fn label(&self) -> String {
        format!("{} {}", self.name(), self.version())
    }

    /// The library for this target.
    pub fn artifact(&self) -> Option<&Artifact> {
        self.manifest.artifact.get(crate::TARGET)
    }

    /// SHA-256 of the library for this target, as the manifest names it.
    pub fn sha256(&self) -> Option<&str> {
        self.artifact().map(|artifact| artifact.sha256.as_str())
    }

    /// The command that `word` stands for here.
    pub fn command(&self, word: &str) -> Option<&Word> {
        self.manifest.commands.iter().find(|command| command.all().any(|name| name == word))
    }

    /// `true` when the manifest and the versions beside it are as they were when they were read.
    pub(super) fn is_fresh(&self, stamps: &Stamps) -> bool {
        stamps.of(&self.dir.join(MANIFEST_FILE)) == self.stamp && self.is_there(stamps)
    }

    /// `true` when no version of this plugin came or went.
    pub(super) fn is_there(&self, stamps: &Stamps) -> bool {
        stamps.of(parent(&self.dir)) == self.parent
    }
}

/// A directory that looks like a plugin and is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// The directory.
    pub dir: PathBuf,
    /// One line that says why.
    pub problem: String,
}

/// The name of the manifest.
pub const MANIFEST_FILE: &str = "plugin.toml";
/// More than any manifest needs, in bytes.
pub const MAX_MANIFEST: u64 = 1 << 20;

/// The directory that holds the versions.
pub(super) fn parent(dir: &Path) -> &Path {
    dir.parent().unwrap_or(dir)
}
