//! `seqera plugin test PATH`

use std::path::PathBuf;

use clap::Parser;
use serde_json::{Value, json};

use crate::config::{Config, Paths};
use crate::error::{Code, Error, Result};
use crate::output;
use crate::plugin_store::conformance::{self, Check, Outcome, Report};

/// Try out whether a plugin keeps to what every plugin keeps to
///
/// It is loaded and its commands are run, with --help and with wrong arguments only, in a HOME of their own and with no
/// other plugin there. Exit code 1: a check failed.
#[derive(Debug, Parser)]
#[command(name = "test")]
pub struct TestArgs {
    /// The directory of its crate, built; its library; or its package
    path: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// # Errors
/// A check failed, or there is no plugin to try out.
pub fn run(args: &TestArgs) -> Result<()> {
    if let Some(policy) = Config::read(&Paths::find())?.policy()? {
        policy.allows_development()?;
    }
    let report = conformance::test(&args.path)?;
    if args.json {
        output::data(&format!("{:#}\n", to_json(&report)))?;
    } else {
        let lines: String = report.checks.iter().map(line).collect();
        output::data(&output::printable(&lines))?;
    }
    if report.has_passed() { Ok(()) } else { Err(Error::silent(Code::Failed as u8)) }
}

fn line(check: &Check) -> String {
    let (word, details) = match &check.outcome {
        Outcome::Passed => ("ok", check.rule.to_owned()),
        Outcome::Failed(problems) => ("FAILED", format!("{}: {}", check.rule, problems.join("; "))),
        Outcome::Skipped(reason) => ("-", format!("not tried: {reason}")),
    };
    format!("{word:<7} {:<9} {details}\n", check.name)
}

fn to_json(report: &Report) -> Value {
    let checks: Vec<Value> = report
        .checks
        .iter()
        .map(|check| {
            let (outcome, problems) = match &check.outcome {
                Outcome::Passed => ("passed", Vec::new()),
                Outcome::Failed(problems) => ("failed", problems.clone()),
                Outcome::Skipped(reason) => ("skipped", vec![reason.clone()]),
            };
            json!({ "check": check.name, "rule": check.rule, "outcome": outcome, "problems": problems })
        })
        .collect();
    json!({
        "version": 1,
        "plugin": report.plugin.as_ref().map(|(name, _)| name),
        "plugin_version": report.plugin.as_ref().map(|(_, version)| version.to_string()),
        "passed": report.has_passed(),
        "checks": checks,
    })
}
