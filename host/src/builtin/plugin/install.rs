//! `seqera plugin install SOURCE`

use clap::Parser;
use serde_json::{Value, json};

use crate::error::Result;
use crate::output;
use crate::plugin_store::install::{Action, Goal, Options, Outcome, install};
use crate::plugin_store::source::Source;
use crate::plugin_store::store::Store;

/// Install a plugin
///
/// SOURCE is an archive (FILE.tar.gz), the directory of an unpacked package, an https address of an archive, an index
/// (its directory or its https address, ending in a slash), or NAME or NAME@VERSION of an index that config.toml names;
/// `seqera config set indexes.acme https://plugins.acme.example/` writes that. A name is never what lies in the directory
/// where you are: that is ./NAME.
///
/// Nothing is loaded before its signature, its digests and the library's format were checked; then it is loaded once, in
/// a process of its own, and has to say the same as its manifest. Versions stand side by side; the highest that
/// config.toml allows is the one that runs.
#[derive(Debug, Parser)]
#[command(name = "install")]
pub struct InstallArgs {
    /// What to install
    #[arg(value_hint = clap::ValueHint::AnyPath)]
    source: String,
    /// Take NAME[@VERSION] from this index: its name in config.toml, its directory or its address
    #[arg(long, value_name = "INDEX")]
    index: Option<String>,
    /// Agree to what the plugin asks for
    #[arg(long, short)]
    yes: bool,
    /// Check everything, and install nothing
    #[arg(long)]
    dry_run: bool,
    /// Replace the same version when it has other content; with --yes, agree to another publisher than before
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// # Errors
/// Why it was not installed.
pub fn run(args: &InstallArgs) -> Result<()> {
    let store = Store::open()?;
    let source = Source::parse(&args.source, args.index.as_deref(), &store)?;
    let options = Options { yes: args.yes, dry_run: args.dry_run, force: args.force };
    let outcome = install(&store, &source, options, Goal::Any)?;
    if args.json {
        return output::data(&format!("{:#}\n", to_json(&outcome)));
    }
    tell(&outcome);
    Ok(())
}

/// Says it to people.
pub fn tell(outcome: &Outcome) {
    let Outcome { name, version, .. } = outcome;
    let text = match (outcome.action, &outcome.before) {
        (Action::Installed, Some(before)) if before != version => {
            format!("{name} {version} was installed; {before} stays beside it")
        }
        (Action::Installed, _) => format!("{name} {version} was installed"),
        (Action::Unchanged, _) => format!("{name} {version} is installed already"),
        (Action::WouldInstall, _) => format!("{name} {version} would be installed"),
    };
    output::people(&format!("{text}\n"));
}

/// Says it to programs.
pub fn to_json(outcome: &Outcome) -> Value {
    json!({
        "version": 1,
        "action": outcome.action.as_str(),
        "plugin": outcome.name,
        "plugin_version": outcome.version.to_string(),
        "before": outcome.before.as_ref().map(ToString::to_string),
        "path": outcome.dir,
        "source": outcome.source,
        "signer": outcome.signer,
    })
}
