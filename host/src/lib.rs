//! The host of `seqera`: arguments in, exit code out, plugins in between.
//!
//! # Architecture
//!
//! ```text
//! argv -> command line -> built-in command
//!                      -> discovery (index, manifests) -> choice (versions, pins, conflicts)
//!                         -> broker -> digest -> library (dlopen) -> load gate -> new(host) -> run -> exit code
//!                              ^---- lent: services, settings, facts, log, signals <---- plugin
//! ```
//!
//! | room | does |
//! | --- | --- |
//! | [`run`] | reads the first word and decides who answers |
//! | `builtin` | the commands of the host itself; one file each. Most are in a program of their own (`builtin::program`), so that what a plugin's command waits for stays small |
//! | `config` | files, settings, pins, each value with the place it comes from |
//! | `discovery` | which plugins there are and which one is meant; opens no library |
//! | `ownership`, `digest`, `library`, `broker` | checks, opens and holds plugins; hands services from one to another |
//! | `lent` | what one plugin sees of the host, its identity bound in it |
//! | `policy` | the admin's rules; checked at install and whenever a plugin is chosen |
//! | `sign_in` | what plugins may do with the user's sign-in: grants |
//! | `audit` | what was decided about the sign-in and became of the plugins, a line each |
//! | `diagnosis` | what `seqera doctor` looks at |
//! | `plugin_store` | packaging, signing, installing; off the path of a command |
//! | `last_words` | who it was, when a plugin ends the whole process |
//! | `signals`, `log`, `output`, `error`, `files` | what the whole process shares |
//!
//! `help`, completion, `plugin list` and suggestions read what lies on disk and load nothing. A plugin is loaded when
//! one of its commands runs or somebody asks for one of its services, and never before.
//!
//! # Files
//!
//! | file | read by | written by |
//! | --- | --- | --- |
//! | `config.toml` (user, `/etc/seqera`) | `config::file` | people |
//! | `plugins.lock` | `config::lock` | `plugin_store::locking` |
//! | `<plugins>/<name>/<version>/plugin.toml`, `cli.json` | `discovery::manifest`, `builtin::cli_tree` | `plugin_store::package` |
//! | `<bundled plugins>/SHA256SUMS` | `discovery::scan` | staging |
//! | `/etc/seqera/policy.toml` | `policy` | admins |
//! | `grants.toml` | `sign_in::grants` | the same |
//! | `trusted_keys.toml`, `seen_indexes.json` | `plugin_store::trusted_keys`, `plugin_store::seen` | the same |
//! | `audit.jsonl` in the state directory | people | `audit` |
//! | `plugin-index.jsonl`, `digests.json` in the cache | `discovery::index`, `digest` | the same; may be deleted at any time |

mod audit;
mod broker;
mod builtin;
mod config;
mod diagnosis;
mod digest;
mod discovery;
mod error;
mod files;
#[doc(hidden)]
pub mod fuzz;
mod last_words;
mod lent;
mod library;
mod log;
mod output;
mod ownership;
mod plugin_store;
mod policy;
mod redaction;
#[cfg(test)]
mod schemas;
mod sign_in;
mod signals;

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;
use std::sync::Arc;

use seqera_plugin_abi::{Invocation, RVec};

use crate::broker::Broker;
use crate::config::{Config, Paths};
use crate::discovery::{Broken, Catalog};
use crate::error::{Code, Error, Result};
use crate::signals::Signals;

/// The product version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The target triple of this program.
pub(crate) const TARGET: &str = env!("SEQERA_TARGET");

/// Runs a command line, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    exit_code(dispatch(&arguments.into_iter().skip(1).collect::<Vec<_>>()))
}

/// Runs a command line of a built-in command, in the program that has them.
pub fn run_builtin(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().skip(1).collect();
    let (word, rest) = arguments
        .split_first()
        .map_or((OsStr::new("help"), &[][..]), |(word, rest)| (word.as_os_str(), rest));
    exit_code(builtin::run(word, rest).map(|()| 0))
}

fn exit_code(outcome: Result<u8>) -> ExitCode {
    ExitCode::from(match outcome {
        Ok(code) => code,
        Err(error) => {
            output::people(&error.render(output::facts().color_stderr));
            error.code
        }
    })
}

fn dispatch(arguments: &[OsString]) -> Result<u8> {
    let (word, rest) = match arguments.split_first() {
        None => (OsStr::new("help"), arguments),
        Some((word, rest)) => (word.as_os_str(), rest),
    };
    if let Some(outcome) = builtin::answer(word, rest) {
        return outcome;
    }
    run_plugin(word, rest)
}

fn run_plugin(word: &OsStr, arguments: &[OsString]) -> Result<u8> {
    let text = word.to_str().ok_or_else(|| unknown(&word.to_string_lossy(), &[], &[]))?;
    with_broker(|broker| {
        let command = broker.catalog().command(text)?.ok_or_else(|| unknown_to(&broker.catalog(), text))?;
        broker.run(&command.entry, invocation(&command.name, arguments))
    })
}

/// Runs plugins: `work` with a broker that has loaded nothing yet, and the end of everything that it loads.
pub(crate) fn with_broker(work: impl FnOnce(&Arc<Broker>) -> Result<u8>) -> Result<u8> {
    let paths = Paths::find();
    let config = Config::read(&paths)?;
    discovery::link::refresh(&paths, &config);
    let signals = Signals::install();
    let broker = Broker::new(paths, config, signals.clone());
    let outcome = work(&broker);
    if let Err(error) = &outcome {
        policy::record(broker.paths(), error);
    }
    finish(&broker, &signals, outcome)
}

pub(crate) fn invocation(command: &str, arguments: &[OsString]) -> Invocation {
    Invocation {
        command: command.into(),
        arguments: arguments.iter().map(|argument| RVec::from(argument.as_encoded_bytes())).collect(),
        ext: RVec::new(),
    }
}

/// The exit code of a command that a plugin ran: its own, that of a signal, or that of a fault on the way out.
fn finish(broker: &Broker, signals: &Signals, outcome: Result<u8>) -> Result<u8> {
    const INTERRUPTED: u8 = 130;
    let faults = broker.shut_down();
    // Plugins say that they were interrupted; by which signal, the host knows.
    let exact = |code: u8| match signals.last().filter(|_| code == INTERRUPTED) {
        Some(signal) => u8::try_from(128 + signal).unwrap_or(code),
        None => code,
    };
    let outcome = outcome.map(exact).map_err(|error| Error { code: exact(error.code), ..error });
    match faults.into_iter().next() {
        Some(fault) if outcome.is_ok() => Err(fault),
        _ => outcome,
    }
}

fn unknown_to(catalog: &Catalog<'_>, word: &str) -> Error {
    let (entries, broken) = catalog.all();
    let is_missing = entries.iter().all(|entry| entry.name() != word);
    if let Some(source) = catalog.config().plugin_source(word).filter(|_| is_missing) {
        return unknown(word, &[], &broken)
            .because(format!(
                "the plugin {word} is not installed; it comes from {} ({})",
                source.value, source.place
            ))
            .hint(format!("seqera plugin install {word}"));
    }
    let words: Vec<String> = entries
        .iter()
        .flat_map(|entry| entry.manifest.commands.iter().flat_map(|command| command.all()))
        .chain(builtin::LIST.iter().map(|(name, _)| *name))
        .map(str::to_owned)
        .collect();
    let error = unknown(word, &words, &broken);
    if entries.is_empty() {
        let places: Vec<String> = catalog.directories().map(|dir| dir.display().to_string()).collect();
        return error
            .because(format!("no plugins were found in {}", places.join(" and in ")))
            .hint("Even the plugins that come with seqera are missing: install it again.");
    }
    error
}

/// `unknown command`, with the nearest known one and with what could not be read: the command may be in there.
fn unknown(word: &str, words: &[String], broken: &[Broken]) -> Error {
    const NEAR: f64 = 0.75;
    let mut error = Error::new(Code::UnknownCommand, format!("there is no command `{word}`"));
    for broken in broken {
        error = error.because(format!("{}: {}", broken.dir.display(), broken.problem));
    }
    let near = words
        .iter()
        .map(|known| (strsim::jaro_winkler(word, known), known))
        .filter(|(likeness, _)| *likeness > NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((_, known)) = near {
        error = error.hint(format!("Did you mean `seqera {known}`?"));
    }
    error.hint("Run `seqera help` for all commands.")
}

/// As the topic `product` of the ABI.
pub(crate) fn product_json() -> String {
    serde_json::json!({
        "name": "seqera", "version": VERSION, "target": TARGET,
        "os": std::env::consts::OS, "arch": std::env::consts::ARCH,
    })
    .to_string()
}
