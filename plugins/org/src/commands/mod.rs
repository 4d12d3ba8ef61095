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
    Show(show::ShowArgs),
    List(list::ListArgs),
    Switch(switch::SwitchArgs),
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
