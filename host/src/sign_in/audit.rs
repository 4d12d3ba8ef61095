//! The audit: one line for each decision about the user's sign-in, in `audit.jsonl` of the state directory.
//!
//! It says who asked for what and which rule decided. No token ever comes near it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

use serde::Serialize;

use super::grants::create_directory;

/// A decision.
#[derive(Debug, Clone, Serialize)]
pub struct Record<'a> {
    /// The plugin that asked.
    pub plugin: &'a str,
    /// Its version.
    pub version: &'a str,
    /// SHA-256 of its library.
    pub sha256: &'a str,
    /// The service that it asked for.
    pub service: &'a str,
    /// `audience` or `host`.
    pub kind: &'a str,
    /// The audience, or the host.
    pub name: &'a str,
    /// `granted` or `denied`.
    pub decision: &'a str,
    /// The rule that decided.
    pub rule: &'a str,
}

/// Beyond this size the file is put aside, and the one put aside before is forgotten.
const LIMIT: u64 = 1 << 20;

/// Appends records. A state directory that cannot be written must not keep people from working: `seqera doctor` says
/// so instead.
pub fn write(state: Option<&Path>, records: &[Record<'_>]) {
    if let Some(state) = state {
        let _see_above = append(state, records);
    }
}

fn append(state: &Path, records: &[Record<'_>]) -> io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        time: String,
        #[serde(flatten)]
        record: &'a Record<'a>,
    }
    let time = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    let mut text = String::new();
    for record in records {
        text.push_str(&serde_json::to_string(&Line { time: time.clone(), record })?);
        text.push('\n');
    }
    let path = state.join("audit.jsonl");
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = match options.open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create_directory(state)?;
            options.open(&path)?
        }
        opened => opened?,
    };
    if file.metadata()?.len() > LIMIT {
        fs::rename(&path, state.join("audit.old.jsonl"))?;
        file = options.open(&path)?;
    }
    // One write a time: lines of several processes do not mix.
    file.write_all(text.as_bytes())
}
