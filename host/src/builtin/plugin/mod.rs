//! `seqera plugin`: one file for each of its commands; what they do lies in `plugin_store` and `discovery`.

pub mod list;
mod package;
mod trust;

use clap::{Parser, Subcommand};

use crate::error::Result;

/// Show and package plugins
#[derive(Debug, Parser)]
#[command(name = "plugin", subcommand_required = true, arg_required_else_help = true)]
pub struct PluginArgs {
    #[command(subcommand)]
    command: PluginCommand,
}

#[derive(Debug, Subcommand)]
enum PluginCommand {
    List(list::ListArgs),
    Package(package::PackageArgs),
    Trust(trust::TrustArgs),
}

/// # Errors
/// Those of the command.
pub fn run(args: &PluginArgs) -> Result<()> {
    match &args.command {
        PluginCommand::List(args) => list::run(args),
        PluginCommand::Package(args) => package::run(args),
        PluginCommand::Trust(args) => trust::run(args),
    }
}
