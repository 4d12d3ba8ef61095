//! `seqera ai approval explain`

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use seqera_ai_approval::{
    Danger, Decision, Facts, Place, Request, Run, SystemFiles, Tool, decide, quoted, visible,
};
use seqera_plugin_api::{Error, ErrorKind, Exit, Host, Result, out};
use serde_json::{Value, json};

use super::{Approvals, Subject};
use crate::agent::ApprovalMode;
use crate::command::OneOf;
use crate::sanitizer::one_line;

/// Show what the assistant may do without asking
#[derive(Debug, Args)]
pub(crate) struct ApprovalArgs {
    #[command(subcommand)]
    command: ApprovalCommand,
}

#[derive(Debug, Subcommand)]
enum ApprovalCommand {
    Explain(ExplainArgs),
}

/// Say whether a command would run without asking, and why
///
/// Nothing is run, nothing is sent, and nobody has to be signed in.
#[derive(Debug, Args)]
struct ExplainArgs {
    /// The approval mode: basic, default or full; without it, the one of the settings
    #[arg(long, value_parser = OneOf(&ApprovalMode::NAMES))]
    mode: Option<String>,
    /// The directory the assistant may change by itself; without it, this one
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// Where the command would run, a relative one inside the workspace; without it, the workspace
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    /// The tool, by its name on the wire; for a tool that is not the shell, COMMAND is the path
    #[arg(long, value_name = "NAME", default_value = Tool::Shell.name(), value_parser = OneOf(&Tool::NAMES))]
    tool: String,
    /// While a plan is made
    #[arg(long)]
    plan: bool,
    /// As with `seqera ai --headless --allow`: a command that runs without asking; repeatable
    #[arg(long, value_name = "PATTERN")]
    allow: Vec<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// The command: one word is the whole text, several are the words of one command
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    words: Vec<String>,
}

pub(crate) fn run(host: &Host, args: &ApprovalArgs) -> Result<Exit> {
    let ApprovalCommand::Explain(args) = &args.command;
    let workspace = match &args.workspace {
        Some(workspace) => directory("workspace", workspace)?,
        None => crate::surroundings::workspace(host),
    };
    let cwd = match &args.cwd {
        Some(cwd) => directory("cwd", &workspace.join(cwd))?,
        None => workspace.clone(),
    };
    let mode = crate::command::approval_mode(host, args.mode.as_deref())?;
    let tool = Tool::named(&args.tool);
    let text = match (tool, args.words.as_slice()) {
        (_, [text]) => text.clone(),
        (Tool::Shell, words) => words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
        (_, words) => words.join(" "),
    };
    let subject = Subject { tool, text };
    let approvals = Approvals::new(host, &workspace, &args.allow)?;
    let request = Request { cwd: &cwd, ..approvals.request(&subject, mode, args.plan) };
    let decision = decide(&request, &SystemFiles);
    if args.json {
        host.output().json(&as_json(&decision, &subject, mode))?;
    } else {
        for line in as_text(&decision) {
            out!(host, "{line}")?;
        }
    }
    Ok(Exit::SUCCESS)
}

fn directory(option: &str, path: &Path) -> Result<PathBuf> {
    match std::path::absolute(path) {
        Ok(path) if path.is_dir() => Ok(path),
        _ => {
            let path = one_line(&path.to_string_lossy(), 200);
            Err(Error::new(ErrorKind::Usage, format!("there is no directory {path}"))
                .because(format!("--{option} has to name one")))
        }
    }
}

fn as_json(decision: &Decision, subject: &Subject, mode: ApprovalMode) -> Value {
    let (name, rule, why, facts, run) = parts(decision);
    let none = Facts::default();
    let facts = facts.unwrap_or(&none);
    let paths: Vec<Value> = facts
        .paths
        .iter()
        .map(|path| {
            let place = if path.place == Place::Inside { "inside" } else { "outside" };
            json!({ "written": path.written, "resolved": path.resolved.to_string_lossy(), "place": place })
        })
        .collect();
    let danger = match &facts.danger {
        Danger::None => Value::Null,
        Danger::Command(name) => name.as_str().into(),
    };
    let runs = match run {
        Some(Run::Checked { text, .. } | Run::AsWritten(text)) => text.as_str().into(),
        Some(Run::Path(path)) => path.to_string_lossy().into(),
        None => Value::Null,
    };
    json!({
        "decision": name, "rule": rule, "why": why, "mode": mode.name(), "tool": subject.tool.name(), "subject": subject.text,
        "commands": facts.commands, "paths": paths, "danger": danger, "notes": facts.notes, "runs": runs,
    })
}

fn as_text(decision: &Decision) -> Vec<String> {
    let (name, rule, why, facts, run) = parts(decision);
    let mut lines = vec![format!("{name}: {} ({rule})", visible(why))];
    for path in facts.map(|facts| &facts.paths[..]).unwrap_or_default() {
        let place = if path.place == Place::Inside { "inside" } else { "outside of" };
        let (written, resolved) = (visible(&path.written), visible(&path.resolved.to_string_lossy()));
        lines.push(format!("path: {written} is {resolved}, {place} the workspace"));
    }
    let notes = facts.map(|facts| &facts.notes[..]).unwrap_or_default();
    lines.extend(notes.iter().map(|note| format!("note: {}", visible(note))));
    if let Some(Run::Checked { text, .. }) = run {
        let shown = visible(text);
        lines.extend(shown.lines().enumerate().map(|(index, line)| {
            let label = if index == 0 { "runs:" } else { "     " };
            format!("{label} {line}")
        }));
    }
    lines
}

/// A decision in the words of the output.
fn parts(decision: &Decision) -> (&'static str, &'static str, &str, Option<&Facts>, Option<&Run>) {
    match decision {
        Decision::Auto { run, rule, why, facts } => ("auto", rule.name(), why, Some(facts), Some(run)),
        Decision::Prompt { rule, why, facts } => ("prompt", rule.name(), why, Some(facts), None),
        Decision::Blocked { rule, why } => ("blocked", rule.name(), why, None, None),
    }
}
