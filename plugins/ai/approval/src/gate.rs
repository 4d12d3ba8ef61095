//! Before any parser: text that shows something else than what it does.

use crate::decision::Rule;

/// The longest command that is looked at, in bytes.
pub(crate) const LONGEST: usize = 16 * 1024;

/// Refuses text that no person could judge by looking at it.
pub(crate) fn check(text: &str) -> Result<(), (Rule, String)> {
    if text.len() > LONGEST {
        let why = format!("it is {} bytes long; more than {LONGEST} are not judged", text.len());
        return Err((Rule::TooLong, why));
    }
    match text.chars().find(|&character| !is_plain(character)) {
        Some(hidden) => {
            let code = u32::from(hidden);
            Err((
                Rule::HiddenCharacters,
                format!("it holds a character that hides what it does (U+{code:04X})"),
            ))
        }
        None => Ok(()),
    }
}

/// Whether a character shows itself for what it is.
pub(crate) fn is_plain(character: char) -> bool {
    match character {
        '\t' | '\n' | ' ' => true,
        _ => !character.is_control() && !is_invisible(character) && !is_odd_space(character),
    }
}

/// Characters that are not seen, or that reorder what is: all of the category Cf, and more.
const fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{00AD}' // soft hyphen
        | '\u{0600}'..='\u{0605}' | '\u{06DD}' | '\u{070F}' | '\u{0890}' | '\u{0891}' | '\u{08E2}' // signs around others
        | '\u{110BD}' | '\u{110CD}' | '\u{13430}'..='\u{1343F}' // the same, of other scripts
        | '\u{1D159}' // a note without a head
        | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' // zero width, direction marks
        | '\u{202A}'..='\u{202E}' // bidirectional embeddings and overrides
        | '\u{2060}'..='\u{206F}' // word joiner, isolates
        | '\u{2800}' // braille blank
        | '\u{3164}' | '\u{FFA0}' // fillers
        | '\u{FE00}'..='\u{FE0F}' // variation selectors
        | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}' // tags, more variation selectors
        | '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}') // private use: looks like nothing known
}

/// Spaces that bash does not take for spaces.
const fn is_odd_space(character: char) -> bool {
    matches!(
        character,
        '\u{00A0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200A}' | '\u{2028}' | '\u{2029}' | '\u{202F}' | '\u{205F}' | '\u{3000}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_of_any_language_passes() {
        for text in ["ls -la", "echo 'größe'\n\tls", "echo 日本語 عربى 🧬", "cat <<'EOF'\nx\nEOF\n"]
        {
            assert!(check(text).is_ok(), "{text}");
        }
    }

    /// The category Cf as of Unicode 16.
    #[test]
    fn no_format_character_passes() {
        let ranges = [
            0xad..=0xad,
            0x600..=0x605,
            0x61c..=0x61c,
            0x6dd..=0x6dd,
            0x70f..=0x70f,
            0x890..=0x891,
            0x8e2..=0x8e2,
            0x180e..=0x180e,
            0x200b..=0x200f,
            0x202a..=0x202e,
            0x2060..=0x2064,
            0x2066..=0x206f,
            0xfeff..=0xfeff,
            0xfff9..=0xfffb,
            0x110bd..=0x110bd,
            0x110cd..=0x110cd,
            0x13430..=0x1343f,
            0x1bca0..=0x1bca3,
            0x1d173..=0x1d17a,
            0xe0001..=0xe0001,
            0xe0020..=0xe007f,
        ];
        for code in ranges.into_iter().flatten().chain([0x1d159]) {
            let hidden: char = char::from_u32(code).unwrap();
            assert!(check(&format!("ls {hidden}x")).is_err(), "U+{code:04X}");
        }
    }

    #[test]
    fn what_cannot_be_seen_does_not() {
        let hidden = [
            "\r",
            "\u{1b}[2K",
            "\u{7f}",
            "\u{85}",
            "\u{0}",
            "\u{b}",
            "\u{c}",
            "\u{200b}",
            "\u{202e}",
            "\u{2066}",
            "\u{e0041}",
            "\u{a0}",
            "\u{3000}",
            "\u{feff}",
            "\u{2028}",
            "\u{fe0f}",
            "\u{3164}",
        ];
        for text in hidden {
            let (rule, _) = check(&format!("ls {text} x")).unwrap_err();
            assert_eq!(rule, Rule::HiddenCharacters, "{text:?}");
        }
        assert!(check(&"x".repeat(LONGEST)).is_ok());
        assert_eq!(check(&"x".repeat(LONGEST + 1)).unwrap_err().0, Rule::TooLong);
    }
}
