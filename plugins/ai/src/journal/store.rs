//! The directory of all journals.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use seqera_plugin_api::{Error, ErrorKind, Host, Result, private_file};
use serde::Serialize;

use super::{Line, Record, directory, file_name};
use crate::agent::Past;

/// How long sessions are kept when nobody says, in days.
const DAYS: u64 = 90;
/// How much of a file is read to list it, in bytes.
const HEAD: u64 = 256 * 1024;
/// From this length on the file of decisions is put aside, in bytes.
const AUDIT: u64 = 8 * 1024 * 1024;

/// The journals of this user.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    state: PathBuf,
    days: u64,
}

/// A session in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct StoredSession {
    pub(crate) session_id: String,
    /// The first thing that was said.
    pub(crate) title: String,
    pub(crate) cwd: String,
    pub(crate) backend: String,
    pub(crate) created_at: String,
    pub(crate) last_used: String,
}

impl Store {
    /// `None` when nothing is to be kept: a retention of 0 days, or no home directory.
    pub(crate) fn of(host: &Host) -> Option<Self> {
        let days = crate::settings::number(host, "ai_journal_days").unwrap_or(DAYS);
        (days > 0).then_some(Self { state: host.paths().state?, days })
    }

    /// Also when nothing new is to be kept: for reading what there is.
    pub(crate) fn for_reading(host: &Host) -> Option<Self> {
        Some(Self { state: host.paths().state?, days: DAYS })
    }

    /// The file of a session.
    pub(crate) fn path(&self, session: &str) -> PathBuf {
        directory(&self.state).join(file_name(session))
    }

    /// All sessions, the one that was used last first. Files that say nothing of use are left out.
    pub(crate) fn sessions(&self) -> Vec<StoredSession> {
        let items = fs::read_dir(directory(&self.state)).into_iter().flatten().flatten();
        let mut sessions: Vec<(SystemTime, StoredSession)> = items
            .filter_map(|item| {
                let modified = item.metadata().ok()?.modified().ok()?;
                Some((modified, head(&item.path(), modified)?))
            })
            .collect();
        sessions.sort_by_key(|(modified, _)| std::cmp::Reverse(*modified));
        sessions.into_iter().map(|(_, session)| session).collect()
    }

    /// Calls `visit` with every line of a session that can be read.
    ///
    /// # Errors
    /// `Failed` when there is no such session here.
    pub(crate) fn read(
        &self,
        session: &str,
        mut visit: impl FnMut(&str, Line<'_>) -> Result<()>,
    ) -> Result<()> {
        let path = self.path(session);
        let file = File::open(&path).map_err(|error| {
            let name = crate::sanitizer::one_line(session, 80);
            let error = if error.kind() == std::io::ErrorKind::NotFound {
                Error::new(
                    ErrorKind::Failed,
                    format!("there is no record of a session {name} on this machine"),
                )
            } else {
                Error::new(ErrorKind::Failed, format!("cannot read {}", path.display())).caused_by(&error)
            };
            error.hint("`seqera ai sessions list` shows those that there are.")
        })?;
        each_line(file, |text, line| visit(text, line).map(ControlFlow::Continue))
    }

    /// Adds a line to the file of decisions.
    pub(super) fn audit(&self, line: &str) -> Result<()> {
        let path = self.state.join("ai/audit.jsonl");
        private_file::create_directory(path.parent().unwrap_or(&self.state))?;
        if fs::metadata(&path).is_ok_and(|metadata| metadata.len() > AUDIT) {
            let _another_process_did = fs::rename(&path, path.with_file_name("audit.1.jsonl"));
        }
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&path).and_then(|mut file| file.write_all(line.as_bytes())).map_err(|error| {
            Error::new(ErrorKind::Failed, format!("cannot write {}", path.display())).caused_by(&error)
        })
    }

    pub(super) fn prune(&self, now: SystemTime) {
        let directory = directory(&self.state);
        let marker = directory.join(".pruned");
        let day = Duration::from_secs(24 * 3600);
        let age = |path: &Path| {
            let modified = fs::metadata(path).ok()?.modified().ok()?;
            Some(now.duration_since(modified).unwrap_or_default())
        };
        if age(&marker).is_some_and(|age| age < day) || private_file::write(&marker, b"").is_err() {
            return;
        }
        let keep = day.saturating_mul(u32::try_from(self.days).unwrap_or(u32::MAX));
        for item in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = item.path();
            let is_old = age(&path).is_some_and(|age| age > keep);
            let is_journal = path.extension().is_some_and(|end| end == "jsonl");
            if is_old && is_journal && File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
                let _gone = private_file::remove(&path);
            }
        }
    }
}

/// What the beginning of a file says about its session.
fn head(path: &Path, modified: SystemTime) -> Option<StoredSession> {
    path.extension().filter(|end| *end == "jsonl")?;
    let mut found: Option<StoredSession> = None;
    let mut title = None;
    let _torn = each_line(File::open(path).ok()?.take(HEAD), |_, line| {
        match line.record {
            Record::Session { session_id, cwd, backend, .. } if found.is_none() => {
                found = Some(StoredSession {
                    session_id: session_id.into_owned(),
                    title: String::new(),
                    cwd: cwd.into_owned(),
                    backend: backend.into_owned(),
                    created_at: line.at,
                    last_used: humantime::format_rfc3339_millis(modified).to_string(),
                });
            }
            Record::Message { content, .. } if title.is_none() => title = Some(content.into_owned()),
            _ => {}
        }
        // An answer may be long, and there may be thousands of files.
        let is_enough = found.is_some() && title.is_some();
        Ok(if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    });
    let mut session = found?;
    // Nothing was said: the session is not there, or was never used. Of a long file not everything was seen.
    let is_unused = title.is_none() && fs::metadata(path).is_ok_and(|metadata| metadata.len() < HEAD);
    session.title = title.unwrap_or_default();
    (!is_unused).then_some(session)
}

/// What a journal knows of the calls of its session.
pub(super) fn calls(path: &Path) -> Vec<(String, Past)> {
    let mut calls: BTreeMap<String, Past> = BTreeMap::new();
    let Ok(file) = File::open(path) else { return Vec::new() };
    let _torn = each_line(file, |_, line| {
        match line.record {
            Record::ToolStarted { call } => {
                calls.insert(call.id.clone(), Past::Interrupted);
            }
            Record::ToolResult { id, result } => {
                calls.insert(id.into_owned(), Past::Unsent(result.into_owned()));
            }
            Record::ResultSent { id } => {
                calls.insert(id.into_owned(), Past::Sent);
            }
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    });
    calls.into_iter().collect()
}

/// Until the end, or until `visit` has enough.
fn each_line(
    file: impl Read,
    mut visit: impl FnMut(&str, Line<'_>) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let mut reader = BufReader::new(file);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let count = reader
            .read_until(b'\n', &mut bytes)
            .map_err(|error| Error::new(ErrorKind::Failed, "cannot read the journal").caused_by(&error))?;
        if count == 0 {
            return Ok(());
        }
        // Torn by a crash, or of a later version.
        if let Ok(text) = std::str::from_utf8(&bytes)
            && let Ok(line) = serde_json::from_str::<Line<'_>>(text)
            && visit(text.trim_end(), line)?.is_break()
        {
            return Ok(());
        }
    }
}
