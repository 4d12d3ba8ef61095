//! The commands, one a file.

mod clear;
mod list;
mod show;
mod switch;

pub(crate) use switch::ask;

use clap::{Parser, Subcommand};
use seqera_plugin_api::{Host, Result};

/// Choose the organization that is billed
#[derive(Debug, Parser)]
#[command(name = "org", args_conflicts_with_subcommands = true)]
pub(crate) struct OrgArgs {
    #[command(subcommand)]
    command: Option<OrgCommand>,
    #[command(flatten)]
    show: show::ShowArgs,
}

#[derive(Debug, Subcommand)]
enum OrgCommand {
    /// Show the organization that is billed
    #[command(visible_aliases = ["info", "current"])]
    Show(show::ShowArgs),
    /// List the organizations of your account
    List(list::ListArgs),
    /// Select the organization that is billed
    #[command(visible_aliases = ["select", "change"])]
    Switch(switch::SwitchArgs),
    /// Forget the selection
    #[command(visible_alias = "reset")]
    Clear(clear::ClearArgs),
}

pub(crate) fn run(host: &Host, args: OrgArgs) -> Result<()> {
    match args.command {
        None => show::run(host, &args.show),
        Some(OrgCommand::Show(args)) => show::run(host, &args),
        Some(OrgCommand::List(args)) => list::run(host, &args),
        Some(OrgCommand::Switch(args)) => switch::run(host, &args),
        Some(OrgCommand::Clear(args)) => clear::run(host, &args),
    }
}
