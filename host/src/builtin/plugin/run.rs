//! `seqera plugin run NAME -- ARGUMENTS`

use std::ffi::OsString;

use clap::Parser;

use crate::discovery::Entry;
use crate::error::{Code, Error, Result};

/// Run a command of a plugin, whoever else has the same word
///
/// This works when two plugins claim one command, and when seqera itself has taken the word.
#[derive(Debug, Parser)]
#[command(name = "run")]
pub struct RunArgs {
    /// The plugin
    name: String,
    /// What its command gets; of a plugin with several commands the first word says which one
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

/// # Errors
/// Those of the plugin, with its exit code.
pub fn run(args: &RunArgs) -> Result<()> {
    let code = crate::with_broker(|broker| {
        let entry = broker.catalog().named(&args.name)?;
        let (command, arguments) = command(&entry, &args.arguments)?;
        broker.run(&entry, crate::invocation(&command, arguments))
    })?;
    if code == 0 { Ok(()) } else { Err(Error::silent(code)) }
}

/// The only command of a plugin, or the one that the first argument names.
fn command<'a>(entry: &Entry, arguments: &'a [OsString]) -> Result<(String, &'a [OsString])> {
    let commands = &entry.manifest.commands;
    if let [only] = commands.as_slice() {
        return Ok((only.name.clone(), arguments));
    }
    let named = arguments.split_first().and_then(|(first, rest)| {
        let command = entry.command(first.to_str()?)?;
        Some((command.name.clone(), rest))
    });
    named.ok_or_else(|| {
        let words: Vec<&str> = commands.iter().map(|command| command.name.as_str()).collect();
        let error = Error::new(Code::Usage, format!("{} has {} commands", entry.label(), words.len()));
        match words.first() {
            Some(first) => error
                .because(format!("they are {}", words.join(", ")))
                .hint(format!("seqera plugin run {} -- {first}", entry.name())),
            None => error.hint("It only provides services to other plugins."),
        }
    })
}
