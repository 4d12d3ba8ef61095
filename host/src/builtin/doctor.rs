//! `seqera doctor`

use std::fmt::Write as _;

use clap::Parser;
use serde_json::{Value, json};

use crate::config::{Config, Paths};
use crate::diagnosis::{Finding, Level, examine, origins};
use crate::error::{Error, Result};
use crate::output;

/// Say what is wrong with the plugins, the settings, the credential store and the network
///
/// One line each. No plugin is loaded before everything that can be told without one was told, and then only in a process
/// of its own. The exit code is that of the first problem; 0 when there is none.
#[derive(Debug, Parser)]
#[command(name = "doctor")]
pub struct DoctorArgs {
    /// Print JSON
    #[arg(long, conflicts_with = "report")]
    json: bool,
    /// Print a text for an issue, without secrets and without your name
    #[arg(long)]
    report: bool,
}

/// # Errors
/// A silent one with the code of the first problem.
pub fn run(args: &DoctorArgs) -> Result<()> {
    let mut findings: Vec<Finding> = Vec::new();
    examine(|finding| {
        if !args.json && !args.report {
            output::data(&format!("{}\n", finding.line()))?;
        }
        findings.push(finding);
        Ok(())
    })?;
    if args.json {
        let rows: Vec<Value> = findings.iter().map(to_json).collect();
        output::data(&format!("{:#}\n", json!({ "version": 1, "findings": rows })))?;
    } else if args.report {
        output::data(&report(&findings))?;
    }
    let first = findings.iter().find(|finding| finding.level == Level::Problem);
    first.map_or(Ok(()), |finding| Err(Error::silent(finding.code.max(1))))
}

fn to_json(finding: &Finding) -> Value {
    json!({
        "level": finding.level.as_str(),
        "subject": finding.subject,
        "text": finding.text,
        "hint": finding.hint,
        "code": finding.code,
    })
}

fn report(findings: &[Finding]) -> String {
    let mut text = format!(
        "seqera {} ({}, plugin ABI {})\n\n",
        crate::VERSION,
        crate::TARGET,
        seqera_plugin_abi::ABI_VERSION
    );
    for finding in findings {
        let _infallible = writeln!(text, "{}", finding.line());
    }
    text.push('\n');
    for line in Config::read(&Paths::find()).map(|config| origins(&config)).unwrap_or_default() {
        let _infallible = writeln!(text, "{line}");
    }
    // Their names tell enough; their values may be secrets.
    let is_of_interest = |name: &String| {
        let name = name.to_ascii_uppercase();
        name.starts_with("SEQERA_")
            || name.starts_with("TOWER_")
            || name.ends_with("_PROXY")
            || name.starts_with("SSL_")
    };
    let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(is_of_interest).collect();
    names.sort();
    let _infallible = writeln!(text, "variables that are set: {}", names.join(", "));
    anonymous(&text)
}

/// Neither the name of the user nor the account belongs in an issue.
fn anonymous(text: &str) -> String {
    let text = match dirs::home_dir().filter(|home| home.components().count() > 1) {
        Some(home) => text.replace(&*home.to_string_lossy(), "~"),
        None => text.to_owned(),
    };
    let hidden = |word: &str| {
        if word.contains('@') && !word.contains("://") { "[account]".to_owned() } else { word.to_owned() }
    };
    let lines = text.lines().map(|line| line.split(' ').map(hidden).collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("\n") + "\n"
}
