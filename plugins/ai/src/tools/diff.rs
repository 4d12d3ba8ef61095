//! A change as people and models read it.

use std::path::Path;
use std::time::Duration;

use similar::{Algorithm, TextDiff};

/// Longest search for a short one.
const PATIENCE: Duration = Duration::from_millis(300);
/// Longest diff, in bytes.
const LONGEST: usize = 20_000;

/// A unified diff; empty when nothing differs.
pub(super) fn unified(path: &Path, old: &[u8], new: &[u8]) -> String {
    let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(new));
    let diff = TextDiff::configure().algorithm(Algorithm::Myers).timeout(PATIENCE).diff_lines(&*old, &*new);
    let name = path.display().to_string();
    let text = diff.unified_diff().context_radius(3).header(&name, &name).to_string();
    if text.len() <= LONGEST {
        return text;
    }
    let end = text[..floor(&text, LONGEST)].rfind('\n').map_or(0, |at| at + 1);
    format!("{}[… {} bytes of this diff left out …]\n", &text[..end], text.len() - end)
}

/// The same, as a block of Markdown.
pub(super) fn fenced(diff: &str) -> String {
    let mut fence = "```".to_owned();
    while diff.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}diff\n{diff}{fence}\n")
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_shows_lines_around_a_change_and_is_bounded() {
        let diff = unified(Path::new("a.nf"), b"1\n2\n3\n4\n5\n6\n", b"1\n2\n3\n4\n5x\n6\n");
        assert_eq!(diff, "--- a.nf\n+++ a.nf\n@@ -2,5 +2,5 @@\n 2\n 3\n 4\n-5\n+5x\n 6\n");
        assert_eq!(unified(Path::new("a"), b"x", b"x"), "");
        let long = "line\n".repeat(20_000);
        assert!(unified(Path::new("a"), b"", long.as_bytes()).len() < LONGEST + 100);
        assert!(fenced("+```\n").starts_with("````diff\n+```\n````"));
    }
}
