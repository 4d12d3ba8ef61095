//! The whole language of bash, read by brush-parser under guard: it may fail, and it may not stop.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::time::Duration;

use brush_parser::{Parser, ParserOptions, ast};

use crate::decision::Rule;
use crate::shell::strict::Refusal;

/// How long a text may be read.
const LIMIT: Duration = Duration::from_millis(250);
/// What a text nested as deep as [`DEEPEST`] needs, with a margin; only what is used becomes memory.
const STACK: usize = 256 * 1024 * 1024;
/// How many brackets may be open at a time: the parser goes back and forth, and each level multiplies that.
const DEEPEST: usize = 24;

/// Runs a reading of untrusted text on a thread of its own, for at most [`LIMIT`].
pub(crate) fn guarded<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let spawned =
        std::thread::Builder::new().name("shell-reader".to_owned()).stack_size(STACK).spawn(move || {
            let _ = sender.send(catch_unwind(AssertUnwindSafe(read)));
        });
    if spawned.is_err() {
        return Err((Rule::Unreadable, "there is no memory to read it".to_owned()));
    }
    match receiver.recv_timeout(LIMIT) {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) | Err(mpsc::RecvTimeoutError::Disconnected) => Err(unreadable()),
        Err(mpsc::RecvTimeoutError::Timeout) => {
            let limit = LIMIT.as_millis();
            Err((Rule::TimeLimit, format!("it could not be read within {limit} ms")))
        }
    }
}

/// The reason for a text that no reader understands.
pub(crate) fn unreadable() -> Refusal {
    (Rule::Unreadable, "it cannot be read as bash would read it".to_owned())
}

/// How bash is read: as `bash -c` does, where extended patterns are off; with them on, brush-parser reads `!(rm x)` as a
/// word, and a command word with brackets is refused like any other that is not text.
pub(crate) fn options() -> ParserOptions {
    ParserOptions { tilde_expansion_after_colon: true, ..ParserOptions::default() }
}

/// The syntax tree of a text. Call it inside [`guarded`] only.
pub(crate) fn parse(text: &str) -> Result<ast::Program, Refusal> {
    if depth(text) > DEEPEST {
        return Err((Rule::Unreadable, format!("brackets are nested more than {DEEPEST} deep")));
    }
    if !has_only_plain_arithmetic(text) {
        return Err((Rule::Unreadable, "`$((` is read in more than one way".to_owned()));
    }
    if splits_expansion(text) || loses_here_document(text) {
        return Err(unreadable());
    }
    if holds_misread(text) {
        return Err((Rule::Unreadable, "`<((` is read in more than one way".to_owned()));
    }
    Parser::new(text.as_bytes(), &options()).parse_program().map_err(|_| unreadable())
}

/// Whether a text holds what brush-parser reads otherwise than bash: in `<((`, where a group begins a process
/// substitution, it loses the here-documents. A newline behind a backslash is nothing, as bash has it.
fn holds_misread(text: &str) -> bool {
    let text = text.replace("\\\n", "");
    text.contains("<((") || text.contains(">((")
}

/// Whether a line goes on right behind a `$`: bash sees what follows at once, and the parser does not.
pub(crate) fn splits_expansion(text: &str) -> bool {
    text.contains("$\\\n")
}

/// Whether a command begins with `((` that is no arithmetic, where the parser loses the here-documents in it.
fn loses_here_document(text: &str) -> bool {
    const BEFORE: [&str; 6] = ["then", "do", "else", "if", "while", "until"];
    let begins_command = |before: &str| {
        let before = before.trim_end_matches([' ', '\t']);
        before.is_empty()
            || before.ends_with(['\n', ';', '&', '|', '{', '!'])
            || BEFORE.iter().any(|word| before.ends_with(word))
    };
    text.contains("<<")
        && text.match_indices("((").any(|(at, opening)| {
            begins_command(&text[..at]) && !ends_like_arithmetic(&text[at + opening.len()..])
        })
}

/// Whether a process substitution may begin in a text, whatever the quotes.
pub(crate) fn opens_process(text: &str) -> bool {
    let text = text.replace("\\\n", "");
    text.contains("<(") || text.contains(">(")
}

/// Whether each `$((` in a text is arithmetic, however it is read: bash takes one that does not end with `))` for a
/// command in brackets, and the parser then looks for the end of another one.
pub(crate) fn has_only_plain_arithmetic(text: &str) -> bool {
    let text = text.replace("\\\n", "");
    text.match_indices("$((").all(|(at, opening)| ends_like_arithmetic(&text[at + opening.len()..]))
}

fn ends_like_arithmetic(text: &str) -> bool {
    let mut open = 1;
    for (at, character) in text.char_indices() {
        match character {
            // What is quoted could hide a bracket, and arithmetic has neither of the others.
            '\'' | '"' | '\\' | '`' | ';' | '\n' => return false,
            '(' => open += 1,
            ')' if open > 1 => open -= 1,
            ')' => return text[at + 1..].starts_with(')'),
            _ => {}
        }
    }
    false
}

/// The most brackets open at a time, whatever the quotes around them; more is not meant to be read.
fn depth(text: &str) -> usize {
    let mut open = 0usize;
    let mut most = 0;
    for character in text.chars() {
        match character {
            '(' | '{' | '[' => open += 1,
            ')' | '}' | ']' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}
