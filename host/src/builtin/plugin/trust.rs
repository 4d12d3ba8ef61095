//! `seqera plugin trust add|list|remove`

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use serde_json::{Value, json};

use crate::config::{self, Config, Paths};
use crate::error::{Code, Error, Result};
use crate::output;
use crate::plugin_store::signature::{self, PublicKey};
use crate::plugin_store::trusted_keys::{TrustedKey, TrustedKeys};
use crate::policy::Policy;

/// Say whose signatures are trusted
#[derive(Debug, Parser)]
#[command(name = "trust", subcommand_required = true, arg_required_else_help = true)]
pub struct TrustArgs {
    #[command(subcommand)]
    command: TrustCommand,
}

#[derive(Debug, Subcommand)]
enum TrustCommand {
    /// Trust what this key signs
    Add {
        /// A minisign public key (RW…), or the file that holds it
        key: String,
        /// What to call it
        #[arg(long, default_value = "")]
        name: String,
        #[command(flatten)]
        change: Change,
    },
    /// List the trusted keys
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Trust a key no more; what it signed and is installed stays until it is removed
    Remove {
        /// Its id, its name, or the key itself
        key: String,
        #[command(flatten)]
        change: Change,
    },
}

impl TrustCommand {
    fn changes_something(&self) -> bool {
        match self {
            Self::Add { change, .. } | Self::Remove { change, .. } => !change.dry_run,
            Self::List { .. } => false,
        }
    }
}

/// How a change is made and told.
#[derive(Debug, Args)]
struct Change {
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// # Errors
/// Something that is no key, or a file that cannot be written.
pub fn run(args: &TrustArgs) -> Result<()> {
    config::refuse_relative_places()?;
    let paths = Paths::find();
    let _lock = if args.command.changes_something() { TrustedKeys::lock(&paths)? } else { None };
    let mut keys = TrustedKeys::read(&paths)?;
    match &args.command {
        TrustCommand::Add { key, name, change } => add(&mut keys, key, name, change),
        TrustCommand::List { json } => list(&keys, *json),
        TrustCommand::Remove { key, change } => remove(&mut keys, key, change),
    }
}

fn add(keys: &mut TrustedKeys, key: &str, name: &str, change: &Change) -> Result<()> {
    let text = if Path::new(key).is_file() {
        fs::read_to_string(key)
            .map_err(|error| Error::new(Code::Failed, format!("cannot read {key}")).because(error))?
    } else {
        key.to_owned()
    };
    let key = PublicKey::parse(&text).map_err(|problem| no_key(key, &text, problem))?;
    let added = TrustedKey { key, name: name.to_owned(), is_built_in: false };
    let is_new = keys.add(added.clone());
    let (action, said) = match (is_new, change.dry_run) {
        (false, _) => ("unchanged", "was trusted already"),
        (true, true) => ("would-add", "would be trusted"),
        (true, false) => ("added", "is trusted now"),
    };
    if is_new && !change.dry_run {
        keys.write()?;
    }
    if change.json {
        return tell_json(action, &[added]);
    }
    output::people(&format!("{} {said}\n", added.key.id()));
    if let Some(keys) = Config::read(&Paths::find())?.policy()?.and_then(Policy::keys) {
        output::warning(&format!("the policy of this machine names the keys that count ({})", keys.place));
    }
    Ok(())
}

/// What was meant is not repeated: it may be a secret.
fn no_key(argument: &str, text: &str, problem: String) -> Error {
    let error = Error::new(Code::Usage, "that is not a public key").because(problem);
    let is_file = text != argument;
    if signature::is_secret(text) {
        let beside = [PathBuf::from(format!("{argument}.pub")), Path::new(argument).with_extension("pub")];
        let public = beside.iter().find(|path| is_file && path.is_file());
        return error.hint(match public {
            Some(path) => {
                format!("The public one lies beside it: seqera plugin trust add {}", path.display())
            }
            None if is_file => "The public one was made together with it.".to_owned(),
            None => {
                "Whoever sees it can sign in your name. It is in the history of your shell now: make another."
                    .to_owned()
            }
        });
    }
    let error = error.hint("A publisher shows the key as one line that begins with RW.");
    // No key has a full stop in it.
    if is_file || !argument.contains('.') {
        error
    } else {
        error.hint("There is no file of that name, either.")
    }
}

fn remove(keys: &mut TrustedKeys, which: &str, change: &Change) -> Result<()> {
    let removed = keys.remove(which)?;
    if !change.dry_run {
        keys.write()?;
    }
    let (action, said) = match change.dry_run {
        true => ("would-remove", "would be trusted no more"),
        false => ("removed", "is trusted no more"),
    };
    if change.json {
        return tell_json(action, &removed);
    }
    for key in &removed {
        output::people(&format!("{} {said}\n", label(key)));
    }
    Ok(())
}

fn tell_json(action: &str, keys: &[TrustedKey]) -> Result<()> {
    let rows: Vec<Value> = keys.iter().map(to_json).collect();
    output::data(&format!("{:#}\n", json!({ "version": 1, "action": action, "keys": rows })))
}

fn to_json(known: &TrustedKey) -> Value {
    json!({
        "id": known.key.id(), "name": known.name, "key": known.key.text(),
        "source": if known.is_built_in { "built-in" } else { "user" },
    })
}

fn list(keys: &TrustedKeys, as_json: bool) -> Result<()> {
    if as_json {
        let rows: Vec<Value> = keys.list().iter().map(to_json).collect();
        return output::data(&format!("{:#}\n", json!({ "version": 1, "keys": rows })));
    }
    let mut text = String::new();
    for known in keys.list() {
        let _infallible = writeln!(text, "{}  {}", label(known), known.key.text());
    }
    output::data(&text)
}

fn label(known: &TrustedKey) -> String {
    match known.name.as_str() {
        "" => known.key.id().to_owned(),
        name => format!("{} ({name})", known.key.id()),
    }
}
