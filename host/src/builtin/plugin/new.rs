//! `seqera plugin new NAME`

use std::path::PathBuf;

use clap::Parser;
use serde_json::json;

use crate::builtin::{is_builtin, surroundings};
use crate::discovery::{Catalog, Origin};
use crate::error::{Code, Error, Result};
use crate::output;
use crate::plugin_store::create::{NewPlugin, Sdk, check_name};

/// Write the crate of a new plugin, which builds, tests and runs at once
///
/// It has one command, uses one service, and has a unit test and a test that `seqera plugin test` passes.
#[derive(Debug, Parser)]
#[command(name = "new")]
pub struct NewArgs {
    /// Its name, and the word of its command: seqera NAME
    name: String,
    /// Where the SDK, seqera-plugin-api, comes from: a directory, a git URL (with #TAG, at that tag), or a version
    ///
    /// Inside a checkout of seqera it is found without.
    #[arg(long, value_name = "WHERE")]
    sdk: Option<String>,
    /// Who publishes it
    #[arg(long, value_name = "NAME")]
    publisher: Option<String>,
    /// The directory to make; ./NAME without it
    #[arg(long, value_name = "DIRECTORY")]
    into: Option<PathBuf>,
    /// Say what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// # Errors
/// The name is taken or cannot be one, the SDK was not found, or the crate cannot be written.
pub fn run(args: &NewArgs) -> Result<()> {
    check_name(&args.name)?;
    refuse_taken(&args.name)?;
    let directory = args.into.clone().unwrap_or_else(|| PathBuf::from(&args.name));
    let cannot =
        |error| Error::new(Code::Failed, format!("cannot write {}", directory.display())).because(error);
    let absolute = std::path::absolute(&directory).map_err(cannot)?;
    let sdk = match &args.sdk {
        Some(text) => Sdk::parse(text)?,
        None => Sdk::around(&absolute).ok_or_else(|| {
            Error::new(Code::Usage, "where is the SDK, seqera-plugin-api?")
                .because(format!("{} does not lie in a checkout of seqera", absolute.display()))
                .hint(format!(
                    "Clone the repository that this seqera ({}) was built from, and name it: --sdk DIRECTORY",
                    crate::VERSION
                ))
                .hint("Or let cargo get it from there: --sdk https://ADDRESS-OF-THE-REPOSITORY#TAG")
        })?,
    };
    let plugin =
        NewPlugin { name: &args.name, publisher: args.publisher.as_deref(), sdk: &sdk, directory: absolute };
    plugin.check()?;
    if !args.dry_run {
        plugin.write()?;
    }
    let files: Vec<&str> = plugin.files().iter().map(|(path, _)| *path).collect();
    if args.json {
        let action = if args.dry_run { "would-create" } else { "created" };
        let json = json!({
            "version": 1, "action": action, "plugin": args.name, "path": plugin.directory, "files": files,
        });
        return output::data(&format!("{json:#}\n"));
    }
    let shown = output::printable(&directory.display().to_string());
    if args.dry_run {
        output::people(&format!("{shown} would be made, with {}\n", files.join(", ")));
        return Ok(());
    }
    output::people(&format!(
        "{shown} is a plugin with the command `seqera {0}`. Try it:\n  cd {shown}\n  cargo test\n  \
         cargo build && seqera plugin link . && seqera {0}\n",
        args.name
    ));
    Ok(())
}

/// A word of seqera itself, or of a plugin that came with it, would never reach this plugin.
fn refuse_taken(name: &str) -> Result<()> {
    let taken =
        |by: String| Err(Error::new(Code::Usage, format!("the command `{name}` is taken")).because(by));
    if is_builtin(name) {
        return taken("it is a command of seqera itself".to_owned());
    }
    let (paths, config) = surroundings()?;
    let (entries, _) = Catalog::new(&paths, &config).all();
    for entry in entries.iter().filter(|entry| entry.name() == name || entry.command(name).is_some()) {
        if entry.origin == Origin::Bundled {
            return taken(format!("the plugin {} comes with seqera", entry.label()));
        }
        output::warning(&format!("{}, which is on this machine, has the word `{name}` too", entry.label()));
    }
    Ok(())
}
