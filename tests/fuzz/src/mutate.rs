//! Makes a broken input of good ones.

use fastrand::Rng;

/// Longer inputs reach nothing that shorter ones do not, and take longer.
const LONGEST: usize = 64 << 10;

/// What readers of TOML, JSON, tar and shell text treat in a special way.
const TOKENS: &[&str] = &[
    "\"",
    "'",
    "\"\"\"",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    ",",
    ":",
    "\n",
    "\r\n",
    "\0",
    "\u{feff}",
    "\\",
    "\\u0000",
    "\\ud800",
    "é",
    "💥",
    "-1",
    "0",
    "18446744073709551616",
    "1e999",
    "9999999999999",
    "true",
    "null",
    "..",
    "/",
    "../",
    "$(",
    "`",
    "&&",
    "|",
    ";",
    "<<",
    "<(",
    "${",
    "((",
    "*",
    "~",
    "#",
    "\u{202e}",
    "rm",
    "untrusted comment:",
];

/// An input made of those of the corpus by a few random changes.
///
/// # Panics
/// With an empty corpus.
#[must_use]
pub fn mutate(corpus: &[(String, Vec<u8>)], random: &mut Rng) -> Vec<u8> {
    let mut input = pick(corpus, random).to_vec();
    for _ in 0..=random.usize(..6) {
        change(&mut input, corpus, random);
    }
    input.truncate(LONGEST);
    input
}

fn pick<'a>(corpus: &'a [(String, Vec<u8>)], random: &mut Rng) -> &'a [u8] {
    &corpus[random.usize(..corpus.len())].1
}

fn change(input: &mut Vec<u8>, corpus: &[(String, Vec<u8>)], random: &mut Rng) {
    let at = random.usize(..=input.len());
    let end = (at + random.usize(..=16)).min(input.len());
    match random.u8(..7) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.u8(..8);
            }
        }
        1 => input.insert(at, random.u8(..)),
        2 => drop(input.drain(at..end)),
        3 => {
            let token = TOKENS[random.usize(..TOKENS.len())];
            input.splice(at..end.min(at + random.usize(..=2)), token.bytes());
        }
        4 => {
            let again = input[at..end].to_vec();
            for _ in 0..random.usize(1..40) {
                input.splice(at..at, again.iter().copied());
            }
        }
        5 => input.truncate(at),
        _ => {
            let other = pick(corpus, random);
            let from = random.usize(..=other.len());
            let to = (from + random.usize(..=64)).min(other.len());
            input.splice(at..at, other[from..to].iter().copied());
        }
    }
}
