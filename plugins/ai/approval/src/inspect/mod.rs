//! What is in a text: every command anywhere, through every wrapper, and what is wrong with it in any mode.
//!
//! | room | does |
//! | --- | --- |
//! | `syntax` | goes through the syntax tree, into every list, function, substitution and here-document |
//! | `feed` | what reaches the standard input of a command, which a shell there runs |
//! | `written` | whether a file that is written is one that is run |
//! | `words` | decodes a word and finds what runs while it is expanded |
//! | `unwrap` | the command behind `env`, `xargs`, `sh -c` and the like |
//! | `guess` | words that may be a command, or a text for a shell |
//! | `values` | values of options and variables that a program runs |
//! | `wrappers` | their options, as data |
//! | `credentials` | whether a word reaches what signs a person in |
//! | `way` | in which order commands run, and which share a directory |
//! | `directories` | the directories they run in |
//! | `handed` | what is found near them and given to another command |
//! | `reach` | how its path compares with the places they are kept in |
//! | `own` | the commands of ours among them |
//! | `processes` | programs that show the environment or the memory of another process |

pub(crate) mod credentials;
mod directories;
mod feed;
mod guess;
mod handed;
mod own;
mod processes;
mod reach;
mod syntax;
mod unwrap;
mod values;
mod way;
mod words;
mod wrappers;
mod written;

use std::collections::HashSet;

use self::feed::Feed;
use self::way::Step;
use crate::decision::Rule;
use crate::shell::bash;
use crate::shell::strict::{self, Pipeline, Redirect, Refusal, Script, Simple};
use crate::shell::word::Arg;

/// How deep commands may be wrapped in one another.
const DEEPEST: usize = 8;
/// How much is looked at; more than any text of 16 KiB that a person could judge.
const MOST_STEPS: usize = 20_000;

/// What was found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inspection {
    /// Every command, what a wrapper runs after the wrapper.
    pub(crate) commands: Vec<Vec<Arg>>,
    /// The targets of redirections, and whether they are written.
    pub(crate) redirects: Vec<(Arg, Access)>,
    /// Every other word: values, patterns, here-documents.
    pub(crate) others: Vec<Arg>,
    /// The first dangerous command, by its name.
    pub(crate) danger: Option<String>,
    /// What has to be asked about in every mode.
    pub(crate) findings: Vec<Refusal>,
    /// In which order the commands run.
    pub(crate) way: Vec<way::Step>,
    /// A text in it runs elsewhere on the way, or twice, than where it was looked at.
    pub(crate) is_repeated: bool,
}

/// What a redirection does to its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// Looks through a text. `script` is the answer of the strict reader, where it has one.
pub(crate) fn inspect(text: &str, script: Option<&Script>) -> Result<Inspection, Refusal> {
    // Without quotes there is no text in it that would have to be read with the guard.
    let is_plain = |script: &&Script| {
        !text.contains(['\'', '"', '\\'])
            && script.commands().all(|command| !unwrap::may_wrap(&command.words[0]))
    };
    if let Some(script) = script.filter(is_plain) {
        let mut walker = Walker::default();
        walker.plain(script, 0);
        walker.settle_in_any_order();
        return Ok(walker.found);
    }
    let text = text.to_owned();
    bash::guarded(move || {
        let mut walker = Walker::default();
        walker.script(&text, 0);
        walker.settle_in_any_order();
        walker.found
    })
}

/// Goes through a text and what is inside of it.
#[derive(Default)]
struct Walker {
    found: Inspection,
    steps: usize,
    /// The commands that are in the way already.
    stepped: usize,
    /// The texts that were read, with what a shell in them would read: once is enough.
    read: HashSet<(String, Feed, bool)>,
    /// What is looked at may be something else than a text for a shell.
    is_guess: bool,
    /// The names of functions.
    functions: HashSet<String>,
    /// What is at the standard input of the commands that are looked at.
    stdin: Feed,
    /// What `exec` has opened for all further commands.
    opened: Feed,
    /// What the process substitutions of the command that is looked at write.
    substituted: Feed,
    /// Files that are written, with what is known of it.
    written: Vec<(Arg, Feed)>,
    /// Files that are run.
    ran: Vec<Arg>,
    /// Variables are evaluated as arithmetic somewhere.
    has_arithmetic: bool,
    /// The same in a word.
    expands_arithmetic: bool,
    /// What may be in a variable by then, and looks like a substitution.
    may_run: Option<String>,
}

impl Walker {
    fn finding(&mut self, rule: Rule, why: impl Into<String>) {
        self.found.findings.push((rule, why.into()));
    }

    fn computed(&mut self, why: impl Into<String>) {
        self.finding(Rule::ComputedCommand, why);
    }

    /// What is run of what was written, after all else: where that is on the way is not known.
    fn settle_in_any_order(&mut self) {
        let before = self.found.commands.len();
        self.step(Step::Function, Self::settle);
        self.found.is_repeated |= self.found.commands.len() > before;
    }

    /// Whether there is still room to look deeper.
    fn may_go_on(&mut self, depth: usize) -> bool {
        self.steps += 1;
        if depth > DEEPEST {
            self.finding(Rule::Unreadable, format!("commands are wrapped more than {DEEPEST} deep"));
            return false;
        }
        if self.steps == MOST_STEPS {
            self.finding(Rule::Unreadable, "there is too much in it to be judged");
        }
        self.steps < MOST_STEPS
    }

    /// A text that a shell runs.
    fn script(&mut self, text: &str, depth: usize) {
        if !self.may_go_on(depth) {
            return;
        }
        if !self.read.insert((text.to_owned(), self.stdin.clone(), self.is_guess)) {
            self.found.is_repeated = true;
            return;
        }
        self.step(|steps| Step::Either(vec![steps]), |walker| walker.script_once(text, depth));
    }

    fn script_once(&mut self, text: &str, depth: usize) {
        if text.contains("BASH_ALIASES") || text.contains("BASH_CMDS") {
            self.computed("it changes what the names of commands stand for");
        }
        if let Ok(script) = strict::read(text) {
            return self.plain(&script, depth);
        }
        match bash::parse(text) {
            Ok(program) => {
                for list in &program.complete_commands {
                    self.list(list, depth);
                }
            }
            Err((rule, why)) => self.finding(rule, why),
        }
    }

    /// A script of nothing but words.
    fn plain(&mut self, script: &Script, depth: usize) {
        let mut joined = Vec::new();
        for pipeline in &script.pipelines {
            let (steps, ()) = self.steps_of(|walker| walker.plain_pipeline(pipeline, depth));
            joined.push((pipeline.joint, steps));
        }
        self.found.way.push(Step::Joined(joined));
    }

    fn plain_pipeline(&mut self, pipeline: &Pipeline, depth: usize) {
        let mut fed = self.stdin.clone();
        if let [command] = pipeline.commands.as_slice() {
            return self.plain_command(command, &mut fed, depth);
        }
        let mut members = Vec::new();
        for command in &pipeline.commands {
            members.push(self.steps_of(|walker| walker.plain_command(command, &mut fed, depth)).0);
        }
        self.found.way.push(Step::Pipe(members));
    }

    fn plain_command(&mut self, command: &Simple, fed: &mut Feed, depth: usize) {
        let words: Vec<Arg> = command.words.iter().map(Arg::literal).collect();
        let mut targets = Vec::new();
        for redirect in &command.redirects {
            match redirect {
                Redirect::Duplicate { operator, to, .. } => {
                    fed.has_unknown |= *operator == "<&" && *to != '0';
                }
                Redirect::File { operator: "<", path, .. } => {
                    fed.files.push(Arg::literal(path));
                    self.redirect(Arg::literal(path), Access::Read);
                }
                Redirect::File { path, .. } => {
                    targets.push(Arg::literal(path));
                    self.redirect(Arg::literal(path), Access::Write);
                }
                Redirect::Text(text) => fed.texts.push(text.clone()),
            }
        }
        let is_kept = way::is_kept(&targets);
        self.step_of_command(&words, is_kept, |walker| walker.member(&words, fed, depth));
        self.written.extend(targets.into_iter().map(|target| (target, fed.clone())));
    }

    fn redirect(&mut self, target: Arg, access: Access) {
        if access == Access::Write && target.text().is_some_and(crate::dangerous::is_raw_device) {
            self.finding(Rule::RawDevice, format!("it writes the device {}", target.shown));
        }
        self.found.redirects.push((target, access));
    }
}

#[cfg(test)]
#[path = "inspect_tests.rs"]
mod tests;
