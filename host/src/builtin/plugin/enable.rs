//! `seqera plugin enable NAME`

use clap::Parser;
use serde_json::json;

use crate::config::{Config, Paths};
use crate::error::{Code, Error, Result};
use crate::output;
use crate::plugin_store::pinning::Pinning;

/// Switch a plugin on again
///
/// Removes `enabled = false` of `[plugins.NAME]` from your config.toml.
#[derive(Debug, Parser)]
#[command(name = "enable")]
pub struct EnableArgs {
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
/// The file cannot be changed, or the admin switched the plugin off.
pub fn run(args: &EnableArgs) -> Result<()> {
    let mut pinning = Pinning::of(&args.name)?;
    pinning.remove("enabled");
    let text = pinning.text();
    let changed = pinning.finish(args.dry_run)?;
    let off = Config::read_with(&Paths::find(), text)?.pins(&args.name)?.disabled;
    changed.tell("enabled", &json!({ "enabled": off.is_none(), "disabled_by": off }), args.json)?;
    match (off, changed.problem) {
        (Some(place), _) => Err(Error::new(Code::Mismatch, format!("{} stays switched off", args.name))
            .because(format!("enabled = false ({place})"))
            .hint("Ask whoever wrote that line.")),
        (None, Some(error)) => {
            output::warning(&error.to_string());
            Ok(())
        }
        (None, None) => {
            if changed.used.is_none() {
                output::warning(&format!("there is no plugin {} on this machine", args.name));
            }
            Ok(())
        }
    }
}
