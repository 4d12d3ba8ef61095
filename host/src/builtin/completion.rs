//! `seqera completion SHELL`: built-in commands and those of all plugins, from manifests and `cli.json`.

use clap::{Arg, ArgAction, Parser};
use clap_complete::Shell;
use seqera_plugin_abi::description::{Argument, Command};

use super::cli_tree::CliTree;
use super::plugin::list::effective;
use super::{commands, surroundings};
use crate::discovery::Catalog;
use crate::error::Result;
use crate::output;

/// Print a completion script for a shell
///
/// The script knows the commands of the plugins that are installed now; make it anew after installing one.
#[derive(Debug, Parser)]
#[command(name = "completion")]
pub struct CompletionArgs {
    /// The shell
    #[arg(value_parser = ["bash", "zsh", "fish"])]
    shell: String,
}

/// # Errors
/// Those of the configuration; a plugin whose tree cannot be read is left out with a warning.
pub fn run(args: &CompletionArgs) -> Result<()> {
    let (paths, config) = surroundings()?;
    let mut root = clap::Command::new("seqera")
        .version(crate::VERSION)
        .disable_help_subcommand(true)
        .subcommands(commands());
    for entry in effective(&Catalog::new(&paths, &config)) {
        match CliTree::read(&entry) {
            Ok(tree) => {
                root = with_subcommands(root, &tree.commands);
            }
            Err(error) => output::warning(&error.to_string()),
        }
    }
    let shell = match args.shell.as_str() {
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        _ => Shell::Bash,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut root, "seqera", &mut script);
    output::data(&String::from_utf8_lossy(&script))
}

/// Leaves out words that are taken: a plugin whose tree repeats one must not cost the others their completion.
fn with_subcommands(mut parent: clap::Command, commands: &[Command]) -> clap::Command {
    for command in commands {
        if parent.find_subcommand(&command.name).is_none() {
            let aliases: Vec<String> = command
                .aliases
                .iter()
                .filter(|alias| parent.find_subcommand(alias).is_none() && **alias != command.name)
                .cloned()
                .collect();
            parent = parent.subcommand(to_clap(command, aliases));
        }
    }
    parent
}

fn to_clap(command: &Command, aliases: Vec<String>) -> clap::Command {
    let clap = clap::Command::new(command.name.clone())
        .about(output::printable(&command.about))
        .hide(command.hidden)
        .visible_aliases(aliases)
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .args(command.arguments.iter().map(to_clap_argument));
    with_subcommands(clap, &command.subcommands)
}

fn to_clap_argument(argument: &Argument) -> Arg {
    let mut arg = Arg::new(argument.id.clone()).help(output::printable(&argument.help)).hide(argument.hidden);
    if let Some(long) = &argument.long {
        arg = arg.long(long.clone());
    }
    if let Some(short) = argument.short {
        arg = arg.short(short);
    }
    let is_option = argument.long.is_some() || argument.short.is_some();
    if !argument.takes_value && is_option {
        return arg.action(ArgAction::SetTrue);
    }
    arg = arg.action(ArgAction::Append);
    if !argument.values.is_empty() {
        arg = arg.value_parser(clap::builder::PossibleValuesParser::new(argument.values.clone()));
    }
    arg
}
