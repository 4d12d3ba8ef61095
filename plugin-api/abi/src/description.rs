//! What a plugin says about itself, as data.
//!
//! [`Description`] is what `describe()` of the root module answers, as JSON. Packaging splits it into
//! `plugin.toml` (everything but the command tree) and `cli.json` (the command tree), so that help,
//! completion and suggestions never open a library. Unknown fields are ignored by every reader: a newer
//! plugin may say more than an older host understands.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The version of this format. A reader refuses a higher one.
pub const DESCRIPTION_FORMAT: u32 = 1;

/// Everything a plugin says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// [`DESCRIPTION_FORMAT`] at the time the plugin was built.
    pub format: u32,
    /// The plugin's name: `^[a-z][a-z0-9-]{0,31}$`.
    pub name: String,
    /// The plugin's own version, strict semver.
    pub version: String,
    /// One line for people.
    pub about: String,
    /// Who publishes it.
    #[serde(default)]
    pub publisher: String,
    /// The ABI version it was compiled against, `major.minor.patch`.
    pub abi: String,
    /// Service name to version requirement, e.g. `token-provider = "^1"`.
    #[serde(default)]
    pub requires: BTreeMap<String, Requirement>,
    /// Service name to the major versions provided.
    #[serde(default)]
    pub provides: BTreeMap<String, u32>,
    /// What it asks the user and the admin for.
    #[serde(default)]
    pub capabilities: Capabilities,
    /// The words it claims at the top level, each with its whole tree.
    pub commands: Vec<Command>,
}

/// A service that a plugin uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// The major version of the service.
    pub major: u32,
    /// `true` when the plugin works, with less, without it.
    #[serde(default)]
    pub optional: bool,
}

/// What a plugin may be granted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Token audiences it asks for, e.g. `platform`.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// Hosts besides the backend and the authority that it wants to send the bearer to.
    #[serde(default)]
    pub hosts: Vec<String>,
}

/// A command or subcommand, as help and completion need it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// The word.
    pub name: String,
    /// One line for people.
    #[serde(default)]
    pub about: String,
    /// Other words for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// `true` keeps it out of listings.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hidden: bool,
    /// Its long help, rendered by the plugin's own parser, with ANSI styles.
    #[serde(default)]
    pub help: String,
    /// Options and positional arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<Argument>,
    /// Subcommands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subcommands: Vec<Command>,
}

/// An option or a positional argument.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Argument {
    /// Its identifier.
    pub id: String,
    /// `--long`, without the dashes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long: Option<String>,
    /// `-s`, without the dash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short: Option<char>,
    /// One line for people.
    #[serde(default)]
    pub help: String,
    /// `true` when a value follows.
    #[serde(default, skip_serializing_if = "is_false")]
    pub takes_value: bool,
    /// The values it accepts, when they are few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// `true` keeps it out of completion.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hidden: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_false(value: &bool) -> bool {
    !value
}
