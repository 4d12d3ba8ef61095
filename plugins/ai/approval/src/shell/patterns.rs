//! `[…]` and `{…}` outside of quotes: marked while a word is read piece by piece, and resolved once it is whole.

use super::word::{HOME, UNKNOWN};

const SET: char = '\u{2}';
const SET_END: char = '\u{3}';
const BRACE: char = '\u{4}';
const BRACE_END: char = '\u{5}';
const COMMA: char = '\u{6}';
/// Below this are the marks, and nothing that is meant to be read.
const MARKS: char = '\u{7}';
/// More words than this are not made of one.
const MOST: usize = 256;

/// Text outside of quotes: what the shell replaces by names of files, or by several words, is not known.
pub(crate) fn unquoted(text: &str, outline: &mut String) {
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        outline.push(match character {
            '*' | '?' | '(' | ')' => UNKNOWN,
            '[' => SET,
            ']' => SET_END,
            '{' => BRACE,
            '}' => BRACE_END,
            ',' => COMMA,
            '~' if outline.ends_with(['=', ':']) => UNKNOWN,
            '~' if outline.ends_with([BRACE, COMMA]) => match rest.peek() {
                None | Some('/' | ',' | '}') => HOME,
                Some(_) => UNKNOWN,
            },
            other => other,
        });
    }
}

/// Text in quotes that may hold a mark.
pub(crate) fn quoted(text: &str) -> String {
    text.replace(|character| character < MARKS, &UNKNOWN.to_string())
}

/// A word as it was marked, and every word that its braces make. `None` when they make too many.
pub(crate) fn resolve(marked: &str) -> Option<(String, Vec<String>)> {
    if !marked.contains([SET, SET_END, BRACE, BRACE_END, COMMA]) {
        return Some((marked.to_owned(), Vec::new()));
    }
    let mut each = Vec::new();
    if marked.contains(BRACE) {
        let characters: Vec<char> = marked.chars().collect();
        each = expanded(&characters)?;
    }
    if each.len() < 2 {
        let only = each.pop().unwrap_or_else(|| marked.to_owned());
        return Some((plain(&only), Vec::new()));
    }
    let outline = marked.replace([BRACE, BRACE_END], &UNKNOWN.to_string());
    Some((plain(&outline), each.iter().map(|word| plain(word)).collect()))
}

/// What is left of marks: a set is one unknown character, anything else itself.
fn plain(marked: &str) -> String {
    let names: Vec<String> = marked.split('/').map(without_sets).collect();
    let text = names.join("/");
    text.replace(SET, "[")
        .replace(SET_END, "]")
        .replace(BRACE, "{")
        .replace(BRACE_END, "}")
        .replace(COMMA, ",")
}

/// From the first bracket to the last of one name, whatever is between them; a variable may hold the last.
fn without_sets(name: &str) -> String {
    match (name.find(SET), name.rfind([SET_END, UNKNOWN])) {
        (Some(start), Some(end)) if start + 1 < end => {
            format!("{}{UNKNOWN}{}", &name[..start], &name[end + 1..])
        }
        _ => name.to_owned(),
    }
}

/// The words that braces make; one without a comma or two dots is text.
fn expanded(marked: &[char]) -> Option<Vec<String>> {
    let Some(start) = marked.iter().position(|&character| character == BRACE) else {
        return Some(vec![marked.iter().collect()]);
    };
    let Some((end, parts)) = parts(&marked[start..]) else {
        // Nothing closes it.
        let rest = expanded(&marked[start + 1..])?;
        let before: String = marked[..start].iter().collect();
        return Some(rest.into_iter().map(|rest| format!("{before}{{{rest}")).collect());
    };
    let before: String = marked[..start].iter().collect();
    let inner: String = marked[start + 1..start + end].iter().collect();
    let middles = match parts.as_slice() {
        [_] if inner.contains("..") => vec![UNKNOWN.to_string()],
        [only] => expanded(only)?.into_iter().map(|inner| format!("{{{inner}}}")).collect(),
        several => {
            let mut middles = Vec::new();
            for part in several {
                middles.extend(expanded(part)?);
            }
            middles
        }
    };
    let ends = expanded(&marked[start + end + 1..])?;
    if middles.len() * ends.len() > MOST {
        return None;
    }
    let pairs = middles.iter().flat_map(|middle| ends.iter().map(move |end| (middle, end)));
    Some(pairs.map(|(middle, end)| format!("{before}{middle}{end}")).collect())
}

/// Where the brace at the beginning ends, and what its commas separate.
fn parts(marked: &[char]) -> Option<(usize, Vec<&[char]>)> {
    let (mut depth, mut begin, mut parts) = (0usize, 1, Vec::new());
    for (at, &character) in marked.iter().enumerate() {
        match character {
            BRACE => depth += 1,
            COMMA if depth == 1 => {
                parts.push(&marked[begin..at]);
                begin = at + 1;
            }
            BRACE_END if depth == 1 => {
                parts.push(&marked[begin..at]);
                return Some((at, parts));
            }
            BRACE_END => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, Vec<String>) {
        let mut marked = String::new();
        unquoted(text, &mut marked);
        let (outline, each) = resolve(&marked).unwrap();
        let shown = |text: String| text.replace(UNKNOWN, "?").replace(HOME, "~");
        (shown(outline), each.into_iter().map(shown).collect())
    }

    #[test]
    fn braces_make_the_words_that_bash_makes() {
        let cases: [(&str, &str, &[&str]); 10] = [
            ("a{b,c}d", "a?b,c?d", &["abd", "acd"]),
            ("{a,b{c,d}}/{x,}", "?a,b?c,d??/?x,?", &["a/x", "a/", "bc/x", "bc/", "bd/x", "bd/"]),
            ("{a}", "{a}", &[]),
            ("{}", "{}", &[]),
            ("{1..3}", "?", &[]),
            ("a{b", "a{b", &[]),
            ("a}b,c", "a}b,c", &[]),
            ("{~/x,~,~u}", "?~/x,~,?u?", &["~/x", "~", "?u"]),
            ("{x{a,b}", "?x?a,b?", &["{xa", "{xb"]),
            ("s[a-z]t/[!]b]/[", "s?t/?/[", &[]),
        ];
        for (text, outline, each) in cases {
            assert_eq!(
                read(text),
                (outline.to_owned(), each.iter().map(|&word| word.to_owned()).collect()),
                "{text}"
            );
        }
        assert!(resolve(&format!("{BRACE}a{COMMA}b{BRACE_END}").repeat(9)).is_none());
    }
}
