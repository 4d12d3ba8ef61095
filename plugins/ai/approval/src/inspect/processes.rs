//! Programs that show the environment or the memory of another process, where tokens may be.

use crate::decision::Rule;
use crate::shell::strict::Refusal;
use crate::shell::word::{Arg, UNKNOWN};

/// Options of `ps` whose value is the next word.
const PS_VALUES: &str = "oOpqCuUgGtsLN";
/// Programs that look into a process, given its number.
const LOOKS_INTO: &[&str] = &["gdb", "lldb", "strace", "ltrace", "dtruss"];

/// What a command has to be asked about.
pub(super) fn command(name: &str, words: &[Arg]) -> Option<Refusal> {
    let looks = match name {
        "ps" => shows_environment(words),
        "gcore" => true,
        _ if LOOKS_INTO.contains(&name) => words.iter().any(|word| {
            let outline = word.outline.as_str();
            ["-p", "--pid", "--attach", "attach"].iter().any(|option| outline.starts_with(option))
        }),
        _ => false,
    };
    let why = || format!("`{name}` may show the environment or the memory of another process");
    looks.then(|| (Rule::Credentials, why()))
}

/// `ps auxe`: without a dash, `e` shows the environment; with one it means every process, and on macOS `E` shows it.
fn shows_environment(words: &[Arg]) -> bool {
    let mut is_value = false;
    words.iter().any(|word| {
        let outline = word.outline.as_str();
        let was_value = std::mem::take(&mut is_value);
        if let Some(long) = outline.strip_prefix("--") {
            is_value = !long.contains('=');
            return false;
        }
        let letters = outline.strip_prefix('-');
        is_value = !was_value && letters.unwrap_or(outline).ends_with(|letter| PS_VALUES.contains(letter));
        match letters {
            Some(letters) => letters.contains(['E', UNKNOWN]),
            None => !was_value && outline.contains(['e', UNKNOWN]),
        }
    })
}
