//! What was checked, written anew: every word in single quotes, so that nothing is left for a shell to interpret.

use crate::shell::strict::{Joint, Redirect, Script, Simple};

/// The text for bash.
pub(crate) fn emit(script: &Script) -> String {
    let mut text = String::new();
    for (index, pipeline) in script.pipelines.iter().enumerate() {
        text.push_str(match (index, pipeline.joint) {
            (0, _) => "",
            (_, Joint::Then) => "\n",
            (_, Joint::And) => " && ",
            (_, Joint::Or) => " || ",
        });
        for (index, command) in pipeline.commands.iter().enumerate() {
            if index > 0 {
                text.push_str(" | ");
            }
            emit_command(&mut text, command);
        }
    }
    text
}

fn emit_command(text: &mut String, command: &Simple) {
    for (index, word) in command.words.iter().enumerate() {
        if index > 0 {
            text.push(' ');
        }
        quote(text, word);
    }
    for redirect in &command.redirects {
        text.push(' ');
        match redirect {
            Redirect::Duplicate { operator, from, to } => {
                text.extend(*from);
                text.push_str(operator);
                text.push(*to);
            }
            Redirect::File { operator, from, path } => {
                text.extend(*from);
                text.push_str(operator);
                text.push(' ');
                quote(text, path);
            }
            // A here-string ends with a new line of its own.
            Redirect::Text(body) => match body.strip_suffix('\n') {
                Some(body) => {
                    text.push_str("<<< ");
                    quote(text, body);
                }
                None => text.push_str("< /dev/null"),
            },
        }
    }
}

/// A word as it has to be written for a shell to take it for itself, in quotes where it needs them.
#[must_use]
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "%+,-./:@_".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    let mut text = String::new();
    quote(&mut text, word);
    text
}

/// A word in single quotes.
pub(crate) fn quote(text: &mut String, word: &str) {
    text.push('\'');
    text.push_str(&word.replace('\'', r"'\''"));
    text.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::strict::read;

    #[test]
    fn every_word_is_quoted() {
        let script = read("ls -la \"it's\" 2>&1 | head -n 1; cat > f <<'E' && pwd\na\n'b'\nE").unwrap();
        let text = emit(&script);
        assert_eq!(
            text,
            "'ls' '-la' 'it'\\''s' 2>&1 | 'head' '-n' '1'\n'cat' > 'f' <<< 'a\n'\\''b'\\''' && 'pwd'"
        );
    }
}
