//! What may run by itself: plain commands of a list, with options of a list, on paths that stay inside.
//!
//! | room | does |
//! | --- | --- |
//! | `listed` | the commands and their options, as data |
//! | `options` | reads the options of a command by that list |
//! | `changes` | where `touch`, `mkdir`, `cp` and `mv` would write |

mod changes;
mod listed;
mod options;

use std::path::Path;

use crate::decision::{Facts, Rule, Run, SearchPath};
use crate::files::{Filesystem, Kind};
use crate::paths::Ground;
use crate::request::{Mode, Request};
use crate::shell::emit;
use crate::shell::strict::{Redirect, Refusal, Script, Simple};

/// Judges a plain script command by command.
pub(crate) struct AllowWalk<'a> {
    pub(crate) request: &'a Request<'a>,
    pub(crate) files: &'a dyn Filesystem,
    pub(crate) ground: &'a Ground<'a>,
}

impl AllowWalk<'_> {
    /// What may run, and by which rule; or the first reason why a person has to say yes.
    pub(crate) fn judge(&self, script: &Script, facts: &mut Facts) -> Result<(Run, Rule, String), Refusal> {
        let script = &self.in_order(script);
        let is_alone = script.commands().count() == 1;
        let mut search_path = SearchPath::System;
        let mut writes = false;
        for command in script.commands() {
            if self.is_allowed_by_flag(command) {
                search_path = SearchPath::Person;
            } else {
                writes |= self.listed(command, is_alone, facts)?;
            }
            writes |= self.redirects(command, facts)?;
        }
        if script.pipelines.is_empty() {
            return Err((Rule::NotListed, "there is no command in it".to_owned()));
        }
        let (rule, why) = match (search_path, writes) {
            (SearchPath::Person, _) => {
                (Rule::AllowFlag, "every command is on the list or allowed by --allow")
            }
            (SearchPath::System, true) => {
                (Rule::InsideWorkspace, "every change stays inside of the workspace")
            }
            (SearchPath::System, false) => (Rule::Listed, "every command is on the list"),
        };
        Ok((Run::Checked { text: emit::emit(script), search_path }, rule, why.to_owned()))
    }

    fn is_allowed_by_flag(&self, command: &Simple) -> bool {
        self.request.rules.allow.iter().any(|pattern| pattern.allows(&command.words))
    }

    /// The same with the options of listed commands that change files before their operands.
    fn in_order(&self, script: &Script) -> Script {
        let mut script = script.clone();
        for command in script.pipelines.iter_mut().flat_map(|pipeline| &mut pipeline.commands) {
            let Some(listed) = command.words.first().and_then(|written| listed::of(written)) else {
                continue;
            };
            if listed.changes() && !self.is_allowed_by_flag(command) {
                let words = options::in_order(listed, &command.words[1..]);
                command.words.splice(1.., words);
            }
        }
        script
    }

    /// A command of the list; answers whether it changes files.
    fn listed(&self, command: &Simple, is_alone: bool, facts: &mut Facts) -> Result<bool, Refusal> {
        let Some((written, words)) = command.words.split_first() else { return Ok(false) };
        let name = written.rsplit('/').next().unwrap_or(written);
        let mode = self.request.mode;
        let Some(listed) = listed::of(written) else {
            return Err((Rule::NotListed, format!("`{written}` is not on the list of {} mode", mode.name())));
        };
        self.check_program(written, name)?;
        if listed.changes() && mode == Mode::Basic {
            return Err((Rule::FileChange, format!("`{name}` changes files, which basic mode asks about")));
        }
        let given = options::read(listed, words)?;
        if !listed.changes() {
            return Ok(false);
        }
        self.check_cwd()?;
        changes::check(self.ground, name, &given, is_alone, facts)?;
        Ok(true)
    }

    /// A listed name has to be the system's program, not one that lies in the workspace.
    fn check_program(&self, written: &str, name: &str) -> Result<(), Refusal> {
        let untrusted = |what: &str| (Rule::UntrustedProgram, format!("`{written}` is {what}"));
        let mut directories = crate::SYSTEM_PATH.split(':');
        let found = match written.rsplit_once('/') {
            None => directories
                .map(|directory| Path::new(directory).join(name))
                .find(|path| self.files.status(path).is_ok()),
            Some((directory, _)) if directories.any(|known| known == directory) => {
                Some(Path::new(written).to_owned())
            }
            Some(_) => return Err(untrusted("not in a directory of the system")),
        };
        // A program that is not there cannot run; a built-in needs none.
        let Some(path) = found else { return Ok(()) };
        match self.ground.resolve(&path) {
            Ok(resolved) if !self.ground.is_inside(&resolved.path) => Ok(()),
            _ => Err(untrusted("a program inside of the workspace")),
        }
    }

    fn check_cwd(&self) -> Result<(), Refusal> {
        if self.ground.is_inside(self.ground.cwd()) {
            return Ok(());
        }
        let cwd = self.ground.cwd().display();
        Err((Rule::WorkingDirectory, format!("it would run in {cwd}, outside of the workspace")))
    }

    /// The redirections of a command; answers whether one writes a file.
    fn redirects(&self, command: &Simple, facts: &mut Facts) -> Result<bool, Refusal> {
        let mut writes = false;
        for redirect in &command.redirects {
            match redirect {
                Redirect::Duplicate { .. } => {}
                _ if self.request.mode == Mode::Basic => {
                    return Err((
                        Rule::Redirection,
                        "basic mode asks about every redirection of a file".to_owned(),
                    ));
                }
                Redirect::Text(_) => {}
                Redirect::File { path, .. } if path == "/dev/null" => {}
                Redirect::File { operator, path, .. } => {
                    self.check_cwd()?;
                    let resolved = self.ground.resolve(path)?;
                    facts.paths.push(self.ground.fact(path, &resolved));
                    if *operator == "<" {
                        self.ground.check_inside(path, &resolved)?;
                        if resolved
                            .status
                            .is_some_and(|status| matches!(status.kind, Kind::Special | Kind::BlockDevice))
                        {
                            return Err((Rule::SpecialFile, format!("`{path}` is not an ordinary file")));
                        }
                    } else {
                        self.ground.check_change(path, &resolved)?;
                        writes = true;
                    }
                }
            }
        }
        Ok(writes)
    }
}
