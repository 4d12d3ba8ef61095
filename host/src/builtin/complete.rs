//! `seqera __complete SHELL -- WORD…`: what could stand at the last word. Answered from manifests and `cli.json`; of
//! the trees only the one that is needed is read, and nothing is loaded.

use std::ffi::OsString;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ValueHint};
use seqera_plugin_abi::description::{Argument, Command};

use super::cli_tree::CliTree;
use super::completion::shell;
use super::plugin::list::effective;
use super::{commands, surroundings};
use crate::config::SETTINGS;
use crate::discovery::{Catalog, Entry};
use crate::error::{Code, Error, Result};
use crate::output;

/// Kept out of sight: shells ask it.
pub const COMMAND: &str = "__complete";

/// # Errors
/// Those of the configuration; the script shows none of them.
pub fn run(arguments: &[OsString]) -> Result<()> {
    let usage = || Error::new(Code::Usage, format!("seqera {COMMAND} SHELL -- WORD…"));
    let (name, rest) = arguments.split_first().ok_or_else(usage)?;
    let shell = name.to_str().and_then(shell).ok_or_else(usage)?;
    let words: Vec<OsString> = rest.iter().skip_while(|word| *word == "--").cloned().collect();
    if words.is_empty() {
        return Err(usage());
    }
    let (paths, config) = surroundings()?;
    let mut root = tree(&Catalog::new(&paths, &config), &words);
    let mut answer = Vec::new();
    let here = std::env::current_dir().ok();
    shell
        .write_complete(&mut root, words, here.as_deref(), &mut answer)
        .map_err(|error| Error::new(Code::Failed, "cannot complete").because(error))?;
    output::data(&String::from_utf8_lossy(&answer))
}

/// The commands as far as these words lead into them.
fn tree(catalog: &Catalog<'_>, words: &[OsString]) -> clap::Command {
    let word = |at: usize| words.get(at).and_then(|word| word.to_str()).unwrap_or_default();
    let plugins = effective(catalog);
    let mut root = clap::Command::new("seqera").version(crate::VERSION).disable_help_subcommand(true);
    for command in commands() {
        let command = match command.get_name() {
            "help" => explained(&plugins, word(2)),
            "plugin" => with_names(command, catalog),
            "config" => with_keys(command),
            _ => command,
        };
        root = root.subcommand(command);
    }
    // While the first word is written nobody needs to know what stands below it.
    let meant = if words.len() > 2 { word(1) } else { "" };
    with_plugins(root, &plugins, meant)
}

fn with_plugins(mut root: clap::Command, plugins: &[Entry], meant: &str) -> clap::Command {
    for entry in plugins {
        let commands = match entry.command(meant) {
            Some(_) => CliTree::read(entry).map(|tree| tree.commands).unwrap_or_default(),
            None => words_of(entry),
        };
        root = with_subcommands(root, &commands);
    }
    root
}

/// What the manifest says of its commands.
fn words_of(entry: &Entry) -> Vec<Command> {
    let words = entry.manifest.commands.iter();
    words
        .map(|word| Command {
            name: word.name.clone(),
            about: word.about.clone(),
            aliases: word.aliases.clone(),
            ..Command::default()
        })
        .collect()
}

/// `seqera help COMMAND…` takes the words of commands, and none of their options.
fn explained(plugins: &[Entry], meant: &str) -> clap::Command {
    let root = clap::Command::new("help").disable_help_subcommand(true).disable_help_flag(true);
    let built_in = commands().into_iter().filter(|command| command.get_name() != "help").map(bare);
    let root = with_plugins(root.subcommands(built_in), plugins, meant);
    bare(root).about("Show what a command does")
}

fn bare(command: clap::Command) -> clap::Command {
    let mut bare = clap::Command::new(command.get_name().to_owned())
        .hide(command.is_hide_set())
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .aliases(command.get_all_aliases().map(str::to_owned).collect::<Vec<_>>())
        .subcommands(command.get_subcommands().cloned().map(self::bare));
    if let Some(about) = command.get_about() {
        bare = bare.about(about.clone());
    }
    bare
}

/// The names of the plugins that are there, where a command takes one.
fn with_names(plugin: clap::Command, catalog: &Catalog<'_>) -> clap::Command {
    let mut names: Vec<String> = catalog.all().0.iter().map(|entry| entry.name().to_owned()).collect();
    names.sort();
    names.dedup();
    let takes_one = |arg: &Arg| arg.is_positional() && ["plugin", "name"].contains(&arg.get_id().as_str());
    plugin.mut_subcommands(|command| {
        if command.get_name() == "new" {
            return command;
        }
        let names = names.clone();
        command.mut_args(move |arg| match takes_one(&arg) {
            true => arg.value_parser(PossibleValuesParser::new(names.clone())),
            false => arg,
        })
    })
}

fn with_keys(config: clap::Command) -> clap::Command {
    let keys: Vec<&str> = SETTINGS.iter().map(|known| known.key).collect();
    config.mut_subcommands(|command| {
        let keys = keys.clone();
        command.mut_args(move |arg| match arg.get_id() == "key" {
            true => arg.value_parser(PossibleValuesParser::new(keys.clone())),
            false => arg,
        })
    })
}

/// Leaves out words that are taken: a plugin whose tree repeats one must not cost the others their completion.
fn with_subcommands(mut parent: clap::Command, commands: &[Command]) -> clap::Command {
    for command in commands.iter().filter(|command| is_plain(&command.name)) {
        if parent.find_subcommand(&command.name).is_none() {
            let aliases: Vec<String> = command
                .aliases
                .iter()
                .filter(|alias| {
                    is_plain(alias) && parent.find_subcommand(alias).is_none() && **alias != command.name
                })
                .cloned()
                .collect();
            parent = parent.subcommand(to_clap(command, aliases));
        }
    }
    parent
}

fn to_clap(command: &Command, aliases: Vec<String>) -> clap::Command {
    let arguments = command.arguments.iter().filter(|argument| argument.long.as_deref().is_none_or(is_plain));
    let clap = clap::Command::new(command.name.clone())
        .about(output::printable(&command.about))
        .hide(command.hidden)
        // Known, and not offered: of several words for one thing the shell would show whichever sorts first.
        .aliases(aliases)
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .args(arguments.map(to_clap_argument));
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
    if argument.values.is_empty() {
        // Nobody says what it is: a file, as shells assume.
        arg.value_hint(ValueHint::AnyPath)
    } else {
        let values = argument.values.iter().filter(|value| is_plain(value));
        arg.value_parser(PossibleValuesParser::new(values.cloned().collect::<Vec<_>>()))
    }
}

/// Whether a shell takes it as it stands: what is offered is put into the line that somebody is about to run.
fn is_plain(word: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() && !output::is_hidden(c) || "-_.:/@%+=,".contains(c);
    !word.is_empty() && word.chars().all(is_plain)
}
