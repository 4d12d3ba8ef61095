//! `seqera plugin unpin NAME`

use clap::Parser;
use serde_json::json;

use crate::config::{Config, Paths};
use crate::error::Result;
use crate::output;
use crate::plugin_store::pinning::Pinning;

/// Let a plugin have any version again
///
/// Removes `version` and `sha256` of `[plugins.NAME]` from your config.toml. What your admin pins stays pinned.
#[derive(Debug, Parser)]
#[command(name = "unpin")]
pub struct UnpinArgs {
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
pub fn run(args: &UnpinArgs) -> Result<()> {
    let mut pinning = Pinning::of(&args.name)?;
    for key in ["version", "sha256"] {
        pinning.remove(key);
    }
    let text = pinning.text();
    let changed = pinning.finish(args.dry_run)?;
    let left = Config::read_with(&Paths::find(), text)?.pins(&args.name)?.describe();
    changed.tell("unpinned", &json!({ "still": left }), args.json)?;
    for pin in left {
        output::warning(&format!("it is still pinned: {pin}"));
    }
    Ok(())
}
