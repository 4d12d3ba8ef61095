//! What is kept of one stream of a command: its beginning, its end, and all of it in a file that only the user reads.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::plain::{is_binary, plain};
use crate::secrets::{Cut, LONGEST as LONGEST_SECRET, Secrets};
use crate::tools::Limits;

/// Most of a file with the whole output, in bytes.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Takes a stream in.
pub(super) struct Capture {
    lines: usize,
    bytes: usize,
    head: Vec<u8>,
    /// Twice as long as what is kept of the end, at most.
    tail: Vec<u8>,
    total: u64,
    /// Where the whole goes when it is longer than what is kept.
    path: Option<PathBuf>,
    file: Option<File>,
    secrets: Secrets,
}

impl Capture {
    /// `path`: for all of it, when it is long; `None`: it is not kept.
    pub(super) fn new(limits: &Limits, path: Option<PathBuf>, secrets: Secrets) -> Self {
        let (lines, bytes) = (limits.output_lines, limits.output_bytes);
        Self { lines, bytes, head: Vec::new(), tail: Vec::new(), total: 0, path, file: None, secrets }
    }

    pub(super) fn push(&mut self, mut piece: &[u8]) {
        self.spill(piece);
        self.total += piece.len() as u64;
        let room = self.bytes - self.head.len();
        let first = room.min(piece.len());
        self.head.extend_from_slice(&piece[..first]);
        piece = &piece[first..];
        let piece = &piece[piece.len().saturating_sub(self.bytes)..];
        if self.tail.len() + piece.len() > 2 * self.bytes {
            self.tail.drain(..self.tail.len() - self.bytes.min(self.tail.len()));
        }
        self.tail.extend_from_slice(piece);
    }

    /// Begins the file when the head is full, and goes on with it.
    fn spill(&mut self, piece: &[u8]) {
        if self.file.is_none() {
            if self.head.len() + piece.len() <= self.bytes || self.path.is_none() {
                return;
            }
            self.begin();
        }
        let left = usize::try_from(LONGEST.saturating_sub(self.total)).unwrap_or(usize::MAX);
        let piece = &piece[..piece.len().min(left)];
        self.write(piece);
    }

    fn begin(&mut self) {
        let Some(path) = &self.path else { return };
        match create(path) {
            Ok(file) => self.file = Some(file),
            Err(error) => {
                log::warn!("the whole output cannot be kept in {}: {error}", path.display());
                self.path = None;
            }
        }
        let head = std::mem::take(&mut self.head);
        self.write(&head);
        self.head = head;
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(file) = &mut self.file
            && let Err(error) = file.write_all(bytes)
        {
            log::warn!("the whole output cannot be kept: {error}");
            (self.file, self.path) = (None, None);
        }
    }

    /// What the assistant gets: all of it, or its beginning and its end with a note between.
    pub(super) fn finish(mut self) -> String {
        let end = self.tail.len().min(self.bytes);
        let is_whole = self.total == (self.head.len() + self.tail.len()) as u64;
        let (head, tail) = if is_whole {
            let mut whole = std::mem::take(&mut self.head);
            whole.extend_from_slice(&self.tail);
            let text = plain(&whole);
            self.head = whole;
            if is_binary(&text) {
                return self.binary();
            }
            // Before it is cut: half a secret is not known any more.
            let text = self.secrets.hidden(&text);
            if text.len() <= self.bytes && text.lines().count() <= self.lines {
                return text;
            }
            (text.clone(), text)
        } else {
            let head = plain(&self.head);
            if is_binary(&head) {
                return self.binary();
            }
            let tail = plain(&self.tail[self.tail.len() - end..]);
            (self.hidden(&head, Cut::End), self.hidden(&tail, Cut::Beginning))
        };
        let head = beginning(&head, self.lines / 2, self.bytes / 2);
        let tail = ending(&tail, self.lines / 2, self.bytes / 2);
        let left_out = self.total.saturating_sub((head.len() + tail.len()) as u64);
        let whole = self.whole();
        let line = if head.is_empty() || head.ends_with('\n') { "" } else { "\n" };
        format!("{head}{line}[… {left_out} bytes left out here{whole} …]\n{tail}")
    }

    /// A part without secrets. So much of it is shown that half a secret at the cut can be seen only when masks made it
    /// much shorter.
    fn hidden(&self, part: &str, cut: Cut) -> String {
        let hidden = self.secrets.hidden(part);
        if hidden.len() > self.bytes / 2 + LONGEST_SECRET {
            hidden
        } else {
            self.secrets.hidden_in_part(part, cut)
        }
    }

    fn binary(&mut self) -> String {
        let whole = self.whole();
        format!("[binary output of {} bytes, not shown{whole}]\n", self.total)
    }

    /// Where the whole is.
    fn whole(&mut self) -> String {
        if self.file.is_none() {
            // It was short enough to be in memory.
            self.begin();
        }
        match &self.path {
            Some(path) if self.total > LONGEST => {
                format!("; the first {} MiB are in {}", LONGEST >> 20, path.display())
            }
            Some(path) => format!("; all of it is in {}", path.display()),
            None => String::new(),
        }
    }
}

fn create(path: &Path) -> std::io::Result<File> {
    if let Some(directory) = path.parent() {
        seqera_plugin_api::private_file::create_directory(directory)
            .map_err(|error| std::io::Error::other(error.to_string()))?;
    }
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The first lines, as many bytes as allowed at most; a line that is longer is cut.
fn beginning(text: &str, lines: usize, bytes: usize) -> &str {
    let mut end = text.match_indices('\n').nth(lines.saturating_sub(1)).map_or(text.len(), |(at, _)| at + 1);
    if end > bytes {
        let most = floor(text, bytes);
        end = text[..most].rfind('\n').map_or(most, |at| at + 1);
    }
    &text[..end]
}

/// The last lines, alike.
fn ending(text: &str, lines: usize, bytes: usize) -> &str {
    let inner = text.strip_suffix('\n').unwrap_or(text);
    let mut start = inner.rmatch_indices('\n').nth(lines.saturating_sub(1)).map_or(0, |(at, _)| at + 1);
    if text.len() - start > bytes {
        let least = (text.len() - bytes..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        if text[..least].ends_with('\n') {
            return &text[least..];
        }
        start = inner.get(least..).and_then(|rest| rest.find('\n')).map_or(least, |at| least + at + 1);
    }
    &text[start..]
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(lines: usize, bytes: usize) -> Limits {
        Limits { output_lines: lines, output_bytes: bytes, ..Limits::default() }
    }

    fn captured(limits: &Limits, path: Option<&Path>, pieces: &[&[u8]]) -> String {
        let mut capture = Capture::new(limits, path.map(Path::to_owned), Secrets::named([]));
        pieces.iter().for_each(|piece| capture.push(piece));
        capture.finish()
    }

    #[test]
    fn what_is_short_is_whole_and_makes_no_file() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("out/a");
        assert_eq!(captured(&limits(10, 100), Some(&path), &[b"a\n", b"b\n"]), "a\nb\n");
        assert!(!root.path().join("out").exists());
    }

    #[test]
    fn beginning_and_end_stay_and_the_whole_is_in_a_private_file() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("out/a");
        let line = |n: usize| format!("line {n:04}\n");
        let all: String = (0..1000).map(line).collect();
        let text = captured(&limits(100, 100), Some(&path), &[&all.as_bytes()[..77], &all.as_bytes()[77..]]);
        let (head, tail) = (line(0) + &line(1) + &line(2) + &line(3) + &line(4), line(995));
        assert!(text.starts_with(&head), "{text}");
        assert!(text.contains(&tail) && text.ends_with(&line(999)), "{text}");
        assert!(
            text.contains(&format!("[… 9900 bytes left out here; all of it is in {} …]", path.display()))
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), all);
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn many_short_lines_are_cut_by_their_number() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a");
        let all: String = (0..50).map(|n| format!("{n}\n")).collect();
        let text = captured(&limits(4, 1000), Some(&path), &[all.as_bytes()]);
        assert!(text.starts_with("0\n1\n[… 130 bytes left out here; all of it is in "), "{text}");
        assert!(text.ends_with(" …]\n48\n49\n"), "{text}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), all);
        assert_eq!(captured(&limits(4, 1000), None, &[all.as_bytes()]).lines().count(), 5);
    }

    #[test]
    fn one_line_without_end_is_cut_between_characters() {
        let all = "ä".repeat(500);
        let text = captured(&limits(10, 101), None, &[all.as_bytes()]);
        assert!(!text.contains('\u{fffd}'), "{text}");
        assert!(text.starts_with(&"ä".repeat(25)) && text.ends_with(&"ä".repeat(25)), "{text}");
    }

    #[test]
    fn something_binary_is_not_shown() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a");
        let noise: Vec<u8> = (0..9000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for bytes in [100, 100_000] {
            let _none = std::fs::remove_file(&path);
            let text = captured(&limits(10, bytes), Some(&path), &[&noise]);
            let said =
                format!("[binary output of 9000 bytes, not shown; all of it is in {}]\n", path.display());
            assert_eq!(text, said);
            assert_eq!(std::fs::read(&path).unwrap(), noise);
        }
    }

    #[test]
    fn a_flood_does_not_stay_in_memory() {
        let mut capture = Capture::new(&limits(10, 1000), None, Secrets::named([]));
        let piece = vec![b'x'; 64 * 1024];
        for _ in 0..2000 {
            capture.push(&piece);
            assert!(capture.head.len() <= 1000 && capture.tail.capacity() <= 4000);
        }
        let text = capture.finish();
        assert!(text.len() < 1200 && text.contains("131071000 bytes left out"), "{text}");
    }
}
