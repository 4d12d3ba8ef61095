//! `seqera plugin upgrade [NAME | --all]`

use clap::Parser;
use serde_json::{Value, json};

use super::install::{tell, to_json};
use crate::discovery::manifest::is_plugin_name;
use crate::error::{Code, Error, Result};
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
    args.name.as_deref().map_or(Ok(()), is_a_name)?;
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
    let names = names(&store);
    if names.is_empty() && !args.json {
        output::people(
            "There is nothing to upgrade: no plugin was installed with `seqera plugin install`.\n",
        );
    }
    for name in names {
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

fn is_a_name(text: &str) -> Result<()> {
    if is_plugin_name(text) {
        return Ok(());
    }
    let error = Error::new(Code::Usage, format!("`{text}` is not a name for a plugin"));
    Err(match text.split_once('@').filter(|(name, _)| is_plugin_name(name)) {
        None => error,
        Some((name, _)) => error
            .because("an upgrade goes to the newest version that may be installed")
            .hint(format!("For another one: seqera plugin install {text}"))
            .hint(format!("To stay at one: seqera plugin pin {name}@VERSION")),
    })
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
