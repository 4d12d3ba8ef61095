//! What reaches the standard input of a command: a shell there runs it, whatever the way it came.

use super::Walker;
use super::way::Step;
use super::written::{Changes, Same};
use crate::decision::Rule;
use crate::shell::word::{Arg, HOME, UNKNOWN};

/// Programs whose output is nobody's to know, and which the published rules run into a shell all the same.
const FETCHES: &[&str] = &["curl", "wget"];
/// Commands that write nothing, so that what they are given goes nowhere.
const SILENT: &[&str] = &["true", ":", "cd", "export", "set", "wait", "sleep"];
/// What stands before a command and writes what that writes.
const STANDS_BEFORE: &[&str] = &["--", "command", "builtin", "exec", "time", "env", "nohup", "nice"];
/// Commands besides shells that take their standard input for commands when they are given no file.
pub(super) const TAKES_JOBS: &[&str] =
    &["at", "batch", "sbatch", "qsub", "bsub", "msub", "oarsub", "crontab"];

/// Files that write files that are run, and so on, as often as this.
const MOST_ROUNDS: usize = 4;

/// What is at the standard input of a command, or in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Feed {
    /// Texts that are in it.
    pub(super) texts: Vec<String>,
    /// Files that are read for it.
    pub(super) files: Vec<Arg>,
    /// There is more in it, which only the run knows.
    pub(super) has_unknown: bool,
}

impl Feed {
    pub(super) fn unknown() -> Self {
        Self { has_unknown: true, ..Self::default() }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.texts.extend(other.texts);
        self.files.extend(other.files);
        self.has_unknown |= other.has_unknown;
    }
}

impl Walker {
    /// A command of a pipeline. `fed` reaches its standard input; afterwards it is what the next one reads.
    pub(super) fn member(&mut self, words: &[Arg], fed: &mut Feed, depth: usize) {
        let input = std::mem::take(fed);
        let outer = std::mem::replace(&mut self.stdin, input);
        self.command(words, depth);
        let mut input = std::mem::replace(&mut self.stdin, outer);
        let name = words.first().and_then(Arg::program).unwrap_or_default();
        match name {
            "tee" => {
                let targets = words.iter().skip(1).filter(|word| !word.outline.starts_with('-'));
                self.written.extend(targets.map(|target| (target.clone(), input.clone())));
                *fed = input;
            }
            _ => {
                if super::unwrap::reads_commands(words) || TAKES_JOBS.contains(&name) {
                    // What a shell reads from a here-document is as much its script as the operand of -c.
                    for text in std::mem::take(&mut input.texts) {
                        self.script(&text, depth + 1);
                    }
                }
                *fed = self.output(name, words, input);
            }
        }
    }

    /// What a command writes, as far as it is known.
    fn output(&self, name: &str, words: &[Arg], input: Feed) -> Feed {
        let operands: Vec<Arg> =
            words.iter().skip(1).filter(|word| !word.outline.starts_with('-')).cloned().collect();
        if STANDS_BEFORE.contains(&name) {
            let is_own = |word: &Arg| word.outline.starts_with('-') || word.outline.contains('=');
            let at = words.iter().skip(1).position(|word| !is_own(word)).map_or(words.len(), |at| at + 1);
            let name = words.get(at).and_then(Arg::program).unwrap_or_default();
            return if name.is_empty() { Feed::unknown() } else { self.output(name, &words[at..], input) };
        }
        match name {
            "" => Feed::default(),
            "echo" | "printf" => printed(name, &operands),
            "cat" if operands.is_empty() => input,
            "cat" => {
                let mut output =
                    if operands.iter().chain(&words[1..]).any(is_input) { input } else { Feed::default() };
                output.add(self.substituted.clone());
                output.files.extend(operands);
                output
            }
            _ if FETCHES.contains(&name) || SILENT.contains(&name) => Feed::default(),
            // What a filter makes of its input holds much of it.
            _ => {
                let mut output = Feed { has_unknown: true, ..input };
                output.files.extend(operands.into_iter().filter(|operand| operand.text().is_some()));
                output
            }
        }
    }

    /// What becomes of the input of a command of the shell itself, whatever stands before it.
    pub(super) fn keeps_input(&mut self, name: &str, words: &[Arg], depth: usize) {
        match name {
            "exec" if words.iter().skip(1).all(|word| word.outline.starts_with('-')) => {
                self.opened.add(self.stdin.clone());
            }
            // A variable that holds it may be taken for arithmetic.
            "read" | "mapfile" | "readarray" => {
                let texts = [self.stdin.texts.clone(), self.opened.texts.clone()].concat();
                for text in texts {
                    self.deferred_value(&Arg::literal(text), depth);
                }
            }
            _ => {}
        }
    }

    /// A shell that is given a file, or none.
    pub(super) fn run_file(&mut self, file: Option<&Arg>, reads_input: bool, depth: usize) {
        match file {
            Some(file) if file.shown == SUBSTITUTED => {
                let feed = self.substituted.clone();
                self.run_feed(feed, depth);
            }
            Some(file) if !reads_input && !is_input(file) => self.ran.push(file.clone()),
            _ => {
                let mut feed = self.stdin.clone();
                feed.add(self.opened.clone());
                self.run_feed(feed, depth);
            }
        }
    }

    fn run_feed(&mut self, feed: Feed, depth: usize) {
        for text in &feed.texts {
            self.script(text, depth + 1);
        }
        self.ran.extend(feed.files);
        if feed.has_unknown {
            self.computed("what a shell is given to run is known only when it runs");
        }
    }

    /// A command that takes a job from its standard input.
    pub(super) fn take_job(&mut self, name: &str, words: &[Arg], depth: usize) {
        let file = words.iter().skip(1).find(|word| !word.outline.starts_with('-') || word.outline == "-");
        // A job made from a template is a job like any in a file.
        self.stdin.has_unknown &= matches!(name, "at" | "batch" | "crontab");
        // Of options and their values too little is known to say that there is no file.
        self.run_file(file, matches!(name, "at" | "batch"), depth);
    }

    /// What is written to a file and run from it in the same text, and what bash evaluates where all of it is known.
    pub(super) fn settle(&mut self) {
        self.operands_evaluated();
        let (mut written, mut ran) = (Vec::new(), Vec::new());
        for round in 0.. {
            let wrote = add_new(&mut written, &mut self.written);
            let grows = add_new(&mut ran, &mut self.ran) || wrote;
            if ran.is_empty() || round > 0 && !grows {
                break;
            }
            if round == MOST_ROUNDS {
                self.finding(Rule::Unreadable, "what it writes writes further files that are run");
                break;
            }
            self.run_written(&written, &ran);
        }
        self.operands_evaluated();
        if let Some(shown) = self.may_run.take().filter(|_| self.has_arithmetic) {
            self.computed(format!("`{shown}` runs where a variable that holds it is taken for arithmetic"));
        }
    }

    fn run_written(&mut self, written: &[(Arg, Feed)], ran: &[Arg]) {
        let changes = Changes::of(&self.found.commands);
        for (target, feed) in written {
            let names = changes.names_of(target);
            for file in ran {
                match changes.compare(&names, file) {
                    Same::Certain if !feed.has_unknown => self.run_feed(feed.clone(), 1),
                    Same::No => {}
                    same => self.perhaps(feed, same),
                }
            }
        }
    }

    /// It may be what is run: only what is dangerous in it counts.
    fn perhaps(&mut self, feed: &Feed, same: Same) {
        self.ran.extend(feed.files.iter().cloned());
        for text in &feed.texts {
            let mut other = Self { steps: self.steps, ..Self::default() };
            other.script(text, 1);
            self.steps = other.steps;
            let dangerous = other.found.findings.iter().find(|(rule, _)| *rule == Rule::Dangerous);
            self.found.findings.extend(dangerous.cloned());
            self.found.danger = self.found.danger.take().or(other.found.danger);
            if same == Same::Certain {
                let commands = other.found.commands;
                self.step(|steps| Step::Either(vec![steps]), |walker| walker.found.commands.extend(commands));
            }
            self.ran.extend(other.ran);
            self.written.extend(other.written);
        }
    }
}

/// Whether a word names the standard input, or what is open otherwise.
fn is_input(file: &Arg) -> bool {
    file.outline == "-" || file.outline.starts_with("/dev/") || file.outline.starts_with("/proc/")
}

/// Moves what is not there yet; answers whether there was any.
fn add_new<T: PartialEq>(all: &mut Vec<T>, new: &mut Vec<T>) -> bool {
    let before = all.len();
    for one in new.drain(..) {
        if !all.contains(&one) {
            all.push(one);
        }
    }
    all.len() > before
}

/// How a process substitution is shown.
pub(super) const SUBSTITUTED: &str = "<(…)";

/// What `echo` and `printf` write. A format, or several lines: each by itself may be a command, too.
fn printed(name: &str, operands: &[Arg]) -> Feed {
    let outlines: Vec<&str> = operands.iter().map(|word| word.outline.as_str()).collect();
    let each = |text: &&str| name == "printf" || text.contains([' ', '\n']);
    let mut written = vec![outlines.join(" ")];
    written.extend(operands.iter().filter_map(Arg::text).filter(each).map(str::to_owned));
    written.extend(if name == "printf" { filled(&outlines) } else { None });
    let lines: Vec<String> = written.iter().map(|text| text.replace("\\n", "\n")).collect();
    written.extend(lines);
    let mut feed = Feed::default();
    for text in written.iter().map(|outline| known_lines(outline)) {
        if !feed.texts.contains(&text) {
            feed.texts.push(text);
        }
    }
    let mut operands = operands.iter();
    let is_plain = match (name, operands.next().map(|format| format.outline.as_str())) {
        ("printf", Some("%s" | "%s\\n")) | (_, None) => true,
        ("printf", Some(format)) => {
            !format.trim_end_matches("\\n").contains(['%', '\\', UNKNOWN]) && operands.len() == 0
        }
        (_, Some(first)) => !first.contains(['\\', UNKNOWN]),
    };
    feed.has_unknown = !is_plain || operands.any(|word| word.text().is_none() || word.outline.contains('\\'));
    feed
}

/// A format with its operands in the place of each `%s`.
fn filled(outlines: &[&str]) -> Option<String> {
    let (format, operands) = outlines.split_first()?;
    let mut parts = format.split("%s");
    let mut text = parts.next()?.to_owned();
    for (index, part) in parts.enumerate() {
        text.push_str(operands.get(index).copied().unwrap_or_default());
        text.push_str(part);
    }
    Some(text)
}

/// The lines of an outline of which the beginning is known.
fn known_lines(outline: &str) -> String {
    let lines = outline.split('\n').filter(|line| !line.trim_start().starts_with(UNKNOWN));
    lines.collect::<Vec<_>>().join("\n").replace(UNKNOWN, "${_}").replace(HOME, "~")
}
