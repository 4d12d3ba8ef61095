//! `seqera plugin upgrade [NAME | --all]`

use clap::Parser;
use serde_json::{Value, json};

use super::install::{tell, to_json};
use crate::error::{Error, Result};
use crate::output;
use crate::plugin_store::install::{Action, Options, Outcome};
use crate::plugin_store::store::Store;
use crate::plugin_store::upgrade::{names, upgrade};

/// Install newer versions of plugins, from where they came
///
/// What was signed stays signed. The user is asked again only when a version asks for more than the one before, or comes
/// from somebody else. A pin in config.toml keeps a plugin where it is.
#[derive(Debug, Parser)]
#[command(name = "upgrade", arg_required_else_help = true)]
pub struct UpgradeArgs {
    /// The plugin
    #[arg(required_unless_present = "all")]
    name: Option<String>,
    /// All plugins that were installed
    #[arg(long, conflicts_with = "name")]
    all: bool,
    /// Agree to what the plugins ask for
    #[arg(long, short)]
    yes: bool,
    /// Check everything, and install nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// # Errors
/// Why a plugin was not upgraded; with `--all` the others are, and the first reason decides the exit code.
pub fn run(args: &UpgradeArgs) -> Result<()> {
    let store = Store::open()?;
    let options = Options { yes: args.yes, dry_run: args.dry_run, force: false };
    if let Some(name) = &args.name {
        let outcome = upgrade(&store, name, options)?;
        if args.json {
            return output::data(&format!("{:#}\n", to_json(&outcome)));
        }
        told(&outcome);
        return Ok(());
    }
    let mut rows: Vec<Value> = Vec::new();
    let mut first = None;
    for name in names(&store) {
        match upgrade(&store, &name, options) {
            Ok(outcome) => {
                rows.push(to_json(&outcome));
                if !args.json {
                    told(&outcome);
                }
            }
            Err(error) => {
                rows.push(json!({ "action": "failed", "plugin": name, "problem": error.to_string() }));
                output::people(&error.render(output::facts().color_stderr));
                first.get_or_insert(error.code);
            }
        }
    }
    if args.json {
        output::data(&format!("{:#}\n", json!({ "version": 1, "plugins": rows })))?;
    }
    first.map_or(Ok(()), |code| Err(Error::silent(code)))
}

fn told(outcome: &Outcome) {
    if outcome.action == Action::Unchanged {
        output::people(&format!(
            "{} {} is the newest that may be installed\n",
            outcome.name, outcome.version
        ));
    } else {
        tell(outcome);
    }
}
