//! The commands of the host itself. No plugin can claim their words.

pub(crate) mod cli_tree;
mod complete;
mod completion;
mod config;
pub(crate) mod describe;
mod doctor;
mod help;
pub mod plugin;
mod program;
mod reach;
mod version;

use std::ffi::{OsStr, OsString};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::config::{Config, Paths};
use crate::error::{Code, Error, Result};
use crate::output;

/// The words that people type, and what they do: the first lines of their own help.
pub const LIST: &[(&str, &str)] = &[
    ("help", "Show what a command does"),
    ("version", "Show the versions of seqera, of its plugin ABI and of its plugins"),
    ("completion", "Print a completion script for a shell"),
    ("plugin", "Install, upgrade, check, make and show plugins"),
    ("config", "Show and change settings, and say where each comes from"),
    ("doctor", "Say what is wrong with the plugins, the settings, the credential store and the network"),
];
/// Whether a word is the host's own.
pub fn is_command(word: &str) -> bool {
    LIST.iter().any(|(name, _)| *name == word)
}

/// Whether a word is the host's own, or kept for it.
pub fn is_builtin(word: &str) -> bool {
    is_command(word) || word.starts_with("__")
}

/// What the host itself answers to a built-in command; `None` when the word is none.
pub fn answer(word: &OsStr, arguments: &[OsString]) -> Option<Result<u8>> {
    let word = match word.to_str()? {
        "--version" | "-V" => return Some(version::print_short().map(|()| 0)),
        "--help" | "-h" => "help",
        word => word,
    };
    if word == "help" && !help::words(arguments).first().is_some_and(|shown| is_command(shown)) {
        return Some(help::run(arguments).map(|()| 0));
    }
    (is_command(word) || [describe::COMMAND, complete::COMMAND].contains(&word)).then(|| {
        let whole: Vec<OsString> =
            std::iter::once(OsString::from(word)).chain(arguments.iter().cloned()).collect();
        program::become_it(&whole)
    })
}

/// Runs a built-in command in the program that has them.
///
/// # Errors
/// Those of the command.
pub fn run(word: &OsStr, arguments: &[OsString]) -> Result<()> {
    match word.to_str().unwrap_or_default() {
        "help" => help::of_builtin(arguments),
        "version" => parse::<version::VersionArgs>("version", arguments).and_then(|args| version::run(&args)),
        "completion" => parse::<completion::CompletionArgs>("completion", arguments)
            .and_then(|args| completion::run(&args)),
        "plugin" => parse::<plugin::PluginArgs>("plugin", arguments).and_then(|args| plugin::run(&args)),
        "config" => parse::<config::ConfigArgs>("config", arguments).and_then(|args| config::run(&args)),
        "doctor" => parse::<doctor::DoctorArgs>("doctor", arguments).and_then(|args| doctor::run(&args)),
        crate::diagnosis::children::COMMAND => reach::run(arguments),
        describe::COMMAND => describe::run(arguments),
        complete::COMMAND => complete::run(arguments),
        other => Err(Error::new(Code::Usage, format!("`{other}` is no built-in command"))),
    }
}

/// The clap definitions of the built-in commands, for help and completion.
pub(crate) fn commands() -> Vec<clap::Command> {
    vec![
        clap::Command::new("help").about(LIST[0].1).arg(clap::Arg::new("command").num_args(0..)),
        version::VersionArgs::command(),
        completion::CompletionArgs::command(),
        plugin::PluginArgs::command(),
        config::ConfigArgs::command(),
        doctor::DoctorArgs::command(),
    ]
    .into_iter()
    .map(|command| {
        let name = format!("seqera {}", command.get_name());
        command.bin_name(name).disable_version_flag(true)
    })
    .collect()
}

/// Settings and directories, for built-ins that need them.
fn surroundings() -> Result<(Paths, Config)> {
    let paths = Paths::find();
    let config = Config::read(&paths)?;
    crate::discovery::link::refresh(&paths, &config);
    Ok((paths, config))
}

fn parse<A: Parser>(name: &str, arguments: &[OsString]) -> Result<A> {
    let command =
        A::command().bin_name(format!("seqera {name}")).disable_version_flag(true).no_binary_name(true);
    let matches = command.try_get_matches_from(arguments);
    matches.and_then(|matches| A::from_arg_matches(&matches)).map_err(|error| report(&error))
}

fn report(error: &clap::Error) -> Error {
    const WRONG_USAGE: u8 = 2;
    let text = error.render();
    if error.kind() == ErrorKind::DisplayHelp {
        return output::styled(&text.ansi().to_string()).err().unwrap_or_else(|| Error::silent(0));
    }
    let styled = output::facts().color_stderr;
    output::people(&if styled { text.ansi().to_string() } else { text.to_string() });
    Error::silent(WRONG_USAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_says_what_the_commands_say() {
        let commands: Vec<(String, String)> = commands()
            .iter()
            .map(|command| (command.get_name().to_owned(), command.get_about().unwrap().to_string()))
            .collect();
        let list: Vec<(String, String)> =
            LIST.iter().map(|(name, about)| ((*name).to_owned(), (*about).to_owned())).collect();
        assert_eq!(commands, list);
    }
}
