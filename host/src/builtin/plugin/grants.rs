//! `seqera plugin grants list|allow|revoke`

use std::fmt::Write as _;

use clap::{Parser, Subcommand};
use serde_json::{Value, json};

use crate::builtin::surroundings;
use crate::discovery::{Catalog, Origin};
use crate::error::Result;
use crate::output;
use crate::plugin_store::receipt;
use crate::sign_in::grants::{Grant, Grants, not_granted, record, revoke};
use crate::sign_in::{Capability, holder, signer};

/// Show and change what plugins may do with your sign-in
#[derive(Debug, Parser)]
#[command(name = "grants", subcommand_required = true, arg_required_else_help = true)]
pub struct GrantsArgs {
    #[command(subcommand)]
    command: GrantsCommand,
}

#[derive(Debug, Subcommand)]
enum GrantsCommand {
    /// List what you granted; the plugins that come with seqera need no grant
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Grant an installed plugin what its manifest asks for
    Allow {
        /// The plugin
        plugin: String,
    },
    /// Take grants back
    Revoke {
        /// The plugin
        plugin: String,
        /// Only these audiences and hosts
        #[arg(value_name = "AUDIENCE|HOST")]
        names: Vec<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// # Errors
/// Those of the files; a plugin that is not there, or has no such grant.
pub fn run(args: &GrantsArgs) -> Result<()> {
    match &args.command {
        GrantsCommand::List { json } => list(*json),
        GrantsCommand::Allow { plugin } => allow(plugin),
        GrantsCommand::Revoke { plugin, names, json } => take_back(plugin, names, *json),
    }
}

fn list(json: bool) -> Result<()> {
    let (paths, _config) = surroundings()?;
    let grants = Grants::read(&paths)?;
    if json {
        let rows: Vec<Value> = grants.all().iter().map(to_json).collect();
        return output::data(&format!("{:#}\n", json!({ "version": 1, "grants": rows })));
    }
    if grants.all().is_empty() {
        output::people("Nothing is granted. Plugins that come with seqera need no grant.\n");
    }
    let mut text = String::new();
    for grant in grants.all() {
        let vouches = match (&grant.signer, &grant.digest) {
            (Some(signer), _) => format!("signed by {signer}"),
            (None, digest) => format!("sha256 {}", digest.as_deref().map_or("?", short)),
        };
        let _infallible = writeln!(
            text,
            "{:<12} may {} ({vouches}, since {})",
            grant.plugin, grant.capability, grant.given
        );
    }
    output::data(&output::printable(&text))
}

fn to_json(grant: &Grant) -> Value {
    let (audience, host) = match &grant.capability {
        Capability::Audience(name) => (Some(name), None),
        Capability::Host(name) => (None, Some(name)),
    };
    json!({
        "plugin": grant.plugin, "signer": grant.signer, "digest": grant.digest,
        "audience": audience, "host": host, "given": grant.given, "place": grant.place,
    })
}

fn allow(plugin: &str) -> Result<()> {
    let (paths, config) = surroundings()?;
    let entry = Catalog::new(&paths, &config).named(plugin)?;
    receipt::check_manifest(&entry).map_err(|error| error.hint("Install the plugin again."))?;
    let asked = Capability::asked(&entry.manifest.capabilities);
    if asked.is_empty() {
        output::people(&format!("{} asks for nothing.\n", entry.label()));
        return Ok(());
    }
    if entry.origin == Origin::User {
        let signer = signer(&entry);
        record(&paths, &holder(&entry, signer.as_deref()), &asked)?;
    }
    for capability in asked {
        output::people(&format!("{} may {}.\n", entry.label(), output::printable(&capability.to_string())));
    }
    Ok(())
}

fn take_back(plugin: &str, names: &[String], json: bool) -> Result<()> {
    let (paths, config) = surroundings()?;
    let taken = revoke(&paths, plugin, names)?;
    if taken.is_empty() {
        let error = not_granted(plugin, None);
        // Nobody may believe that one was switched off which needs no grant.
        return Err(match Catalog::new(&paths, &config).named(plugin).map(|entry| entry.origin) {
            Ok(Origin::Bundled) => error
                .because("it came with seqera, and needs none")
                .hint(format!("To switch it off: seqera plugin disable {plugin}")),
            Ok(Origin::Linked) => {
                error.because("you linked it").hint(format!("seqera plugin unlink {plugin}"))
            }
            _ => error,
        });
    }
    if json {
        let rows: Vec<Value> = taken.iter().map(to_json).collect();
        return output::data(&format!("{:#}\n", json!({ "version": 1, "revoked": rows })));
    }
    for grant in taken {
        let may = output::printable(&grant.capability.to_string());
        output::people(&format!("{plugin} may no longer {may}.\n"));
    }
    Ok(())
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
