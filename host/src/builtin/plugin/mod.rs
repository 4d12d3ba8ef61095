//! `seqera plugin`: one file for each of its commands; what they do lies in `plugin_store` and `discovery`.

mod disable;
mod enable;
mod explain;
mod grants;
mod index;
mod info;
mod install;
mod link;
pub mod list;
mod lock;
mod new;
mod package;
mod pin;
mod relink;
mod remove;
mod run;
mod sync;
mod test;
mod trust;
mod unlink;
mod unpin;
mod upgrade;
mod verify;

use clap::{Parser, Subcommand};

use crate::error::Result;

/// Install, upgrade, check, make and show plugins
#[derive(Debug, Parser)]
#[command(name = "plugin", subcommand_required = true, arg_required_else_help = true)]
pub struct PluginArgs {
    #[command(subcommand)]
    command: PluginCommand,
}

#[derive(Debug, Subcommand)]
enum PluginCommand {
    List(list::ListArgs),
    Install(install::InstallArgs),
    Index(index::IndexArgs),
    Link(link::LinkArgs),
    Unlink(unlink::UnlinkArgs),
    Relink(relink::RelinkArgs),
    Info(info::InfoArgs),
    Remove(remove::RemoveArgs),
    Run(run::RunArgs),
    Upgrade(upgrade::UpgradeArgs),
    Verify(verify::VerifyArgs),
    Explain(explain::ExplainArgs),
    Pin(pin::PinArgs),
    Unpin(unpin::UnpinArgs),
    Enable(enable::EnableArgs),
    Disable(disable::DisableArgs),
    Lock(lock::LockArgs),
    Sync(sync::SyncArgs),
    Package(package::PackageArgs),
    Test(test::TestArgs),
    New(new::NewArgs),
    Trust(trust::TrustArgs),
    Grants(grants::GrantsArgs),
}

/// # Errors
/// Those of the command.
pub fn run(args: &PluginArgs) -> Result<()> {
    match &args.command {
        PluginCommand::List(args) => list::run(args),
        PluginCommand::Install(args) => install::run(args),
        PluginCommand::Index(args) => index::run(args),
        PluginCommand::Link(args) => link::run(args),
        PluginCommand::Unlink(args) => unlink::run(args),
        PluginCommand::Relink(args) => relink::run(args),
        PluginCommand::Info(args) => info::run(args),
        PluginCommand::Remove(args) => remove::run(args),
        PluginCommand::Run(args) => run::run(args),
        PluginCommand::Upgrade(args) => upgrade::run(args),
        PluginCommand::Verify(args) => verify::run(args),
        PluginCommand::Explain(args) => explain::run(args),
        PluginCommand::Pin(args) => pin::run(args),
        PluginCommand::Unpin(args) => unpin::run(args),
        PluginCommand::Enable(args) => enable::run(args),
        PluginCommand::Disable(args) => disable::run(args),
        PluginCommand::Lock(args) => lock::run(args),
        PluginCommand::Sync(args) => sync::run(args),
        PluginCommand::Package(args) => package::run(args),
        PluginCommand::Test(args) => test::run(args),
        PluginCommand::New(args) => new::run(args),
        PluginCommand::Trust(args) => trust::run(args),
        PluginCommand::Grants(args) => grants::run(args),
    }
}
