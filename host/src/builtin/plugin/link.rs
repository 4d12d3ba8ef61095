//! `seqera plugin link PATH`

use std::path::PathBuf;

use clap::Parser;
use serde_json::json;

use crate::config::{Config, Paths};
use crate::error::Result;
use crate::output;
use crate::plugin_store::{cargo, link};

/// Run a plugin that you are writing from where cargo builds it
///
/// It counts before an installed or bundled plugin of its name, and says so each time. When it is built again, the new
/// one runs.
#[derive(Debug, Parser)]
#[command(name = "link")]
pub struct LinkArgs {
    /// The directory of its crate, or its library
    path: PathBuf,
    /// Look at the plugin, and link nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// # Errors
/// It is no plugin, or was not built.
pub fn run(args: &LinkArgs) -> Result<()> {
    if let Some(policy) = Config::read(&Paths::find())?.policy()? {
        policy.allows_links()?;
    }
    let library = cargo::library_of(&args.path)?;
    let linked = link::link(&Paths::find(), &library, args.dry_run)?;
    let plugin = &linked.plugin;
    if args.json {
        let action = if args.dry_run { "would-link" } else { "linked" };
        let json = json!({
            "version": 1, "action": action, "plugin": plugin.name, "plugin_version": plugin.version.to_string(),
            "library": library, "path": linked.dir,
        });
        return output::data(&format!("{json:#}\n"));
    }
    let said = if args.dry_run { "would be linked" } else { "is linked" };
    let text = format!("{} {} {said} to {}", plugin.name, plugin.version, library.display());
    output::people(&format!("{}\n", output::printable(&text)));
    Ok(())
}
