//! What every plugin keeps to, tried out on one: it says what it is, its panics stay inside, and its commands behave on
//! a command line as those of all others do.

mod place;
mod run;

use std::path::Path;

use semver::Version;

use super::child::Reader;
use super::inspect::Inspected;
use super::probe::{self, Fence};
use super::static_check;
use crate::error::Result;
use place::Place;
use run::{Ended, Runner, Words};

/// What was tried out.
#[derive(Debug)]
pub struct Check {
    /// `metadata`
    pub name: &'static str,
    /// What has to be true.
    pub rule: &'static str,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a check.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is so.
    Passed,
    /// It is not, and where.
    Failed(Vec<String>),
    /// Why it could not be tried.
    Skipped(String),
}

/// All checks of a plugin.
#[derive(Debug)]
pub struct Report {
    /// Its name and version, once they are known.
    pub plugin: Option<(String, Version)>,
    /// In the order in which they were made.
    pub checks: Vec<Check>,
}

impl Report {
    /// Whether none failed. One that could not be made is no failure of its own: another one says why.
    pub fn has_passed(&self) -> bool {
        !self.checks.iter().any(|check| matches!(check.outcome, Outcome::Failed(_)))
    }
}

/// Names of the checks, and what has to be true.
const CHECKS: [(&str, &str); 8] = [
    ("library", "the library is a plugin that this system can load"),
    ("panic", "a panic becomes an error"),
    ("metadata", "plugin.toml and cli.json are what the library says"),
    ("services", "--help of every command works when no service is there"),
    ("help", "--help prints what cli.json has"),
    ("usage", "an unknown option or subcommand ends with 2"),
    ("bytes", "an argument that is not UTF-8 crashes nothing"),
    ("pipe", "a closed standard output ends it with 141, silently"),
];

/// Tries out the plugin at `path`: a library, the directory of a crate that was built, or a package.
///
/// # Errors
/// There is nothing to try out at `path`, or this machine cannot do it.
pub fn test(path: &Path) -> Result<Report> {
    let place = Place::new(path)?;
    let mut outcomes = Vec::new();
    let plugin = try_out(&place, &mut outcomes)?;
    let plugin = plugin.map(|found| (found.manifest.plugin.name, found.manifest.plugin.version));
    outcomes.resize_with(CHECKS.len(), || Outcome::Skipped("what comes before has to pass first".to_owned()));
    let checks = CHECKS.iter().zip(outcomes);
    let checks = checks.map(|(&(name, rule), outcome)| Check { name, rule, outcome }).collect();
    Ok(Report { plugin, checks })
}

/// The outcomes in the order of [`CHECKS`], as far as it gets.
fn try_out(place: &Place, outcomes: &mut Vec<Outcome>) -> Result<Option<Inspected>> {
    let library = place.library();
    let loadable =
        library.and_then(|path| Ok((std::fs::read(&path).map_err(|error| error.to_string())?, path)));
    let loadable =
        loadable.and_then(|(content, path)| static_check::check(&content, crate::TARGET).map(|_| path));
    let path = match loadable {
        Ok(path) => path,
        Err(problem) => {
            outcomes.push(Outcome::Failed(vec![problem]));
            return Ok(None);
        }
    };
    outcomes.push(Outcome::Passed);
    outcomes.push(match probe::panic_fence(&path) {
        Ok(Fence::Holds) => Outcome::Passed,
        Ok(Fence::Untested) => Outcome::Skipped("it is not built with an SDK that can be asked".to_owned()),
        Err(problem) => Outcome::Failed(vec![problem]),
    });
    if matches!(outcomes.last(), Some(Outcome::Failed(_))) {
        return Ok(None);
    }
    let inspected = match place.lay_out() {
        Ok(inspected) => inspected,
        Err(error) => {
            outcomes.push(Outcome::Failed(vec![error.to_string()]));
            return Ok(None);
        }
    };
    outcomes.push(Outcome::Passed);
    let runner = Runner::new(place, &inspected)?;
    if runner.all().is_empty() {
        outcomes.resize_with(CHECKS.len(), || Outcome::Skipped("it has no commands".to_owned()));
    } else {
        outcomes.extend(on_the_command_line(&runner)?);
    }
    Ok(Some(inspected))
}

/// The last five checks.
fn on_the_command_line(runner: &Runner) -> Result<[Outcome; 5]> {
    let (mut services, mut help, mut usage, mut bytes, mut pipe) =
        <(Vec<_>, Vec<_>, Vec<_>, Vec<_>, Vec<_>)>::default();
    for words in runner.all() {
        let shown = runner.run(words, &["--help".into()], Reader::Listens)?;
        match shown.unless_ended_with(&[0]) {
            Some(problem) => services.push(problem),
            None => help.extend(differs(words, &shown)),
        }
        let mut wrong: Vec<&[u8]> = Vec::new();
        if !words.takes_anything() {
            wrong.push(b"--surely-no-such-option");
        }
        if words.takes_subcommand_only() {
            wrong.push(b"surely-no-such-subcommand");
        }
        for argument in wrong {
            usage.extend(
                runner.run(words, &[run::argument(argument)], Reader::Listens)?.unless_ended_with(&[2]),
            );
        }
        if cfg!(unix) {
            // What takes anything would really run with it.
            let lines: &[[&[u8]; 2]] = match words.takes_anything() {
                true => &[[b"--help", b"\xff\xfe"]],
                false => &[[b"\xff\xfe", b"--help"], [b"--surely-no-such-option=\xff", b"\xff"]],
            };
            for line in lines {
                let ended = runner.run(words, &line.map(run::argument), Reader::Listens)?;
                bytes.extend(ended.unless_ended_with(&[0, 2]));
            }
            let unread = runner.run(words, &["--help".into()], Reader::IsGone)?;
            pipe.extend(unread.unless_ended_with(&[141]).or_else(|| unread.unless_silent()));
        }
    }
    let outcome = |problems: Vec<String>| match problems.is_empty() {
        true => Outcome::Passed,
        false => Outcome::Failed(problems),
    };
    let of_unix = |problems| match cfg!(unix) {
        true => outcome(problems),
        false => Outcome::Skipped("it cannot be tried on this system".to_owned()),
    };
    Ok([outcome(services), outcome(help), outcome(usage), of_unix(bytes), of_unix(pipe)])
}

/// The first line of help that is another one than the packaged.
fn differs(words: &Words, shown: &Ended) -> Option<String> {
    let expected = crate::output::without_styles(&words.help);
    let printed = shown.stdout();
    let (expected, printed) = (expected.trim_end(), printed.trim_end());
    if expected == printed {
        return None;
    }
    let mut lines = expected.lines().zip(printed.lines().chain(std::iter::repeat("")));
    let first = lines.find(|(expected, printed)| expected != printed);
    let (expected, printed) = first.unwrap_or(("", printed));
    Some(format!("{}: cli.json has {expected:?}, it prints {printed:?}", shown.what))
}
