//! Whether a command or a tool could reach what signs a person in, or what decides what we load and allow.

use std::path::Path;

use super::directories::{Directories, Walk};
use super::handed::is_pattern;
use super::reach::{Compared, Reach};
use super::{Access, Inspection, own, processes};
use crate::decision::Rule;
use crate::paths::{Ground, folded};
use crate::places::Places;
use crate::shell::strict::Refusal;
use crate::shell::word::{Arg, HOME, UNKNOWN};

/// Commands that only show names, or nothing, of what they are given.
pub(super) const NAMES_ONLY: &[&str] = &[
    "ls", "stat", "tree", "echo", "printf", "test", "[", "du", "df", "dirname", "basename", "realpath",
    "readlink", "cd", "pushd", "find", "fd",
];

/// Commands that read, and change nothing.
pub(super) const READERS: &[&str] = &[
    "cat",
    "head",
    "tail",
    "less",
    "more",
    "grep",
    "egrep",
    "fgrep",
    "rg",
    "wc",
    "diff",
    "cmp",
    "file",
    "sort",
    "cut",
    "jq",
    "md5sum",
    "sha256sum",
    "bat",
    "nl",
    "tac",
];

/// Commands that take everything below a directory along.
const RECURSIVE: &[&str] = &[
    "cp", "rsync", "scp", "tar", "zip", "mv", "rg", "ag", "ack", "7z", "7za", "cpio", "sftp", "rclone",
    "restic", "borg", "ln",
];

/// Commands that put another thing in place of a directory, or of what is below it.
const REPLACES: &[&str] =
    &["cp", "mv", "ln", "rsync", "scp", "install", "tar", "unzip", "7z", "7za", "cpio", "rename"];

/// Programs that read the keychain, where credentials may be kept.
const KEYCHAIN: &[&str] = &["secret-tool", "security", "keyring", "kwallet-query", "kwalletcli", "seahorse"];

/// Commands that show nothing of what is below the directories they are given.
pub(super) const SHOWS_NOTHING: &[&str] =
    &["df", "test", "[", "dirname", "basename", "printf", "mkdir", "export"];

/// Commands to which a slash is a character and no directory.
pub(super) const TAKES_TEXT: &[&str] = &[
    "tr", "cut", "awk", "gawk", "mawk", "sed", "sort", "paste", "column", "join", "jq", "nl", "echo",
    "printf",
];

/// The places of a decision, resolved.
pub(crate) struct Keeper<'a> {
    places: &'a Places,
    ground: &'a Ground<'a>,
    compared: Compared<'a>,
}

impl<'a> Keeper<'a> {
    pub(crate) fn new(places: &'a Places, ground: &'a Ground<'a>) -> Self {
        Self { places, ground, compared: Compared::new(places, ground) }
    }

    /// What a shell text has to be asked about.
    pub(crate) fn check(&self, text: &str, found: &Inspection) -> Option<Refusal> {
        self.named_in(text).or_else(|| {
            let directories = Walk::through(text, found, self.ground, &self.compared);
            let mut commands = found.commands.iter().enumerate();
            let refused = commands.find_map(|(index, words)| self.command(words, Some(index), &directories));
            refused
                .or_else(|| self.words_alone(found, &directories))
                .or_else(|| self.handed_on(found, &directories))
        })
    }

    /// What a tool that takes a path has to be asked about.
    pub(crate) fn check_path(&self, path: &Path, access: Access, takes_all_below: bool) -> Option<Refusal> {
        match self.compared.path(path, self.ground.cwd()) {
            Reach::Credentials => Some(credentials(path.display())),
            Reach::Parent | Reach::Settings if access == Access::Write => Some(settings(path.display())),
            Reach::Parent | Reach::Above if takes_all_below => Some(credentials(path.display())),
            _ => None,
        }
    }

    /// Their names anywhere in the text, in a program of another language, too.
    fn named_in(&self, text: &str) -> Option<Refusal> {
        let plain: String =
            folded(text).replace(['\'', '"', '\\'], "").replace("/./", "/").replace("//", "/");
        self.places.credentials.iter().find_map(|path| {
            let name = path.file_name()?.to_string_lossy().to_lowercase();
            let parent = path.parent()?.file_name()?.to_string_lossy().to_lowercase();
            plain.contains(&format!("{parent}/{name}")).then(|| credentials(path.display()))
        })
    }

    pub(super) fn command(
        &self,
        words: &[Arg],
        index: Option<usize>,
        directories: &Directories,
    ) -> Option<Refusal> {
        let name = name_of(words);
        let name = name.as_str();
        if name == "seqera" {
            return own::command(&words[1..]);
        }
        if KEYCHAIN.contains(&name) {
            return Some((
                Rule::Credentials,
                format!("`{name}` reads the keychain, where credentials are kept"),
            ));
        }
        if let Some(refusal) = processes::command(name, &words[1..]) {
            return Some(refusal);
        }
        let does_more = words[1..].iter().any(|word| is_for_more(name, &word.outline));
        let recurses = recurses(name, words, does_more);
        let names_only = NAMES_ONLY.contains(&name) && !does_more;
        let reads = names_only || READERS.contains(&name) && !does_more;
        let moves_into = matches!(name, "cd" | "pushd");
        for word in &words[1..] {
            let asked = match self.reach_of(word, index, directories) {
                Reach::Credentials => Some(credentials(&word.shown)),
                Reach::Parent if moves_into || !names_only => Some(credentials(&word.shown)),
                Reach::Settings if moves_into || !reads => Some(settings(&word.shown)),
                Reach::Above if recurses => Some(credentials(&word.shown)),
                Reach::Above | Reach::AboveSettings if REPLACES.contains(&name) => {
                    Some(settings(&word.shown))
                }
                _ => None,
            };
            if asked.is_some() {
                return asked;
            }
        }
        let has_directory = words[1..].iter().filter(|word| !word.outline.starts_with('-')).count() > 1;
        let is_fed = index.is_some_and(|index| directories.is_fed[index]) && reads_input(name);
        if recurses && !is_fed && searches_here(name, words) && !has_directory {
            let here = Arg::literal(".");
            let is_above = self.reach_of(&here, index, directories) >= Reach::Above;
            return is_above.then(|| credentials(name));
        }
        None
    }

    /// What an operand reaches: from where its command runs; what is itself meant, from anywhere.
    pub(super) fn reach_of(&self, word: &Arg, index: Option<usize>, directories: &Directories) -> Reach {
        let anchored = anchored(word);
        let word = anchored.as_ref().unwrap_or(word);
        let anywhere = self.reach(word, directories);
        match index.and_then(|index| directories.of.get(index)) {
            Some(bases) if anywhere <= Reach::Above => self.compared.word(word, bases),
            _ => anywhere,
        }
    }

    pub(super) fn reach(&self, word: &Arg, directories: &Directories) -> Reach {
        let reach = self.compared.word(word, &directories.all);
        if reach == Reach::Credentials || !directories.has_unknown {
            return reach;
        }
        // From a directory that is not known only what has the name of credentials is meant.
        let is_relative = |candidate: &&str| {
            !candidate.is_empty() && !candidate.starts_with(['/', '.', '-', HOME, UNKNOWN])
        };
        let mut relative = Compared::candidates(word).into_iter().filter(is_relative);
        let is_named = relative.any(|candidate| {
            let word = Arg::literal(format!("{UNKNOWN}/{candidate}"));
            self.compared.word(&word, &directories.all) == Reach::Credentials
        });
        if is_named { Reach::Credentials } else { reach }
    }

    /// Targets of redirections, and words that are no operands.
    fn words_alone(&self, found: &Inspection, directories: &Directories) -> Option<Refusal> {
        let redirects =
            found.redirects.iter().find_map(|(word, access)| match self.reach(word, directories) {
                Reach::Credentials => Some(credentials(&word.shown)),
                Reach::Settings | Reach::Parent if *access == Access::Write => Some(settings(&word.shown)),
                _ => None,
            });
        redirects.or_else(|| {
            let mut others = found.others.iter();
            let reached = others.find(|word| self.reach(word, directories) == Reach::Credentials);
            reached.map(|word| credentials(&word.shown))
        })
    }
}

pub(super) fn name_of(words: &[Arg]) -> String {
    let name = words.first().and_then(Arg::program).unwrap_or_default().to_lowercase();
    name.strip_suffix(".exe").map(str::to_owned).unwrap_or(name)
}

/// A pattern, from the directory it begins in.
fn anchored(word: &Arg) -> Option<Arg> {
    let begins = is_pattern(word) && word.outline.starts_with(UNKNOWN);
    begins.then(|| Arg { outline: format!("./{}", word.outline), ..word.clone() })
}

pub(super) fn is_slash(word: &Arg) -> bool {
    word.outline == "/"
        || word.outline.starts_with('-') && word.outline.ends_with('/') && word.outline.len() < 4
}

/// Whether a command takes along or reads everything below a directory.
fn recurses(name: &str, words: &[Arg], does_more: bool) -> bool {
    let has = |option: fn(&str) -> bool| words.iter().any(|word| option(&word.outline));
    match name {
        "find" | "fd" => does_more,
        "git" => has(|word| {
            matches!(word, "--no-index" | "add" | "archive" | "grep" | "clean" | "stash")
                || word.starts_with("--work-tree")
        }),
        "diff" => has(is_recursive_option),
        _ => RECURSIVE.contains(&name) || name.ends_with("grep") && has(is_recursive_option),
    }
}

/// Whether a command that recurses begins where it runs when it is given no directory.
fn searches_here(name: &str, words: &[Arg]) -> bool {
    name.ends_with("grep")
        || matches!(name, "rg" | "ag" | "ack")
        || name == "git" && words.iter().any(|word| matches!(word.text(), Some("grep" | "add" | "archive")))
}

/// Whether a command that searches takes what it is fed before where it runs.
fn reads_input(name: &str) -> bool {
    matches!(name, "rg" | "ag" | "ack")
}

/// Whether an option makes more of a command that shows or reads: it writes a file, removes, or runs another command.
pub(super) fn is_for_more(name: &str, option: &str) -> bool {
    let Some(letters) = option.strip_prefix('-') else { return false };
    match name {
        "find" => ["exec", "ok", "delete", "fprint", "fls"].iter().any(|known| letters.starts_with(known)),
        "fd" => letters.starts_with("-exec") || !letters.starts_with('-') && letters.contains(['x', 'X']),
        "tree" | "sort" | "less" => match letters.strip_prefix('-') {
            Some(long) => long.starts_with('o') || long.starts_with("log"),
            None => letters.contains('o') || name != "sort" && letters.contains(['O', 'R']),
        },
        _ => false,
    }
}

fn is_recursive_option(word: &str) -> bool {
    word.starts_with("--recursive")
        || word.starts_with("--dereference-recursive")
        || word.starts_with('-') && !word.starts_with("--") && word.contains(['r', 'R'])
}

pub(super) fn credentials(shown: impl std::fmt::Display) -> Refusal {
    (Rule::Credentials, format!("`{shown}` reaches credentials, which is asked about in every mode"))
}

fn settings(shown: impl std::fmt::Display) -> Refusal {
    (
        Rule::Credentials,
        format!("`{shown}` decides what is loaded and allowed, so changing it is asked about in every mode"),
    )
}
