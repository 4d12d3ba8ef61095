//! `seqera plugin remove NAME[@VERSION]`

use clap::Parser;
use semver::Version;
use serde_json::json;

use crate::error::{Code, Error, Result};
use crate::output;
use crate::plugin_store::remove::remove;
use crate::plugin_store::store::Store;

/// Remove a plugin that was installed, or one version of it
#[derive(Debug, Parser)]
#[command(name = "remove", visible_alias = "uninstall")]
pub struct RemoveArgs {
    /// NAME, or NAME@VERSION
    plugin: String,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// # Errors
/// It is not installed, or cannot be removed.
pub fn run(args: &RemoveArgs) -> Result<()> {
    let (name, version) = split(&args.plugin)?;
    let removed = remove(&Store::open()?, name, version.as_ref(), args.dry_run)?;
    if args.json {
        let rows: Vec<_> = removed
            .iter()
            .map(|entry| {
                json!({
                    "plugin": entry.name(), "plugin_version": entry.version().to_string(), "path": entry.dir,
                })
            })
            .collect();
        let action = if args.dry_run { "would-remove" } else { "removed" };
        return output::data(&format!("{:#}\n", json!({ "version": 1, "action": action, "plugins": rows })));
    }
    let said = if args.dry_run { "would be removed" } else { "was removed" };
    if removed.is_empty() {
        output::people(&format!("{name} was not installed; what was left of it was removed\n"));
    }
    for entry in &removed {
        output::people(&format!("{} {said}\n", entry.label()));
    }
    Ok(())
}

/// `NAME[@VERSION]`
fn split(text: &str) -> Result<(&str, Option<Version>)> {
    match text.split_once('@') {
        None => Ok((text, None)),
        Some((name, version)) => {
            let version = Version::parse(version).map_err(|error| {
                Error::new(Code::Usage, format!("`{version}` is no version")).because(error)
            })?;
            Ok((name, Some(version)))
        }
    }
}
