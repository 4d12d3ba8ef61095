//! What a command prints, as text for the assistant: what steers a terminal is gone, everything else is as it came.

use vte::{Parser, Perform};

/// Of a hundred characters that many are no text in something binary.
const BINARY: usize = 10;

/// The text of some bytes: escape sequences are dropped, a lone carriage return becomes a new line, and what is no text
/// becomes U+FFFD.
pub(super) fn plain(bytes: &[u8]) -> String {
    let is_simple = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t') || *byte >= 0x80;
    let steers = |c: char| c.is_control() && c != '\n' && c != '\t';
    if bytes.iter().all(is_simple)
        && let Ok(text) = std::str::from_utf8(bytes)
        && !text.contains(steers)
    {
        return text.to_owned();
    }
    let mut text = Plain { text: String::with_capacity(bytes.len()), after_return: false };
    Parser::new().advance(&mut text, bytes);
    if text.after_return {
        text.text.push('\n');
    }
    text.text
}

/// Whether something is no text, by what [`plain`] made of it.
pub(super) fn is_binary(text: &str) -> bool {
    let (mut wrong, mut all) = (0, 0);
    for c in text.chars().take(4096) {
        wrong += usize::from(c == char::REPLACEMENT_CHARACTER);
        all += 1;
    }
    wrong * 100 > all * BINARY
}

struct Plain {
    text: String,
    /// The last character was a carriage return.
    after_return: bool,
}

impl Plain {
    fn settle(&mut self) {
        if std::mem::take(&mut self.after_return) {
            self.text.push('\n');
        }
    }
}

impl Perform for Plain {
    fn print(&mut self, c: char) {
        self.settle();
        if !c.is_control() {
            self.text.push(c);
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\n' if std::mem::take(&mut self.after_return) => self.text.push_str("\r\n"),
            b'\r' => {
                self.settle();
                self.after_return = true;
            }
            b'\n' | b'\t' => {
                self.settle();
                self.text.push(char::from(byte));
            }
            // What was struck over, as in a manual page.
            8 => {
                if !self.text.ends_with('\n') {
                    self.text.pop();
                }
            }
            7 | 0x80.. => {}
            _ => {
                self.settle();
                self.text.push(char::REPLACEMENT_CHARACTER);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_steers_is_taken_out() {
        for (bytes, text) in [
            (&b"plain\ttext\n"[..], "plain\ttext\n"),
            ("Größe 🧬 \u{feff}日本".as_bytes(), "Größe 🧬 \u{feff}日本"),
            (b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07x", "red x"),
            (b"10%\r20%\r30%\n", "10%\n20%\n30%\n"),
            (b"dos\r\nlines\r\n", "dos\r\nlines\r\n"),
            (b"end\r", "end\n"),
            (b"N\x08NA\x08A", "NA"),
            (b"a\x00b\xffc", "a\u{fffd}b\u{fffd}c"),
            ("a\u{85}b".as_bytes(), "ab"),
        ] {
            assert_eq!(plain(bytes), text, "{bytes:?}");
        }
    }

    #[test]
    fn binary_is_told_from_text_in_an_old_encoding() {
        let noise: Vec<u8> = (0..4000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        assert!(is_binary(&plain(&noise)));
        assert!(!is_binary(&plain(b"caf\xe9 au lait, na\xefve, and more words of an old encoding")));
        assert!(!is_binary(""));
    }
}
