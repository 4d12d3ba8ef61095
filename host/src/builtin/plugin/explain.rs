//! `seqera plugin explain NAME`

use std::fmt::Write as _;
use std::path::Path;

use clap::Parser;
use serde_json::{Value, json};

use crate::builtin::surroundings;
use crate::config::{Config, Paths};
use crate::digest;
use crate::discovery::manifest::is_plugin_name;
use crate::discovery::{Case, Catalog, Entry};
use crate::error::{Code, Error, Result};
use crate::files;
use crate::output;
use crate::ownership;
use crate::plugin_store::archive::MAX_LIBRARY;
use crate::plugin_store::package::MANIFEST_FILE;
use crate::plugin_store::receipt::{self, RECEIPT_FILE, Receipt};
use crate::policy::Finding;
use crate::sign_in::{self, Decision};

/// Say why a plugin runs, or does not: each rule with its file and line
///
/// Nothing is loaded. The exit code is 0 whatever the decision; `--json` has it as `decision`: `used`, `refused` or
/// `not-installed`.
#[derive(Debug, Parser)]
#[command(name = "explain")]
pub struct ExplainArgs {
    /// The plugin
    name: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// # Errors
/// The configuration, or the policy, cannot be used: then that is the explanation.
pub fn run(args: &ExplainArgs) -> Result<()> {
    if !is_plugin_name(&args.name) {
        let error = Error::new(Code::Usage, format!("`{}` is not a name for a plugin", args.name));
        return Err(error.hint("`seqera plugin list` shows the names."));
    }
    let (paths, config) = surroundings()?;
    let explanation = Explanation::of(&args.name, &paths, &config)?;
    if args.json {
        return output::data(&format!("{:#}\n", explanation.to_json()));
    }
    output::data(&output::printable(&explanation.to_text()))
}

struct Explanation {
    name: String,
    /// What holds for every version.
    rules: Vec<Finding>,
    versions: Vec<Version>,
    /// Why none is used, although there are some.
    refusal: Option<Error>,
    notes: Vec<String>,
}

struct Version {
    entry: Entry,
    /// It is the one that would be loaded.
    is_meant: bool,
    /// The error that loading it would end with because of its files.
    damage: Option<Error>,
    state: State,
    rules: Vec<Finding>,
    sign_in: Vec<Decision>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Used,
    /// It meets all rules, and another version counts before it.
    Allowed,
    Refused,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Allowed => "allowed",
            Self::Refused => "refused",
        }
    }
}

impl Explanation {
    fn of(name: &str, paths: &Paths, config: &Config) -> Result<Self> {
        let catalog = Catalog::new(paths, config);
        let (mut entries, broken) = catalog.all();
        entries.retain(|entry| entry.name() == name);
        entries.sort_by(|a, b| (a.origin, b.version()).cmp(&(b.origin, a.version())));
        let case = catalog.case(name, &entries.iter().collect::<Vec<_>>())?;
        let chosen = catalog.choose(name, entries.iter());
        let used = chosen.as_ref().ok().copied().flatten().map(|entry| entry.dir.clone());
        let mut refusal = chosen.err();
        let look = |entry| Version::of(&catalog, paths, &case, entry, used.as_deref());
        let mut versions = entries.into_iter().map(look).collect::<Result<Vec<_>>>()?;
        if refusal.is_some() {
            versions.iter_mut().for_each(|version| version.state = State::Refused);
        }
        refusal = refusal.or_else(|| versions.iter().find(|version| version.is_meant)?.damage.clone());
        let used = versions.iter().find(|version| version.state == State::Used);
        let mut notes = used.map(|version| notes(&catalog, &version.entry)).unwrap_or_default();
        if versions.is_empty() {
            let demands = case.pins.describe().into_iter();
            notes.extend(demands.map(|demand| format!("it would have to be {demand}")));
        }
        let its = broken.iter().filter(|broken| broken.dir.iter().any(|part| part == name));
        notes.extend(its.map(|broken| format!("{}: {}", broken.dir.display(), broken.problem)));
        let rules = catalog.rules_by_name(name, &case);
        Ok(Self { name: name.to_owned(), rules, versions, refusal, notes })
    }

    fn decision(&self) -> &'static str {
        if self.refusal.is_none() && self.versions.iter().any(|version| version.state == State::Used) {
            "used"
        } else if self.refusal.is_none() && self.versions.is_empty() {
            "not-installed"
        } else {
            "refused"
        }
    }

    fn to_json(&self) -> Value {
        let refusal = self.refusal.as_ref().map(|error| {
            json!({
                "code": error.code, "message": error.message, "causes": error.causes, "hints": error.hints,
            })
        });
        json!({
            "version": 1,
            "name": self.name,
            "decision": self.decision(),
            "refusal": refusal,
            "rules": self.rules.iter().map(rule_json).collect::<Vec<_>>(),
            "versions": self.versions.iter().map(Version::to_json).collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }

    fn to_text(&self) -> String {
        let headline = match self.decision() {
            "used" => format!("{} may run\n", self.name),
            "refused" => format!("{} may not run\n", self.name),
            _ => format!("{} is not installed\n", self.name),
        };
        let mut text = headline;
        write_rules(&mut text, &self.rules);
        for version in &self.versions {
            let Entry { origin, dir, .. } = &version.entry;
            let _infallible = writeln!(
                text,
                "{}: {}  ({}, {})",
                version.entry.label(),
                version.state.as_str(),
                origin.as_str(),
                dir.display()
            );
            write_rules(&mut text, &version.rules);
            for decision in &version.sign_in {
                let may = if decision.granted { "may" } else { "may not" };
                let mark = mark(decision.granted);
                let _infallible =
                    writeln!(text, "  {mark} {may} {}  ({})", decision.capability, decision.rule);
            }
        }
        if let Some(error) = &self.refusal {
            let _infallible = writeln!(text, "refused, exit code {}: {}", error.code, error.message);
            for cause in &error.causes {
                let _infallible = writeln!(text, "  because {cause}");
            }
            for hint in &error.hints {
                let _infallible = writeln!(text, "hint: {hint}");
            }
        }
        for note in &self.notes {
            let _infallible = writeln!(text, "note: {note}");
        }
        text
    }
}

impl Version {
    fn of(
        catalog: &Catalog<'_>,
        paths: &Paths,
        case: &Case<'_>,
        entry: Entry,
        used: Option<&Path>,
    ) -> Result<Self> {
        let mut rules = catalog.weigh(&entry, case);
        let (findings, damage) = integrity(&entry);
        rules.extend(findings);
        let is_meant = used == Some(&entry.dir);
        let state = match (rules.iter().all(|rule| rule.is_met), is_meant) {
            (true, true) => State::Used,
            (true, false) => State::Allowed,
            (false, _) => State::Refused,
        };
        let sign_in = sign_in::decide(paths, catalog.config(), &entry)?;
        Ok(Self { entry, is_meant, damage, state, rules, sign_in })
    }

    fn to_json(&self) -> Value {
        let decision = |decision: &Decision| {
            json!({
                "kind": decision.capability.kind(), "name": decision.capability.name(),
                "granted": decision.granted, "rule": decision.rule,
            })
        };
        json!({
            "version": self.entry.version().to_string(),
            "origin": self.entry.origin.as_str(),
            "path": self.entry.dir,
            "state": self.state.as_str(),
            "rules": self.rules.iter().map(rule_json).collect::<Vec<_>>(),
            "capabilities": self.sign_in.iter().map(decision).collect::<Vec<_>>(),
        })
    }
}

/// What is checked when it is opened: that its manifest is the one that was installed, and its library the one that the
/// manifest names. Nothing remembered counts. With the error that loading it would end with.
fn integrity(entry: &Entry) -> (Vec<Finding>, Option<Error>) {
    let finding = |rule: String, file: &str, is_met| Finding {
        rule,
        place: entry.dir.join(file).display().to_string(),
        is_met,
        is_policy: false,
    };
    let mut findings = Vec::new();
    let mut damage = None;
    if let Err(error) = ownership::check(entry) {
        findings.push(finding(error.message.clone(), "", false));
        damage = Some(error);
    }
    match receipt::check_manifest(entry) {
        Ok(()) if Receipt::read(&entry.dir).is_none() => {}
        Ok(()) => {
            let rule = "its plugin.toml is the one that was installed".to_owned();
            findings.push(finding(rule, RECEIPT_FILE, true));
        }
        Err(error) => {
            findings.push(finding(error.causes.join(": "), RECEIPT_FILE, false));
            damage.get_or_insert(error.hint("It would not be opened. Install the plugin again."));
        }
    }
    let cannot = || Error::new(Code::CannotLoad, format!("the plugin {} cannot be loaded", entry.label()));
    let (rule, problem) = match library(entry) {
        Ok(sha256) if entry.sha256() == Some(&sha256) => {
            ("its library is the one that is named".to_owned(), None)
        }
        Ok(sha256) => {
            let named = entry.sha256().unwrap_or_default();
            let message = format!("the library of {} was changed on disk", entry.label());
            let error = Error::new(Code::Mismatch, message)
                .hint("It would not be opened. Install the plugin, or seqera, again.");
            (format!("its library has sha256 {sha256}, and {named} is named"), Some(error))
        }
        Err(problem) => (problem, Some(cannot())),
    };
    let library = finding(rule, MANIFEST_FILE, problem.is_none());
    damage = damage.or_else(|| Some(problem?.because(format!("{} ({})", library.rule, library.place))));
    findings.push(library);
    (findings, damage)
}

/// SHA-256 of the library that is there.
fn library(entry: &Entry) -> Result<String, String> {
    let artifact = entry.artifact().ok_or_else(|| format!("it has no library for {}", crate::TARGET))?;
    files::read(&entry.dir.join(&artifact.file), MAX_LIBRARY)
        .map(|bytes| digest::of_bytes(&bytes))
        .map_err(|error| format!("its library {} cannot be read: {error}", artifact.file))
}

/// What it would do and does not: words and services that are another plugin's.
fn notes(catalog: &Catalog<'_>, entry: &Entry) -> Vec<String> {
    let mut notes = Vec::new();
    for command in &entry.manifest.commands {
        match catalog.command(&command.name) {
            Ok(Some(found)) if found.entry.name() != entry.name() => notes.push(format!(
                "`seqera {}` is a command of {}; say `seqera plugin run {} -- ARGUMENTS`",
                command.name,
                found.entry.label(),
                entry.name()
            )),
            Ok(_) => {}
            Err(error) => notes.push(error.to_string()),
        }
    }
    for (service, major) in &entry.manifest.provides {
        match catalog.provider(service, *major) {
            Ok(found) if found.name() != entry.name() => {
                notes.push(format!("{service}@{major} is provided by {}, not by it", found.label()));
            }
            Ok(_) => {}
            Err(error) => notes.push(format!("{service}@{major}: {error}")),
        }
    }
    notes
}

fn write_rules(text: &mut String, rules: &[Finding]) {
    for rule in rules {
        let _infallible = writeln!(text, "  {} {}  ({})", mark(rule.is_met), rule.rule, rule.place);
    }
}

fn mark(is_met: bool) -> &'static str {
    if is_met { "✓" } else { "✗" }
}

fn rule_json(finding: &Finding) -> Value {
    json!({
        "rule": finding.rule, "place": finding.place, "met": finding.is_met, "policy": finding.is_policy,
    })
}
