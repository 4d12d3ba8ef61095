//! `seqera plugin relink NAME`: describes a linked plugin anew that was built again. Run by discovery.

use clap::Parser;

use crate::config::Paths;
use crate::error::Result;
use crate::output;
use crate::plugin_store::link;

#[derive(Debug, Parser)]
#[command(name = "relink", hide = true)]
pub struct RelinkArgs {
    name: String,
}

/// # Errors
/// None: the plugin stays the one that was built before, and people are told why.
pub fn run(args: &RelinkArgs) -> Result<()> {
    if let Err(error) = link::relink(&Paths::find(), &args.name) {
        output::warning(&format!(
            "the linked plugin {} is the one that was built before: {error}",
            args.name
        ));
    }
    Ok(())
}
