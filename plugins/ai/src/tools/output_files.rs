//! Where the whole output of a command is kept when it is too long for the assistant.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use seqera_plugin_api::Host;

/// How long files are kept, in days, when nobody says.
const DAYS: u64 = 90;

/// The directory of these files; old ones are removed when the first new one may be needed.
pub(super) struct OutputFiles {
    directory: Option<PathBuf>,
    keep: Duration,
    has_pruned: bool,
}

impl OutputFiles {
    /// They are kept as long as sessions are; with a retention of 0 days there are none.
    pub(super) fn of(host: &Host) -> Self {
        let days = crate::settings::number(host, "ai_journal_days").unwrap_or(DAYS);
        let directory = host.paths().state.map(|state| state.join("ai/output")).filter(|_| days > 0);
        let keep = Duration::from_secs(24 * 3600).saturating_mul(u32::try_from(days).unwrap_or(u32::MAX));
        Self { directory, keep, has_pruned: false }
    }

    /// Names for both streams of the next command; the files are made when they are needed.
    pub(super) fn next(&mut self) -> Option<(PathBuf, PathBuf)> {
        let directory = self.directory.as_deref()?;
        if !std::mem::replace(&mut self.has_pruned, true) {
            prune(directory, self.keep);
        }
        let name = uuid::Uuid::new_v4();
        Some((directory.join(format!("{name}.stdout")), directory.join(format!("{name}.stderr"))))
    }
}

fn prune(directory: &Path, keep: Duration) {
    let now = SystemTime::now();
    for item in fs::read_dir(directory).into_iter().flatten().flatten() {
        let modified = item.metadata().and_then(|metadata| metadata.modified());
        let age = modified.map(|modified| now.duration_since(modified).unwrap_or_default());
        if age.is_ok_and(|age| age > keep) {
            let _gone = fs::remove_file(item.path());
        }
    }
}
