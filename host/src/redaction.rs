//! Log lines without what looks like a secret: values of headers, forms, JSON and URLs that have the name of one.
//!
//! Plugins take the very values out that they know; this is for those that nobody knew.

use std::borrow::Cow;

const MASK: &str = "[secret]";

/// Headers; everything to the end of the line is theirs.
const HEADERS: [&str; 4] = ["proxy-authorization", "authorization", "set-cookie", "cookie"];

/// Parameters of forms and URLs, members of JSON.
const PARAMETERS: [&str; 12] = [
    "access_token",
    "refresh_token",
    "id_token",
    "code",
    "code_verifier",
    "device_code",
    "state",
    "client_secret",
    "token",
    "password",
    "assertion",
    "id_token_hint",
];

/// The line without secrets.
pub fn redacted(line: &str) -> Cow<'_, str> {
    // Nothing hides in a line without a separator.
    if !line.contains(['=', ':']) && !line.contains("earer ") {
        return Cow::Borrowed(line);
    }
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    let mut before = None;
    while let Some(next) = rest.chars().next() {
        let starts_word = before.is_none_or(|before: char| !is_of_word(before));
        match if starts_word { secret_at(rest) } else { None } {
            Some((kept, hidden)) => {
                clean.push_str(&rest[..kept]);
                clean.push_str(MASK);
                rest = &rest[kept + hidden..];
                before = Some(']');
            }
            None => {
                clean.push(next);
                rest = &rest[next.len_utf8()..];
                before = Some(next);
            }
        }
    }
    Cow::Owned(clean)
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

/// How many bytes of a word here are shown, and how many after them are the secret.
fn secret_at(text: &str) -> Option<(usize, usize)> {
    let word = text.find(|c| !is_of_word(c)).unwrap_or(text.len());
    let (name, after) = text.split_at(word);
    let is_one_of = |names: &[&str]| names.iter().any(|other| name.eq_ignore_ascii_case(other));
    let (separator, ends): (usize, fn(char) -> bool) = if is_one_of(&HEADERS) {
        (separator(after, &[':', '=']), |c| matches!(c, '\n' | '\r' | '"' | '\''))
    } else if is_one_of(&PARAMETERS) {
        // With a colon only as a member of JSON: `state: valid` is for people.
        let separators: &[char] = if after.starts_with(['"', '\\']) { &[':', '='] } else { &['='] };
        (separator(after, separators), is_end_of_value)
    } else if name.eq_ignore_ascii_case("bearer") && after.starts_with(' ') {
        (1, is_end_of_value)
    } else {
        return None;
    };
    let value = after.get(separator..)?;
    let hidden = value.find(ends).unwrap_or(value.len());
    // `the bearer is` is for people; nobody's token is as short as a word.
    let shortest = if name.eq_ignore_ascii_case("bearer") { 12 } else { 1 };
    (separator > 0 && hidden >= shortest).then_some((word + separator, hidden))
}

fn is_end_of_value(c: char) -> bool {
    c.is_whitespace() || matches!(c, '&' | '"' | '\'' | ',' | '}' | ']' | ')' | '#' | ';' | '\\' | '<')
}

/// The length of a separator with quotes and spaces around it; 0 when there is none.
fn separator(text: &str, wanted: &[char]) -> usize {
    let is_around = |c: char| matches!(c, ' ' | '"' | '\'' | '\\');
    let start = text.find(|c| !is_around(c)).unwrap_or(text.len());
    let Some(rest) = text[start..].strip_prefix(wanted) else { return 0 };
    let end = rest.find(|c| !is_around(c)).unwrap_or(rest.len());
    text.len() - rest.len() + end
}

#[cfg(test)]
mod tests {
    use super::redacted;

    #[test]
    fn values_with_the_name_of_a_secret_are_hidden() {
        for (line, clean) in [
            ("Authorization: Bearer abc.def", "Authorization: [secret]"),
            ("authorization=\"Bearer abc\" accept=x", "authorization=\"[secret]\" accept=x"),
            ("POST /token?code=abc&state=xyz#end", "POST /token?code=[secret]&state=[secret]#end"),
            (r#"{"access_token":"abc","expires_in":60}"#, r#"{"access_token":"[secret]","expires_in":60}"#),
            (r#"{\"refresh_token\": \"abc\"}"#, r#"{\"refresh_token\": \"[secret]\"}"#),
            ("grant_type=refresh_token&refresh_token=abc", "grant_type=refresh_token&refresh_token=[secret]"),
            ("sent Bearer abcdefghijkl to x", "sent Bearer [secret] to x"),
            ("Cookie: a=1; b=2", "Cookie: [secret]"),
            ("code_verifier=\u{e4}bc ok", "code_verifier=[secret] ok"),
        ] {
            assert_eq!(redacted(line), clean);
        }
    }

    #[test]
    fn what_is_none_stays() {
        for line in [
            "the state: valid",
            "exit_code=3",
            "token",
            "a token of alice",
            "error_code=7: no",
            "https://id.example/authorize?response_type=code&scope=openid",
            "the bearer is not good",
            "state=",
        ] {
            assert_eq!(redacted(line), line);
        }
    }
}
