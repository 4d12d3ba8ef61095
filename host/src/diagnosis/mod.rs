//! What `seqera doctor` looks at. Nothing here opens a library: what needs a plugin runs in a child process, after
//! everything that can be told without one was told.

pub mod children;
mod plugins;
mod settings;
mod values;

use crate::config::{Config, Paths};
use crate::error::{Error, Result};
use crate::output;
use crate::plugin_store::store::Store;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, and somebody may be surprised.
    Warning,
    /// It does not work.
    Problem,
}

impl Level {
    /// For people and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// One line.
#[derive(Debug)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What was looked at.
    pub subject: String,
    /// How it is.
    pub text: String,
    /// What to try.
    pub hint: Option<String>,
    /// The exit code that a command would end with because of it.
    pub code: u8,
}

impl Finding {
    fn ok(subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self { level: Level::Ok, subject: subject.into(), text: text.into(), hint: None, code: 0 }
    }

    fn warning(subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self { level: Level::Warning, ..Self::ok(subject, text) }
    }

    fn problem(subject: impl Into<String>, error: &Error) -> Self {
        Self {
            level: Level::Problem,
            hint: error.hints.first().cloned(),
            code: error.code,
            ..Self::ok(subject, error.to_string())
        }
    }

    /// The line.
    pub fn line(&self) -> String {
        let hint = self.hint.as_ref().map_or_else(String::new, |hint| format!(" [{hint}]"));
        let line = format!("{:<8} {}: {}{hint}", self.level.as_str(), self.subject, self.text);
        output::printable(&line).replace('\n', " ")
    }
}

/// Looks at everything and hands each finding on as soon as it is there.
///
/// # Errors
/// Those of `tell`, and a machine without a directory for plugins.
pub fn examine(mut tell: impl FnMut(Finding) -> Result<()>) -> Result<()> {
    let paths = Paths::find();
    let (config, findings) = settings::look(&paths);
    let is_readable = config.as_ref().is_some_and(|config| config.lock().is_ok() && config.policy().is_ok());
    // What is wrong with lock or policy is said once; the plugins are looked at as if there were none.
    let config = config.map(|config| if is_readable { config } else { config.of_files_only() });
    findings.into_iter().try_for_each(&mut tell)?;
    let store = Store::with(paths, config.unwrap_or_default())?;
    let findings = plugins::look(&store)?;
    findings.into_iter().try_for_each(&mut tell)?;
    if !is_readable {
        let text = "not looked at: they depend on the configuration, which cannot be read";
        return tell(Finding::warning("credential store and network", text));
    }
    children::look(&store, tell)
}

/// The effective settings for a report: where each comes from, and no value that could hold a secret.
pub fn origins(config: &Config) -> Vec<String> {
    crate::config::SETTINGS
        .iter()
        .filter_map(|known| Some((known.key, config.setting(known.key)?)))
        .filter(|(_, setting)| setting.origin != "default")
        .map(|(key, setting)| format!("{key} is set by {}", setting.origin))
        .collect()
}
