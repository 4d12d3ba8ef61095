//! `seqera help [COMMAND]…`, from manifests and `cli.json`: no library is opened.

use std::ffi::OsString;
use std::fmt::Write as _;

use seqera_plugin_abi::description::Command;

use super::cli_tree::CliTree;
use super::plugin::list::effective;
use super::{LIST, commands, surroundings};
use crate::discovery::{Catalog, Entry};
use crate::error::{Code, Error, Result};
use crate::output;

/// Help for everything, or for a command of a plugin.
///
/// # Errors
/// A command that does not exist.
pub fn run(arguments: &[OsString]) -> Result<()> {
    match words(arguments).split_first() {
        None => overview(),
        Some((word, rest)) => of_command(word, rest),
    }
}

/// The words that name a command.
pub fn words(arguments: &[OsString]) -> Vec<String> {
    arguments
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .filter(|word| !word.starts_with('-'))
        .collect()
}

/// Help for a built-in command.
///
/// # Errors
/// A command that does not exist.
pub fn of_builtin(arguments: &[OsString]) -> Result<()> {
    let words = words(arguments);
    let (word, rest) = words.split_first().map_or(("help", &[][..]), |(word, rest)| (word.as_str(), rest));
    let Some(mut command) = commands().into_iter().find(|command| command.get_name() == word) else {
        return Err(no_subcommand(word, rest));
    };
    let shown = rest.iter().try_fold(&mut command, |command, word| command.find_subcommand_mut(word));
    match shown {
        Some(shown) => output::styled(&shown.render_long_help().ansi().to_string()),
        None => Err(no_subcommand(word, rest)),
    }
}

fn overview() -> Result<()> {
    let (paths, config) = surroundings()?;
    let catalog = Catalog::new(&paths, &config);
    let mut words = catalog.commands_by_index().unwrap_or_else(|| commands_of(&effective(&catalog)));
    words.sort();
    words.dedup_by(|a, b| a.0 == b.0);

    let mut text = String::from("The command line of Seqera Platform\n\n");
    let _infallible = writeln!(text, "{}", heading("Usage:") + " seqera <COMMAND> [ARGUMENTS]\n");
    section(&mut text, "Commands:", &words);
    let own: Vec<(String, String)> =
        LIST.iter().map(|(name, about)| ((*name).to_owned(), (*about).to_owned())).collect();
    section(&mut text, "About seqera itself:", &own);
    section(
        &mut text,
        "Options:",
        &[
            ("-h, --help".to_owned(), "Show this".to_owned()),
            ("-V, --version".to_owned(), "Show the version".to_owned()),
        ],
    );
    let _infallible = writeln!(text, "Run `seqera help COMMAND` for more about one of them.");
    if words.is_empty() {
        output::warning("no plugins were found; install seqera again");
    }
    output::styled(&text)
}

fn commands_of(plugins: &[Entry]) -> Vec<(String, String)> {
    let commands = plugins.iter().flat_map(|entry| &entry.manifest.commands);
    commands.map(|command| (command.name.clone(), command.about.clone())).collect()
}

fn heading(text: &str) -> String {
    format!("\x1b[1;4m{text}\x1b[0m")
}

fn section(text: &mut String, title: &str, rows: &[(String, String)]) {
    if rows.is_empty() {
        return;
    }
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let _infallible = writeln!(text, "{}", heading(title));
    for (name, about) in rows {
        let about = output::printable(about);
        let _infallible = writeln!(text, "  \x1b[1m{name:width$}\x1b[0m  {about}");
    }
    text.push('\n');
}

fn of_command(word: &str, rest: &[String]) -> Result<()> {
    let (paths, config) = surroundings()?;
    let catalog = Catalog::new(&paths, &config);
    let owner = catalog.command(word)?.ok_or_else(|| crate::unknown_to(&catalog, word))?;
    let tree = CliTree::read(&owner.entry)?;
    let mut shown = tree.commands.iter().find(|command| command.name == owner.name);
    for word in rest {
        shown = shown
            .and_then(|command| command.subcommands.iter().find(|subcommand| is_called(subcommand, word)));
    }
    match shown {
        Some(command) => output::styled(&command.help),
        None => Err(no_subcommand(word, rest)),
    }
}

fn is_called(command: &Command, word: &str) -> bool {
    command.name == word || command.aliases.iter().any(|alias| alias == word)
}

fn no_subcommand(word: &str, rest: &[String]) -> Error {
    Error::new(Code::UnknownCommand, format!("there is no command `{word} {}`", rest.join(" ")))
        .hint(format!("Run `seqera help {word}` for its commands."))
}
