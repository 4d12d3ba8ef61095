//! What is shown while a command runs: at most so much, and so often, that a flood does not matter.

use std::time::{Duration, Instant};

use super::plain::plain;

/// Between two parts.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the beginning of a line waits for the rest of it.
const LINE: Duration = Duration::from_millis(500);
/// Most of one part, in bytes.
const MOST: usize = 16 * 1024;

/// Gathers what comes.
pub(super) struct Live {
    waiting: Vec<u8>,
    dropped: u64,
    shown_at: Option<Instant>,
    /// When the first of what waits came.
    came_at: Instant,
}

impl Live {
    pub(super) fn new() -> Self {
        Self { waiting: Vec::new(), dropped: 0, shown_at: None, came_at: Instant::now() }
    }

    pub(super) fn push(&mut self, piece: &[u8]) {
        if self.waiting.is_empty() {
            self.came_at = Instant::now();
        }
        let room = MOST.saturating_sub(self.waiting.len()).min(piece.len());
        self.waiting.extend_from_slice(&piece[..room]);
        self.dropped += (piece.len() - room) as u64;
    }

    /// What is to be shown now, if anything. Whole lines, so that no secret is cut in two and missed.
    pub(super) fn part(&mut self, is_last: bool) -> Option<String> {
        let is_early = self.shown_at.is_some_and(|at| at.elapsed() < PAUSE);
        if self.waiting.is_empty() || is_early && !is_last {
            return None;
        }
        let takes_all = is_last || self.dropped > 0 || self.came_at.elapsed() >= LINE;
        let newline = self.waiting.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
        let count = match newline {
            _ if takes_all => self.waiting.len(),
            Some(count) => count,
            None => return None,
        };
        let rest = self.waiting.split_off(count);
        let mut text = plain(&std::mem::replace(&mut self.waiting, rest));
        if self.dropped > 0 {
            text.push_str(&format!("\n[… {} bytes not shown …]\n", std::mem::take(&mut self.dropped)));
        }
        self.shown_at = Some(Instant::now());
        self.came_at = Instant::now();
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_shown_whole_and_a_flood_in_parts() {
        let mut live = Live::new();
        live.push(b"one\ntw");
        assert_eq!(live.part(false).as_deref(), Some("one\n"));
        live.push(b"o\n");
        assert_eq!(live.part(false), None, "too early");
        assert_eq!(live.part(true).as_deref(), Some("two\n"));
        live.push(&[b'x'; 3 * MOST]);
        let text = live.part(true).unwrap();
        assert!(text.ends_with("\n[… 32768 bytes not shown …]\n") && text.len() < MOST + 50);
        assert_eq!(live.part(true), None);
    }
}
