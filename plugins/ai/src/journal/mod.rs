//! What happened, kept on this machine: one file a session, one JSON object a line, only ever appended to.
//!
//! The files are the only truth: lists are made of them each time. A line that was torn by a crash is skipped. While a
//! conversation goes on its file is locked, so that two processes cannot go on with the same one.

mod record;
mod store;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use seqera_plugin_api::{Error, ErrorKind, Host, Result, private_file, warning};
use serde::Serialize;
use serde_json::Value;

pub(crate) use record::{Line, Record};
pub(crate) use store::Store;

use crate::agent::Past;
use crate::secrets::change_texts;

/// How much of an answer is gathered before it is written, in bytes.
const PART: usize = 64 * 1024;

/// Fields with words of ours: a secret that is spelled like one of them must not spoil what is written.
const OURS: [&str; 8] = ["at", "type", "tool", "mode", "decision", "by", "rule", "outcome"];

/// Hides secrets in a text that is about to be written.
pub(crate) type Mask = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// The journal of one conversation.
pub(crate) struct Journal {
    host: Host,
    store: Option<Store>,
    mask: Mask,
    file: Option<File>,
    /// The beginning of a part of the answer.
    text: String,
    has_failed: bool,
}

/// Whether a session can be gone on with here.
#[derive(Debug)]
pub(crate) enum Opened {
    /// Yes, with what is known of its calls.
    Here(Vec<(String, Past)>),
    /// Another process goes on with it.
    Elsewhere,
}

impl Journal {
    /// Nothing is written before a session begins; with a retention of 0 days nothing at all.
    pub(crate) fn new(host: &Host, mask: Mask) -> Self {
        Self {
            host: host.clone(),
            store: Store::of(host),
            mask,
            file: None,
            text: String::new(),
            has_failed: false,
        }
    }

    /// Begins with a session that is new, or goes on with one.
    pub(crate) fn open(&mut self, session: &str) -> Opened {
        self.close();
        let Some(store) = &self.store else { return Opened::Here(Vec::new()) };
        let path = store.path(session);
        match open_locked(&path) {
            Ok(Some(file)) => {
                self.file = Some(file);
                Opened::Here(store::calls(&path))
            }
            Ok(None) => Opened::Elsewhere,
            Err(error) => {
                self.fail(&error);
                Opened::Here(Vec::new())
            }
        }
    }

    /// Ends the journal of this session.
    pub(crate) fn close(&mut self) {
        self.write_text();
        self.file = None;
    }

    /// A part of the answer.
    pub(crate) fn text(&mut self, mut text: &str) {
        if self.file.is_none() {
            return;
        }
        while self.text.len() + text.len() > PART {
            let mut at = PART.saturating_sub(self.text.len()).min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            self.text.push_str(&text[..at]);
            text = &text[at..];
            self.write_text();
        }
        self.text.push_str(text);
    }

    /// Something else that happened.
    pub(crate) fn note(&mut self, record: Record<'_>) {
        self.write_text();
        self.write(record);
    }

    /// One line about a decision, in the file of all sessions.
    pub(crate) fn audit(&mut self, decision: &Value) {
        let Some(store) = &self.store else { return };
        let line = masked(&self.mask, decision);
        if let Err(error) = store.audit(&line) {
            self.fail(&error);
        }
    }

    /// Removes sessions that are older than the retention, once a day.
    pub(crate) fn prune(&self) {
        if let Some(store) = &self.store {
            store.prune(SystemTime::now());
        }
    }

    fn write_text(&mut self) {
        if !self.text.is_empty() {
            let text = std::mem::take(&mut self.text);
            self.write(Record::Text { content: (&text).into() });
            self.text = text;
            self.text.clear();
        }
    }

    fn write(&mut self, record: Record<'_>) {
        let Some(file) = &mut self.file else { return };
        let line = masked(&self.mask, &Line { at: now(), record });
        if let Err(error) = file.write_all(line.as_bytes()) {
            let error = Error::new(ErrorKind::Failed, "cannot write the journal").caused_by(&error);
            self.fail(&error);
        }
    }

    /// The conversation is worth more than its journal: it is said once, and goes on.
    fn fail(&mut self, error: &Error) {
        self.file = None;
        if !std::mem::replace(&mut self.has_failed, true) {
            let because = error.to_string();
            warning!(
                self.host,
                "this session is not recorded: {because}; what it ran is not known to the next one"
            );
        }
    }
}

/// A line without secrets.
fn masked(mask: &Mask, record: &impl Serialize) -> String {
    let json = serde_json::to_string(record).unwrap_or_default();
    // Nearly always there is none, and one look is enough; not at JSON within JSON.
    if !json.contains(r"\\") && mask(&json) == json {
        return json + "\n";
    }
    let mut value = serde_json::to_value(record).unwrap_or_default();
    let fields = value.as_object_mut().into_iter().flatten();
    for (_, field) in fields.filter(|(name, _)| !OURS.contains(&name.as_str())) {
        change_texts(field, &**mask);
    }
    format!("{value}\n")
}

/// The time, as it is written.
pub(crate) fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

/// Opens a file for appending and locks it; `None` when another process holds it.
fn open_locked(path: &Path) -> Result<Option<File>> {
    let failed = |error: &std::io::Error| {
        Error::new(ErrorKind::Failed, format!("cannot open {}", path.display())).caused_by(error)
    };
    private_file::create_directory(path.parent().unwrap_or(Path::new(".")))?;
    let mut options = OpenOptions::new();
    options.create(true).read(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| failed(&error))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => return Ok(None),
        // Some network file systems know no locks.
        Ok(()) | Err(TryLockError::Error(_)) => {}
    }
    // What comes next must not become a part of a line that was torn.
    let mut last = [b'\n'];
    if file.seek(SeekFrom::End(0)).map_err(|error| failed(&error))? > 0 {
        file.seek(SeekFrom::End(-1))
            .and_then(|_| file.read_exact(&mut last))
            .map_err(|error| failed(&error))?;
    }
    if last != [b'\n'] {
        file.write_all(b"\n").map_err(|error| failed(&error))?;
    }
    Ok(Some(file))
}

/// The name of a file for a session: the id itself when it is a plain one.
fn file_name(session: &str) -> String {
    let is_plain = session.len() <= 100
        && !session.is_empty()
        && session.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_plain {
        return format!("{session}.jsonl");
    }
    // Two ids must not share a file; a part of it is enough for people.
    let hash = session.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let start: String = session.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect();
    format!("{start}~{hash:016x}.jsonl")
}

/// Where sessions are, below the directory of the state.
fn directory(state: &Path) -> PathBuf {
    state.join("ai/sessions")
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
