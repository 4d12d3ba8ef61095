//! `seqera plugin trust add|list|remove`

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use clap::{Parser, Subcommand};
use serde_json::{Value, json};

use crate::config::Paths;
use crate::error::{Code, Error, Result};
use crate::output;
use crate::plugin_store::signature::PublicKey;
use crate::plugin_store::trusted_keys::{TrustedKey, TrustedKeys};

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
    },
}

/// # Errors
/// Something that is no key, or a file that cannot be written.
pub fn run(args: &TrustArgs) -> Result<()> {
    let mut keys = TrustedKeys::read(&Paths::find())?;
    match &args.command {
        TrustCommand::Add { key, name } => add(&mut keys, key, name),
        TrustCommand::List { json } => list(&keys, *json),
        TrustCommand::Remove { key } => {
            for removed in keys.remove(key)? {
                output::people(&format!("{} is trusted no more\n", label(&removed)));
            }
            Ok(())
        }
    }
}

fn add(keys: &mut TrustedKeys, key: &str, name: &str) -> Result<()> {
    let text = if Path::new(key).is_file() {
        fs::read_to_string(key)
            .map_err(|error| Error::new(Code::Failed, format!("cannot read {key}")).because(error))?
    } else {
        key.to_owned()
    };
    let key = PublicKey::parse(&text).map_err(|problem| {
        Error::new(Code::Usage, "that is not a key")
            .because(problem)
            .hint("A publisher shows the key as one line that begins with RW.")
    })?;
    let id = key.id().to_owned();
    let said = if keys.add(key, name)? { "is trusted now" } else { "was trusted already" };
    output::people(&format!("{id} {said}\n"));
    Ok(())
}

fn list(keys: &TrustedKeys, as_json: bool) -> Result<()> {
    if as_json {
        let rows: Vec<Value> = keys
            .list()
            .iter()
            .map(|known| {
                json!({
                    "id": known.key.id(), "name": known.name, "key": known.key.text(),
                    "source": if known.is_built_in { "built-in" } else { "user" },
                })
            })
            .collect();
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
