//! Whether a command or a tool could reach what signs a person in, or what decides what we load and allow.

use std::path::{Component, Path, PathBuf};

use super::{Access, Inspection, own, processes};
use crate::decision::Rule;
use crate::paths::{Ground, folded};
use crate::places::Places;
use crate::shell::strict::Refusal;
use crate::shell::word::{Arg, HOME, UNKNOWN};

/// Commands that only show names, or nothing, of what they are given.
const NAMES_ONLY: &[&str] = &[
    "ls", "stat", "tree", "echo", "printf", "test", "[", "du", "df", "dirname", "basename", "realpath",
    "readlink", "cd", "pushd", "find", "fd",
];

/// Commands that read, and change nothing.
const READERS: &[&str] = &[
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

/// What a path reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Nothing,
    /// A directory somewhere above what decides what we load and allow.
    AboveSettings,
    /// A directory somewhere above credentials.
    Above,
    /// What decides what we load and allow.
    Settings,
    /// The directory that holds credentials.
    Parent,
    Credentials,
}

/// The places of a decision, resolved.
pub(crate) struct Keeper<'a> {
    places: &'a Places,
    ground: &'a Ground<'a>,
    /// Their names, as written and as they lead.
    credentials: Vec<Vec<String>>,
    settings: Vec<Vec<String>>,
}

impl<'a> Keeper<'a> {
    pub(crate) fn new(places: &'a Places, ground: &'a Ground<'a>) -> Self {
        let both = |paths: &[PathBuf]| {
            let mut all = paths.to_vec();
            all.extend(paths.iter().filter_map(|path| Some(ground.resolve(path).ok()?.path)));
            all.iter().map(|path| components(path)).collect::<Vec<_>>()
        };
        Self { places, ground, credentials: both(&places.credentials), settings: both(&places.settings) }
    }

    /// What a shell text has to be asked about.
    pub(crate) fn check(&self, text: &str, found: &Inspection) -> Option<Refusal> {
        self.named_in(text).or_else(|| {
            let commands = found.commands.iter().find_map(|words| self.command(words));
            commands.or_else(|| self.words_alone(found))
        })
    }

    /// What a tool that takes a path has to be asked about.
    pub(crate) fn check_path(&self, path: &Path, access: Access, takes_all_below: bool) -> Option<Refusal> {
        match self.reach_of(path) {
            Reach::Credentials => Some(credentials(path.display())),
            Reach::Parent | Reach::Settings if access == Access::Write => Some(settings(path.display())),
            Reach::Parent | Reach::Above if takes_all_below => Some(credentials(path.display())),
            _ => None,
        }
    }

    /// Their names anywhere in the text, in a program of another language, too.
    fn named_in(&self, text: &str) -> Option<Refusal> {
        let plain: String = folded(text).replace(['\'', '"', '\\'], "");
        self.places.credentials.iter().find_map(|path| {
            let name = path.file_name()?.to_string_lossy().to_lowercase();
            let parent = path.parent()?.file_name()?.to_string_lossy().to_lowercase();
            plain.contains(&format!("{parent}/{name}")).then(|| credentials(path.display()))
        })
    }

    fn command(&self, words: &[Arg]) -> Option<Refusal> {
        let name = words.first()?.program().unwrap_or_default().to_lowercase();
        let name = name.strip_suffix(".exe").unwrap_or(&name);
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
        let recurses = RECURSIVE.contains(&name)
            || matches!(name, "find" | "fd") && does_more
            || name.ends_with("grep") && words.iter().any(|word| is_recursive_option(&word.outline));
        let names_only = NAMES_ONLY.contains(&name) && !does_more;
        let reads = names_only || READERS.contains(&name) && !does_more;
        let moves_into = matches!(name, "cd" | "pushd");
        for word in &words[1..] {
            let asked = match self.reach(&word.outline) {
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
        None
    }

    /// Targets of redirections, and words that are no operands.
    fn words_alone(&self, found: &Inspection) -> Option<Refusal> {
        let redirects = found.redirects.iter().find_map(|(word, access)| match self.reach(&word.outline) {
            Reach::Credentials => Some(credentials(&word.shown)),
            Reach::Settings | Reach::Parent if *access == Access::Write => Some(settings(&word.shown)),
            _ => None,
        });
        redirects.or_else(|| {
            let reached = found.others.iter().find(|word| self.reach(&word.outline) == Reach::Credentials);
            reached.map(|word| credentials(&word.shown))
        })
    }

    /// What a word could name: all of it, or what is behind `=`, `@`, `:`, `,` and an option letter.
    fn reach(&self, outline: &str) -> Reach {
        let mut candidates = vec![outline];
        candidates
            .extend(outline.match_indices(['=', '@', ':', ',']).filter_map(|(at, _)| outline.get(at + 1..)));
        // The value may begin behind any letter of a cluster of options.
        if let Some(letters) = outline.strip_prefix('-') {
            let end = letters.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(letters.len());
            candidates.extend((0..=end).filter_map(|at| letters.get(at..)));
        }
        candidates
            .into_iter()
            .map(|candidate| self.reach_of_outline(candidate))
            .max()
            .unwrap_or(Reach::Nothing)
    }

    fn reach_of_outline(&self, outline: &str) -> Reach {
        let expanded = match &self.places.home {
            Some(home) => outline.replace(HOME, &home.to_string_lossy()),
            None => outline.replace(HOME, &UNKNOWN.to_string()),
        };
        if expanded.is_empty() {
            return Reach::Nothing;
        }
        if expanded.contains(UNKNOWN) {
            return self.reach_of_pattern(&expanded);
        }
        self.reach_of(Path::new(&expanded))
    }

    fn reach_of(&self, path: &Path) -> Reach {
        let lexical = self.ground.cwd().join(path);
        let resolved = self.ground.resolve(path).map(|resolved| resolved.path).ok();
        resolved
            .iter()
            .chain([&lexical])
            .map(|path| self.compare(&components(path)))
            .max()
            .unwrap_or(Reach::Nothing)
    }

    /// A word with parts that are not known: each stands for any part of one name.
    fn reach_of_pattern(&self, pattern: &str) -> Reach {
        if pattern.starts_with(UNKNOWN) {
            return Reach::Nothing;
        }
        let reach = self.compare(&components(&self.ground.cwd().join(pattern)));
        // That something above might be meant says nothing.
        if reach <= Reach::Above { Reach::Nothing } else { reach }
    }

    fn compare(&self, path: &[String]) -> Reach {
        if let Some(reach) = reach_of_process(path) {
            return reach;
        }
        let reach = self.credentials.iter().map(|place| {
            let is_same = path.iter().zip(place).all(|(name, known)| matches(name, known));
            match (is_same, path.len() + 1) {
                (false, _) => Reach::Nothing,
                (true, length) if length > place.len() => Reach::Credentials,
                (true, length) if length == place.len() => Reach::Parent,
                (true, _) => Reach::Above,
            }
        });
        let reach = reach.max().unwrap_or(Reach::Nothing);
        let settings = self.settings.iter().map(|place| {
            let is_same = path.iter().zip(place).all(|(name, known)| matches(name, known));
            match is_same {
                false => Reach::Nothing,
                true if path.len() >= place.len() => Reach::Settings,
                true => Reach::AboveSettings,
            }
        });
        reach.max(settings.max().unwrap_or(Reach::Nothing))
    }
}

/// The names of a path, `.` and `..` taken by their letter.
fn components(path: &Path) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(folded(&name.to_string_lossy())),
            Component::ParentDir => {
                names.pop();
            }
            _ => {}
        }
    }
    names
}

/// Whether a name that may hold unknown parts could be another.
fn matches(name: &str, known: &str) -> bool {
    let mut rest = known;
    let mut pieces = name.split(UNKNOWN);
    let first = pieces.next().unwrap_or_default();
    let Some(after) = rest.strip_prefix(first) else { return false };
    if !name.contains(UNKNOWN) {
        return after.is_empty();
    }
    rest = after;
    let mut pieces: Vec<&str> = pieces.collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

/// The environment and the memory of another process, where tokens may be.
fn reach_of_process(path: &[String]) -> Option<Reach> {
    let (first, rest) = path.split_first()?;
    if first != "proc" {
        return None;
    }
    let is_process = |name: &String| {
        name.contains(UNKNOWN) || name.bytes().all(|byte| byte.is_ascii_digit()) || name.ends_with("self")
    };
    match rest {
        [] => Some(Reach::Above),
        [process, ..] if !is_process(process) => None,
        [_] => Some(Reach::Parent),
        // One of its threads.
        [_, task] | [_, task, _] if task == "task" => Some(Reach::Parent),
        [.., last] => {
            let is_secret = ["environ", "mem"].iter().any(|known| matches(last, known));
            is_secret.then_some(Reach::Credentials)
        }
    }
}

/// Whether an option makes more of a command that shows or reads: it writes a file, removes, or runs another command.
fn is_for_more(name: &str, option: &str) -> bool {
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

fn credentials(shown: impl std::fmt::Display) -> Refusal {
    (Rule::Credentials, format!("`{shown}` reaches credentials, which is asked about in every mode"))
}

fn settings(shown: impl std::fmt::Display) -> Refusal {
    (
        Rule::Credentials,
        format!("`{shown}` decides what is loaded and allowed, so changing it is asked about in every mode"),
    )
}
