//! `seqera plugin package LIBRARY --into DIRECTORY`

use std::path::PathBuf;

use clap::Parser;

use crate::error::Result;
use crate::output;
use crate::plugin_store::package::package;

/// Lay out a built library as a plugin, with plugin.toml and cli.json made from the library itself
#[derive(Debug, Parser)]
#[command(name = "package")]
pub struct PackageArgs {
    /// The library that cargo built
    library: PathBuf,
    /// A plugins directory; <NAME>/<VERSION> is made in it
    #[arg(long, value_name = "DIRECTORY")]
    into: PathBuf,
}

/// # Errors
/// Why the library is no plugin, or the directory cannot be written.
pub fn run(args: &PackageArgs) -> Result<()> {
    let dir = package(&args.library, &args.into)?;
    output::data(&format!("{}\n", dir.display()))
}
