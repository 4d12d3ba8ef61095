//! What is found in a directory around credentials, or named by a variable, and given to a command that reads it.

use super::credentials::{
    Keeper, NAMES_ONLY, READERS, SHOWS_NOTHING, TAKES_TEXT, credentials, is_for_more, is_slash, name_of,
};
use super::directories::Directories;
use super::reach::{Compared, Reach};
use super::{Access, Inspection};
use crate::decision::Rule;
use crate::shell::strict::Refusal;
use crate::shell::word::{Arg, UNKNOWN};

/// Commands that show what is in the directory they run in.
const LISTS_HERE: &[&str] = &["ls", "find", "fd", "du", "tree", "dir", "vdir", "echo", "rg", "pwd"];

/// Commands whose operands are given to a variable or a parameter.
const SETS: &[&str] = &[
    "set", "export", "declare", "typeset", "local", "readonly", "read", "bash", "sh", "dash", "zsh", "ksh",
    "env", "source", ".",
];

/// Options of containers whose values are directories inside of them.
const MOUNTS: &[&str] = &["-v", "--volume", "-B", "--bind", "--mount", "-H", "--home"];
const CONTAINERS: &[&str] = &["docker", "podman", "singularity", "apptainer", "nerdctl"];

/// As many values are tried in place of a variable; with more it is asked about.
const MOST_VALUES: usize = 12;

impl Keeper<'_> {
    /// A command whose operand only the run knows: it may be what was found there.
    pub(super) fn handed_on(&self, found: &Inspection, directories: &Directories) -> Option<Refusal> {
        self.found_there(found, directories).or_else(|| self.put_together(found, directories))
    }

    /// Names that one command shows, and another takes.
    fn found_there(&self, found: &Inspection, directories: &Directories) -> Option<Refusal> {
        let takers: Vec<usize> = (0..found.commands.len())
            .filter(|index| takes_what_the_run_knows(found, *index, directories.has_unknown))
            .collect();
        let is_read = |(word, access): &(Arg, Access)| {
            *access == Access::Read && word.outline.starts_with(UNKNOWN) && !is_pattern(word)
        };
        let has_redirect = found.redirects.iter().any(is_read);
        for (index, words) in found.commands.iter().enumerate() {
            let Some(shown) = self.shows(index, words, directories) else { continue };
            let pipes = &directories.pipes[index];
            let takes = |taker: &usize| {
                *taker != index && directories.pipes[*taker].iter().any(|pipe| pipes.contains(pipe))
            };
            let is_kept = directories.is_kept[index]
                || pipes.iter().any(|pipe| keeps_what_it_reads(found, directories, index, *pipe))
                || words.iter().any(|word| is_for_more(&name_of(words), &word.outline));
            let is_taken = takers.iter().any(|taker| is_kept && *taker != index || takes(taker));
            let takes_own = takers.contains(&index) && name_of(words) == "parallel";
            if is_taken || takes_own || has_redirect && (is_kept || !pipes.is_empty()) {
                return Some((
                    Rule::Credentials,
                    format!(
                        "`{shown}` is a directory around credentials, and what is found there may be read"
                    ),
                ));
            }
        }
        None
    }

    /// The directory around credentials of which a command may show what is in it.
    fn shows(&self, index: usize, words: &[Arg], directories: &Directories) -> Option<String> {
        let name = name_of(words);
        let name = name.as_str();
        if SHOWS_NOTHING.contains(&name) || matches!(name, "cd" | "pushd" | "popd") {
            return None;
        }
        let is_text = TAKES_TEXT.contains(&name);
        let is_mount = |at: usize| {
            CONTAINERS.contains(&name)
                && (words[at].outline.contains(':')
                    || MOUNTS.iter().any(|option| words[at].outline.starts_with(option))
                    || words[at - 1].text().is_some_and(|before| MOUNTS.contains(&before)))
        };
        let reached = (1..words.len()).find(|at| {
            let word = &words[*at];
            !(is_mount(*at) || is_text && is_slash(word))
                && self.reach_of(word, Some(index), directories) >= Reach::Above
        });
        if let Some(at) = reached {
            return Some(words[at].shown.clone());
        }
        let mut operands = words[1..].iter().filter(|word| !word.outline.starts_with('-'));
        let lists_here = match name {
            "find" => words.get(1).is_none_or(|word| word.outline.starts_with(['-', UNKNOWN])),
            _ => words.len() == 1 || operands.all(|word| word.outline.contains(UNKNOWN)),
        };
        let here = self.reach_of(&Arg::literal("."), Some(index), directories);
        (LISTS_HERE.contains(&name) && lists_here && here >= Reach::Above).then(|| name.to_owned())
    }

    /// A variable with a directory around credentials in it, and a word that begins with a variable.
    fn put_together(&self, found: &Inspection, directories: &Directories) -> Option<Refusal> {
        let values = self.values(found, directories);
        if values.len() > MOST_VALUES {
            let mut words = found.commands.iter().flat_map(|words| words.iter().skip(1));
            return words.find(|word| fill(word, &values[0]).is_some()).map(|word| credentials(&word.shown));
        }
        let refused = |value: &Arg| {
            let filled = |word: &Arg| fill(word, value);
            let redirect = found.redirects.iter().find_map(|(word, _)| {
                let filled = filled(word)?;
                (self.reach(&filled, directories) == Reach::Credentials).then(|| credentials(&word.shown))
            });
            redirect.or_else(|| {
                found.commands.iter().enumerate().find_map(|(index, words)| {
                    if !words.iter().skip(1).any(|word| filled(word).is_some()) {
                        return None;
                    }
                    let words: Vec<Arg> =
                        words.iter().map(|word| filled(word).unwrap_or_else(|| word.clone())).collect();
                    self.command(&words, Some(index), directories)
                })
            })
        };
        values.iter().find_map(refused)
    }

    /// Values of variables that lead near credentials, or begin the way there.
    fn values(&self, found: &Inspection, directories: &Directories) -> Vec<Arg> {
        let operands = found
            .commands
            .iter()
            .filter(|words| directories.has_functions || SETS.contains(&name_of(words).as_str()));
        let operands =
            operands.flat_map(|words| words.iter().skip(1)).map(|word| match word.outline.find('=') {
                Some(at) => Arg { shown: word.shown.clone(), ..word.after(at + 1) },
                None => word.clone(),
            });
        let given: Vec<Arg> =
            found.others.iter().cloned().chain(operands).filter(|word| !is_slash(word)).collect();
        let mut values: Vec<Arg> = Vec::new();
        let mut keep = |value: Arg| {
            let longer = Arg::literal(format!("{}{UNKNOWN}", value.outline));
            let leads = |word: &Arg| self.reach(word, directories) >= Reach::Above;
            if values.len() <= MOST_VALUES
                && !value.outline.is_empty()
                && !values.contains(&value)
                && (leads(&value) || leads(&longer))
            {
                values.push(value);
            }
        };
        let around: Vec<String> = directories
            .all
            .iter()
            .map(|directory| directory.to_string_lossy().into_owned())
            .filter(|directory| self.reach(&Arg::literal(directory), directories) >= Reach::Above)
            .collect();
        for value in &given {
            keep(value.clone());
            if is_pattern(value) && !value.outline.starts_with(['/', '~']) {
                for directory in &around {
                    keep(Arg::literal(format!("{directory}/{}", value.outline)));
                }
            }
        }
        // `PWD` is one of them, too.
        if found.commands.iter().flatten().any(|word| word.shown.contains("PWD")) {
            around.into_iter().for_each(|directory| keep(Arg::literal(directory)));
        }
        let first = values.clone();
        for value in &given {
            for begins in &first {
                if let Some(value) = fill(value, begins)
                    && values.len() <= MOST_VALUES
                    && !values.contains(&value)
                {
                    values.push(value);
                }
            }
        }
        values
    }
}

/// The word with a value in place of the variable it, or the value of its option, begins with.
fn fill(word: &Arg, value: &Arg) -> Option<Arg> {
    let begins = Compared::candidates(word).iter().any(|text| text.starts_with(UNKNOWN));
    if !begins || is_pattern(word) {
        return None;
    }
    let fill = |text: &str| text.replacen(UNKNOWN, &value.outline, 1);
    Some(Arg {
        shown: word.shown.clone(),
        outline: fill(&word.outline),
        each: word.each.iter().map(|text| fill(text)).collect(),
    })
}

/// A pattern of the shell: it begins where the command runs, and nothing else decides what it is.
pub(super) fn is_pattern(word: &Arg) -> bool {
    word.outline.contains(UNKNOWN)
        && word.shown.contains(['*', '?', '['])
        && !word.shown.contains(['$', '`', '<', '>'])
        && !word.shown.starts_with('~')
}

/// Whether a pipeline does more with what a command in it shows than to show it to the person.
fn keeps_what_it_reads(found: &Inspection, directories: &Directories, source: usize, pipe: usize) -> bool {
    found.commands.iter().enumerate().any(|(index, words)| {
        let name = name_of(words);
        let name = name.as_str();
        let shows = READERS.contains(&name)
            || NAMES_ONLY.contains(&name)
            || matches!(name, "tr" | "paste" | "column" | "uniq" | "xargs");
        let is_harmless = shows
            && !directories.is_kept[index]
            && !words.iter().any(|word| is_for_more(name, &word.outline));
        index != source && directories.pipes[index].contains(&pipe) && !is_harmless
    })
}

/// Whether an operand of a command is known only when it runs, and the command may read what it names.
fn takes_what_the_run_knows(found: &Inspection, index: usize, patterns_count: bool) -> bool {
    let words = &found.commands[index];
    let name = name_of(words);
    let name = name.as_str();
    if shows_names(words) || matches!(name, "local" | "return" | "exit" | "shift") {
        return false;
    }
    if name == "xargs" {
        // What it runs was found behind it, with the words that are not known yet.
        let runs = found.commands.get(index + 1).filter(|runs| words[1..].contains(&runs[0]));
        return !runs.is_some_and(|runs| shows_names(runs));
    }
    let from_input = |word: &Arg| {
        ["-T", "-@", "--files-from", "--files0-from"].iter().any(|option| word.outline.starts_with(option))
    };
    let is_unknown = |word: &Arg| {
        (patterns_count || !is_pattern(word))
            && Compared::candidates(word).iter().any(|text| text.starts_with(UNKNOWN))
    };
    matches!(name, "cpio" | "pax" | "parallel")
        || words.iter().skip(1).any(|word| from_input(word) || is_unknown(word))
}

fn shows_names(words: &[Arg]) -> bool {
    let name = name_of(words);
    let does_more = words.iter().any(|word| is_for_more(&name, &word.outline));
    NAMES_ONLY.contains(&name.as_str()) && !does_more || SHOWS_NOTHING.contains(&name.as_str())
}
