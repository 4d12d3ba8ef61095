//! Whether a file that is written is one that is run: by its path, and by the commands that give it another one.

use crate::shell::word::{Arg, HOME, UNKNOWN};

/// Names that one file may have by then; more are not followed.
const MOST_NAMES: usize = 32;

/// Whether two words name the same file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Same {
    No,
    Possible,
    Certain,
}

/// What a text does to the names of files.
pub(super) struct Changes {
    /// What is copied or moved, and where to.
    moves: Vec<(String, String)>,
    /// A path may be meant from another directory.
    changes_directory: bool,
}

impl Changes {
    pub(super) fn of(commands: &[Vec<Arg>]) -> Self {
        let mut changes = Self { moves: Vec::new(), changes_directory: false };
        for words in commands {
            match words.first().and_then(Arg::program).unwrap_or_default() {
                "cd" | "pushd" | "popd" => changes.changes_directory = true,
                "env" | "make" | "git" | "tar" => {
                    changes.changes_directory |= words
                        .iter()
                        .any(|word| word.outline.starts_with("-C") || word.outline.starts_with("--chdir"));
                }
                "cp" | "mv" | "ln" | "install" | "rsync" => changes.read_move(words),
                _ => {}
            }
        }
        changes
    }

    fn read_move(&mut self, words: &[Arg]) {
        let (options, operands): (Vec<&Arg>, Vec<&Arg>) =
            words.iter().skip(1).partition(|word| word.outline.starts_with('-'));
        let attached = options.iter().find_map(|word| {
            let outline = word.outline.as_str();
            outline.strip_prefix("--target-directory=").or_else(|| outline.strip_prefix("-t"))
        });
        let operands: Vec<String> = operands.into_iter().map(|word| path(&word.outline)).collect();
        let attached = attached.filter(|target| !target.is_empty()).map(path);
        // Behind `-t` alone the target stands first.
        let targets = attached.into_iter().chain(operands.last().cloned()).chain(operands.first().cloned());
        for target in targets {
            let sources = operands.iter().filter(|source| **source != target);
            self.moves.extend(sources.map(|source| (source.clone(), target.clone())));
        }
    }

    /// The paths that what is written to a file may have.
    pub(super) fn names_of(&self, written: &Arg) -> Vec<String> {
        let mut names = vec![path(&written.outline)];
        let mut next = 0;
        while let Some(name) = names.get(next).cloned() {
            next += 1;
            for (source, target) in &self.moves {
                // A directory takes with it what is in it.
                let inside = if source == "." { Some(name.as_str()) } else { below(source, &name) };
                let last = source.rsplit('/').next().unwrap_or(source);
                let moved = match inside {
                    Some("") => vec![target.clone(), format!("{target}/{last}")],
                    Some(rest) => vec![format!("{target}/{rest}"), format!("{target}/{last}/{rest}")],
                    None => Vec::new(),
                };
                for name in moved.into_iter().map(|name| path(&name)) {
                    if names.len() < MOST_NAMES && !names.contains(&name) {
                        names.push(name);
                    }
                }
            }
        }
        names
    }

    /// Whether one of the names is a file that is run.
    pub(super) fn compare(&self, names: &[String], ran: &Arg) -> Same {
        let ran = path(&ran.outline);
        names.iter().map(|name| self.compare_paths(name, &ran)).max().unwrap_or(Same::No)
    }

    fn compare_paths(&self, name: &str, ran: &str) -> Same {
        if name.contains(UNKNOWN) || ran.contains(UNKNOWN) {
            return if may_be_equal(name, ran) { Same::Possible } else { Same::No };
        }
        if name == ran {
            return Same::Certain;
        }
        let ends_so = |whole: &str, end: &str| {
            whole.strip_suffix(end.trim_start_matches("../")).is_some_and(|before| before.ends_with('/'))
        };
        let may_differ = self.changes_directory || is_absolute(name) != is_absolute(ran);
        if may_differ && (ends_so(name, ran) || ends_so(ran, name)) { Same::Possible } else { Same::No }
    }
}

/// A path in one way of writing.
fn path(outline: &str) -> String {
    let start = if outline.starts_with('/') { "/" } else { "" };
    let mut parts: Vec<&str> = Vec::new();
    for part in outline.split('/').filter(|part| !matches!(*part, "" | ".")) {
        match parts.last() {
            Some(last) if part == ".." && *last != ".." && !last.contains([UNKNOWN, HOME]) => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    let path = format!("{start}{}", parts.join("/")).to_lowercase();
    if path.is_empty() { ".".to_owned() } else { path }
}

/// The rest of a path behind a directory; nothing where the two are the same.
fn below<'a>(directory: &str, name: &'a str) -> Option<&'a str> {
    let rest = name.strip_prefix(directory)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

fn is_absolute(path: &str) -> bool {
    path.starts_with(['/', HOME])
}

/// Whether two words of which a part is not known may say the same.
fn may_be_equal(one: &str, other: &str) -> bool {
    let ends = |word: &str| {
        let start = word.find(UNKNOWN).map_or(word, |at| &word[..at]).to_owned();
        let end = word.rfind(UNKNOWN).map_or(word, |at| &word[at + UNKNOWN.len_utf8()..]).to_owned();
        (start, end)
    };
    let ((start, end), (other_start, other_end)) = (ends(one), ends(other));
    let starts_alike = start.starts_with(&other_start) || other_start.starts_with(&start);
    let same_place = is_absolute(one) != is_absolute(other) || starts_alike;
    same_place && (end.ends_with(&other_end) || other_end.ends_with(&end))
}
