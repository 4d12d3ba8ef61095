//! `seqera plugin disable NAME`

use clap::Parser;
use serde_json::json;

use crate::error::Result;
use crate::output;
use crate::plugin_store::pinning::Pinning;

/// Switch a plugin off
///
/// Sets `enabled = false` in `[plugins.NAME]` of your config.toml: none of its commands and services is used, and it is
/// neither installed nor upgraded, until `seqera plugin enable NAME`. Nothing is removed.
#[derive(Debug, Parser)]
#[command(name = "disable")]
pub struct DisableArgs {
    /// The plugin
    name: String,
    /// Say what would be done, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// # Errors
/// The file cannot be changed.
pub fn run(args: &DisableArgs) -> Result<()> {
    let mut pinning = Pinning::of(&args.name)?;
    let is_known = !pinning.versions()?.is_empty();
    pinning.set("enabled", false)?;
    let changed = pinning.finish(args.dry_run)?;
    changed.tell("disabled", &json!({ "enabled": false }), args.json)?;
    if !is_known {
        output::warning(&format!(
            "there is no plugin {} on this machine; it cannot be installed now",
            args.name
        ));
    }
    Ok(())
}
