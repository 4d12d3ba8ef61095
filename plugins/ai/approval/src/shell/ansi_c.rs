//! `$'…'`: the escapes of C.

/// What bash makes of the text between `$'` and `'`. `None` when it holds a byte that is no character by itself.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        if character != '\\' {
            push(&mut bytes, character);
            continue;
        }
        let Some(escape) = rest.next() else {
            bytes.push(b'\\');
            break;
        };
        let code = match escape {
            'a' => 7,
            'b' => 8,
            'e' | 'E' => 27,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            '\\' | '\'' | '"' | '?' => u32::from(escape),
            '0'..='7' => number(&mut rest, 8, 2, escape.to_digit(8)) & 0xff,
            'x' if rest.peek() == Some(&'{') => return None,
            'x' => number(&mut rest, 16, 2, None) & 0xff,
            'u' | 'U' => {
                let digits = if escape == 'u' { 4 } else { 8 };
                push(&mut bytes, char::from_u32(number(&mut rest, 16, digits, None))?);
                continue;
            }
            'c' => rest.next().map_or(0, |control| u32::from(control) & 0x1f),
            other => {
                bytes.push(b'\\');
                push(&mut bytes, other);
                continue;
            }
        };
        // The string of bash ends at a zero byte.
        match u8::try_from(code) {
            Ok(0) => break,
            Ok(byte) => bytes.push(byte),
            Err(_) => return None,
        }
    }
    String::from_utf8(bytes).ok()
}

fn push(bytes: &mut Vec<u8>, character: char) {
    bytes.extend(character.encode_utf8(&mut [0; 4]).bytes());
}

/// Up to `most` digits; `first` was read before.
fn number(
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    base: u32,
    most: usize,
    first: Option<u32>,
) -> u32 {
    let mut value = first.unwrap_or(0);
    for _ in 0..most {
        match rest.peek().and_then(|digit| digit.to_digit(base)) {
            Some(digit) => value = value.wrapping_mul(base) | digit,
            None => break,
        }
        rest.next();
    }
    value
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn escapes_are_those_of_bash() {
        let cases = [
            ("\\x72m", "rm"),
            ("\\162\\155", "rm"),
            ("\\u0072\\U0000006d", "rm"),
            ("r\\x6D", "rm"),
            ("it\\'s\\n", "it's\n"),
            ("\\q\\\\", "\\q\\"),
            ("rm\\0hidden", "rm"),
            ("\\7x", "\u{7}x"),
        ];
        for (text, decoded) in cases {
            assert_eq!(decode(text).as_deref(), Some(decoded), "{text}");
        }
        assert_eq!(decode("\\xff"), None);
    }
}
