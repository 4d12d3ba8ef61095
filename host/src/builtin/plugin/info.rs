//! `seqera plugin info NAME`

use std::fmt::Write as _;

use clap::Parser;
use serde_json::{Value, json};

use crate::discovery::Entry;
use crate::error::{Code, Error, Result};
use crate::output;
use crate::plugin_store::receipt::Receipt;
use crate::plugin_store::store::Store;

/// Show everything that is known about a plugin on this machine
#[derive(Debug, Parser)]
#[command(name = "info", visible_alias = "show")]
pub struct InfoArgs {
    /// The plugin
    name: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// # Errors
/// There is no such plugin.
pub fn run(args: &InfoArgs) -> Result<()> {
    let store = Store::open()?;
    let (mut versions, _) = store.catalog().all();
    versions.retain(|entry| entry.name() == args.name);
    versions.sort_by(|a, b| (a.origin, b.version()).cmp(&(b.origin, a.version())));
    if versions.is_empty() {
        return Err(Error::new(Code::Failed, format!("there is no plugin {}", args.name))
            .hint("`seqera plugin list` shows all."));
    }
    let chosen = store.catalog().choose(&args.name, versions.iter());
    let used = chosen.as_ref().ok().and_then(|entry| Some(entry.as_ref()?.dir.clone()));
    let is_used = |entry: &Entry| used.as_ref() == Some(&entry.dir);
    // What is wrong with one is the warning below.
    let pins = store.config().pins(&args.name).map(|pins| pins.describe()).unwrap_or_default();
    if args.json {
        let rows: Vec<Value> = versions.iter().map(|entry| to_json(entry, is_used(entry))).collect();
        let json = json!({ "version": 1, "name": args.name, "pins": pins, "versions": rows });
        output::data(&format!("{json:#}\n"))?;
    } else {
        let mut text: Vec<String> = versions.iter().map(|entry| to_text(entry, is_used(entry))).collect();
        text.extend((!pins.is_empty()).then(|| format!("pinned: {}\n", pins.join("\npinned: "))));
        output::data(&output::printable(&text.join("\n")))?;
    }
    if let Err(error) = chosen {
        output::warning(&error.to_string());
    }
    Ok(())
}

fn to_json(entry: &Entry, is_used: bool) -> Value {
    let manifest = &entry.manifest;
    let receipt = Receipt::read(&entry.dir);
    json!({
        "version": entry.version().to_string(),
        "used": is_used,
        "origin": entry.origin.as_str(),
        "path": entry.dir,
        "about": manifest.plugin.about,
        "publisher": manifest.plugin.publisher,
        "abi": manifest.compat.abi.to_string(),
        "artifacts": manifest.artifact,
        "commands": manifest.commands,
        "requires": manifest.requires,
        "provides": manifest.provides,
        "capabilities": manifest.capabilities,
        "receipt": receipt,
    })
}

fn to_text(entry: &Entry, is_used: bool) -> String {
    let manifest = &entry.manifest;
    let receipt = Receipt::read(&entry.dir);
    let commands: Vec<String> =
        manifest.commands.iter().map(|command| command.all().collect::<Vec<_>>().join(" or ")).collect();
    let requires: Vec<String> = manifest
        .requires
        .iter()
        .map(|(name, need)| {
            format!("{name}@{}{}", need.major, if need.optional { " (if there is one)" } else { "" })
        })
        .collect();
    let provides: Vec<String> =
        manifest.provides.iter().map(|(name, major)| format!("{name}@{major}")).collect();
    let targets: Vec<String> = manifest
        .artifact
        .iter()
        .map(|(target, artifact)| match &artifact.glibc {
            Some(glibc) => format!("{target} (glibc {glibc})"),
            None => target.clone(),
        })
        .collect();
    let signer = receipt.as_ref().and_then(|receipt| receipt.signer.clone());
    let source = receipt.as_ref().map(|receipt| receipt.source.clone());
    let mut text = format!("{}{}\n", entry.label(), if is_used { "  (used)" } else { "" });
    for (heading, value) in [
        ("about", manifest.plugin.about.clone()),
        ("publisher", manifest.plugin.publisher.clone()),
        ("origin", entry.origin.as_str().to_owned()),
        ("source", source.unwrap_or_default()),
        ("signed by", signer.unwrap_or_default()),
        ("path", entry.dir.display().to_string()),
        ("sha256", entry.artifact().map(|artifact| artifact.sha256.clone()).unwrap_or_default()),
        ("targets", targets.join(", ")),
        ("plugin ABI", manifest.compat.abi.to_string()),
        ("commands", commands.join(", ")),
        ("uses", requires.join(", ")),
        ("provides", provides.join(", ")),
        ("sign-in", manifest.capabilities.audiences.join(", ")),
        ("hosts", manifest.capabilities.hosts.join(", ")),
    ] {
        if !value.is_empty() {
            let _infallible = writeln!(text, "  {heading:<11} {value}");
        }
    }
    text
}
