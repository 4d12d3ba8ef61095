//! What the user's `config.toml` demands of a plugin, changed and tried out before it is written.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::config::edit::Editor;
use crate::config::{Config, Paths};
use crate::discovery::manifest::is_plugin_name;
use crate::discovery::{Catalog, Entry};
use crate::error::{Code, Error, Result};
use crate::output;

/// The user's demands on one plugin, while they are changed.
pub struct Pinning {
    paths: Paths,
    editor: Editor,
    name: String,
}

/// What came of it.
pub struct Changed {
    /// The plugin.
    pub name: String,
    /// The file.
    pub file: PathBuf,
    /// Whether anything had to be changed.
    pub is_changed: bool,
    /// Nothing was written: it was only tried out.
    pub is_dry: bool,
    /// The version that runs with it.
    pub used: Option<Entry>,
    /// Why none does.
    pub problem: Option<Error>,
}

impl Pinning {
    /// Begins to change what is demanded of the plugin `name`.
    ///
    /// # Errors
    /// `Usage`: that is no name. Those of the file.
    pub fn of(name: &str) -> Result<Self> {
        if !is_plugin_name(name) {
            return Err(Error::new(Code::Usage, format!("`{name}` is not a name for a plugin")));
        }
        let paths = Paths::find();
        Ok(Self { editor: Editor::open(&paths)?, paths, name: name.to_owned() })
    }

    /// The version that runs as things are.
    ///
    /// # Errors
    /// Why none does.
    pub fn used(&self) -> Result<Option<Entry>> {
        used(&self.paths, &Config::read(&self.paths)?, &self.name)
    }

    /// All versions on this machine.
    ///
    /// # Errors
    /// Those of the configuration.
    pub fn versions(&self) -> Result<Vec<Entry>> {
        let config = Config::read(&self.paths)?;
        Ok(versions(&self.paths, &config, &self.name))
    }

    /// Whether it is on this machine, is locked, or has a table in a file already.
    ///
    /// # Errors
    /// Those of the configuration.
    pub fn is_known(&self) -> Result<bool> {
        let config = Config::read(&self.paths)?;
        let is_locked = config.lock()?.is_some_and(|lock| lock.of(&self.name).is_some());
        Ok(is_locked || config.plugin_names().contains(&self.name) || !self.versions()?.is_empty())
    }

    /// Sets a key of `[plugins.NAME]`.
    ///
    /// # Errors
    /// Those of [`Editor::set`].
    pub fn set(&mut self, key: &str, value: impl Into<toml_edit::Value>) -> Result<()> {
        self.editor.set(&["plugins", &self.name, key], value)
    }

    /// Removes a key of `[plugins.NAME]`.
    pub fn remove(&mut self, key: &str) {
        self.editor.remove(&["plugins", &self.name, key]);
    }

    /// What the file would say.
    pub fn text(&self) -> String {
        self.editor.text()
    }

    /// Writes it, unless it is to be tried out only, and says what runs then.
    ///
    /// # Errors
    /// The file would make no sense, or cannot be written; then it is as it was.
    pub fn finish(self, is_dry: bool) -> Result<Changed> {
        let config = Config::read_with(&self.paths, self.editor.text())?;
        let _makes_sense = config.pins(&self.name)?;
        let (used, problem) = match used(&self.paths, &config, &self.name) {
            Ok(used) => (used, None),
            Err(error) => (None, Some(error)),
        };
        if !is_dry {
            self.editor.save()?;
        }
        Ok(Changed {
            is_changed: self.editor.is_changed(),
            file: self.editor.path().to_owned(),
            name: self.name,
            is_dry,
            used,
            problem,
        })
    }
}

fn versions(paths: &Paths, config: &Config, name: &str) -> Vec<Entry> {
    let (mut entries, _) = Catalog::new(paths, config).all();
    entries.retain(|entry| entry.name() == name);
    entries
}

fn used(paths: &Paths, config: &Config, name: &str) -> Result<Option<Entry>> {
    let versions = versions(paths, config, name);
    let chosen = Catalog::new(paths, config).choose(name, versions.iter())?.cloned();
    Ok(chosen)
}

impl Changed {
    /// Says to people and to programs what was done: `done` is a word like `pinned`.
    ///
    /// # Errors
    /// Nobody reads.
    pub fn tell(&self, done: &str, details: &Value, json: bool) -> Result<()> {
        let Self { name, file, is_changed, is_dry, .. } = self;
        if json {
            let action = match (is_changed, is_dry) {
                (false, _) => "unchanged".to_owned(),
                (true, true) => format!("would-be-{done}"),
                (true, false) => done.to_owned(),
            };
            let json = json!({
                "version": 1,
                "action": action,
                "plugin": name,
                "file": file,
                "pin": details,
                "used": self.used.as_ref().map(|entry| entry.version().to_string()),
                "problem": self.problem.as_ref().map(ToString::to_string),
            });
            return output::data(&format!("{json:#}\n"));
        }
        let said = match (is_changed, is_dry) {
            (false, _) => format!("{name} was {done} already"),
            (true, true) => format!("{name} would be {done}"),
            (true, false) => format!("{name} is {done} now"),
        };
        output::people(&format!("{said} ({})\n", file.display()));
        Ok(())
    }
}
