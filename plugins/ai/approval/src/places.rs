//! Where secrets are kept, and what decides what we do.

use std::path::{Path, PathBuf};

/// Places that are asked about whatever the mode says. The caller knows the environment; the engine does not read it.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The person's home directory, which `~` stands for.
    pub home: Option<PathBuf>,
    /// Files and directories that hold credentials of ours: every tool asks in every mode, for reading, too.
    pub credentials: Vec<PathBuf>,
    /// Directories whose content decides what we load and allow, or tells what was done (configuration, plugins, the
    /// audit): changing it always asks.
    pub settings: Vec<PathBuf>,
}

impl Places {
    /// The places of a configuration directory (`~/.config/seqera` or `SEQERA_CONFIG_DIR`) and of the directories that
    /// only we write: data (`~/.local/share/seqera`), state, cache.
    #[must_use]
    pub fn new(home: Option<PathBuf>, config: &Path, ours: impl IntoIterator<Item = PathBuf>) -> Self {
        let settings = [config.to_owned(), PathBuf::from("/etc/seqera")].into_iter().chain(ours).collect();
        Self { home, credentials: vec![config.join("credentials"), config.join("auth.json")], settings }
    }
}
