//! Runs the commands of the plugin that is tried out, each in a process of its own.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use seqera_plugin_abi::description;

use super::place::Place;
use crate::builtin::cli_tree::CliTree;
use crate::config::Paths;
use crate::discovery::manifest::Manifest;
use crate::error::{Code, Error, Result};
use crate::plugin_store::child::{self, Finished, LIMIT, Reader};
use crate::plugin_store::inspect::Inspected;

/// The words of a command, from the top level down.
#[derive(Debug)]
pub struct Words {
    path: Vec<String>,
    /// Its help, as it was packaged.
    pub help: String,
    has_subcommands: bool,
    has_positionals: bool,
    takes_anything: bool,
}

impl Words {
    /// Whether everything behind it may be an argument of its own, `[COMMAND]...`, an unknown option too.
    pub fn takes_anything(&self) -> bool {
        self.takes_anything
    }

    /// Whether a word behind it can be nothing but a subcommand.
    pub fn takes_subcommand_only(&self) -> bool {
        self.has_subcommands && !self.has_positionals
    }
}

/// Starts commands.
pub struct Runner<'a> {
    place: &'a Place,
    name: String,
    is_only_command: bool,
    all: Vec<Words>,
}

/// How a command ended.
pub struct Ended {
    /// The command line, for people.
    pub what: String,
    finished: Option<Finished>,
}

impl<'a> Runner<'a> {
    /// Prepares the place: the bundled plugins are switched off in it.
    ///
    /// # Errors
    /// `Failed`: files cannot be written.
    pub fn new(place: &'a Place, inspected: &Inspected) -> Result<Self> {
        let manifest = &inspected.manifest;
        let cannot =
            |error: std::io::Error| Error::new(Code::Failed, "the plugin cannot be tried out").because(error);
        fs::write(place.config().join("config.toml"), settings(manifest)).map_err(cannot)?;
        let plugin = &manifest.plugin;
        let dir = place.plugins().join(&plugin.name).join(plugin.version.to_string());
        let tree = fs::read(dir.join(&manifest.cli.file)).map_err(cannot)?;
        let tree: CliTree = serde_json::from_slice(&tree).map_err(|error| {
            Error::new(Code::CannotLoad, "the command tree cannot be read").because(error)
        })?;
        let mut all = Vec::new();
        for command in &tree.commands {
            collect(command, &mut Vec::new(), &mut all);
        }
        Ok(Self { place, name: plugin.name.clone(), is_only_command: tree.commands.len() == 1, all })
    }

    /// Its commands and their subcommands.
    pub fn all(&self) -> &[Words] {
        &self.all
    }

    /// Runs one with these arguments behind it. `plugin run` finds it whoever else has its words.
    ///
    /// # Errors
    /// `Failed`: no process can be started.
    pub fn run(&self, words: &Words, arguments: &[OsString], reader: Reader) -> Result<Ended> {
        let cannot =
            |error: std::io::Error| Error::new(Code::Failed, "the plugin cannot be tried out").because(error);
        let line: Vec<OsString> =
            words.path.iter().map(OsString::from).chain(arguments.iter().cloned()).collect();
        let shown: Vec<String> = line.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let mut command = Command::new(std::env::current_exe().map_err(cannot)?);
        command
            .args(["plugin", "run", &self.name, "--"])
            .args(&line[usize::from(self.is_only_command)..])
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", self.place.home())
            .env("SEQERA_CONFIG_DIR", self.place.config())
            .env("SEQERA_PLUGINS_DIR", self.place.plugins())
            .env("SEQERA_NO_KEYCHAIN", "true")
            .current_dir(self.place.home());
        let finished = child::run(&mut command, reader).map_err(cannot)?;
        Ok(Ended { what: format!("seqera {}", shown.join(" ")), finished })
    }
}

impl Ended {
    /// What is wrong about it when it ended with none of these codes.
    pub fn unless_ended_with(&self, codes: &[i32]) -> Option<String> {
        let Some(finished) = &self.finished else {
            return Some(format!("{} did not end within {} s", self.what, LIMIT.as_secs()));
        };
        if finished.status.code().is_some_and(|code| codes.contains(&code)) {
            return None;
        }
        let how = match finished.status.code() {
            Some(code) => format!("ended with {code}"),
            None => format!("was ended ({})", finished.status),
        };
        let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
        let said = finished.stderr.lines().next().unwrap_or_default();
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        Some(format!("{} {how}, not with {}{said}", self.what, codes.join(" or ")))
    }

    /// What it said although nobody had to know.
    pub fn unless_silent(&self) -> Option<String> {
        let said = self.finished.as_ref()?.stderr.lines().next()?;
        Some(format!("{} says {said:?}", self.what))
    }

    /// What it printed.
    pub fn stdout(&self) -> String {
        let bytes = self.finished.as_ref().map(|finished| finished.stdout.as_slice()).unwrap_or_default();
        String::from_utf8_lossy(bytes).into_owned()
    }
}

/// The bundled plugins are off. The one that is tried out is named by its digest: it runs even as a pre-release, and in
/// place of a bundled one.
fn settings(manifest: &Manifest) -> String {
    let plugin = &manifest.plugin;
    let mut text = format!("[plugins.{}]\nversion = \"={}\"\n", plugin.name, plugin.version);
    if let Some(artifact) = manifest.artifact.get(crate::TARGET) {
        let _infallible = writeln!(text, "sha256 = \"{}\"", artifact.sha256);
    }
    let bundled = Paths::find().bundled_plugins.and_then(|dir| fs::read_dir(dir).ok());
    for item in bundled.into_iter().flatten().flatten().filter(|item| item.path().is_dir()) {
        let name = item.file_name().to_string_lossy().into_owned();
        if name != plugin.name {
            let _infallible = writeln!(text, "[plugins.{name}]\nenabled = false");
        }
    }
    text
}

fn collect(command: &description::Command, above: &mut Vec<String>, all: &mut Vec<Words>) {
    above.push(command.name.clone());
    all.push(Words {
        path: above.clone(),
        help: command.help.clone(),
        has_subcommands: !command.subcommands.is_empty(),
        takes_anything: usage(&command.help).is_some_and(|line| line.trim_end().ends_with("...")),
        has_positionals: command.arguments.iter().any(|one| one.long.is_none() && one.short.is_none()),
    });
    for subcommand in &command.subcommands {
        collect(subcommand, above, all);
    }
    above.pop();
}

/// The line that shows how it is used.
fn usage(help: &str) -> Option<String> {
    let plain = crate::output::without_styles(help);
    plain.lines().find_map(|line| line.strip_prefix("Usage:").map(str::to_owned))
}

/// Bytes as an argument.
#[cfg(unix)]
pub fn argument(bytes: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(bytes).to_owned()
}

#[cfg(not(unix))]
pub fn argument(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}
