//! `seqera config`

use std::fmt::Write as _;

use clap::{Parser, Subcommand};
use serde_json::{Map, json};
use toml_edit::Value;

use super::surroundings;
use crate::config::edit::Editor;
use crate::config::{Config, Paths, SETTINGS, Setting};
use crate::error::{Code, Error, Result};
use crate::output;

/// Show and change settings, and say where each comes from
#[derive(Debug, Parser)]
#[command(name = "config", subcommand_required = true, arg_required_else_help = true)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Show what counts, with the file and line or the variable that says so
    Show {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the value that counts; exit with 1 when there is none
    Get {
        /// The setting
        key: String,
    },
    /// Write a setting into your config.toml and leave everything else in it as it is
    Set {
        /// The setting; also commands.WORD, services.NAME and indexes.NAME
        key: String,
        /// Its value
        value: String,
        /// Say what would be done, and write nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Take a setting out of your config.toml
    Unset {
        /// The setting
        key: String,
        /// Say what would be done, and write nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Print where your config.toml is
    Path,
}

/// # Errors
/// A setting that there is not, and those of the file.
pub fn run(args: &ConfigArgs) -> Result<()> {
    match &args.command {
        ConfigCommand::Show { json } => show(*json),
        ConfigCommand::Get { key } => get(key),
        ConfigCommand::Set { key, value, dry_run } => set(key, value, *dry_run),
        ConfigCommand::Unset { key, dry_run } => unset(key, *dry_run),
        ConfigCommand::Path => {
            let path = Paths::find().user_config().ok_or_else(|| {
                Error::new(Code::Config, "there is no directory for settings")
                    .hint("Set HOME, or SEQERA_CONFIG_DIR.")
            })?;
            output::data(&format!("{}\n", path.display()))
        }
    }
}

fn show(json: bool) -> Result<()> {
    let (_, config) = surroundings()?;
    let mut settings: Vec<(String, Option<Setting>)> =
        SETTINGS.iter().map(|known| (known.key.to_owned(), config.setting(known.key))).collect();
    for table in TABLES_OF_TEXT {
        settings.extend(config.names_in(table).into_iter().map(|name| {
            let key = format!("{table}.{name}");
            let setting = config.setting(&key);
            (key, setting)
        }));
    }
    if json {
        let rows: Map<String, serde_json::Value> = settings
            .into_iter()
            .map(|(key, setting)| {
                let row = setting.map(|setting| json!({ "value": setting.value, "origin": setting.origin }));
                (key, row.into())
            })
            .collect();
        return output::data(&format!("{:#}\n", json!({ "version": 1, "settings": rows })));
    }
    let mut text = String::new();
    for (key, setting) in settings {
        let _infallible = match setting {
            Some(Setting { value, origin }) => writeln!(text, "{key} = {value}  ({origin})"),
            None => writeln!(text, "{key} is not set"),
        };
    }
    output::data(&output::printable(&text))
}

fn get(key: &str) -> Result<()> {
    check_key(key)?;
    let (_, config) = surroundings()?;
    match config.setting(key) {
        Some(setting) => output::data(&output::printable(&format!("{}\n", setting.value))),
        None => Err(Error::new(Code::Failed, format!("`{key}` is not set"))),
    }
}

fn set(key: &str, value: &str, dry_run: bool) -> Result<()> {
    check_key(key)?;
    let value = typed(key, value)?;
    let paths = Paths::find();
    let mut editor = Editor::open(&paths)?;
    editor.set(&key.split('.').collect::<Vec<_>>(), value)?;
    finish(&paths, &editor, key, dry_run, "set")
}

fn unset(key: &str, dry_run: bool) -> Result<()> {
    check_key(key)?;
    let paths = Paths::find();
    let mut editor = Editor::open(&paths)?;
    let _was_there = editor.remove(&key.split('.').collect::<Vec<_>>());
    finish(&paths, &editor, key, dry_run, "unset")
}

/// Says what counts now: a variable or the admin may have another word.
fn finish(paths: &Paths, editor: &Editor, key: &str, dry_run: bool, done: &str) -> Result<()> {
    let config = Config::read_with(paths, editor.text())?;
    if !dry_run {
        editor.save()?;
    }
    let said = match (editor.is_changed(), dry_run) {
        (false, _) => format!("{key} was {done} like that already"),
        (true, true) => format!("{key} would be {done}"),
        (true, false) => format!("{key} is {done}"),
    };
    let now = match config.setting(key) {
        Some(setting) => format!("it is {} ({})", setting.value, setting.origin),
        None => "it has no value".to_owned(),
    };
    output::people(&output::printable(&format!("{said}; {now}\n")));
    Ok(())
}

/// Tables whose values are plain text, and can be set by `TABLE.NAME`.
const TABLES_OF_TEXT: [&str; 3] = ["commands", "services", "indexes"];

fn check_key(key: &str) -> Result<()> {
    let is_in_table = key.split_once('.').is_some_and(|(table, name)| {
        TABLES_OF_TEXT.contains(&table) && !name.is_empty() && !name.contains('.')
    });
    if is_in_table || SETTINGS.iter().any(|known| known.key == key) {
        return Ok(());
    }
    let error = Error::new(Code::Usage, format!("there is no setting `{key}`"));
    if key.starts_with("plugins.") {
        return Err(
            error.hint("`seqera plugin pin`, `unpin`, `enable` and `disable` write what concerns a plugin.")
        );
    }
    let near = SETTINGS.iter().map(|known| (strsim::jaro_winkler(known.key, key), known.key));
    let near = near.filter(|(likeness, _)| *likeness > 0.8).max_by(|a, b| a.0.total_cmp(&b.0));
    Err(match near {
        Some((_, near)) => error.hint(format!("Did you mean `{near}`?")),
        None => error.hint("`seqera config show` has all."),
    })
}

/// A number or a truth value where the setting is one.
fn typed(key: &str, value: &str) -> Result<Value> {
    let default = SETTINGS.iter().find(|known| known.key == key).and_then(|known| known.default);
    let wrong = |what: &str| Error::new(Code::Usage, format!("`{key}` is {what}, not `{value}`"));
    match default {
        Some("true" | "false") => value.parse::<bool>().map(Value::from).map_err(|_| wrong("true or false")),
        Some(default) if default.parse::<u32>().is_ok() => {
            value.parse::<u32>().map(|number| Value::from(i64::from(number))).map_err(|_| wrong("a number"))
        }
        _ => Ok(value.into()),
    }
}
