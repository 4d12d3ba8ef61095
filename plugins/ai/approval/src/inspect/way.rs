//! In which order commands run, and which of them share the directory of the shell.

use std::ops::Range;

use super::Walker;
use crate::shell::strict::Joint;
use crate::shell::word::Arg;

/// Commands that run in the shell itself, and texts that do.
const IN_SHELL: &[&str] = &[
    "cd",
    "pushd",
    "popd",
    "eval",
    "source",
    ".",
    "trap",
    "alias",
    "command",
    "builtin",
    "time",
    "exec",
    "hash",
    "mapfile",
    "readarray",
    "compgen",
    "jobs",
];

/// A step on the way through a text.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Commands, by their place in what was found.
    Commands(Range<usize>),
    /// What runs in a process of its own.
    Apart(Vec<Step>),
    /// The same, and what it writes is kept: in a word, a variable, a file.
    Kept(Vec<Step>),
    /// Commands that read from one another.
    Pipe(Vec<Vec<Step>>),
    /// What runs any number of times.
    Loop(Vec<Step>),
    /// What runs wherever it is called.
    Function(Vec<Step>),
    /// One of them runs, or none.
    Either(Vec<Vec<Step>>),
    /// Joined by `&&` and `||`.
    Joined(Vec<(Joint, Vec<Step>)>),
}

/// Whether the files that a command writes keep anything.
pub(super) fn is_kept(targets: &[Arg]) -> bool {
    targets.iter().any(|target| target.text() != Some("/dev/null"))
}

impl Walker {
    /// The steps of what is done in it.
    pub(super) fn steps_of<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> (Vec<Step>, T) {
        self.commands_so_far();
        let outer = std::mem::take(&mut self.found.way);
        let answer = run(self);
        self.commands_so_far();
        (std::mem::replace(&mut self.found.way, outer), answer)
    }

    pub(super) fn step<T>(
        &mut self,
        wrap: impl FnOnce(Vec<Step>) -> Step,
        run: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let (steps, answer) = self.steps_of(run);
        if !steps.is_empty() {
            self.found.way.push(wrap(steps));
        }
        answer
    }

    /// A command: in a process of its own, unless it is one of the shell.
    pub(super) fn step_of_command<T>(
        &mut self,
        words: &[Arg],
        is_kept: bool,
        run: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let name = words.first().and_then(Arg::program).unwrap_or_default().to_lowercase();
        match (IN_SHELL.contains(&name.as_str()), is_kept) {
            (true, _) => self.step(|steps| Step::Joined(vec![(Joint::Then, steps)]), run),
            (false, true) => self.step(Step::Kept, run),
            (false, false) => self.step(Step::Apart, run),
        }
    }

    fn commands_so_far(&mut self) {
        let count = self.found.commands.len();
        if count > self.stepped {
            self.found.way.push(Step::Commands(self.stepped..count));
            self.stepped = count;
        }
    }
}
