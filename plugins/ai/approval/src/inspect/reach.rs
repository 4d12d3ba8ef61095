//! What a word reaches: our credentials, what decides what we load and allow, or a directory around them.

use std::path::{Component, Path, PathBuf};

use crate::paths::{Ground, folded};
use crate::places::Places;
use crate::shell::word::{Arg, HOME, UNKNOWN};

/// As many characters of a name have to be written for a word with unknown parts to mean it.
const MEANT: usize = 4;

/// What a path reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
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

/// The places of a decision as they are compared: the names of each path, as written and as it leads.
pub(super) struct Compared<'a> {
    ground: &'a Ground<'a>,
    home: Option<String>,
    credentials: Vec<Vec<String>>,
    settings: Vec<Vec<String>>,
}

impl<'a> Compared<'a> {
    pub(super) fn new(places: &Places, ground: &'a Ground<'a>) -> Self {
        let both = |paths: &[PathBuf]| {
            let mut all = paths.to_vec();
            all.extend(paths.iter().filter_map(|path| Some(ground.resolve(path).ok()?.path)));
            all.iter().map(|path| components(path)).collect::<Vec<_>>()
        };
        Self {
            ground,
            home: places.home.as_ref().map(|home| home.to_string_lossy().into_owned()),
            credentials: both(&places.credentials),
            settings: both(&places.settings),
        }
    }

    /// The words that a word could be, and of each all of it and what is behind `=`, `@`, `:`, `,` and an option letter.
    pub(super) fn candidates(word: &Arg) -> Vec<&str> {
        let mut candidates = Vec::new();
        for whole in word.each.iter().map(String::as_str).chain([word.outline.as_str()]) {
            candidates.push(whole);
            let separators = whole.match_indices(['=', '@', ':', ',']);
            candidates.extend(separators.filter_map(|(at, _)| whole.get(at + 1..)));
            // The value may begin behind any letter of a cluster of options.
            if let Some(letters) = whole.strip_prefix('-') {
                let end =
                    letters.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(letters.len());
                candidates.extend((0..=end).filter_map(|at| letters.get(at..)));
            }
        }
        candidates
    }

    /// What a word reaches from one of some directories.
    pub(super) fn word(&self, word: &Arg, bases: &[PathBuf]) -> Reach {
        let candidates = Self::candidates(word).into_iter().filter(|candidate| !candidate.is_empty());
        candidates
            .flat_map(|candidate| bases.iter().map(move |base| self.outline(candidate, base)))
            .max()
            .unwrap_or(Reach::Nothing)
    }

    /// The text of an outline as a path, with the home directory in it.
    pub(super) fn expanded(&self, outline: &str) -> String {
        match &self.home {
            Some(home) => outline.replace(HOME, home),
            None => outline.replace(HOME, &UNKNOWN.to_string()),
        }
    }

    fn outline(&self, outline: &str, base: &Path) -> Reach {
        let expanded = self.expanded(outline);
        if expanded.contains(UNKNOWN) { self.pattern(&expanded, base) } else { self.path(&expanded, base) }
    }

    /// A path, as it is written and as it leads.
    pub(super) fn path(&self, path: impl AsRef<Path>, base: &Path) -> Reach {
        let lexical = base.join(&path);
        let resolved = self.ground.resolve_from(base, &path).map(|resolved| resolved.path).ok();
        let paths = resolved.iter().chain([&lexical]);
        paths.map(|path| self.compare(&components(path))).max().unwrap_or(Reach::Nothing)
    }

    /// A word with parts that are not known: each stands for any part of one name, or, where the rest names credentials,
    /// for several names.
    fn pattern(&self, pattern: &str, base: &Path) -> Reach {
        if self.names_credentials(pattern, base) {
            return Reach::Credentials;
        }
        if pattern.starts_with(UNKNOWN) {
            return Reach::Nothing;
        }
        let known = pattern.split(UNKNOWN).next().unwrap_or_default();
        let (directory, rest) = pattern.split_at(known.rfind('/').map_or(0, |at| at + 1));
        let directory = if directory.is_empty() { "." } else { directory };
        let resolved = self.ground.resolve_from(base, directory).map(|found| found.path.join(rest)).ok();
        let lexical = base.join(pattern);
        let reach = resolved.iter().chain([&lexical]).map(|path| self.compare(&components(path)));
        // That something above might be meant says nothing.
        reach.max().filter(|reach| *reach > Reach::Above).unwrap_or(Reach::Nothing)
    }

    /// Whether a word with unknown parts, behind which several names may be, has the name of credentials in it.
    fn names_credentials(&self, pattern: &str, base: &Path) -> bool {
        let names = if pattern.starts_with(UNKNOWN) {
            components(Path::new(pattern))
        } else {
            components(&base.join(pattern))
        };
        names.len() > 1 && self.credentials.iter().any(|place| could_be(&names, place, false))
    }

    pub(super) fn compare(&self, path: &[String]) -> Reach {
        if let Some(reach) = reach_of_process(path) {
            return reach;
        }
        let is_same = |place: &[String]| path.iter().zip(place).all(|(name, known)| matches(name, known));
        let credentials = self.credentials.iter().map(|place| match (is_same(place), path.len() + 1) {
            (false, _) => Reach::Nothing,
            (true, length) if length > place.len() => Reach::Credentials,
            (true, length) if length == place.len() => Reach::Parent,
            (true, _) => Reach::Above,
        });
        let settings = self.settings.iter().map(|place| match is_same(place) {
            false => Reach::Nothing,
            true if path.len() >= place.len() => Reach::Settings,
            true => Reach::AboveSettings,
        });
        credentials.chain(settings).max().unwrap_or(Reach::Nothing)
    }

    /// Every directory around credentials.
    pub(super) fn around_credentials(&self) -> Vec<PathBuf> {
        let mut around = Vec::new();
        for place in &self.credentials {
            let mut directory = PathBuf::from("/");
            for name in place {
                if !around.contains(&directory) {
                    around.push(directory.clone());
                }
                directory.push(name);
            }
        }
        around
    }
}

/// The names of a path, `.` and `..` taken by their letter.
pub(super) fn components(path: &Path) -> Vec<String> {
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

/// Whether names, of which an unknown part may hold several, lead to a place or below it; one of them has to be one of
/// the last two of the place.
fn could_be(names: &[String], place: &[String], is_meant: bool) -> bool {
    let Some((known, further)) = place.split_first() else { return is_meant };
    let Some((name, rest)) = names.split_first() else { return false };
    let begins = name.split(UNKNOWN).next().unwrap_or_default();
    let is_meant_here = further.len() < 2 && begins.chars().count() >= MEANT;
    if matches(name, known) && could_be(rest, further, is_meant || is_meant_here) {
        return true;
    }
    let Some((first, last)) = name.split_once(UNKNOWN) else { return false };
    let last = last.rsplit(UNKNOWN).next().unwrap_or_default();
    known.starts_with(first)
        && (1..place.len())
            .any(|more| place[more].ends_with(last) && could_be(rest, &place[more + 1..], is_meant))
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
