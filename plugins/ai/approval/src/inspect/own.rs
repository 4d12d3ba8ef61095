//! Commands of ours that show or change credentials, or what may be loaded.

use crate::decision::Rule;
use crate::shell::strict::Refusal;
use crate::shell::word::Arg;

/// What `seqera plugin` and `seqera config` change.
const CHANGES: [&str; 16] = [
    "install", "upgrade", "remove", "trust", "link", "unlink", "enable", "disable", "pin", "unpin", "sync",
    "grants", "run", "set", "unset", "edit",
];

fn asked(what: &str) -> Option<Refusal> {
    Some((Rule::Credentials, format!("`seqera {what}` is asked about in every mode")))
}

/// What the words behind `seqera` have to be asked about: the first ones decide, for any later one may be a value.
pub(super) fn command(words: &[Arg]) -> Option<Refusal> {
    let texts: Option<Vec<&str>> = words.iter().map(Arg::text).collect();
    let Some(texts) = texts else { return asked("…") };
    let (first, rest) = texts.split_first()?;
    let next = rest.first().copied().unwrap_or_default();
    match *first {
        "auth" if next == "status" => None,
        "auth" if next == "token" => asked("auth token"),
        "login" | "logout" | "auth" => asked(first),
        "ai" if matches!(next, "sessions" | "approval") => None,
        "ai" => another_assistant(),
        "plugin" | "config" => {
            let change = rest.iter().find(|word| CHANGES.contains(word));
            change.and_then(|change| asked(&format!("{first} {change}")))
        }
        // Of an option in front it is not known what it takes along.
        option if option.starts_with('-') => {
            let is_asked =
                |word: &&&str| matches!(**word, "auth" | "login" | "logout" | "plugin" | "config" | "ai");
            rest.iter().find(is_asked).and_then(|word| asked(word))
        }
        _ => None,
    }
}

fn another_assistant() -> Option<Refusal> {
    Some((Rule::Credentials, "it starts another assistant, which would not be asked about".to_owned()))
}
