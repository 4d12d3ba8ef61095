//! The audit: who may do what with the sign-in, and what became of the plugins, in `audit.jsonl` of the state directory.
//!
//! One line each, whole or not at all, readable by its owner only. It says who, what, when, in which process and by which
//! rule; no token ever comes near it. A decision is written once in a process: what a plugin asks for a thousand times
//! costs one line.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use serde::Serialize;

use crate::config::Paths;
use crate::error::{Code, Error};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A plugin got a service that carries the sign-in.
    Lent,
    /// A plugin asked for one, and did not get what it asked for.
    Withheld,
    /// The user granted something.
    Granted,
    /// A grant was taken back.
    Revoked,
    /// A plugin was installed.
    Installed,
    /// A newer version was installed.
    Upgraded,
    /// An installation was refused.
    Refused,
    /// A version was removed.
    Removed,
    /// A plugin is not what was installed.
    CheckFailed,
    /// The admin's policy did not allow something.
    PolicyRefused,
}

impl Event {
    /// Whether the same may happen often in one process.
    fn is_decision(self) -> bool {
        matches!(self, Self::Lent | Self::Withheld | Self::CheckFailed | Self::PolicyRefused)
    }
}

/// A line; what does not apply is left out.
#[derive(Debug, Clone, Serialize)]
pub struct Record<'a> {
    /// What happened.
    pub event: Event,
    /// The plugin that it is about; empty when nobody knows yet.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub plugin: &'a str,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The version that counted before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// SHA-256 of its library.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<&'a str>,
    /// Id of the key that signs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<&'a str>,
    /// Where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<&'a str>,
    /// The service that it asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<&'a str>,
    /// `audience`, `host`, or `session`: a service that says who is signed in, and lends no token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'a str>,
    /// The audience, or the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// `granted` or `denied`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<&'a str>,
    /// The rule that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'a str>,
    /// What was wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl<'a> Record<'a> {
    /// A line about a plugin.
    pub fn new(event: Event, plugin: &'a str) -> Self {
        Self {
            event,
            plugin,
            version: None,
            before: None,
            sha256: None,
            signer: None,
            source: None,
            service: None,
            kind: None,
            name: None,
            decision: None,
            rule: None,
            problem: None,
        }
    }
}

/// Beyond this size the file is put aside, and the one put aside before is forgotten.
const LIMIT: u64 = 4 << 20;

/// The decisions that this process wrote down already.
static WRITTEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Appends records. A state directory that cannot be written must not keep people from working: `seqera doctor` says
/// so instead.
pub fn write(paths: &Paths, records: &[Record<'_>]) {
    if let Some(state) = paths.state.as_deref() {
        let _see_above = append(state, records);
    }
}

/// The admin's policy did not allow a plugin to be loaded, linked or installed.
pub fn policy_refused(paths: &Paths, plugin: &str, version: Option<String>, rule: &str) {
    let record = Record { version, rule: Some(rule), ..Record::new(Event::PolicyRefused, plugin) };
    write(paths, &[record]);
}

/// A plugin was not loaded, or is not what was installed; only changed files are worth a line.
pub fn check_failed(paths: &Paths, plugin: &str, version: String, error: &Error) {
    if error.code == Code::Mismatch as u8 {
        let record = Record {
            version: Some(version),
            problem: Some(error.to_string()),
            ..Record::new(Event::CheckFailed, plugin)
        };
        write(paths, &[record]);
    }
}

/// A package was refused for what it is; that a server could not be reached is no news.
pub fn refused(paths: &Paths, plugin: &str, source: &str, error: &Error) {
    const REASONS: [Code; 3] = [Code::Denied, Code::Mismatch, Code::CannotLoad];
    if REASONS.iter().any(|code| *code as u8 == error.code) {
        let problem = Some(error.to_string());
        write(paths, &[Record { source: Some(source), problem, ..Record::new(Event::Refused, plugin) }]);
    }
}

/// Where the audit lies, when it can be written.
///
/// # Errors
/// Why it cannot.
pub fn place(paths: &Paths) -> Option<Result<PathBuf, (PathBuf, io::Error)>> {
    let state = paths.state.as_deref()?;
    let path = file(state);
    if !path.exists() && !state.exists() {
        // It is made with the first line.
        return Some(Ok(path));
    }
    Some(match open(state) {
        Ok(_writable) => Ok(path),
        Err(error) => Err((path, error)),
    })
}

fn append(state: &Path, records: &[Record<'_>]) -> io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        time: &'a str,
        pid: u32,
        #[serde(flatten)]
        record: &'a Record<'a>,
    }
    let time = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    let mut text = String::new();
    for record in records {
        if record.event.is_decision() {
            let key = serde_json::to_string(record)?;
            if !WRITTEN.lock().unwrap_or_else(PoisonError::into_inner).insert(key) {
                continue;
            }
        }
        let line = Line { time: &time, pid: std::process::id(), record };
        text.push_str(&serde_json::to_string(&line)?);
        text.push('\n');
    }
    if text.is_empty() {
        return Ok(());
    }
    let mut file = open(state)?;
    let length = file.metadata()?.len();
    if length > LIMIT {
        file = put_aside(state, file)?;
    } else if length > 0 && !ends_with_a_line(&mut file)? {
        text.insert(0, '\n');
    }
    // One write a time: lines of several processes do not mix.
    file.write_all(text.as_bytes())
}

/// Whoever comes second finds a short file and goes on with it.
fn put_aside(state: &Path, file_before: File) -> io::Result<File> {
    let guard =
        OpenOptions::new().create(true).truncate(false).write(true).open(state.join(".audit.lock"))?;
    if guard.try_lock().is_err() {
        return Ok(file_before);
    }
    let path = file(state);
    if fs::metadata(&path)?.len() > LIMIT {
        fs::rename(&path, state.join("audit.old.jsonl"))?;
    }
    open(state)
}

/// A disk that was full may have kept half a line.
fn ends_with_a_line(file: &mut File) -> io::Result<bool> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

fn open(state: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file(state)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            crate::sign_in::grants::create_directory(state)?;
            options.open(file(state))
        }
        opened => opened,
    }
}

fn file(state: &Path) -> PathBuf {
    state.join("audit.jsonl")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(dir: &Path) -> Paths {
        Paths { state: Some(dir.join("state")), ..Paths::default() }
    }

    fn lines(paths: &Paths, name: &str) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(paths.state.as_ref().unwrap().join(name)).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_decision_is_written_once_and_what_is_done_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let paths = paths(dir.path());
        for _ in 0..3 {
            policy_refused(&paths, "once", Some("1.0.0".to_owned()), "policy.toml:3");
            write(&paths, &[Record::new(Event::Revoked, "once")]);
        }
        policy_refused(&paths, "once", Some("1.0.1".to_owned()), "policy.toml:3");
        let events: Vec<_> =
            lines(&paths, "audit.jsonl").into_iter().map(|line| line["event"].clone()).collect();
        assert_eq!(events, ["policy-refused", "revoked", "revoked", "revoked", "policy-refused"]);
        assert_eq!(lines(&paths, "audit.jsonl")[0]["pid"], std::process::id());
    }

    #[test]
    fn half_a_line_spoils_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let paths = paths(dir.path());
        write(&paths, &[Record::new(Event::Removed, "one")]);
        let path = file(paths.state.as_ref().unwrap());
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}{}", &text[..20])).unwrap();
        write(&paths, &[Record::new(Event::Removed, "two")]);
        let text = fs::read_to_string(&path).unwrap();
        let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!((text.lines().count(), last["plugin"].as_str()), (3, Some("two")));
    }

    #[test]
    fn it_does_not_grow_for_ever_and_many_at_once_lose_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let paths = paths(dir.path());
        write(&paths, &[Record::new(Event::Removed, "first")]);
        let path = file(paths.state.as_ref().unwrap());
        let full = usize::try_from(LIMIT).unwrap();
        let line = format!("{{\"padding\":\"{}\"}}\n", "x".repeat(1000));
        fs::write(&path, line.repeat(full / line.len() + 1)).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| write(&paths, &[Record::new(Event::Removed, "late")]));
            }
        });
        let written = lines(&paths, "audit.jsonl").len() + lines(&paths, "audit.old.jsonl").len();
        assert_eq!(written, full / line.len() + 1 + 8);
        assert!(fs::metadata(&path).unwrap().len() < 2000, "a new file was begun");
    }
}
