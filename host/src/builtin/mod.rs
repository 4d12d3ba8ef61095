//! The commands of the host itself. No plugin can claim their words.

mod cli_tree;
mod completion;
pub(crate) mod describe;
mod help;
pub mod plugin;
mod version;

use std::ffi::{OsStr, OsString};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::config::{Config, Paths};
use crate::error::{Error, Result};
use crate::output;

/// The words that people type.
pub const NAMES: &[&str] = &["help", "version", "completion", "plugin"];
/// Words that are kept for later, so that no plugin claims them meanwhile.
const RESERVED: &[&str] = &["doctor", "config"];

/// Whether a word is, or will be, the host's own.
pub fn is_builtin(word: &str) -> bool {
    NAMES.contains(&word) || RESERVED.contains(&word) || word.starts_with("__")
}

/// Runs a built-in command; `None` when the word is none.
pub fn run(word: &OsStr, arguments: &[OsString]) -> Option<Result<()>> {
    Some(match word.to_str()? {
        "--version" | "-V" => version::print_short(),
        "--help" | "-h" | "help" => help::run(arguments),
        "version" => parse::<version::VersionArgs>("version", arguments).and_then(|args| version::run(&args)),
        "completion" => parse::<completion::CompletionArgs>("completion", arguments)
            .and_then(|args| completion::run(&args)),
        "plugin" => parse::<plugin::PluginArgs>("plugin", arguments).and_then(|args| plugin::run(&args)),
        describe::COMMAND => describe::run(arguments),
        _ => return None,
    })
}

/// The clap definitions of the built-in commands, for help and completion.
pub(crate) fn commands() -> Vec<clap::Command> {
    vec![
        clap::Command::new("help")
            .about("Show what a command does")
            .arg(clap::Arg::new("command").num_args(0..)),
        version::VersionArgs::command(),
        completion::CompletionArgs::command(),
        plugin::PluginArgs::command(),
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
    crate::discovery::link::refresh(&paths);
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
