//! The command behind a wrapper.

use super::Walker;
use super::wrappers::{
    AFTER_WORD, ANY_WORD, ENV, POWER, RUNS_TEXT, SAME_EFFECT, SHELL, WATCH, WRAPPERS, Wrapper, XARGS,
};
use crate::decision::Rule;
use crate::shell::strict;
use crate::shell::word::{Arg, HOME, UNKNOWN, joined};

/// Wrappers with a reading of their own.
const SPECIAL: &[&str] = &[
    "jobs",
    "compgen",
    "parallel",
    "find",
    "gfind",
    "fd",
    "fdfind",
    "eval",
    "trap",
    "alias",
    "hash",
    "mapfile",
    "readarray",
    "git",
    "source",
    ".",
];

/// Whether a command may run another one, as far as its name says.
pub(super) fn may_wrap(name: &str) -> bool {
    let name = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let name = name.as_str();
    let in_tables =
        WRAPPERS.iter().chain([&XARGS, &WATCH, &SHELL]).any(|wrapper| wrapper.names.contains(&name));
    in_tables
        || SPECIAL.contains(&name)
        || ANY_WORD.contains(&name)
        || AFTER_WORD.iter().any(|(names, _)| names.contains(&name))
}

/// Whether a command takes its standard input for commands.
pub(super) fn reads_commands(words: &[Arg]) -> bool {
    words.iter().take_while(|word| word.text() != Some("-c")).any(|word| {
        let name = word.program().unwrap_or_default();
        SHELL.names.contains(&name)
            || matches!(name, "source" | "." | "eval" | "xargs" | "parallel" | "at" | "batch")
    })
}

/// The words after the options of a wrapper, and what could not be read.
struct Opened<'a> {
    /// From the command on.
    rest: &'a [Arg],
    /// The options with their values, in order.
    options: Vec<(String, Option<Arg>)>,
    /// An option was not known, so the command may be any later word.
    is_uncertain: bool,
}

/// Reads the options of a wrapper.
fn open<'a>(wrapper: &Wrapper, words: &'a [Arg]) -> Opened<'a> {
    let mut opened = Opened { rest: &[], options: Vec::new(), is_uncertain: false };
    let mut index = 1;
    while let Some(word) = words.get(index) {
        let outline = word.outline.as_str();
        if outline == "--" {
            index += 1;
            break;
        }
        if let Some(long) = outline.strip_prefix("--") {
            index += long_option(wrapper, word, long, words.get(index + 1), &mut opened);
        } else if outline.len() > 1
            && (outline.starts_with('-') || (outline.starts_with('+') && wrapper.names == SHELL.names))
        {
            index += short_options(wrapper, word, words.get(index + 1), &mut opened);
        } else if outline == "-" && wrapper.names == ENV.names {
            index += 1;
        } else {
            break;
        }
    }
    opened.is_uncertain |=
        words.get(1..index).unwrap_or_default().iter().any(|word| word.outline.contains(UNKNOWN));
    opened.rest = words.get(index..).unwrap_or_default();
    opened
}

fn long_option(
    wrapper: &Wrapper,
    word: &Arg,
    long: &str,
    next: Option<&Arg>,
    opened: &mut Opened<'_>,
) -> usize {
    if let Some((name, _)) = long.split_once('=') {
        opened.options.push((name.to_owned(), Some(word.after(name.len() + 3))));
        opened.is_uncertain |= !wrapper.long_flags.contains(&name) && !wrapper.long_values.contains(&name);
        return 1;
    }
    if wrapper.long_values.contains(&long) {
        opened.options.push((long.to_owned(), next.cloned()));
        return 2;
    }
    opened.options.push((long.to_owned(), None));
    opened.is_uncertain |= !wrapper.long_flags.contains(&long);
    1
}

fn short_options(wrapper: &Wrapper, word: &Arg, next: Option<&Arg>, opened: &mut Opened<'_>) -> usize {
    for (position, letter) in word.outline.char_indices().skip(1) {
        let after = position + letter.len_utf8();
        if wrapper.values.contains(letter) {
            let is_last = after == word.outline.len();
            let value = if is_last { next.cloned() } else { Some(word.after(after)) };
            opened.options.push((letter.to_string(), value));
            return if is_last { 2 } else { 1 };
        }
        opened.options.push((letter.to_string(), Some(word.after(after))));
        // `nice -5` is a number; what follows -i, -e and -l of xargs is their value.
        if letter.is_ascii_digit() && letter != '0' || wrapper.names == XARGS.names && "eil".contains(letter)
        {
            return 1;
        }
        opened.is_uncertain |= !wrapper.flags.contains(letter);
    }
    1
}

impl Opened<'_> {
    fn has(&self, names: &[&str]) -> bool {
        self.options.iter().any(|(name, _)| names.contains(&name.as_str()))
    }

    fn value(&self, names: &[&str]) -> Option<&Arg> {
        self.options
            .iter()
            .rev()
            .find(|(name, _)| names.contains(&name.as_str()))
            .and_then(|(_, value)| value.as_ref())
    }
}

impl Walker {
    /// A command and, if it is a wrapper, what it runs.
    pub(super) fn command(&mut self, words: &[Arg], depth: usize) {
        let Some(first) = words.first() else { return };
        if !self.may_go_on(depth) {
            return;
        }
        // `time -- rm`: the shell takes the dashes, and no command has such a name.
        if words.len() > 1 && matches!(first.text(), Some("--" | "-p")) {
            return self.timed(&words[1..], depth);
        }
        self.found.commands.push(words.to_vec());
        let Some(name) = first.program().map(str::to_lowercase) else {
            return self
                .computed(format!("which program runs is known only when it runs (`{}`)", first.shown));
        };
        if self.is_dangerous(&name, words) {
            return;
        }
        if first.outline.contains('/') {
            self.ran.push(first.clone());
        }
        self.later(&name, &words[1..], depth);
        self.keeps_input(&name, words, depth);
        if super::feed::TAKES_JOBS.contains(&name.as_str()) {
            self.take_job(&name, words, depth);
        }
        self.values_that_run(&name, words, depth + 1);
        self.unwrap(&name, words, depth + 1);
    }

    fn is_dangerous(&mut self, name: &str, words: &[Arg]) -> bool {
        let same = SAME_EFFECT.iter().find(|(known, _)| *known == name).map(|(_, same)| *same);
        let has_word = |known: &[&str]| {
            words.iter().skip(1).any(|word| word.text().is_some_and(|word| known.contains(&word)))
        };
        let same = same.or_else(|| match name {
            "systemctl" | "loginctl" if has_word(POWER) => Some("reboot"),
            "init" | "telinit" if has_word(&["0", "6"]) => Some("reboot"),
            _ => None,
        });
        let why = match (crate::dangerous::named(name), same) {
            (Some(listed), _) => format!("`{listed}` is asked about in every mode"),
            (None, Some(same)) => {
                format!("`{name}` has the effect of `{same}`, which is asked about in every mode")
            }
            (None, None) => {
                let device = words
                    .iter()
                    .skip(1)
                    .find(|word| word.text().is_some_and(crate::dangerous::is_raw_device));
                if let Some(device) = device.filter(|_| crate::dangerous::WRITES_OPERANDS.contains(&name)) {
                    self.finding(Rule::RawDevice, format!("it may write the device {}", device.shown));
                }
                return false;
            }
        };
        self.found.danger.get_or_insert_with(|| name.to_owned());
        self.finding(Rule::Dangerous, why);
        true
    }

    fn unwrap(&mut self, name: &str, words: &[Arg], depth: usize) {
        if let Some(wrapper) = WRAPPERS.iter().find(|wrapper| wrapper.names.contains(&name)) {
            return self.wrapper(wrapper, words, depth);
        }
        if SHELL.names.contains(&name) {
            return self.shell(words, depth);
        }
        if XARGS.names.contains(&name) {
            return self.xargs(words, depth);
        }
        if RUNS_TEXT.contains(&name) {
            self.texts(words.get(1..).unwrap_or_default(), depth);
        }
        if ANY_WORD.contains(&name) {
            return self.any_word(words, depth);
        }
        if let Some((_, after)) = AFTER_WORD.iter().find(|(names, _)| names.contains(&name)) {
            let start = words.iter().position(|word| word.text().is_some_and(|word| after.contains(&word)));
            let Some(start) = start else { return };
            let mut rest = words[start..].to_vec();
            rest[0] = words[0].clone();
            return self.any_word(&rest, depth);
        }
        match name {
            "watch" => self.watch(words, depth),
            "parallel" => self.parallel(words, depth),
            "find" | "gfind" => self.find(words, depth),
            "fd" | "fdfind" => self.fd(words, depth),
            "eval" => {
                let rest = words.get(1..).unwrap_or_default();
                let rest = if rest.first().and_then(Arg::text) == Some("--") { &rest[1..] } else { rest };
                self.text_of(rest, name, depth);
            }
            "trap" => self.trap(words, depth),
            "alias" => {
                for word in words.iter().skip(1).filter(|word| word.outline.contains('=')) {
                    let at = word.outline.find('=').unwrap_or_default();
                    self.text_of(&[word.after(at + 1)], name, depth);
                }
            }
            "jobs" if words.get(1).and_then(Arg::text) == Some("-x") => {
                self.command(words.get(2..).unwrap_or_default(), depth);
            }
            "hash" | "mapfile" | "readarray" | "compgen" => {
                let option = if name == "hash" { "-p" } else { "-C" };
                let at = words.iter().position(|word| word.outline.starts_with(option));
                let Some(at) = at else { return };
                let attached = words[at].after(2);
                let value =
                    if attached.outline.is_empty() { words.get(at + 1).cloned() } else { Some(attached) };
                self.text_of(value.as_slice(), name, depth);
            }
            "git" => self.git(words, depth),
            "source" | "." => self.run_file(words.get(1), false, depth),
            "crontab" if !words.iter().any(|word| word.outline.starts_with("-l")) => {
                self.computed("`crontab` decides what runs later")
            }
            // Without an option of these it runs a command of before.
            "fc" if !words.iter().any(|word| word.outline.starts_with("-l")) => {
                self.computed("`fc` runs what is in the history")
            }
            _ => {}
        }
    }

    /// Words that are one text for a shell.
    pub(super) fn text_of(&mut self, words: &[Arg], name: &str, depth: usize) {
        match joined(words) {
            Some(text) if text.trim().is_empty() => {}
            Some(text) => self.script(&text, depth),
            None => {
                self.computed(format!("what `{name}` runs is known only when it runs"));
                // What is known of it may be dangerous already, and the person should be told so.
                let outline = words.iter().map(|word| word.outline.as_str()).collect::<Vec<_>>().join(" ");
                self.script(&outline.replace([UNKNOWN, HOME], "_"), depth);
            }
        }
    }

    fn wrapper(&mut self, wrapper: &Wrapper, words: &[Arg], depth: usize) {
        let opened = open(wrapper, words);
        let is_command = wrapper.names.contains(&"command");
        if is_command && opened.has(&["v", "V"]) {
            return;
        }
        if opened.is_uncertain {
            self.any_word(words, depth);
        }
        let mut rest = opened.rest.to_vec();
        if wrapper.names == ENV.names
            && let Some(text) = opened.value(&["S", "split-string"])
        {
            match text.text().map(strict::words) {
                Some(Ok(words)) => {
                    rest.splice(0..0, words.into_iter().map(Arg::literal));
                }
                // `A=b rm x` is an assignment for the strict reader.
                _ => {
                    self.text_of(std::slice::from_ref(text), "env -S", depth);
                    self.computed("`env -S` splits a text that is not plain words");
                }
            }
        }
        if wrapper.names.contains(&"time") {
            return self.timed(&rest, depth);
        }
        if wrapper.names == ENV.names {
            let is_assignment = |word: &Arg| word.outline.contains('=') || word.outline == "-";
            while rest.first().is_some_and(is_assignment) {
                rest.remove(0);
            }
        }
        self.command(rest.get(wrapper.operands..).unwrap_or_default(), depth);
    }

    /// `time` after `time` is the word of the shell again, before anything that the shell can run.
    fn timed(&mut self, words: &[Arg], depth: usize) {
        let is_before = |word: &Arg| word.outline.contains('=') || word.outline == "!";
        let start = words.iter().position(|word| !is_before(word)).unwrap_or(words.len());
        let rest = words.get(start..).unwrap_or_default();
        if rest.first().and_then(Arg::text).is_some_and(strict::begins_compound) {
            self.computed("what is timed is read in more than one way");
            self.any_word(words, depth);
        }
        self.command(rest, depth);
    }

    fn shell(&mut self, words: &[Arg], depth: usize) {
        let opened = open(&SHELL, words);
        let is_command = |word: &Arg| word.outline.eq_ignore_ascii_case("-command");
        if let Some(at) = words.iter().position(is_command) {
            self.text_of(words.get(at + 1..).unwrap_or_default(), "-Command", depth);
        }
        if opened.is_uncertain {
            self.any_word(words, depth);
        }
        self.ran.extend(opened.value(&["rcfile", "init-file"]).cloned());
        if !opened.has(&["c", "command"]) {
            let (file, reads_input) = (opened.rest.first().cloned(), opened.has(&["s"]));
            return self.run_file(file.as_ref(), reads_input, depth);
        }
        if let Some(script) = opened.value(&["command"]).or_else(|| opened.rest.first()) {
            self.text_of(std::slice::from_ref(script), "-c", depth)
        }
    }

    fn xargs(&mut self, words: &[Arg], depth: usize) {
        let opened = open(&XARGS, words);
        if opened.is_uncertain {
            self.any_word(words, depth);
        }
        let mark = opened.value(&["I", "i", "replace", "J"]).and_then(Arg::text);
        let replaces = opened.has(&["I", "i", "replace", "J"]);
        let mark = mark.filter(|mark| !mark.is_empty()).unwrap_or("{}");
        let mut rest: Vec<Arg> = opened.rest.to_vec();
        if rest.is_empty() {
            return;
        }
        // Its own input is not that of what it runs.
        let input = std::mem::take(&mut self.stdin);
        if replaces {
            rest.iter_mut().for_each(|word| hide(word, mark));
        } else {
            rest.push(Arg::unknown("…"));
        }
        self.command(&rest, depth);
        self.stdin = input;
    }

    fn watch(&mut self, words: &[Arg], depth: usize) {
        let opened = open(&WATCH, words);
        if opened.is_uncertain {
            self.any_word(words, depth);
        }
        if opened.has(&["x", "exec"]) {
            self.command(opened.rest, depth);
        } else {
            self.text_of(opened.rest, "watch", depth);
        }
    }

    fn parallel(&mut self, words: &[Arg], depth: usize) {
        let end = words.iter().position(|word| word.outline.starts_with(":::")).unwrap_or(words.len());
        let (template, values) = words.split_at(end);
        self.any_word(template, depth);
        let template = template.get(1..).unwrap_or_default();
        for word in template.iter().chain(values) {
            let Some(text) = word.text() else { continue };
            if text.contains([' ', '\n', ';', '&', '|']) {
                self.script(text, depth);
            }
        }
        // Without a command of its own it runs each value.
        if template.iter().all(|word| word.outline.starts_with('-')) {
            for value in values.iter().skip(1) {
                self.text_of(std::slice::from_ref(value), "parallel", depth);
            }
        }
    }

    fn find(&mut self, words: &[Arg], depth: usize) {
        let mut index = 1;
        while let Some(word) = words.get(index) {
            index += 1;
            if !matches!(word.text(), Some("-exec" | "-execdir" | "-ok" | "-okdir")) {
                continue;
            }
            let end = words.iter().skip(index).position(|word| matches!(word.text(), Some(";" | "+")));
            let end = end.map_or(words.len(), |end| index + end);
            let mut rest = words[index..end].to_vec();
            rest.iter_mut().for_each(|word| hide(word, "{}"));
            self.command(&rest, depth);
            index = end;
        }
    }

    fn fd(&mut self, words: &[Arg], depth: usize) {
        for (index, word) in words.iter().enumerate().skip(1) {
            let outline = word.outline.as_str();
            let attached = match outline {
                "--exec" | "--exec-batch" => Some(word.after(outline.len())),
                _ if outline.starts_with("--exec") => outline.find('=').map(|at| word.after(at + 1)),
                _ if outline.starts_with('-') && !outline.starts_with("--") => {
                    outline.find(['x', 'X']).map(|at| word.after(at + 1))
                }
                _ => None,
            };
            let Some(attached) = attached else { continue };
            let mut rest = words[index + 1..].to_vec();
            if !attached.outline.is_empty() {
                rest.insert(0, attached);
            }
            let end = rest.iter().position(|word| word.text() == Some(";")).unwrap_or(rest.len());
            rest.truncate(end);
            rest.iter_mut().for_each(|word| hide(word, "{"));
            self.command(&rest, depth);
        }
    }

    fn trap(&mut self, words: &[Arg], depth: usize) {
        let mut rest = words.get(1..).unwrap_or_default();
        if rest.first().and_then(Arg::text) == Some("--") {
            rest = &rest[1..];
        }
        let Some((action, signals)) = rest.split_first() else { return };
        if signals.is_empty() || matches!(action.text(), Some("-" | "-l" | "-p")) {
            return;
        }
        self.text_of(std::slice::from_ref(action), "trap", depth);
    }
}

/// A word in which something is put in place of a mark is not known before.
fn hide(word: &mut Arg, mark: &str) {
    word.outline = word.outline.replace(mark, &UNKNOWN.to_string());
}
