//! The directories that commands run in, as far as the text says.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::Inspection;
use super::credentials::name_of;
use super::reach::{Compared, Reach};
use super::way::Step;
use crate::files::{Kind, Status};
use crate::paths::Ground;
use crate::shell::strict::Joint;
use crate::shell::word::{Arg, HOME, UNKNOWN};

/// Long options that make a command run elsewhere.
const DIRECTORY_OPTIONS: &[&str] = &["--chdir", "--directory", "--work-tree"];
/// To the programs that `-C` makes run elsewhere; to others it means something of their own.
const TAKES_DIRECTORY: &[&str] = &[
    "make", "gmake", "git", "tar", "gtar", "bsdtar", "ninja", "samu", "env", "genv", "meson", "npm", "pnpm",
    "go", "cargo", "install",
];

/// Commands after which a directory may not be there any more.
const TAKES_AWAY: &[&str] = &["mv", "rmdir", "chmod", "chown", "ln", "rename", "unlink", "umount", "mount"];

/// More directories than this are not followed.
const MOST_DIRECTORIES: usize = 12;

/// A way with more steps than this is not followed: each command may run anywhere then.
const MOST_STEPS: usize = 2_000;

/// Where relative words may begin.
#[derive(Default)]
pub(super) struct Directories {
    /// For each command, in the order of what was found.
    pub(super) of: Vec<Vec<PathBuf>>,
    /// All that the text goes to.
    pub(super) all: Vec<PathBuf>,
    /// The text also goes to one that only the run knows.
    pub(super) has_unknown: bool,
    /// What a command writes is kept for another one.
    pub(super) is_kept: Vec<bool>,
    /// The pipelines that a command is in.
    pub(super) pipes: Vec<Vec<usize>>,
    /// Commands may be called with operands of others.
    pub(super) has_functions: bool,
    /// The command reads the one before it.
    pub(super) is_fed: Vec<bool>,
}

/// Where the shell may be after a step: when it succeeded, and when it failed.
struct After {
    ok: Vec<PathBuf>,
    failed: Vec<PathBuf>,
}

impl After {
    fn same(at: Vec<PathBuf>) -> Self {
        Self { ok: at.clone(), failed: at }
    }
}

/// Goes the way through a text.
pub(super) struct Walk<'a> {
    ground: &'a Ground<'a>,
    compared: &'a Compared<'a>,
    found: &'a Inspection,
    directories: Directories,
    is_kept: bool,
    pipes: Vec<usize>,
    count: usize,
    /// The values that `CDPATH` may have.
    search: Vec<String>,
    may_take_away: bool,
    /// Where targets lead from a directory.
    known: HashMap<(PathBuf, String), PathBuf>,
    steps_left: usize,
    /// A text runs at a time of its own.
    runs_later: bool,
    /// A command may have another input than the one before it.
    has_inputs: bool,
    functions: Vec<usize>,
}

impl<'a> Walk<'a> {
    pub(super) fn through(
        text: &str,
        found: &'a Inspection,
        ground: &'a Ground<'a>,
        compared: &'a Compared<'a>,
    ) -> Directories {
        let count = found.commands.len();
        let search = if text.contains("CDPATH") {
            found
                .others
                .iter()
                .flat_map(|word| {
                    compared.expanded(&word.outline).split(':').map(str::to_owned).collect::<Vec<_>>()
                })
                .collect()
        } else {
            Vec::new()
        };
        let has =
            |names: &[&str]| found.commands.iter().any(|words| names.contains(&name_of(words).as_str()));
        let mut walk = Self {
            ground,
            compared,
            found,
            directories: Directories {
                of: vec![Vec::new(); count],
                is_kept: vec![has(&["exec"]); count],
                pipes: vec![Vec::new(); count],
                is_fed: vec![false; count],
                ..Directories::default()
            },
            is_kept: false,
            pipes: Vec::new(),
            count: 0,
            search,
            runs_later: has(&["trap", "alias"]),
            may_take_away: has(TAKES_AWAY),
            known: HashMap::new(),
            steps_left: MOST_STEPS,
            has_inputs: text.contains('<'),
            functions: Vec::new(),
        };
        let start = vec![ground.cwd().to_owned()];
        add(&mut walk.directories.all, &start);
        walk.steps(&found.way, start);
        walk.finish()
    }

    /// A function runs wherever it is called, and so may a text that is there twice.
    fn finish(self) -> Directories {
        let is_too_long = self.steps_left == 0;
        let in_any_order = self.found.is_repeated || self.runs_later || is_too_long;
        let mut directories = self.directories;
        if is_too_long {
            directories.has_unknown = true;
            add(&mut directories.all, &self.compared.around_credentials());
        }
        for (index, of) in directories.of.iter_mut().enumerate() {
            if of.is_empty() || in_any_order || self.functions.contains(&index) {
                of.clone_from(&directories.all);
            }
        }
        directories
    }

    fn steps(&mut self, steps: &[Step], start: Vec<PathBuf>) -> After {
        let mut after = After::same(start);
        for step in steps {
            if self.steps_left == 0 {
                break;
            }
            self.steps_left -= 1;
            let mut at = after.ok;
            add(&mut at, &after.failed);
            after = self.step(step, at);
        }
        after
    }

    fn ends(&mut self, steps: &[Step], start: Vec<PathBuf>) -> Vec<PathBuf> {
        let After { mut ok, failed } = self.steps(steps, start);
        add(&mut ok, &failed);
        ok
    }

    fn step(&mut self, step: &Step, at: Vec<PathBuf>) -> After {
        match step {
            Step::Commands(range) => return self.commands(range.clone(), at),
            Step::Joined(parts) => return self.joined(parts, at),
            Step::Apart(steps) => {
                self.steps(steps, at.clone());
            }
            Step::Kept(steps) => {
                let outer = std::mem::replace(&mut self.is_kept, true);
                self.steps(steps, at.clone());
                self.is_kept = outer;
            }
            Step::Pipe(members) => self.pipe(members, &at),
            Step::Loop(steps) => return After::same(self.repeated(steps, at)),
            Step::Function(steps) => {
                let outer = std::mem::replace(&mut self.is_kept, true);
                let at = self.repeated(steps, at);
                self.is_kept = outer;
                self.directories.has_functions = true;
                self.functions.extend(commands_in(steps));
                return After::same(at);
            }
            Step::Either(branches) => {
                let mut all = at.clone();
                for branch in branches {
                    let end = self.ends(branch, at.clone());
                    add(&mut all, &end);
                }
                return After::same(all);
            }
        }
        After::same(at)
    }

    /// In a loop the same words lead further each time.
    fn repeated(&mut self, steps: &[Step], mut at: Vec<PathBuf>) -> Vec<PathBuf> {
        for _ in 0..3 {
            let end = self.ends(steps, at.clone());
            self.keep_to_limit(&mut at, &end);
        }
        at
    }

    fn pipe(&mut self, members: &[Vec<Step>], at: &[PathBuf]) {
        self.count += 1;
        self.pipes.push(self.count);
        for (index, member) in members.iter().enumerate() {
            if index > 0
                && let Some(first) = commands_in(member).first()
            {
                self.directories.is_fed[*first] = !self.has_inputs;
            }
            self.steps(member, at.to_vec());
        }
        self.pipes.pop();
    }

    fn joined(&mut self, parts: &[(Joint, Vec<Step>)], start: Vec<PathBuf>) -> After {
        let mut after = After { ok: Vec::new(), failed: Vec::new() };
        for (index, (joint, steps)) in parts.iter().enumerate() {
            let from = match joint {
                _ if index == 0 => start.clone(),
                Joint::And => after.ok.clone(),
                Joint::Or => after.failed.clone(),
                Joint::Then => union(&after.ok, &after.failed),
            };
            // It runs never, and is judged all the same.
            let runs = !from.is_empty();
            let end = self.steps(steps, if runs { from } else { start.clone() });
            after = match joint {
                _ if index == 0 => end,
                Joint::Then => end,
                _ if !runs => after,
                Joint::And => After { ok: end.ok, failed: union(&after.failed, &end.failed) },
                Joint::Or => After { ok: union(&after.ok, &end.ok), failed: end.failed },
            };
        }
        after
    }

    fn commands(&mut self, range: std::ops::Range<usize>, at: Vec<PathBuf>) -> After {
        let found = self.found;
        let mut after = After::same(at);
        for index in range {
            let mut at = union(&after.ok, &after.failed);
            let Some(words) = found.commands.get(index) else { break };
            let name = name_of(words);
            after = match name.as_str() {
                "cd" | "pushd" | "popd" => {
                    self.ran(index, &at);
                    self.change(&name, words.get(1..).unwrap_or_default(), at)
                }
                _ => {
                    for target in options(&name, words) {
                        let reached = self.go_to(&target, &at);
                        self.keep_to_limit(&mut at, &reached);
                    }
                    self.ran(index, &at);
                    After::same(at)
                }
            };
        }
        after
    }

    fn ran(&mut self, index: usize, at: &[PathBuf]) {
        add(&mut self.directories.of[index], at);
        add(&mut self.directories.all, at);
        self.directories.is_kept[index] |= self.is_kept;
        self.directories.pipes[index] = self.pipes.clone();
    }

    /// The shell goes elsewhere.
    fn change(&mut self, name: &str, operands: &[Arg], at: Vec<PathBuf>) -> After {
        let is_option = |word: &Arg| word.outline.starts_with('-');
        let given: Vec<Arg> = operands.iter().filter(|word| !is_option(word)).cloned().collect();
        let is_back = name == "popd"
            || operands.iter().any(|word| word.outline == "-" || word.outline.starts_with('+'));
        if is_back || name == "pushd" && given.is_empty() {
            return After::same(union(&self.directories.all, &at));
        }
        let home = Arg { outline: HOME.to_string(), ..Arg::literal("~") };
        let targets = if given.is_empty() { vec![home] } else { given };
        let mut ok = Vec::new();
        for target in &targets {
            let reached = self.go_to(target, &at);
            self.keep_to_limit(&mut ok, &reached);
        }
        let is_plain = |word: &Arg| !is_option(word) || matches!(word.text(), Some("--" | "-P" | "-L"));
        let is_certain = targets.len() == 1
            && operands.iter().all(is_plain)
            && !self.may_take_away
            && at.iter().all(|base| self.is_there(&targets[0], base));
        let all = ok.clone();
        add(&mut self.directories.all, &all);
        After { ok, failed: if is_certain { Vec::new() } else { at } }
    }

    fn is_there(&self, target: &Arg, base: &Path) -> bool {
        let expanded = self.compared.expanded(&target.outline);
        if !target.each.is_empty() || expanded.is_empty() || expanded.contains(UNKNOWN) {
            return false;
        }
        let is_directory =
            |status: Option<Status>| status.is_some_and(|status| status.kind == Kind::Directory);
        // Up from a directory that is there, or was gone to.
        expanded == ".."
            || self.ground.resolve_from(base, &expanded).is_ok_and(|found| is_directory(found.status))
    }

    fn go_to(&mut self, target: &Arg, bases: &[PathBuf]) -> Vec<PathBuf> {
        let mut reached = Vec::new();
        for target in target.each.iter().chain([&target.outline]) {
            let target = self.compared.expanded(target);
            let search: Vec<PathBuf> = self.search.iter().map(PathBuf::from).collect();
            for base in bases.iter().chain(&search) {
                add(&mut reached, &[self.resolved(base, &target)]);
            }
            let Some(at) = target.find(UNKNOWN) else { continue };
            self.directories.has_unknown = true;
            // It may be any directory below the known part.
            let known = target[..at].rfind('/').map(|at| &target[..=at]);
            let known = known.map(|known| self.compared.path(known, self.ground.cwd()));
            if known.is_some_and(|reach| reach >= Reach::Above) {
                add(&mut reached, &self.compared.around_credentials());
            }
        }
        reached
    }

    /// Below what only the run knows `..` leads back by its letters.
    fn resolved(&mut self, base: &Path, target: &str) -> PathBuf {
        let key = (base.to_owned(), target.to_owned());
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let path = self.resolve(base, target);
        self.known.insert(key, path.clone());
        path
    }

    fn resolve(&self, base: &Path, target: &str) -> PathBuf {
        if !target.contains(UNKNOWN)
            && !base.to_string_lossy().contains(UNKNOWN)
            && let Ok(found) = self.ground.resolve_from(base, target)
        {
            return found.path;
        }
        let mut path = PathBuf::new();
        for part in base.join(target).components() {
            match part {
                std::path::Component::ParentDir => {
                    path.pop();
                }
                std::path::Component::CurDir => {}
                other => path.push(other),
            }
        }
        path
    }

    fn keep_to_limit(&mut self, known: &mut Vec<PathBuf>, more: &[PathBuf]) {
        for path in more {
            if known.len() < MOST_DIRECTORIES {
                add(known, std::slice::from_ref(path));
            } else if !known.contains(path) {
                self.directories.has_unknown = true;
                let names = super::reach::components(path);
                let is_around = self.compared.compare(&names) >= Reach::Above;
                if is_around {
                    known.push(path.clone());
                }
            }
        }
    }
}

fn add(known: &mut Vec<PathBuf>, more: &[PathBuf]) {
    for path in more {
        if !known.contains(path) {
            known.push(path.clone());
        }
    }
}

fn union(left: &[PathBuf], right: &[PathBuf]) -> Vec<PathBuf> {
    let mut both = left.to_vec();
    add(&mut both, right);
    both
}

fn commands_in(steps: &[Step]) -> Vec<usize> {
    let mut all = Vec::new();
    for step in steps {
        match step {
            Step::Commands(range) => all.extend(range.clone()),
            Step::Apart(steps) | Step::Kept(steps) | Step::Loop(steps) | Step::Function(steps) => {
                all.extend(commands_in(steps));
            }
            Step::Pipe(parts) | Step::Either(parts) => {
                all.extend(parts.iter().flat_map(|part| commands_in(part)));
            }
            Step::Joined(parts) => all.extend(parts.iter().flat_map(|(_, part)| commands_in(part))),
        }
    }
    all
}

/// The directories that options make a command run in.
fn options(name: &str, words: &[Arg]) -> Vec<Arg> {
    let operands = words.get(1..).unwrap_or_default();
    let mut targets = Vec::new();
    for (index, word) in operands.iter().enumerate() {
        let short = TAKES_DIRECTORY.contains(&name).then_some(&"-C");
        for option in DIRECTORY_OPTIONS.iter().chain(short) {
            match word.outline.strip_prefix(option) {
                Some("") => targets.extend(operands.get(index + 1).cloned()),
                Some(value) => {
                    targets.push(word.after(word.outline.len() - value.trim_start_matches('=').len()));
                }
                None => {}
            }
        }
    }
    targets
}
