//! The command trees of plugins, from `cli.json`.

use seqera_plugin_abi::description::Command;
use serde::{Deserialize, Serialize};

use crate::digest;
use crate::discovery::Entry;
use crate::error::{Code, Error, Result};
use crate::files;

/// More than any tree needs, in bytes.
const LIMIT: u64 = 16 << 20;

/// `cli.json`
#[derive(Debug, Serialize, Deserialize)]
pub struct CliTree {
    /// The words with everything below them.
    pub commands: Vec<Command>,
}

impl CliTree {
    /// Reads the tree of a plugin.
    ///
    /// # Errors
    /// `Mismatch` when it is not the file that the manifest names, `CannotLoad` when it cannot be read.
    pub fn read(entry: &Entry) -> Result<Self> {
        let path = entry.dir.join(&entry.manifest.cli.file);
        let failed = |problem: String| {
            Error::new(Code::CannotLoad, format!("the help of {} cannot be read", entry.label()))
                .because(format!("{}: {problem}", path.display()))
        };
        let text = files::read(&path, LIMIT).map_err(|error| failed(error.to_string()))?;
        if digest::of_bytes(&text) != entry.manifest.cli.sha256 {
            return Err(Error::new(
                Code::Mismatch,
                format!("the help of {} was changed on disk", entry.label()),
            )
            .because(format!("{} is not the file that its manifest names", path.display()))
            .hint("Install the plugin, or seqera, again."));
        }
        serde_json::from_slice(&text).map_err(|error| failed(error.to_string()))
    }
}
