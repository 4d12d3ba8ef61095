//! `read_file_local`: a range of lines, without the file in memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use super::call::ReadFile;
use super::line_ends::MARK;
use super::place::{Access, Place, Version};
use super::{Limits, Tools};
use crate::agent::ToolResult;
use crate::driver::Stop;
use crate::secrets::{Cut, LONGEST, Secrets};

/// What is looked at to tell a binary file, in bytes.
const HEAD: usize = 8192;
/// How far behind the range lines are counted, in bytes.
const COUNTED: u64 = 64 * 1024 * 1024;

impl Tools {
    pub(super) fn read_file(&mut self, asked: &ReadFile, path: &Path, stop: &Stop) -> ToolResult {
        match self.read_lines(asked, path, stop) {
            Ok(stdout) => ToolResult { stdout, ..ToolResult::default() },
            Err(reason) => ToolResult::refused(reason),
        }
    }

    fn read_lines(&mut self, asked: &ReadFile, path: &Path, stop: &Stop) -> Result<String, String> {
        let range = Range::of(asked, &self.limits)?;
        let place = Place::find(path)?;
        let Some(mut file) = place.open(Access::Read)? else {
            return Err(format!("there is no file {}", path.display()));
        };
        let failed = |error: io::Error| format!("{} cannot be read: {error}", path.display());
        let version = Version::of(&file).map_err(failed)?;
        let page = Page::read(&file, range, &self.limits, &self.secrets, stop).map_err(failed)?;
        let text = page.text(path, range)?;
        self.seen.saw(path, &mut file, version);
        Ok(text)
    }
}

/// Lines that are wanted, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    first: usize,
    last: usize,
    is_explicit: bool,
}

impl Range {
    fn of(asked: &ReadFile, limits: &Limits) -> Result<Self, String> {
        let is_explicit = asked.start_line.is_some() || asked.end_line.is_some();
        let first = asked.start_line.unwrap_or(1);
        let default = if is_explicit { usize::MAX } else { limits.implicit_lines };
        let last = asked.end_line.unwrap_or(default);
        if first == 0 || last == 0 {
            return Err("lines are counted from 1".to_owned());
        }
        if first > last {
            return Err(format!("start_line {first} is behind end_line {last}"));
        }
        Ok(Self { first, last, is_explicit })
    }
}

/// What was read.
#[derive(Debug, Default)]
struct Page {
    lines: Vec<u8>,
    /// Lines in it.
    count: usize,
    /// Lines of the file, as far as they were counted, and whether that is all.
    total: usize,
    is_total: bool,
    /// Whether it ended before the range did.
    is_cut: bool,
    is_binary: bool,
}

impl Page {
    fn read(file: &File, range: Range, limits: &Limits, secrets: &Secrets, stop: &Stop) -> io::Result<Self> {
        let mut reader = BufReader::with_capacity(64 * 1024, file);
        let mut page = Self::default();
        let head = reader.fill_buf()?;
        page.is_binary = memchr::memchr(0, &head[..head.len().min(HEAD)]).is_some();
        if page.is_binary {
            return Ok(page);
        }
        if head.starts_with(MARK) {
            reader.consume(MARK.len());
        }
        let mut line = Line::new(limits.line_chars, secrets);
        let mut behind = 0;
        while behind <= COUNTED && !stop.is_wanted() {
            let part = reader.fill_buf()?;
            if part.is_empty() {
                page.is_total = true;
                break;
            }
            // To the end of a line, or as far as it goes.
            let end = memchr::memchr(b'\n', part).map(|at| at + 1);
            let count = end.unwrap_or(part.len());
            let number = page.total + 1;
            if (range.first..=range.last).contains(&number) && !page.is_cut {
                line.push(&part[..count]);
            } else if number >= range.first {
                behind += count as u64;
            }
            line.is_open = end.is_none();
            reader.consume(count);
            if !line.is_open {
                page.end_line(&mut line, limits);
            }
        }
        if line.is_open {
            page.end_line(&mut line, limits);
        }
        Ok(page)
    }

    fn end_line(&mut self, line: &mut Line<'_>, limits: &Limits) {
        self.total += 1;
        if !line.bytes.is_empty() {
            self.take(line, limits);
        }
    }

    fn take(&mut self, line: &mut Line<'_>, limits: &Limits) {
        let text = line.take();
        let is_full = self.count > 0 && self.lines.len() + text.len() > limits.read_bytes;
        if is_full || self.count >= limits.read_lines {
            self.is_cut = true;
            return;
        }
        self.lines.extend_from_slice(&text);
        self.count += 1;
    }

    fn text(&self, path: &Path, range: Range) -> Result<String, String> {
        let name = path.display();
        if self.is_binary || memchr::memchr(0, &self.lines).is_some() {
            return Err(format!("{name} is binary, and cannot be read as text"));
        }
        if self.count == 0 {
            let total = self.total;
            return match total {
                0 if range.first == 1 => Ok("[the file is empty]\n".to_owned()),
                _ => Err(format!("{name} has {total} lines; start_line {} is beyond its end", range.first)),
            };
        }
        let mut text = String::from_utf8_lossy(&self.lines).into_owned();
        let last = range.first + self.count - 1;
        if self.total > last && (self.is_cut || !range.is_explicit) {
            let more = if self.is_total { "" } else { "more than " };
            let note = format!(
                "[lines {} to {last} of {more}{}; read on with start_line {}]",
                range.first,
                self.total,
                last + 1
            );
            super::shell::add_line(&mut text, &note);
        }
        Ok(text)
    }
}

/// A line that may be too long for anybody.
struct Line<'a> {
    secrets: &'a Secrets,
    most: usize,
    bytes: Vec<u8>,
    left_out: usize,
    /// Its end has not come yet.
    is_open: bool,
}

impl<'a> Line<'a> {
    fn new(most: usize, secrets: &'a Secrets) -> Self {
        Self { secrets, most, bytes: Vec::new(), left_out: 0, is_open: false }
    }

    fn push(&mut self, part: &[u8]) {
        // A character has up to four bytes, and a secret must not be cut before it is hidden.
        let room = (4 * self.most + LONGEST).saturating_sub(self.bytes.len()).min(part.len());
        self.bytes.extend_from_slice(&part[..room]);
        self.left_out += part.len() - room;
    }

    fn take(&mut self) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.bytes);
        let left_out = std::mem::take(&mut self.left_out);
        if left_out == 0 && bytes.len() <= self.most {
            return bytes;
        }
        let all = String::from_utf8_lossy(&bytes);
        let mut all = self.secrets.hidden(&all);
        if left_out > 0 && all.len() <= 4 * self.most {
            all = self.secrets.hidden_in_part(&String::from_utf8_lossy(&bytes), Cut::End);
        }
        let content = all.trim_end_matches(['\n', '\r']);
        let Some((at, _)) = content.char_indices().nth(self.most) else {
            if left_out == 0 {
                return all.into_bytes();
            }
            let text = format!("{content} [… {left_out} bytes of this line left out …]\n");
            return text.into_bytes();
        };
        let left_out = left_out + content.len() - at;
        let text = format!("{} [… {left_out} bytes of this line left out …]\n", &content[..at]);
        bytes.clear();
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(
        content: &[u8],
        range: (Option<usize>, Option<usize>),
        limits: &Limits,
    ) -> Result<String, String> {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("f");
        std::fs::write(&path, content).unwrap();
        let asked = ReadFile { path: "f".to_owned(), start_line: range.0, end_line: range.1 };
        let range = Range::of(&asked, limits)?;
        let file = File::open(&path).unwrap();
        let secrets = Secrets::named([]);
        Page::read(&file, range, limits, &secrets, &Stop::default()).unwrap().text(Path::new("f"), range)
    }

    fn numbers(count: usize) -> String {
        (1..=count).map(|n| format!("{n}\n")).collect()
    }

    #[test]
    fn a_range_is_read_as_it_is() {
        let limits = Limits::default();
        let text = numbers(10);
        for (range, expected) in [
            ((None, None), text.as_str()),
            ((Some(3), Some(4)), "3\n4\n"),
            ((Some(9), None), "9\n10\n"),
            ((None, Some(2)), "1\n2\n"),
            ((Some(10), Some(99)), "10\n"),
        ] {
            assert_eq!(read(text.as_bytes(), range, &limits).as_deref(), Ok(expected), "{range:?}");
        }
        assert_eq!(read(b"a\r\nb", (None, None), &limits).as_deref(), Ok("a\r\nb"));
        assert_eq!(read(b"\xef\xbb\xbfa\n", (None, None), &limits).as_deref(), Ok("a\n"));
        assert_eq!(read(b"", (None, None), &limits).as_deref(), Ok("[the file is empty]\n"));
        for (range, says) in [
            ((Some(11), None), "f has 10 lines; start_line 11 is beyond its end"),
            ((Some(4), Some(3)), "start_line 4 is behind end_line 3"),
            ((Some(0), None), "counted from 1"),
        ] {
            let error = read(text.as_bytes(), range, &limits).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn what_is_cut_says_where_to_go_on() {
        let limits = Limits { read_lines: 200, read_bytes: 4096, ..Limits::default() };
        let text = read(numbers(1000).as_bytes(), (None, None), &limits).unwrap();
        assert!(text.ends_with("\n200\n[lines 1 to 200 of 1000; read on with start_line 201]\n"), "{text}");
        let text = read(numbers(1000).as_bytes(), (None, None), &Limits::default()).unwrap();
        assert!(text.ends_with("\n250\n[lines 1 to 250 of 1000; read on with start_line 251]\n"), "{text}");
        let long = format!("{}\n", "x".repeat(99)).repeat(100);
        let text = read(long.as_bytes(), (Some(2), Some(90)), &limits).unwrap();
        assert!(text.ends_with("[lines 2 to 41 of 100; read on with start_line 42]\n"), "{text}");
        assert_eq!(read(long.as_bytes(), (Some(2), Some(5)), &limits).unwrap().lines().count(), 4);
    }

    #[test]
    fn long_lines_are_cut_between_characters_and_the_next_ones_are_whole() {
        let limits = Limits { line_chars: 256, ..Limits::default() };
        let text = format!("{}\nnext\n", "ä".repeat(200_000));
        let read = read(text.as_bytes(), (None, None), &limits).unwrap();
        let cut =
            format!("{} [… {} bytes of this line left out …]\nnext\n", "ä".repeat(256), 2 * 199_744 + 1);
        assert!(read.ends_with("left out …]\nnext\n") && read.starts_with(&"ä".repeat(256)), "{read}");
        assert!(!read.contains('\u{fffd}') && read.len().abs_diff(cut.len()) < 3, "{read}");
    }

    #[test]
    fn binary_is_no_text() {
        let limits = Limits::default();
        assert!(read(b"ELF\0\x01", (None, None), &limits).unwrap_err().contains("is binary"));
        assert_eq!(read(b"caf\xe9\n", (None, None), &limits).as_deref(), Ok("caf\u{fffd}\n"));
    }

    proptest! {
        #[test]
        fn a_range_is_what_a_reader_of_the_whole_file_sees(
            content in "[ab\n]{0,60}", first in 1_usize..20, more in 0_usize..20,
        ) {
            let lines: Vec<&str> = content.split_inclusive('\n').collect();
            let expected: String = lines.iter().skip(first - 1).take(more + 1).copied().collect();
            let read = read(content.as_bytes(), (Some(first), Some(first + more)), &Limits::default());
            match read {
                Ok(_) if content.is_empty() && first == 1 => {}
                Ok(text) => prop_assert_eq!(text, expected),
                Err(error) => {
                    let says = format!("has {} lines", lines.len());
                    prop_assert!(expected.is_empty() && error.contains(&says), "{}", error);
                }
            }
        }
    }
}
