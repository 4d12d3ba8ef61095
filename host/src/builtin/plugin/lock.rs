//! `seqera plugin lock`

use clap::Parser;
use serde_json::{Value, json};

use crate::config::{Lock, Locked};
use crate::error::Result;
use crate::output;
use crate::plugin_store::locking;
use crate::plugin_store::store::Store;

/// Write down which plugins are used, in plugins.lock
///
/// plugins.lock lies beside your config.toml. It holds the version, the source, the signing key and the digests of each
/// plugin that you installed and that runs, for every platform that its package has a library for: written on one machine it
/// is good on all. From then on exactly these run, and whatever else a pin allows does not; `plugin install` adds to the lock,
/// `plugin upgrade` moves it, `plugin remove` takes out of it, and `plugin sync` makes another machine equal to it.
#[derive(Debug, Parser)]
#[command(name = "lock")]
pub struct LockArgs {
    /// Say what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// # Errors
/// Those of the configuration and of the file.
pub fn run(args: &LockArgs) -> Result<()> {
    let store = Store::open()?;
    let _held = store.lock_unless(args.dry_run)?;
    let record = locking::record(&store)?;
    let path = Lock::path_in(&store.paths)?;
    let before: Option<Vec<Locked>> =
        store.config().lock()?.map(|lock| lock.plugins().iter().map(|rule| rule.value.clone()).collect());
    let is_changed = before.as_ref() != Some(&record.plugins);
    if !args.dry_run {
        locking::write(&store, record.plugins.clone())?;
    }
    for remark in &record.remarks {
        output::warning(remark);
    }
    if args.json {
        let action = match (is_changed, args.dry_run) {
            (false, _) => "unchanged",
            (true, true) => "would-lock",
            (true, false) => "locked",
        };
        let plugins: Vec<Value> = record.plugins.iter().map(to_json).collect();
        let json = json!({ "version": 1, "action": action, "file": path, "plugins": plugins });
        return output::data(&format!("{json:#}\n"));
    }
    let said = match (is_changed, args.dry_run) {
        (false, _) => "is locked already",
        (true, true) => "would be locked",
        (true, false) => "is locked now",
    };
    for locked in &record.plugins {
        let is_new = before.as_ref().is_none_or(|before| !before.contains(locked));
        let said = if is_new { said } else { "is locked already" };
        output::people(&format!("{} {said}\n", locked.label()));
    }
    for gone in before.iter().flatten().filter(|old| !record.plugins.iter().any(|new| new.name == old.name)) {
        let said = if args.dry_run { "would be locked no more" } else { "is locked no more" };
        output::people(&format!("{} {said}\n", gone.label()));
    }
    let would = if args.dry_run && is_changed { "would be written: " } else { "" };
    output::people(&format!("{would}{}\n", path.display()));
    Ok(())
}

fn to_json(locked: &Locked) -> Value {
    json!({
        "plugin": locked.name,
        "plugin_version": locked.version.to_string(),
        "source": locked.source,
        "signer": locked.signer,
        "targets": locked.sha256.keys().collect::<Vec<_>>(),
    })
}
