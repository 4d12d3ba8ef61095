//! The rules in their order.

use std::path::Path;

use crate::allow::AllowWalk;
use crate::decision::{Danger, Decision, Facts, Rule, Run, SessionGrant, expand_home, visible};
use crate::files::{Filesystem, Kind};
use crate::gate;
use crate::inspect::credentials::Keeper;
use crate::inspect::{Access, Inspection, inspect};
use crate::paths::{Ground, Resolved};
use crate::request::{Grant, Mode, Request, Tool};
use crate::rules::{Match, Pattern};
use crate::shell::strict::{self, Refusal};
use crate::shell::word::Arg;

/// Judges one use of a tool.
#[must_use]
pub fn decide(request: &Request<'_>, files: &dyn Filesystem) -> Decision {
    if request.plan && request.tool.changes_things() {
        let why = format!("plan mode: {} is not available while a plan is made", request.tool.name());
        return Decision::Blocked { rule: Rule::PlanMode, why };
    }
    if request.tool == Tool::Unknown {
        return Decision::Blocked {
            rule: Rule::UnknownTool,
            why: "there is no tool of this name".to_owned(),
        };
    }
    let mut facts = Facts { shown: visible(request.subject), ..Facts::default() };
    let ground = match Ground::new(files, request.workspace, request.cwd, request.places.home.as_deref()) {
        Ok(ground) => ground,
        Err((_, why)) => return prompt((Rule::WorkingDirectory, why), facts),
    };
    if ground.cwd() != ground.workspace() {
        facts.notes.push(format!("It would run in {}.", visible(&ground.cwd().to_string_lossy())));
    }
    let judge = Judge { request, files, ground: &ground };
    match request.tool {
        Tool::Shell => judge.shell(facts),
        _ => judge.path(facts),
    }
}

fn prompt((rule, why): Refusal, facts: Facts) -> Decision {
    Decision::Prompt { rule, why: visible(&why), facts: Box::new(facts) }
}

fn auto(run: Run, rule: Rule, why: impl Into<String>, facts: Facts) -> Decision {
    Decision::Auto { run, rule, why: why.into(), facts: Box::new(facts) }
}

struct Judge<'a> {
    request: &'a Request<'a>,
    files: &'a dyn Filesystem,
    ground: &'a Ground<'a>,
}

impl Judge<'_> {
    fn shell(&self, mut facts: Facts) -> Decision {
        let text = self.request.subject;
        if let Err(refusal) = gate::check(text) {
            return self.unread(refusal, facts);
        }
        let script = strict::read(text);
        let found = match inspect(text, script.as_ref().ok()) {
            Ok(found) => found,
            Err(refusal) => return self.unread(refusal, facts),
        };
        facts.commands =
            found.commands.iter().map(|words| words.iter().map(Arg::for_person).collect()).collect();
        if let Some(why) = self.denied(&found.commands) {
            return Decision::Blocked { rule: Rule::PolicyDeny, why };
        }
        let unread = found.findings.iter().find(|(rule, _)| *rule == Rule::Unreadable);
        if let Some(refusal) = unread.filter(|_| !self.request.rules.deny.is_empty()) {
            return self.unread(refusal.clone(), facts);
        }
        if let Some(name) = &found.danger {
            facts.danger = Danger::Command(name.clone());
            self.targets(&found, &mut facts);
        }
        if let Some(refusal) = self.always_asked(&found) {
            return prompt(refusal, facts);
        }
        if let Some(why) = self.asked_by_policy(&found.commands) {
            return prompt((Rule::PolicyAsk, why), facts);
        }
        let as_written = Run::AsWritten(text.to_owned());
        if self.request.mode == Mode::Full {
            return auto(as_written, Rule::FullMode, "full mode runs what is not dangerous", facts);
        }
        if self.is_granted() {
            return auto(as_written, Rule::SessionGrant, "it was allowed for the rest of the session", facts);
        }
        facts.session_grant = SessionGrant::Offered;
        let walk = AllowWalk { request: self.request, files: self.files, ground: self.ground };
        match script.and_then(|script| walk.judge(&script, &mut facts)) {
            Ok((run, rule, why)) => auto(run, rule, why, facts),
            Err(refusal) => prompt(refusal, facts),
        }
    }

    /// What could not be read could be anything, also what the policy forbids.
    fn unread(&self, refusal: Refusal, facts: Facts) -> Decision {
        if self.request.rules.deny.is_empty() {
            return prompt(refusal, facts);
        }
        let why =
            format!("{}, so the commands that the policy forbids cannot be looked for", visible(&refusal.1));
        Decision::Blocked { rule: Rule::PolicyDeny, why }
    }

    fn denied(&self, commands: &[Vec<Arg>]) -> Option<String> {
        let (pattern, _) =
            concerned(&self.request.rules.deny, commands).filter(|(_, answer)| *answer == Match::Yes)?;
        Some(format!("the policy forbids `{}`", pattern.text()))
    }

    fn asked_by_policy(&self, commands: &[Vec<Arg>]) -> Option<String> {
        if let Some((pattern, _)) = concerned(&self.request.rules.deny, commands) {
            return Some(format!("it may be what the policy forbids (`{}`)", pattern.text()));
        }
        let (pattern, _) = concerned(&self.request.rules.ask, commands)?;
        Some(format!("the policy asks about `{}`", pattern.text()))
    }

    /// Rules 2 and 4: what is asked about in every mode, the dangerous first.
    fn always_asked(&self, found: &Inspection) -> Option<Refusal> {
        let dangerous = found.findings.iter().find(|(rule, _)| *rule == Rule::Dangerous);
        if let Some(finding) = dangerous.or_else(|| found.findings.first()) {
            return Some(finding.clone());
        }
        let device = found.redirects.iter().find(|(target, access)| {
            *access == Access::Write && target.text().is_some_and(|path| self.is_block_device(path))
        });
        if let Some((target, _)) = device {
            return Some((Rule::RawDevice, format!("it writes the device {}", target.shown)));
        }
        Keeper::new(self.request.places, self.ground).check(self.request.subject, found)
    }

    fn is_block_device(&self, path: &str) -> bool {
        let status = self.ground.resolve(path).ok().and_then(|resolved| resolved.status);
        status.is_some_and(|status| status.kind == Kind::BlockDevice)
    }

    fn is_granted(&self) -> bool {
        let grants = self.request.grants;
        grants.scope == Grant::RestOfSession
            || grants.commands.iter().any(|granted| {
                granted.tool == self.request.tool
                    && granted.subject == self.request.subject
                    && granted.cwd == self.request.cwd
            })
    }

    /// Where the operands of a dangerous command lead, and what is special about them.
    fn targets(&self, found: &Inspection, facts: &mut Facts) {
        let Some(words) = found.commands.iter().find(|words| {
            words
                .first()
                .and_then(Arg::program)
                .is_some_and(|name| facts.danger == Danger::Command(name.to_lowercase()))
        }) else {
            return;
        };
        for word in words.iter().skip(1).filter(|word| !word.outline.starts_with('-')) {
            let home = self.request.places.home.as_deref();
            let path = match (home, word.outline.strip_prefix(crate::shell::word::HOME)) {
                (Some(home), Some(rest)) => home.join(rest.trim_start_matches('/')),
                _ => Path::new(word.text().unwrap_or_default()).to_owned(),
            };
            let Ok(resolved) = self.ground.resolve(&path) else { continue };
            facts.paths.push(self.ground.fact(&word.shown, &resolved));
            facts.notes.extend(self.note(&word.shown, &resolved));
        }
    }

    fn note(&self, written: &str, resolved: &Resolved) -> Option<String> {
        let path = resolved.path.as_path();
        let home = self.request.places.home.as_deref().and_then(|home| self.ground.resolve(home).ok());
        let what = if path.parent().is_none() {
            "the root of the file system"
        } else if home.is_some_and(|home| home.path == path) {
            "the home directory"
        } else if path == self.ground.workspace() {
            "the whole workspace"
        } else if self.ground.workspace().starts_with(path) {
            "a directory around the workspace"
        } else if self.files.status(&path.join(".git")).is_ok() {
            "a whole repository"
        } else if !self.ground.is_inside(path) {
            "outside of the workspace"
        } else {
            return None;
        };
        Some(format!("{written} is {what}."))
    }

    /// The tools that take a path.
    fn path(&self, mut facts: Facts) -> Decision {
        let tool = self.request.tool;
        let written = self.request.subject;
        if let Err(refusal) = gate::check(written) {
            return self.unread(refusal, facts);
        }
        let path = expand_home(written, self.request.places.home.as_deref());
        let resolved = match self.ground.resolve(&path) {
            Ok(resolved) => resolved,
            // What cannot be followed cannot be opened either, and reading fails by itself.
            Err(_) if tool.only_reads() => Resolved::unfollowed(self.ground.cwd().join(&path)),
            Err(refusal) => return prompt(refusal, facts),
        };
        facts.paths.push(self.ground.fact(written, &resolved));
        // For the policy a tool is a command with one operand.
        let words = vec![vec![Arg::literal(tool.name()), Arg::literal(resolved.path.to_string_lossy())]];
        if let Some(why) = self.denied(&words) {
            return Decision::Blocked { rule: Rule::PolicyDeny, why };
        }
        let access = if tool.only_reads() { Access::Read } else { Access::Write };
        let searches = matches!(tool, Tool::SearchFiles | Tool::SearchContent);
        if let Some(refusal) =
            Keeper::new(self.request.places, self.ground).check_path(&path, access, searches)
        {
            return prompt(refusal, facts);
        }
        let is_device = crate::dangerous::is_raw_device(&resolved.path.to_string_lossy())
            || resolved.status.is_some_and(|status| status.kind == Kind::BlockDevice);
        if is_device && access == Access::Write {
            return prompt((Rule::RawDevice, format!("it writes the device {written}")), facts);
        }
        if let Some(why) = self.asked_by_policy(&words) {
            return prompt((Rule::PolicyAsk, why), facts);
        }
        self.path_by_mode(resolved, facts)
    }

    fn path_by_mode(&self, resolved: Resolved, mut facts: Facts) -> Decision {
        let (tool, mode, written) = (self.request.tool, self.request.mode, self.request.subject);
        let run = Run::Path(resolved.path.clone());
        if tool.only_reads() {
            return auto(run, Rule::ReadOnly, "the tool only reads", facts);
        }
        if mode == Mode::Full {
            return auto(run, Rule::FullMode, "full mode runs what is not dangerous", facts);
        }
        if self.is_granted() {
            return auto(run, Rule::SessionGrant, "it was allowed for the rest of the session", facts);
        }
        facts.session_grant = SessionGrant::Offered;
        if matches!(tool, Tool::NextflowLint | Tool::NfCoreLint) {
            let why =
                format!("{} runs a program that is not on the list of {} mode", tool.name(), mode.name());
            return prompt((Rule::NotListed, why), facts);
        }
        if mode == Mode::Basic {
            return prompt(
                (Rule::FileChange, "basic mode asks about every change of a file".to_owned()),
                facts,
            );
        }
        match self.ground.check_change(written, &resolved) {
            Ok(()) => auto(run, Rule::InsideWorkspace, "the change stays inside of the workspace", facts),
            Err(refusal) => prompt(refusal, facts),
        }
    }
}

/// The pattern that concerns a command most certainly.
fn concerned<'a>(patterns: &'a [Pattern], commands: &[Vec<Arg>]) -> Option<(&'a Pattern, Match)> {
    let pairs = patterns
        .iter()
        .flat_map(|pattern| commands.iter().map(move |words| (pattern, pattern.concerns(words))));
    pairs.filter(|(_, answer)| *answer != Match::No).max_by_key(|(_, answer)| *answer)
}
