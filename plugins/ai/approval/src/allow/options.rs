//! Options, read as getopt reads them, and only those of the list.

use super::listed::{Listed, Operands};
use crate::decision::Rule;
use crate::shell::strict::Refusal;

/// The words of a command, sorted.
#[derive(Clone, Debug, Default)]
pub(super) struct Given<'a> {
    /// Options by their first letter or long name, with their value.
    pub(super) options: Vec<(&'a str, Option<&'a str>)>,
    pub(super) operands: Vec<&'a str>,
}

impl<'a> Given<'a> {
    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.options.iter().any(|(name, _)| names.contains(name))
    }

    pub(super) fn values(&self, names: &[&str]) -> impl Iterator<Item = &'a str> {
        self.options.iter().filter(move |(name, _)| names.contains(name)).filter_map(|(_, value)| *value)
    }
}

/// The words of a command that changes files, its options first: behind an operand GNU reads an option, BSD and macOS a
/// file of this name.
pub(super) fn in_order(listed: &Listed, words: &[String]) -> Vec<String> {
    let (mut options, mut operands) = (Vec::new(), Vec::new());
    let mut is_mixed = false;
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if word == "-" || !word.starts_with('-') {
            operands.push(word.clone());
            continue;
        }
        is_mixed |= !operands.is_empty();
        if word == "--" {
            operands.extend(rest.by_ref().cloned());
            continue;
        }
        options.push(word.clone());
        if takes_next(listed, word) {
            options.extend(rest.next().cloned());
        }
    }
    if !is_mixed {
        return words.to_vec();
    }
    options.push("--".to_owned());
    options.extend(operands);
    options
}

/// Whether the value of an option is the next word.
fn takes_next(listed: &Listed, word: &str) -> bool {
    if let Some(long) = word.strip_prefix("--") {
        return listed.long_values.contains(&long);
    }
    let has_value = |letter: char| listed.values.contains(letter) || listed.optional.contains(letter);
    let first = word.char_indices().skip(1).find(|(_, letter)| has_value(*letter));
    first.is_some_and(|(at, letter)| listed.values.contains(letter) && at + letter.len_utf8() == word.len())
}

/// Sorts the words of a command, or names the option that is not on its list.
pub(super) fn read<'a>(listed: &Listed, words: &'a [String]) -> Result<Given<'a>, Refusal> {
    let mut given = Given::default();
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        if listed.operands == Operands::Text || word == "-" || !word.starts_with('-') {
            given.operands.push(word);
        } else if word == "--" {
            // tree takes what follows it for an option all the same.
            if listed.name == "tree" {
                return Err(unlisted(listed, word));
            }
            given.operands.extend(words.by_ref());
        } else if let Some(long) = word.strip_prefix("--") {
            long_option(listed, word, long, &mut words, &mut given)?;
        } else {
            short_options(listed, word, &mut words, &mut given)?;
        }
    }
    check_operands(listed, &given)?;
    Ok(given)
}

fn unlisted(listed: &Listed, word: &str) -> Refusal {
    (Rule::Option, format!("the option `{word}` of `{}` is not on its list", listed.name))
}

fn long_option<'a>(
    listed: &Listed,
    word: &str,
    long: &'a str,
    words: &mut impl Iterator<Item = &'a str>,
    given: &mut Given<'a>,
) -> Result<(), Refusal> {
    if matches!(long, "help" | "version") {
        return Ok(());
    }
    let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
    let value = if listed.long_values.contains(&name) {
        // Without its value it is an error of the command.
        Some(value.or_else(|| words.next()).ok_or_else(|| unlisted(listed, word))?)
    } else if listed.long.contains(&name) {
        value
    } else {
        return Err(unlisted(listed, word));
    };
    given.options.push((name, value));
    Ok(())
}

fn short_options<'a>(
    listed: &Listed,
    word: &'a str,
    words: &mut impl Iterator<Item = &'a str>,
    given: &mut Given<'a>,
) -> Result<(), Refusal> {
    let letters = &word[1..];
    // `head -5`, as it was once written.
    if matches!(listed.name, "head" | "tail") && letters.chars().all(|letter| letter.is_ascii_digit()) {
        return Ok(());
    }
    for (position, letter) in letters.char_indices() {
        let end = position + letter.len_utf8();
        let name = &letters[position..end];
        let attached = &letters[end..];
        if listed.values.contains(letter) {
            // tree never takes an attached value, whatever follows.
            if listed.name == "tree" && !attached.is_empty() {
                return Err(unlisted(listed, word));
            }
            let value = if attached.is_empty() { words.next() } else { Some(attached) };
            given.options.push((name, Some(value.ok_or_else(|| unlisted(listed, word))?)));
            return Ok(());
        }
        if listed.optional.contains(letter) {
            given.options.push((name, Some(attached)));
            return Ok(());
        }
        if !listed.flags.contains(letter) {
            return Err(unlisted(listed, word));
        }
        given.options.push((name, None));
    }
    Ok(())
}

fn check_operands(listed: &Listed, given: &Given<'_>) -> Result<(), Refusal> {
    let name = listed.name;
    match (listed.operands, given.operands.as_slice()) {
        (Operands::None, [first, ..]) if name == "env" => Err((
            Rule::NotListed,
            format!("`env` with an operand runs a command or sets a variable (`{first}`)"),
        )),
        (Operands::None, [first, ..]) => {
            Err((Rule::Option, format!("`{name}` takes no operand (`{first}`)")))
        }
        (Operands::Format, operands) => match operands.iter().find(|operand| !operand.starts_with('+')) {
            Some(operand) => Err((Rule::Option, format!("`date {operand}` sets the clock"))),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}
