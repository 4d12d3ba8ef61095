//! `seqera plugin verify [NAME]`

use clap::Parser;
use serde_json::json;

use crate::error::{Error, Result};
use crate::output;
use crate::plugin_store::store::Store;
use crate::plugin_store::verify::{Report, verify};

/// Check the files of plugins: signatures, digests, receipts, the format of the libraries
///
/// Nothing is loaded, and nothing that is remembered is believed. Exit code 78: something was changed.
#[derive(Debug, Parser)]
#[command(name = "verify")]
pub struct VerifyArgs {
    /// The plugin; all without it
    name: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// # Errors
/// The first thing that is wrong.
pub fn run(args: &VerifyArgs) -> Result<()> {
    let reports = verify(&Store::open()?, args.name.as_deref())?;
    if args.json {
        let rows: Vec<_> = reports.iter().map(to_json).collect();
        output::data(&format!("{:#}\n", json!({ "version": 1, "plugins": rows })))?;
    } else {
        for report in &reports {
            tell(report)?;
        }
    }
    let first = reports.iter().find_map(|report| report.problem.as_ref());
    first.map_or(Ok(()), |error| Err(Error::silent(error.code)))
}

fn tell(report: &Report) -> Result<()> {
    let vouched = match (&report.signer, report.entry.origin.as_str()) {
        (Some(key), _) => format!("signed with {key}"),
        (None, "user") if report.receipt.is_none() => "not signed, no receipt".to_owned(),
        (None, "user") => "not signed".to_owned(),
        (None, origin) => origin.to_owned(),
    };
    match &report.problem {
        None => output::data(&format!("ok      {} ({vouched})\n", report.entry.label())),
        Some(error) => {
            output::data(&format!("WRONG   {}\n", report.entry.label()))?;
            output::people(&error.render(output::facts().color_stderr));
            Ok(())
        }
    }
}

fn to_json(report: &Report) -> serde_json::Value {
    json!({
        "plugin": report.entry.name(),
        "plugin_version": report.entry.version().to_string(),
        "origin": report.entry.origin.as_str(),
        "path": report.entry.dir,
        "signer": report.signer,
        "source": report.receipt.as_ref().map(|receipt| &receipt.source),
        "ok": report.problem.is_none(),
        "problem": report.problem.as_ref().map(ToString::to_string),
    })
}
