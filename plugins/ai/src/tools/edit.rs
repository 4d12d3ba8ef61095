//! `edit_file_local`: replaces one text by another, exactly.

use std::path::Path;

use memchr::memmem::Finder;

use super::Tools;
use super::call::EditFile;
use super::diff::{fenced, unified};
use super::files::Current;
use super::line_ends::LineEnd;
use super::place::Place;
use super::write::other_names;
use crate::agent::ToolResult;

/// Places that are named when there are several.
const NAMED: usize = 10;

impl Tools {
    pub(super) fn edit_file(&mut self, asked: &EditFile, path: &Path) -> ToolResult {
        match self.edit(asked, path) {
            Ok(stdout) => ToolResult { stdout, ..ToolResult::default() },
            Err(reason) => ToolResult::refused(reason),
        }
    }

    /// The content after the change, and what it is now.
    pub(super) fn edited(&self, asked: &EditFile, place: &Place) -> Result<(Vec<u8>, Current), String> {
        let Some(current) = self.seen.current(place)? else {
            return Err(format!("there is no file {}", place.path().display()));
        };
        self.check_masks(place, &current.bytes, asked.old_str.as_bytes())?;
        let bytes = replaced(&current.bytes, &asked.old_str, &asked.new_str)
            .map_err(|reason| format!("{}: {reason}", place.path().display()))?;
        self.check_masks(place, &current.bytes, &bytes)?;
        Ok((bytes, current))
    }

    fn edit(&mut self, asked: &EditFile, path: &Path) -> Result<String, String> {
        let place = Place::find(path)?;
        let (bytes, current) = self.edited(asked, &place)?;
        self.put(&place, &bytes, Some(&current))?;
        Ok(fenced(&unified(path, &current.bytes, &bytes)) + &other_names(&current.file))
    }
}

/// A content with the only occurrence of `old` replaced, byte by byte. Lines of the file keep their ends: a newline in
/// `old` and `new` stands for what the file has.
fn replaced(content: &[u8], old: &str, new: &str) -> Result<Vec<u8>, String> {
    if old.is_empty() {
        return Err("old_str is empty: it has to be the text that is replaced".to_owned());
    }
    if old == new {
        return Err("old_str and new_str are the same".to_owned());
    }
    let ends = LineEnd::of(content);
    let as_it_is = old.as_bytes().to_vec();
    let with_ends = LineEnd::CrLf.applied(old);
    let mut wanted = &as_it_is;
    let mut found = occurrences(content, wanted);
    if found.is_empty() && with_ends != as_it_is {
        wanted = &with_ends;
        found = occurrences(content, wanted);
    }
    match found[..] {
        [] => Err(nothing_found(content, old)),
        [at] => {
            let mut bytes = Vec::with_capacity(content.len() + new.len());
            bytes.extend_from_slice(&content[..at]);
            bytes.extend(ends.applied(new));
            bytes.extend_from_slice(&content[at + wanted.len()..]);
            Ok(bytes)
        }
        _ => {
            let lines: Vec<String> =
                found.iter().take(NAMED).map(|at| line_of(content, *at).to_string()).collect();
            let more = if found.len() > NAMED { " and more" } else { "" };
            Err(format!(
                "old_str is there {}{} times (lines {}{more}): nothing was changed; take lines around it into \
                 old_str until it is there once",
                if found.len() > NAMED { "more than " } else { "" },
                found.len().min(NAMED),
                lines.join(", ")
            ))
        }
    }
}

/// Where a text begins, also where occurrences overlap; not more than are told.
fn occurrences(content: &[u8], wanted: &[u8]) -> Vec<usize> {
    let finder = Finder::new(wanted);
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = content.get(from..).and_then(|rest| finder.find(rest)) {
        found.push(from + at);
        if found.len() > NAMED {
            break;
        }
        from += at + 1;
    }
    found
}

fn line_of(content: &[u8], at: usize) -> usize {
    memchr::memchr_iter(b'\n', &content[..at]).count() + 1
}

/// What helps to find it.
fn nothing_found(content: &[u8], old: &str) -> String {
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = String::from_utf8_lossy(content);
    let wanted: Vec<String> = old.lines().map(squeezed).filter(|line| !line.is_empty()).collect();
    let lines: Vec<(usize, String)> = text
        .lines()
        .enumerate()
        .map(|(number, line)| (number + 1, squeezed(line)))
        .filter(|(_, line)| !line.is_empty())
        .collect();
    let is_here = |part: &[(usize, String)]| part.iter().zip(&wanted).all(|((_, line), want)| line == want);
    let alike = (!wanted.is_empty())
        .then(|| lines.windows(wanted.len()).find(|part| is_here(part)).map(|part| part[0].0))
        .flatten();
    let first = wanted.first().and_then(|want| lines.iter().find(|(_, line)| line == want));
    let hint = match (alike, first) {
        (Some(line), _) => format!("line {line} begins a text that differs in blanks only"),
        (None, Some((line, _))) => format!("its first line is line {line}, and what follows it differs"),
        (None, None) => "it may have changed, or be in another file".to_owned(),
    };
    format!("old_str is not there, nothing was changed: {hint}; read the lines again and give them exactly")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(content: &str, old: &str, new: &str) -> Result<String, String> {
        replaced(content.as_bytes(), old, new).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn the_only_occurrence_is_replaced_and_the_new_text_is_literal() {
        for new in ["$$", "$& $` $' $1", "\\n", "", "{}", "ä\u{0}"] {
            assert_eq!(text("a X b", "X", new), Ok(format!("a {new} b")), "{new}");
        }
        assert_eq!(replaced(b"\xff\xfe X \xff", "X", "Y").unwrap(), b"\xff\xfe Y \xff", "any encoding");
    }

    #[test]
    fn none_or_several_is_an_error_that_helps() {
        let content = "one\n  two\nthree\none\n";
        for (old, says) in [
            ("one", "old_str is there 2 times (lines 1, 4): nothing was changed"),
            ("two\n three", "line 2 begins a text that differs in blanks only"),
            ("three\nfour", "its first line is line 3, and what follows it differs"),
            ("five", "it may have changed"),
            ("", "old_str is empty"),
            ("new", "are the same"),
        ] {
            let error = text(content, old, "new").unwrap_err();
            assert!(error.contains(says), "{old:?}: {error}");
        }
        assert!(text("aaa", "aa", "b").unwrap_err().contains("2 times"), "occurrences that overlap count");
        assert!(text(&"x\n".repeat(50), "x", "y").unwrap_err().contains("more than 10 times"));
    }

    #[test]
    fn line_ends_are_kept() {
        assert_eq!(text("a\r\nb\r\nc\r\n", "a\nb", "a\nx\nb").as_deref(), Ok("a\r\nx\r\nb\r\nc\r\n"));
        assert_eq!(text("a\r\nb\r\n", "a\r\nb", "x\r\ny").as_deref(), Ok("x\r\ny\r\n"));
        assert_eq!(text("a\r\nb\r\n", "b", "x\ny").as_deref(), Ok("a\r\nx\r\ny\r\n"));
        assert_eq!(text("a\nb\n", "a", "x\ny").as_deref(), Ok("x\ny\nb\n"));
        let mark = "\u{feff}a\r\n";
        assert_eq!(text(mark, "a", "b").as_deref(), Ok("\u{feff}b\r\n"));
    }

    proptest! {
        /// Whatever is in it: one occurrence is replaced, and every other byte stays.
        #[test]
        fn every_other_byte_stays(
            before in proptest::collection::vec(any::<u8>(), 0..40),
            after in proptest::collection::vec(any::<u8>(), 0..40),
            old in "[a-c\n\r$&]{1,4}",
            new in "[a-c\n\r$&]{0,4}",
        ) {
            let content = [&before[..], old.as_bytes(), &after].concat();
            if let Ok(bytes) = replaced(&content, &old, &new) {
                let found = content.windows(old.len()).filter(|window| *window == old.as_bytes()).count();
                prop_assert_eq!(found, 1);
                prop_assert!(bytes.starts_with(&before) && bytes.ends_with(&after));
                let inner = &bytes[before.len()..bytes.len() - after.len()];
                let plain = |text: &[u8]| String::from_utf8_lossy(text).replace("\r\n", "\n");
                prop_assert_eq!(plain(inner), plain(new.as_bytes()));
            }
        }
    }
}
