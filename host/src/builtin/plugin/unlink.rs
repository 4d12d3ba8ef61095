//! `seqera plugin unlink NAME`

use clap::Parser;
use serde_json::json;

use crate::config::Paths;
use crate::error::Result;
use crate::output;
use crate::plugin_store::link;

/// No longer run a plugin from where cargo builds it
#[derive(Debug, Parser)]
#[command(name = "unlink")]
pub struct UnlinkArgs {
    /// The plugin
    name: String,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// # Errors
/// It is not linked.
pub fn run(args: &UnlinkArgs) -> Result<()> {
    let library = link::unlink(&Paths::find(), &args.name, args.dry_run)?;
    if args.json {
        let action = if args.dry_run { "would-unlink" } else { "unlinked" };
        let json = json!({ "version": 1, "action": action, "plugin": args.name, "library": library });
        return output::data(&format!("{json:#}\n"));
    }
    let said = if args.dry_run { "would not be linked" } else { "is not linked" };
    output::people(&format!("{} {said} any more\n", args.name));
    Ok(())
}
