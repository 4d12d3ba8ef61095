//! Text that is not ours (the model's, a tool's, a file name, a title, an error) on its way to a terminal.
//!
//! Printable text, tab and newline pass. Control sequences (cursor, colour, OSC, DCS, APC) and C0 and C1 characters
//! are dropped; what hides or reorders text is shown as `<U+202E>`. A sequence may be split between two parts.

use std::borrow::Cow;
use std::fmt::Write as _;

use seqera_plugin_api::output::is_hidden;
use vte::{Parser, Perform};

/// The state between two parts of one text.
#[derive(Default)]
pub(crate) struct Sanitizer {
    /// Only while a sequence may be open.
    parser: Option<Box<Parser>>,
    /// The last character was a pictograph: a joiner behind it makes one picture of two.
    after_pictograph: bool,
}

impl Sanitizer {
    /// Adds to `out` what may be shown of `text`.
    pub(crate) fn push(&mut self, text: &str, out: &mut String) {
        if self.parser.is_none() && text.bytes().all(is_plain) {
            self.after_pictograph = false;
            return out.push_str(text);
        }
        let mut parser = self.parser.take().unwrap_or_default();
        for line in text.split_inclusive('\n') {
            let (content, ends) = line.strip_suffix('\n').map_or((line, false), |content| (content, true));
            let mut visible = Visible { out, after_pictograph: self.after_pictograph };
            parser.advance(&mut visible, content.as_bytes());
            self.after_pictograph = visible.after_pictograph;
            if ends {
                // No sequence goes on in the next line: one that never ends must not swallow what follows.
                *parser = Parser::default();
                out.push('\n');
            }
        }
        if !text.ends_with('\n') {
            self.parser = Some(parser);
        }
    }
}

/// A whole text at once.
pub(crate) fn sanitized(text: &str) -> Cow<'_, str> {
    if text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    Sanitizer::default().push(text, &mut out);
    Cow::Owned(out)
}

/// One line of it, for titles and names: a newline becomes a space, and a long one is cut.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let flat: String = sanitized(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.chars().count() <= most {
        return flat;
    }
    flat.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\n' | b'\t')
}

fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{FE0F}' | '\u{2600}'..='\u{27BF}' | '\u{1F000}'..='\u{1FAFF}')
}

/// Takes what a terminal would print, and nothing that would move it.
struct Visible<'a> {
    out: &'a mut String,
    after_pictograph: bool,
}

impl Perform for Visible<'_> {
    fn print(&mut self, c: char) {
        let joins = c == '\u{200D}' && self.after_pictograph;
        self.after_pictograph = is_pictograph(c) || joins;
        if is_hidden(c) && !joins {
            let _infallible = write!(self.out, "<U+{:04X}>", u32::from(c));
        } else if !c.is_control() {
            self.out.push(c);
        }
    }

    fn execute(&mut self, byte: u8) {
        if byte == b'\t' {
            self.out.push('\t');
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_steers_is_gone_and_what_hides_is_seen() {
        for (text, shown) in [
            ("plain\ttext\n", "plain\ttext\n"),
            ("Größe 🧬 日本語", "Größe 🧬 日本語"),
            ("a\u{1b}[2Jb\u{1b}[31mc\u{1b}[0m", "abc"),
            ("\u{1b}]0;title\u{7}x\u{1b}]8;;http://e\u{1b}\\link", "xlink"),
            ("\u{9b}2Jx\u{85}y\u{7f}z\rw\u{8}", "2Jxyzw"),
            ("\u{1b}Pq#0\u{1b}\\sixel \u{1b}_apc\u{1b}\\end", "sixel end"),
            ("rm \u{202e}fdp.txt\u{200b}", "rm <U+202E>fdp.txt<U+200B>"),
            ("👩\u{200d}🔬 a\u{200d}b", "👩\u{200d}🔬 a<U+200D>b"),
            ("\u{1b}]never ends\nthe next line", "\nthe next line"),
            ("\u{e0041}\u{feff}", "<U+E0041><U+FEFF>"),
        ] {
            assert_eq!(sanitized(text), shown, "{text:?}");
        }
        assert_eq!(one_line("a\nb\u{1b}[2J  c", 10), "a b c");
        assert_eq!(one_line("abcdefgh", 4), "abc…");
    }

    fn is_clean(text: &str) -> bool {
        let joins = |c: char| c == '\u{200D}';
        text.chars().all(|c| (!c.is_control() || c == '\n' || c == '\t') && (!is_hidden(c) || joins(c)))
    }

    /// Text that is rich in what steers.
    fn nasty() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            any::<char>().prop_map(String::from),
            "[ -~\n\t]{0,8}",
            "[\u{1b}\u{9b}\u{9d}\u{90}\u{7}\\[\\]PX^_;?0-9mJHhl\\\\]{1,6}",
            proptest::collection::vec(any::<u8>(), 0..6)
                .prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        ];
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_escape_comes_out(text in nasty()) {
            prop_assert!(is_clean(&sanitized(&text)), "{text:?}");
        }

        #[test]
        fn parts_give_what_the_whole_gives(text in nasty(), at in any::<prop::sample::Index>()) {
            let mut cut = at.index(text.len() + 1);
            while !text.is_char_boundary(cut) {
                cut -= 1;
            }
            let mut sanitizer = Sanitizer::default();
            let mut out = String::new();
            sanitizer.push(&text[..cut], &mut out);
            sanitizer.push(&text[cut..], &mut out);
            let whole = sanitized(&text);
            prop_assert!(is_clean(&out));
            prop_assert_eq!(out, whole);
        }

        #[test]
        fn plain_text_is_untouched(text in "[ -~\n\täöü日本語]{0,40}") {
            prop_assert_eq!(sanitized(&text), text.as_str());
        }
    }
}
