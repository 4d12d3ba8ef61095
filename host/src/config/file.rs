//! One configuration file, with the line of each value.

use std::borrow::Cow;
use std::fs;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Rule;
use super::place;
use crate::error::{Code, Error, Result};

/// A file that was read and understood.
#[derive(Debug)]
pub struct Layer {
    path: PathBuf,
    text: &'static str,
    table: DeTable<'static>,
}

impl Layer {
    /// Reads a file; `None` when there is none.
    ///
    /// # Errors
    /// `Config`: it cannot be read, or is no TOML.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => {
                return Err(
                    Error::new(Code::Config, format!("cannot read {}", path.display())).because(error)
                );
            }
        };
        Self::parse(path, text).map(Some)
    }

    /// Understands the text of a file.
    ///
    /// # Errors
    /// `Config`: it is no TOML.
    pub fn parse(path: &Path, text: String) -> Result<Self> {
        // Read once, needed until the process ends: the values borrow from it.
        let text: &'static str = text.leak();
        let table = match DeTable::parse(text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                let (line, column) = position(text, error.span().map_or(0, |span| span.start));
                let where_ = format!("{}:{line}:{column}", path.display());
                return Err(
                    Error::new(Code::Config, format!("{where_} is not valid TOML")).because(error.message())
                );
            }
        };
        Ok(Self { path: path.to_owned(), text, table })
    }

    /// The value at a path of keys, as text.
    pub fn text(&self, keys: &[&str]) -> Option<Rule<String>> {
        let value = self.find(keys)?;
        let text = match value.get_ref() {
            DeValue::String(text) => Cow::into_owned(text.clone()),
            DeValue::Boolean(value) => value.to_string(),
            DeValue::Integer(value) => value.to_string(),
            DeValue::Float(value) => value.to_string(),
            _ => return None,
        };
        Some(Rule { value: text, place: self.place(&value.span()) })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The keys that stand in no table, and the names of the tables.
    pub fn keys(&self) -> Vec<Rule<String>> {
        let key = |key: &Spanned<Cow<'static, str>>| Rule {
            value: key.get_ref().to_string(),
            place: self.place(&key.span()),
        };
        self.table.keys().map(key).collect()
    }

    /// The keys of the table `name` in the table `table`.
    pub fn keys_in(&self, table: &str, name: &str) -> Vec<Rule<String>> {
        let table = self.find(&[table, name]).and_then(|value| value.get_ref().as_table());
        let key = |key: &Spanned<Cow<'static, str>>| Rule {
            value: key.get_ref().to_string(),
            place: self.place(&key.span()),
        };
        table.into_iter().flat_map(DeTable::keys).map(key).collect()
    }

    /// The keys of a table.
    pub(crate) fn names(&self, table: &str) -> Vec<String> {
        let table = self.table.get(table).and_then(|value| value.get_ref().as_table());
        table.into_iter().flat_map(DeTable::keys).map(|key| key.get_ref().to_string()).collect()
    }

    /// The value at a path of keys.
    pub(crate) fn find(&self, keys: &[&str]) -> Option<&Spanned<DeValue<'static>>> {
        let (last, tables) = keys.split_last()?;
        let mut table = &self.table;
        for key in tables {
            table = table.get(*key)?.get_ref().as_table()?;
        }
        table.get(*last)
    }

    /// `path:line` of a value.
    pub(crate) fn place(&self, span: &Range<usize>) -> String {
        place(&self.path, position(self.text, span.start).0)
    }
}

/// The line of a byte, from 1.
pub fn line_of(text: &str, byte: usize) -> usize {
    position(text, byte).0
}

/// Line and column of a byte, both from 1.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = &text[..byte.min(text.len())];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_line_and_column_of_what_does_not_parse() {
        let error = Layer::parse(Path::new("c.toml"), "a = 1\nb = = 2\n".to_owned()).unwrap_err();
        assert!(error.message.starts_with("c.toml:2:5 "), "{error}");
    }

    #[test]
    fn knows_the_line_of_a_value() {
        let text = "# first\nbackend_url = \"http://a\"\n[services]\ntoken-provider = \"fixture\"\n";
        let layer = Layer::parse(Path::new("c.toml"), text.to_owned()).unwrap();
        let rule = layer.text(&["services", "token-provider"]).unwrap();
        assert_eq!((rule.value.as_str(), rule.place.as_str()), ("fixture", "c.toml:4"));
        assert_eq!(layer.text(&["backend_url"]).unwrap().place, "c.toml:2");
    }
}
