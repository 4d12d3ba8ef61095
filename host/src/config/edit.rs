//! Changes the user's `config.toml` as its owner would: comments, order and everything else stay as they are.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use super::{Layer, Paths};
use crate::error::{Code, Error, Result};

/// The user's `config.toml`, held against everybody else who would edit it while it lives.
pub struct Editor {
    path: PathBuf,
    before: String,
    document: DocumentMut,
    _lock: File,
}

impl Editor {
    /// Reads the file; one that does not exist is empty.
    ///
    /// # Errors
    /// `Config`: there is no directory for settings, or the file is no TOML. `Failed`: it cannot be read or locked.
    pub fn open(paths: &Paths) -> Result<Self> {
        let nowhere = || {
            Error::new(Code::Config, "there is no directory for settings")
                .hint("Set HOME, or SEQERA_CONFIG_DIR.")
        };
        let dir = paths.config.as_deref().ok_or_else(nowhere)?;
        let named = paths.user_config().ok_or_else(nowhere)?;
        let failed = |error: io::Error| {
            Error::new(Code::Failed, format!("cannot edit {}", named.display())).because(error)
        };
        fs::create_dir_all(dir).map_err(failed)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(dir.join(".config.lock"))
            .map_err(failed)?;
        lock.lock().map_err(failed)?;
        // Who keeps the file elsewhere, and a link to it here, keeps the link.
        let path = match named.canonicalize() {
            Ok(path) => path,
            Err(error) if error.kind() == ErrorKind::NotFound && !named.is_symlink() => named.clone(),
            Err(error) => return Err(failed(error)),
        };
        let before = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(failed(error)),
        };
        // Says line and column of what is wrong.
        Layer::parse(&named, before.clone())?;
        let document = before.parse().map_err(|error: toml_edit::TomlError| {
            Error::new(Code::Config, format!("{} is not valid TOML", named.display()))
                .because(error.message())
        })?;
        Ok(Self { path, before, document, _lock: lock })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the file says now, or would say.
    pub fn text(&self) -> String {
        self.document.to_string()
    }

    /// Whether anything is to be written.
    pub fn is_changed(&self) -> bool {
        self.text() != self.before
    }

    /// Sets the value at a path of keys; tables that are missing are made.
    ///
    /// # Errors
    /// `Config`: something on the way is no table, or the value would take the place of one.
    pub fn set(&mut self, keys: &[&str], value: impl Into<Value>) -> Result<()> {
        let Some((last, tables)) = keys.split_last() else { return Ok(()) };
        let mut table: &mut dyn TableLike = self.document.as_table_mut();
        for (depth, key) in tables.iter().enumerate() {
            let item = table.entry(key).or_insert_with(|| {
                let mut made = Table::new();
                // `[plugins]` alone says nothing: only `[plugins.org]` is written.
                made.set_implicit(depth + 1 < tables.len());
                Item::Table(made)
            });
            table = item.as_table_like_mut().ok_or_else(|| no_table(&self.path, &keys[..=depth]))?;
        }
        let mut value = value.into();
        match table.get_mut(last) {
            None => {
                table.insert(last, Item::Value(value));
            }
            Some(Item::Value(old)) => {
                // The comment behind a value is about the setting, and stays.
                *value.decor_mut() = old.decor().clone();
                *old = value;
            }
            Some(item) if value.is_inline_table() => *item = Item::Value(value),
            Some(_) => {
                return Err(Error::new(
                    Code::Config,
                    format!("`{}` is a table in {}", keys.join("."), self.path.display()),
                )
                .hint("Remove the table first."));
            }
        }
        Ok(())
    }

    /// Removes the value at a path of keys, and tables that are empty then. `false`: it was not there.
    pub fn remove(&mut self, keys: &[&str]) -> bool {
        remove(self.document.as_table_mut(), keys)
    }

    /// Writes the file in one step.
    ///
    /// # Errors
    /// `Failed`: it cannot be written; then it is as it was.
    pub fn save(&self) -> Result<()> {
        if !self.is_changed() {
            return Ok(());
        }
        self.replace().map_err(|error| {
            Error::new(Code::Failed, format!("cannot write {}", self.path.display())).because(error)
        })
    }

    fn replace(&self) -> io::Result<()> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(dir)?;
        file.write_all(self.text().as_bytes())?;
        if let Ok(old) = fs::metadata(&self.path) {
            file.as_file().set_permissions(old.permissions())?;
        }
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        // Some file systems cannot.
        let _outlives_a_crash = File::open(dir).and_then(|dir| dir.sync_all());
        Ok(())
    }
}

fn remove(table: &mut dyn TableLike, keys: &[&str]) -> bool {
    match keys {
        [] => false,
        [last] => table.remove(last).is_some(),
        [first, rest @ ..] => {
            let Some(inner) = table.get_mut(first).and_then(Item::as_table_like_mut) else {
                return false;
            };
            let was_there = remove(inner, rest);
            if was_there && inner.is_empty() {
                table.remove(first);
            }
            was_there
        }
    }
}

fn no_table(path: &Path, keys: &[&str]) -> Error {
    Error::new(Code::Config, format!("`{}` is no table in {}", keys.join("."), path.display()))
        .hint("Correct the file by hand.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(text: &str, edit: impl FnOnce(&mut Editor)) -> String {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths { config: Some(dir.path().to_owned()), ..Paths::default() };
        if !text.is_empty() {
            fs::write(dir.path().join("config.toml"), text).unwrap();
        }
        let mut editor = Editor::open(&paths).unwrap();
        edit(&mut editor);
        editor.save().unwrap();
        fs::read_to_string(dir.path().join("config.toml")).unwrap_or_default()
    }

    #[test]
    fn what_is_not_meant_stays() {
        let text =
            "# mine\ntheme = \"dark\" # at night\n\n[plugins.org]\n# why\nversion = \"=1.0.0\" # for now\n";
        let after = edited(text, |editor| {
            editor.set(&["plugins", "org", "version"], "=1.1.0").unwrap();
            editor.set(&["plugins", "hello", "enabled"], false).unwrap();
        });
        let wanted = format!("{}\n[plugins.hello]\nenabled = false\n", text.replace("1.0.0", "1.1.0"));
        assert_eq!(after, wanted);
        let back = edited(&after, |editor| assert!(editor.remove(&["plugins", "hello", "enabled"])));
        assert_eq!(back.trim_end(), text.replace("1.0.0", "1.1.0").trim_end());
    }

    #[test]
    fn every_way_to_write_a_table_is_understood() {
        for text in [
            "plugins.org.version = \"=1.0.0\"\n",
            "plugins = { org = { version = \"=1.0.0\" } }\n",
            "[plugins]\norg = { version = \"=1.0.0\" }\n",
        ] {
            let after = edited(text, |editor| {
                editor.set(&["plugins", "org", "version"], "=2.0.0").unwrap();
                editor.set(&["plugins", "org", "enabled"], false).unwrap();
            });
            let layer = Layer::parse(Path::new("c"), after.clone()).unwrap();
            assert_eq!(layer.text(&["plugins", "org", "version"]).unwrap().value, "=2.0.0", "{after}");
            assert_eq!(layer.text(&["plugins", "org", "enabled"]).unwrap().value, "false", "{after}");
        }
    }

    #[test]
    fn a_key_that_is_no_table_is_named_and_nothing_is_written() {
        let after = edited("plugins = 3\n", |editor| {
            let error = editor.set(&["plugins", "org", "version"], "=1.0.0").unwrap_err();
            assert!(error.message.starts_with("`plugins` is no table"), "{error}");
        });
        assert_eq!(after, "plugins = 3\n");
        assert_eq!(edited("", |editor| assert!(!editor.remove(&["a", "b"]))), "");
    }
}
