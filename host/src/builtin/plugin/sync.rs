//! `seqera plugin sync [--locked] [--offline]`

use clap::Parser;
use serde_json::{Value, json};

use crate::config::Lock;
use crate::error::{Error, Result};
use crate::output;
use crate::plugin_store::install::Action;
use crate::plugin_store::store::Store;
use crate::plugin_store::sync::{Change, Options, Row, sync};

/// Make the installed plugins equal to plugins.lock
///
/// What is missing or was changed on disk is installed, from the archives that were kept on this machine or from its
/// source, and has to be what the lock says: version, digests and signing key. What config.toml wants otherwise by now, and
/// what has a source there and is not locked yet, is looked up anew and locked. At the end, what was installed with `plugin
/// install` and is not locked is removed. When something fails, nothing is removed.
#[derive(Debug, Parser)]
#[command(name = "sync")]
pub struct SyncArgs {
    /// Fail with 78 when plugins.lock would have to change; for CI
    #[arg(long)]
    locked: bool,
    /// Ask no other machine: take what is installed, kept or lies in a directory
    #[arg(long)]
    offline: bool,
    /// Agree to what the plugins ask for
    #[arg(long, short)]
    yes: bool,
    /// Check everything, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// # Errors
/// The lock cannot be followed; or why a plugin could not be installed: the others are, and the first reason decides
/// the exit code.
pub fn run(args: &SyncArgs) -> Result<()> {
    let store = Store::open()?;
    let SyncArgs { locked, offline, yes, dry_run, .. } = *args;
    let synced = sync(&store, Options { locked, offline, yes, dry_run })?;
    for row in &synced.rows {
        match &row.problem {
            Some(error) => output::people(&error.render(output::facts().color_stderr)),
            None if !args.json => output::people(&format!("{}\n", line(row))),
            None => {}
        }
    }
    if synced.rows.is_empty() && !synced.moves_the_lock && !args.json {
        output::people("There is nothing to do: nothing is locked, and nothing is installed that is not.\n");
    }
    let is_done = synced.rows.iter().all(|row| row.problem.is_none());
    if synced.moves_the_lock && is_done && !args.json {
        let said = if dry_run { "would be brought up to date" } else { "was brought up to date" };
        output::people(&format!("{} {said}\n", Lock::path_in(&store.paths)?.display()));
    }
    if args.json {
        let plugins: Vec<Value> = synced.rows.iter().map(to_json).collect();
        let json = json!({
            "version": 1,
            "action": if dry_run { "would-sync" } else { "synced" },
            "file": Lock::path_in(&store.paths)?,
            "moves_the_lock": synced.moves_the_lock,
            "plugins": plugins,
        });
        output::data(&format!("{json:#}\n"))?;
    }
    let first = synced.rows.iter().find_map(|row| Some(row.problem.as_ref()?.code));
    first.map_or(Ok(()), |code| Err(Error::silent(code)))
}

fn line(row: &Row) -> String {
    let label = match &row.version {
        Some(version) => format!("{} {version}", row.name),
        None => row.name.clone(),
    };
    let said = match row.change {
        Change::Put(Action::Unchanged) => "is there already",
        Change::Put(Action::Installed) => "was installed",
        Change::Put(Action::WouldInstall) => "would be installed",
        Change::Removed => "was removed: it is not locked",
        Change::WouldRemove => "would be removed: it is not locked",
        Change::Disabled => "is switched off, and left as it is",
        Change::Failed => "could not be installed",
    };
    format!("{label} {said}")
}

fn to_json(row: &Row) -> Value {
    json!({
        "plugin": row.name,
        "plugin_version": row.version.as_ref().map(ToString::to_string),
        "action": row.change.as_str(),
        "problem": row.problem.as_ref().map(ToString::to_string),
    })
}
