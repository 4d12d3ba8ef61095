//! `seqera plugin disable NAME`

use clap::Parser;
use serde_json::json;

use crate::error::{Code, Error, Result};
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
/// There is no such plugin, or the file cannot be changed.
pub fn run(args: &DisableArgs) -> Result<()> {
    let mut pinning = Pinning::of(&args.name)?;
    if !pinning.is_known()? {
        return Err(Error::new(Code::Failed, format!("there is no plugin {} on this machine", args.name))
            .because("it is neither installed nor locked, and config.toml says nothing about it")
            .hint("`seqera plugin list` shows which ones there are.")
            .hint(format!(
                "To keep one from being installed, write [plugins.{}] enabled = false into config.toml.",
                args.name
            )));
    }
    pinning.set("enabled", false)?;
    let changed = pinning.finish(args.dry_run)?;
    changed.tell("disabled", &json!({ "enabled": false }), args.json)
}
