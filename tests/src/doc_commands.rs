//! Runs what a document shows, so that it stays true.
//!
//! Three kinds of fenced blocks are read; all others are prose:
//!
//! - ```` ```console ````: lines that begin with `$ ` are commands for bash, run in order in one directory with the
//!   staged program on PATH; `\` at the end of a line goes on in the next one. The lines below a command are what it
//!   prints, standard output and standard error together. A line `…` stands for any lines, `…` inside a line for any
//!   text. A command has to succeed unless it ends with `# exit N`.
//! - any block with `file=PATH` behind its language (```` ```toml file=~/.config/seqera/config.toml ````): the text of
//!   the file, written when the block is reached.
//! - any block behind a line `<!-- not run: WHY -->` is left alone.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::sandbox::{Run, Sandbox};

/// One thing that a document wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// Write a file.
    Write { line: usize, path: String, text: String },
    /// Run a command.
    Run { line: usize, script: String, code: i32, shows: Vec<String> },
}

/// Runs a document in a sandbox.
pub struct Document<'a> {
    sandbox: &'a Sandbox,
    name: String,
    steps: Vec<Step>,
    directory: PathBuf,
}

#[allow(clippy::expect_used, reason = "a test without its surroundings has to stop")]
impl<'a> Document<'a> {
    /// The document at `path`, a path in the repository.
    ///
    /// # Panics
    /// When there is no such document, or a block of it is never closed.
    #[must_use]
    pub fn read(path: &str, sandbox: &'a Sandbox) -> Self {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
        let text = fs::read_to_string(repository.join(path)).expect("a document");
        Self { sandbox, name: path.to_owned(), steps: steps(&text), directory: sandbox.home() }
    }

    /// Begins in this directory instead of HOME.
    #[must_use]
    pub fn inside(mut self, directory: &Path) -> Self {
        directory.clone_into(&mut self.directory);
        self
    }

    /// Does everything in order; answers how many commands were run.
    ///
    /// # Panics
    /// At the first command that does something else than the document says.
    pub fn run(self) -> usize {
        let mut count = 0;
        for step in &self.steps {
            match step {
                Step::Write { line, path, text } => self.write(*line, path, text),
                Step::Run { line, script, code, shows } => {
                    let run = self.bash(script);
                    let place = format!("{}:{line}: $ {script}", self.name);
                    assert_eq!(run.code, *code, "{place}\n{run}");
                    if let Err(difference) = is_shown(&run.stdout, shows) {
                        panic!("{place}\n{difference}--- it printed\n{}", run.stdout);
                    }
                    count += 1;
                }
            }
        }
        count
    }

    /// Files are written by the same shell: `~` is its HOME, and a mount namespace is in force for them too.
    fn write(&self, line: usize, path: &str, text: &str) {
        let script = format!("f={path}; mkdir -p \"$(dirname \"$f\")\" && printf %s \"$DOC_TEXT\" > \"$f\"");
        let run = self.command(&script, |command| {
            command.env("DOC_TEXT", text);
        });
        assert_eq!(run.code, 0, "{}:{line}: {path} cannot be written\n{run}", self.name);
    }

    fn bash(&self, script: &str) -> Run {
        self.command(script, |_| {})
    }

    /// One command line; directory and exported variables go on from one to the next.
    fn command(&self, script: &str, with: impl FnOnce(&mut Command)) -> Run {
        let state = self.sandbox.root().join("doc-state");
        let script = format!(
            "exec 2>&1\n[ -e {state} ] && . {state}\n{script}\ncode=$?\n\
             {{ export -p | grep -v ' DOC_TEXT='; printf 'cd %q\\n' \"$PWD\"; }} > {state}\nexit $code\n",
            state = state.display()
        );
        let mut bash = self.sandbox.beside(Path::new("bash"));
        bash.args(["--norc", "-c", &script]).current_dir(&self.directory);
        let path = std::env::var("PATH").unwrap_or_default();
        let bin = self.sandbox.program().parent().unwrap_or(Path::new("/")).display();
        bash.env("PATH", format!("{bin}:{path}"));
        with(&mut bash);
        self.sandbox.run(bash)
    }
}

/// Compares what was printed with what the document shows.
fn is_shown(printed: &str, shows: &[String]) -> Result<(), String> {
    if shows.is_empty() {
        return Ok(());
    }
    let printed: Vec<&str> = printed.trim_end().lines().map(str::trim_end).collect();
    if fits(&printed, shows) {
        return Ok(());
    }
    let mut text = "the document shows something else:\n".to_owned();
    for line in shows {
        let _infallible = writeln!(text, "{line}");
    }
    Err(text)
}

fn fits(printed: &[&str], shows: &[String]) -> bool {
    match (shows.split_first(), printed.split_first()) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some((wanted, rest)), _) if wanted == "…" => {
            (0..=printed.len()).any(|skipped| fits(&printed[skipped..], rest))
        }
        (Some(_), None) => false,
        (Some((wanted, rest)), Some((line, others))) => line_fits(line, wanted) && fits(others, rest),
    }
}

fn line_fits(line: &str, wanted: &str) -> bool {
    let Some((begin, rest)) = wanted.split_once('…') else {
        return line == wanted;
    };
    let Some(left) = line.strip_prefix(begin) else {
        return false;
    };
    left.char_indices().map(|(at, _)| at).chain([left.len()]).any(|at| line_fits(&left[at..], rest))
}

/// What a document wants done, in order.
fn steps(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut is_left_alone = false;
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(info) = line.trim_start().strip_prefix("```") else {
            is_left_alone = line.starts_with("<!-- not run: ") || (is_left_alone && line.trim().is_empty());
            continue;
        };
        let block: Vec<(usize, &str)> =
            lines.by_ref().take_while(|(_, line)| line.trim_start() != "```").collect();
        let mut words = info.split_whitespace();
        let language = words.next().unwrap_or_default();
        let file = words.find_map(|word| word.strip_prefix("file="));
        match (std::mem::take(&mut is_left_alone), file) {
            (true, _) => {}
            (false, Some(path)) => steps.push(Step::Write {
                line: number + 1,
                path: path.to_owned(),
                text: block.iter().fold(String::new(), |text, (_, line)| text + line + "\n"),
            }),
            (false, None) if language == "console" => steps.extend(commands(&block)),
            (false, None) => {}
        }
    }
    steps
}

fn commands(block: &[(usize, &str)]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = block.iter();
    while let Some((number, line)) = lines.next() {
        if let Some(begin) = line.strip_prefix("$ ") {
            let mut script = begin.to_owned();
            while script.ends_with('\\') {
                script.pop();
                script.push_str(lines.next().map(|(_, line)| line.trim_start()).unwrap_or_default());
            }
            let code = script.rsplit_once("# exit ").and_then(|(_, code)| code.trim().parse().ok());
            steps.push(Step::Run { line: number + 1, script, code: code.unwrap_or(0), shows: Vec::new() });
        } else if let Some(Step::Run { shows, .. }) = steps.last_mut() {
            shows.push(line.trim_end().to_owned());
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_become_steps() {
        let text = "# T\n```toml file=~/a.toml\nkey = 1\n```\n\n```console\n$ one \\\n    two  # exit 3\nsaid\n$ three\n```\n\
                    <!-- not run: it is long -->\n```console\n$ never\n```\n```rust\n$ not this\n```\n";
        assert_eq!(
            steps(text),
            [
                Step::Write { line: 2, path: "~/a.toml".into(), text: "key = 1\n".into() },
                Step::Run {
                    line: 7,
                    script: "one two  # exit 3".into(),
                    code: 3,
                    shows: vec!["said".into()]
                },
                Step::Run { line: 10, script: "three".into(), code: 0, shows: Vec::new() },
            ]
        );
    }

    #[test]
    fn dots_stand_for_anything_and_nothing_else_does() {
        let shows = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        assert!(is_shown("a\nb\nc d e\n", &shows(&["a", "…", "c … e"])).is_ok());
        assert!(is_shown("a\nc x e\n", &shows(&["a", "…", "c … e"])).is_ok());
        assert!(is_shown("a\nb\n", &shows(&["a"])).is_err());
        assert!(is_shown("a\n", &shows(&["a", "b"])).is_err());
        assert!(is_shown("abc\n", &shows(&["a…d"])).is_err());
    }

    #[test]
    fn a_document_is_run() {
        let sandbox = Sandbox::new();
        let count = Document::read("tests/cases/document.md", &sandbox).run();
        assert_eq!(count, 5);
        assert_eq!(fs::read_to_string(sandbox.home().join("greeting.txt")).unwrap(), "hello\n");
    }

    #[test]
    #[should_panic(expected = "document.md:15: $ seqera --version")]
    fn a_document_that_lies_is_found_out() {
        let sandbox = Sandbox::new();
        let mut document = Document::read("tests/cases/document.md", &sandbox);
        for step in &mut document.steps {
            if let Step::Run { script, shows, .. } = step
                && script == "seqera --version"
            {
                shows.push("more".to_owned());
            }
        }
        let _never = document.run();
    }
}
