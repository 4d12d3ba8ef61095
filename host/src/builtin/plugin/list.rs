//! `seqera plugin list`

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Parser;
use serde_json::{Value, json};

use crate::builtin::surroundings;
use crate::discovery::{Broken, Catalog, Entry};
use crate::error::{Error, Result};
use crate::output;

/// List the plugins on this machine and say which ones are used
#[derive(Debug, Parser)]
#[command(name = "list")]
pub struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// # Errors
/// Those of the configuration.
pub fn run(args: &ListArgs) -> Result<()> {
    let (paths, config) = surroundings()?;
    let catalog = Catalog::new(&paths, &config);
    if args.json {
        return output::data(&format!("{:#}\n", to_json(&catalog)));
    }
    let (rows, broken) = rows(&catalog, catalog.all());
    let mut text = String::new();
    for row in &rows {
        let commands: Vec<&str> =
            row.entry.manifest.commands.iter().map(|command| command.name.as_str()).collect();
        let _infallible = writeln!(
            text,
            "{:<12} {:<10} {:<8} {:<12} {}",
            row.entry.name(),
            row.entry.version(),
            row.entry.origin.as_str(),
            row.state(),
            commands.join(", ")
        );
    }
    output::data(&output::printable(&text))?;
    for row in &rows {
        if let Some(error) = &row.refused {
            output::warning(&error.to_string());
        }
    }
    for broken in broken {
        output::warning(&format!("{}: {}", broken.dir.display(), broken.problem));
    }
    Ok(())
}

/// The plugins that count: for each name the version that is chosen.
pub fn effective(catalog: &Catalog<'_>) -> Vec<Entry> {
    rows(catalog, catalog.all_by_directories())
        .0
        .into_iter()
        .filter(|row| row.is_used)
        .map(|row| row.entry)
        .collect()
}

/// The list as JSON, for `--json` and for plugins.
pub fn to_json(catalog: &Catalog<'_>) -> Value {
    let (rows, broken) = rows(catalog, catalog.all());
    let plugins: Vec<Value> = rows
        .iter()
        .map(|row| {
            let manifest = &row.entry.manifest;
            json!({
                "name": row.entry.name(),
                "version": row.entry.version().to_string(),
                "about": manifest.plugin.about,
                "publisher": manifest.plugin.publisher,
                "abi": manifest.compat.abi.to_string(),
                "source": row.entry.origin.as_str(),
                "state": row.state(),
                "path": row.entry.dir,
                "sha256": row.entry.artifact().map(|artifact| &artifact.sha256),
                "commands": manifest.commands.iter().map(|command| &command.name).collect::<Vec<_>>(),
                "provides": manifest.provides,
                "problem": row.refused.as_ref().map(ToString::to_string),
            })
        })
        .collect();
    let broken: Vec<Value> =
        broken.iter().map(|broken| json!({ "path": broken.dir, "problem": broken.problem })).collect();
    json!({ "version": 1, "plugins": plugins, "broken": broken })
}

struct Row {
    entry: Entry,
    is_used: bool,
    refused: Option<Error>,
}

impl Row {
    fn state(&self) -> &'static str {
        match (self.is_used, &self.refused) {
            (true, _) => "used",
            (false, Some(_)) => "refused",
            (false, None) => "not used",
        }
    }
}

fn rows(catalog: &Catalog<'_>, found: (Vec<Entry>, Vec<Broken>)) -> (Vec<Row>, Vec<Broken>) {
    let (mut entries, broken) = found;
    entries.sort_by(|a, b| (a.name(), a.origin, b.version()).cmp(&(b.name(), b.origin, a.version())));
    let mut by_name: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for entry in entries {
        by_name.entry(entry.name().to_owned()).or_default().push(entry);
    }
    let mut rows = Vec::new();
    for (name, versions) in by_name {
        let (chosen, refused) = match catalog.choose(&name, versions.iter()) {
            Ok(chosen) => (chosen.map(|entry| entry.dir.clone()), None),
            Err(error) => (None, Some(error)),
        };
        rows.extend(versions.into_iter().map(|entry| Row {
            is_used: chosen.as_ref() == Some(&entry.dir),
            refused: refused.clone(),
            entry,
        }));
    }
    (rows, broken)
}
