//! What the policy says, each rule with its line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use crate::config::{Layer, Pins, Rule, line_of, place};
use crate::discovery::manifest::is_plugin_name;
use crate::error::{Code, Error, Result};
use crate::plugin_store::signature::PublicKey;

/// The version of the format that this host understands.
const FORMAT: u32 = 1;

/// The policy, understood as a whole or not at all: a rule that this version does not know is no rule to skip.
#[derive(Debug)]
pub struct Policy {
    path: PathBuf,
    text: String,
    layer: Layer,
    keys: Option<Rule<Vec<PublicKey>>>,
    pub(super) document: Document,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    policy: Spanned<u32>,
    /// Whom to ask.
    pub contact: Option<String>,
    #[serde(default)]
    pub allow: Allow,
    #[serde(default)]
    pub plugins: BTreeMap<String, Plugin>,
    #[serde(default)]
    pub indexes: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    pub services: BTreeMap<String, Spanned<String>>,
    pub tokens: Option<Spanned<BTreeMap<String, Spanned<Tokens>>>>,
    #[serde(default)]
    approval: Approval,
}

/// What holds for all plugins.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Allow {
    /// Only these.
    pub plugins: Option<Spanned<Vec<String>>>,
    pub require: Option<Spanned<Require>>,
    /// Only what these sign counts as signed.
    keys: Option<Spanned<Vec<String>>>,
    /// Only from there.
    pub sources: Option<Spanned<Vec<String>>>,
    /// Plugins that are linked for development.
    pub links: Option<Spanned<bool>>,
    /// Variables that move the directory of the user's plugins.
    pub plugins_dir: Option<Spanned<bool>>,
    /// The sign-in is sent to these further hosts only.
    pub hosts: Option<Spanned<Vec<String>>>,
    pub verify: Option<Verify>,
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Require {
    /// Nothing.
    Any,
    /// A signature that counts.
    Signed,
    /// A digest in the policy.
    Pinned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verify {
    /// The digest of a file that did not change is remembered.
    OnChange,
    /// It is computed at every load.
    Always,
}

/// What holds for one plugin. Version and digest are pins and are read as such.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plugin {
    #[serde(rename = "version")]
    _version: Option<toml::Value>,
    #[serde(rename = "sha256")]
    sha256: Option<toml::Value>,
    pub enabled: Option<Spanned<bool>>,
    #[serde(rename = "source")]
    _source: Option<String>,
    pub reason: Option<String>,
}

/// Who may have tokens for an audience.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tokens {
    pub plugins: Vec<String>,
    pub reason: Option<String>,
}

/// Commands of the assistant that are forbidden, or always asked about.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Approval {
    #[serde(default)]
    deny: Vec<String>,
    #[serde(default)]
    ask: Vec<String>,
}

impl Policy {
    /// Reads the text of the file.
    ///
    /// # Errors
    /// `Config`, with file and line.
    pub fn parse(path: &Path, text: String) -> Result<Self> {
        let wrong = |byte: usize, problem: &str| {
            Error::new(
                Code::Config,
                format!("{} is wrong, so no plugin runs", place(path, line_of(&text, byte))),
            )
            .because(problem.lines().next().unwrap_or_default())
            .hint("Ask your admin to correct the policy.")
        };
        let document: Document = toml::from_str(&text)
            .map_err(|error| wrong(error.span().map_or(0, |span| span.start), error.message()))?;
        if *document.policy.get_ref() != FORMAT {
            let problem = format!("it has format {}: another seqera is needed", document.policy.get_ref());
            return Err(wrong(document.policy.span().start, &problem));
        }
        let keys = document.allow.keys.as_ref().map(|keys| {
            let start = keys.span().start;
            let parse = |key: &String| PublicKey::parse(key).map_err(|problem| wrong(start, &problem));
            let value = keys.get_ref().iter().map(parse).collect::<Result<Vec<_>>>()?;
            Ok::<_, Error>(Rule { value, place: place(path, line_of(&text, start)) })
        });
        let keys = keys.transpose()?;
        for index in document.indexes.values() {
            is_place(index.get_ref()).map_err(|problem| wrong(index.span().start, &problem))?;
        }
        if let Some(sources) = &document.allow.sources {
            for source in sources.get_ref() {
                is_source(source, &document.indexes)
                    .map_err(|problem| wrong(sources.span().start, &problem))?;
            }
        }
        let layer = Layer::parse(path, text.clone())?;
        for name in document.plugins.keys() {
            if !is_plugin_name(name) {
                let start = layer.find(&["plugins", name]).map_or(0, |value| value.span().start);
                return Err(wrong(start, &format!("no plugin can have the name `{name}`")));
            }
            let _understood = Pins::of(name, [&layer])?;
        }
        Ok(Self { path: path.to_owned(), text, layer, keys, document })
    }

    /// The file as one of settings: its pins count beside those of the others.
    pub fn layer(&self) -> &Layer {
        &self.layer
    }

    /// The keys whose signatures count, when the policy names them.
    pub fn keys(&self) -> Option<&Rule<Vec<PublicKey>>> {
        self.keys.as_ref()
    }

    /// The plugin that provides a service, when the policy names it.
    pub fn provider(&self, service: &str) -> Option<Rule<String>> {
        self.document.services.get(service).map(|name| self.rule(name))
    }

    /// The indexes that the policy names.
    pub fn indexes(&self) -> impl Iterator<Item = (String, Rule<String>)> {
        self.document.indexes.iter().map(|(name, place)| (name.clone(), self.rule(place)))
    }

    /// Whether no digest that was remembered may be believed. What is remembered lies where the user writes: where the
    /// rules are about signatures or digests, it counts only if the policy says so.
    pub fn verifies_always(&self) -> bool {
        let allow = &self.document.allow;
        let vouches = allow.require.as_ref().is_some_and(|require| *require.get_ref() != Require::Any);
        let names_digests = || self.document.plugins.values().any(|plugin| plugin.sha256.is_some());
        allow.verify.map_or_else(|| vouches || names_digests(), |verify| verify == Verify::Always)
    }

    /// What plugins are told: `approval.deny` and `approval.ask`, as lists in JSON.
    pub fn section(&self, key: &str) -> Option<String> {
        let list = match key {
            "approval.deny" => &self.document.approval.deny,
            "approval.ask" => &self.document.approval.ask,
            _ => return None,
        };
        (!list.is_empty()).then(|| serde_json::json!(list).to_string())
    }

    /// The place of `allow.sources` where nothing vouches for what it is about: where a plugin came from stands in a file
    /// beside it, which its user can write.
    pub fn unfounded_sources(&self) -> Option<String> {
        let allow = &self.document.allow;
        let vouches = allow.require.as_ref().is_some_and(|require| *require.get_ref() != Require::Any);
        allow.sources.as_ref().filter(|_| !vouches).map(|sources| self.place(sources))
    }

    /// `FILE:LINE` of a value.
    pub(super) fn place<T>(&self, value: &Spanned<T>) -> String {
        place(&self.path, line_of(&self.text, value.span().start))
    }

    fn rule(&self, value: &Spanned<String>) -> Rule<String> {
        Rule { value: value.get_ref().clone(), place: self.place(value) }
    }
}

/// Whether the policy itself says where something comes from. What an index is called is up to users elsewhere.
fn is_source(source: &str, indexes: &BTreeMap<String, Spanned<String>>) -> Result<(), String> {
    match source.strip_prefix("index:") {
        Some(name) if indexes.contains_key(name) => Ok(()),
        Some(name) if !name.contains(['/', '\\']) => {
            Err(format!("the policy itself has to say where the index {name} is: [indexes]"))
        }
        Some(place) => is_place(place),
        None => is_place(source.strip_prefix("path:").unwrap_or(source)),
    }
}

/// A place is whole: what begins where the user happens to be, or at no host in particular, is everywhere.
fn is_place(place: &str) -> Result<(), String> {
    let is_whole = match place.split_once("://") {
        Some((scheme, rest)) => !scheme.is_empty() && !rest.is_empty() && !rest.starts_with('/'),
        None => Path::new(place).is_absolute(),
    };
    if is_whole {
        return Ok(());
    }
    Err(format!("`{place}` is no place: write an address with its host, or a directory from the root on"))
}
