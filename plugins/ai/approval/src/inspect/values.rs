//! Values that run: of options, of settings, of the environment, and of variables that bash evaluates.

use super::Walker;
use super::wrappers::{
    ENV, GIT_FILTERS, RUNS_OWN_VALUE, RUNS_SETTING, RUNS_VALUE, RUNS_VARIABLE, SHELL, SUBSCRIPTS,
};
use crate::decision::Rule;
use crate::shell::word::{Arg, UNKNOWN};

/// As much of a long option has to be written for it to be taken for that one.
const SHORTEST: usize = 3;
/// What makes `test` evaluate a subscript; it compares numbers, and takes no operand for arithmetic.
const ASKS_FOR_NAME: &[&str] = &["-v", "-R"];

impl Walker {
    /// `tar --to-command='rm x'` and the like, and a function that comes through the environment.
    pub(super) fn values_that_run(&mut self, name: &str, words: &[Arg], depth: usize) {
        for (index, word) in words.iter().enumerate().skip(1) {
            let Some(text) = word.text() else { continue };
            let next = words.get(index + 1).and_then(Arg::text).unwrap_or_default();
            if let Some((variable, value)) = text.split_once('=') {
                if value.starts_with("() {") {
                    self.script(&format!("f{value}"), depth);
                }
                self.variable(variable, value, depth);
            }
            if let Some(value) = proxy_command(text) {
                self.value(value, depth);
            }
            if let Some(long) = text.strip_prefix("--") {
                let (option, value) = long.split_once('=').unwrap_or((long, next));
                let value = value.strip_prefix("exec=").unwrap_or(value);
                if is_command_of(name, option) {
                    self.value(value, depth);
                } else if RUNS_VALUE.contains(&option) {
                    self.guessed(|walker| walker.value(value, depth), value);
                }
            } else if let Some(value) = short_value(name, index, text) {
                self.value(if value.is_empty() { next } else { value }, depth);
            }
        }
    }

    /// A variable of the environment that programs take for a command.
    pub(super) fn variable(&mut self, name: &str, value: &str, depth: usize) {
        // A file that a shell runs first.
        if matches!(name, "BASH_ENV" | "ENV") {
            self.ran.push(Arg::literal(value));
        }
        if RUNS_VARIABLE.iter().any(|known| name.ends_with(known)) {
            // `LESSOPEN='|rm %s'`
            self.value(value.trim_start_matches(['|', '-']), depth);
        }
    }

    /// A text that is run later, by a program with an input of its own.
    fn value(&mut self, text: &str, depth: usize) {
        if text.trim().is_empty() {
            return;
        }
        let input = std::mem::take(&mut self.stdin);
        self.script(text, depth);
        self.stdin = input;
    }

    /// Words that bash may evaluate later, when they are in a variable or one of its parameters.
    pub(super) fn later(&mut self, name: &str, words: &[Arg], depth: usize) {
        let is_evaluated = SUBSCRIPTS.contains(&name);
        self.has_arithmetic |= match name {
            "let" => true,
            "test" | "[" => words.iter().any(|word| ASKS_FOR_NAME.contains(&word.outline.as_str())),
            "declare" | "typeset" | "local" => words.iter().any(|word| {
                word.outline.starts_with(UNKNOWN)
                    || word.outline.starts_with('-') && word.outline.contains('i')
            }),
            _ => false,
        };
        for word in words {
            if word.outline.contains("BASH_ALIASES") || word.outline.contains("BASH_CMDS") {
                self.computed("it changes what the names of commands stand for");
            }
            match name {
                _ if is_evaluated => self.deferred_text(word, depth),
                "set" => self.deferred_value(word, depth),
                // The text of a shell may take its operands for arithmetic; no other program does.
                "source" | "." => self.deferred_subscript(word, depth),
                _ if SHELL.names.contains(&name) => self.deferred_subscript(word, depth),
                _ if ENV.names.contains(&name) && is_assignment(word) => self.deferred_subscript(word, depth),
                _ => {}
            }
        }
    }

    /// Operands of functions, and what `echo` may give a variable, where arithmetic is somewhere.
    pub(super) fn operands_evaluated(&mut self) {
        if !self.has_arithmetic && !self.expands_arithmetic {
            return;
        }
        let is_theirs = |words: &&Vec<Arg>| {
            let name = words.first().and_then(Arg::program).unwrap_or_default();
            name == "echo" || self.functions.contains(name)
        };
        let calls: Vec<Vec<Arg>> = self.found.commands.iter().filter(is_theirs).cloned().collect();
        for words in calls {
            let before = self.found.findings.len();
            words[1..].iter().for_each(|word| self.deferred_subscript(word, 1));
            if words[0].program() == Some("echo") {
                // Most of it is only shown.
                let later = self.found.findings.split_off(before);
                self.found.findings.extend(later.into_iter().filter(|(rule, _)| *rule == Rule::Dangerous));
            }
        }
    }

    pub(super) fn git(&mut self, words: &[Arg], depth: usize) {
        let position = |text: &str| words.iter().position(|word| word.text() == Some(text));
        if let Some(at) = position("foreach") {
            let rest: Vec<Arg> =
                words[at + 1..].iter().filter(|word| !word.outline.starts_with("--")).cloned().collect();
            self.text_of(&rest, "git submodule foreach", depth);
        }
        if let (Some(_), Some(at)) = (position("bisect"), position("run")) {
            self.command(&words[at + 1..], depth);
        }
        if let (Some(_), Some(at)) = (position("rebase"), position("--exec").or_else(|| position("-x"))) {
            let script = words.get(at + 1).map(std::slice::from_ref).unwrap_or_default();
            self.text_of(script, "git rebase --exec", depth);
        }
        for (index, word) in words.iter().enumerate().skip(1) {
            let Some(text) = word.text() else { continue };
            // `-c KEY=VALUE`, or `config KEY VALUE`.
            let next = words.get(index + 1).and_then(Arg::text).unwrap_or_default();
            let (key, value) = text.split_once('=').unwrap_or((text, next));
            if is_run_by_git(key) {
                self.value(value.trim_start_matches('!'), depth);
            } else if let Some(script) =
                value.strip_prefix('!').filter(|_| key.to_lowercase().contains("alias."))
            {
                // An alias that begins with `!` is a text for a shell.
                self.value(script, depth);
            }
        }
    }
}

/// Whether the value of a long option is a command to this program, which may take the beginning of its name for it.
fn is_command_of(name: &str, option: &str) -> bool {
    let is_short = |known: &&str| option.len() >= SHORTEST && known.starts_with(option);
    name == "git" && GIT_FILTERS.contains(&option)
        || RUNS_OWN_VALUE.iter().any(|(names, options)| names.contains(&name) && options.iter().any(is_short))
}

fn is_assignment(word: &Arg) -> bool {
    word.outline
        .split_once('=')
        .is_some_and(|(name, _)| name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_'))
}

/// Whether git runs the value of a setting: `core.pager`, `pager.log`, `filter.x.clean`.
fn is_run_by_git(key: &str) -> bool {
    let key = key.trim_start_matches("-c").to_lowercase();
    key.contains('.') && key.split('.').any(|part| RUNS_SETTING.contains(&part))
}

/// The value of `-o ProxyCommand=…`, however it is written.
fn proxy_command(text: &str) -> Option<&str> {
    let lower = text.to_ascii_lowercase();
    let names = ["proxycommand", "localcommand", "knownhostscommand"];
    let end = names.iter().find_map(|name| Some(lower.find(name)? + name.len()))?;
    text.get(end..).map(|rest| rest.trim_start_matches(['=', ' ']))
}

/// What is attached to an option of one letter that runs its value; nothing where the value is the next word.
fn short_value<'a>(name: &str, index: usize, text: &'a str) -> Option<&'a str> {
    let letters: &[char] = match name {
        "tar" | "gtar" | "bsdtar" => &['I', 'F'],
        "rsync" => &['e'],
        "git" => &['x'],
        _ => return None,
    };
    let cluster = match text.strip_prefix('-') {
        Some(cluster) => cluster,
        // `tar cIf PROGRAM FILE`, as it was once written.
        None if name.ends_with("tar")
            && index == 1
            && text.bytes().all(|byte| byte.is_ascii_alphabetic()) =>
        {
            return text.contains(letters).then_some("");
        }
        None => return None,
    };
    let at = cluster.find(letters)?;
    let is_option = cluster[..at].bytes().all(|byte| byte.is_ascii_alphanumeric());
    // Of git only `-x` itself.
    if !is_option || name == "git" && at > 0 { None } else { cluster.get(at + 1..) }
}
