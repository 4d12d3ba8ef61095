//! Programs that show the environment or the memory of another process, where tokens may be.

use crate::decision::Rule;
use crate::shell::strict::Refusal;
use crate::shell::word::{Arg, UNKNOWN};

/// Options of `ps` whose value is the next word.
const PS_VALUES: &str = "oOpqCuUgGtsLN";
/// Long options of `ps` whose value may be the next word.
const PS_LONG_VALUES: &[&str] = &[
    "sort",
    "pid",
    "ppid",
    "quick-pid",
    "user",
    "User",
    "group",
    "Group",
    "sid",
    "tty",
    "format",
    "cols",
    "columns",
    "width",
    "rows",
    "lines",
];
/// Options of strace and ltrace with a value.
const TRACE_VALUES: &str = "abeEIoOPsSuUXAFlnDx";

/// What a command has to be asked about.
pub(super) fn command(name: &str, words: &[Arg]) -> Option<Refusal> {
    let looks = match name {
        "ps" => shows_environment(words),
        "gcore" => true,
        "strace" | "ltrace" | "dtruss" => traces_another(words),
        // What follows these belongs to the program that is started.
        "gdb" | "lldb" => {
            words.iter().take_while(|word| !matches!(word.text(), Some("--args" | "--"))).any(|word| {
                let outline = word.outline.as_str();
                ["-p", "--pid", "--attach", "attach"].iter().any(|option| outline.starts_with(option))
            })
        }
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
            is_value = PS_LONG_VALUES.contains(&long);
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

/// Whether a tracer is given a process; its options end before the program that it starts.
fn traces_another(words: &[Arg]) -> bool {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let outline = word.outline.as_str();
        if outline.starts_with(UNKNOWN) {
            continue;
        }
        let Some(letters) = outline.strip_prefix('-').filter(|letters| *letters != "-") else { return false };
        if let Some(long) = letters.strip_prefix('-') {
            if long.starts_with("attach") || long.starts_with("pid") {
                return true;
            }
            if matches!(long, "output" | "trace" | "env" | "user" | "string-limit") {
                words.next();
            }
            continue;
        }
        match letters.find(|letter| letter == 'p' || TRACE_VALUES.contains(letter)) {
            Some(at) if letters[at..].starts_with('p') => return true,
            Some(at) if at + 1 == letters.len() => {
                words.next();
            }
            _ => {}
        }
    }
    false
}
