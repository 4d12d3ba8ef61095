//! Which of the plugins found is meant: versions, pins, conflicts, services.

use super::weigh::Case;
use super::{Catalog, Entry, Origin};
use crate::config::{Pins, Rule};
use crate::error::{Code, Error, Result};
use crate::plugin_store::address::shown;

/// A command that a plugin runs.
#[derive(Debug, Clone)]
pub struct Command {
    /// The plugin.
    pub entry: Entry,
    /// The word as the plugin knows it, never an alias.
    pub name: String,
}

impl Catalog<'_> {
    /// The plugin that runs `word`; `None` when nobody claims it.
    ///
    /// # Errors
    /// `Mismatch` when a pin cannot be met, `Config` when two plugins claim the word or the file names nobody.
    pub fn command(&self, word: &str) -> Result<Option<Command>> {
        let entries = self.claiming(word);
        let named = self.config.command_owner(word);
        let mut names: Vec<&str> = match &named {
            Some(rule) => vec![rule.value.as_str()],
            None => entries.iter().filter(|entry| entry.command(word).is_some()).map(Entry::name).collect(),
        };
        names.sort_unstable();
        names.dedup();

        let mut claims = Vec::new();
        let mut refused = None;
        for name in &names {
            match self.choose(name, entries.iter().filter(|entry| entry.name() == *name)) {
                Ok(Some(entry)) if entry.command(word).is_some() => claims.push(entry.clone()),
                Ok(_) => {}
                Err(error) => refused = Some(error),
            }
        }
        if claims.len() > 1 {
            claims = prefer_bundled(claims);
        }
        match claims.len() {
            0 => match (refused, named) {
                (Some(error), _) => Err(error),
                (None, Some(rule)) => Err(Error::new(
                    Code::Config,
                    format!("{} gives `{word}` to {}, which has no such command", rule.place, rule.value),
                )
                .hint("Run `seqera plugin list` to see who has it.")),
                (None, None) => Ok(None),
            },
            1 => Ok(claims.pop().map(|entry| {
                let name = entry.command(word).map_or(word, |command| &command.name).to_owned();
                Command { entry, name }
            })),
            _ => Err(conflict(word, &claims)),
        }
    }

    /// The plugin of this name.
    ///
    /// # Errors
    /// `Mismatch` when a pin cannot be met, `Failed` when there is none.
    pub fn named(&self, name: &str) -> Result<Entry> {
        let entries = self.claiming(name);
        let versions = entries.iter().filter(|entry| entry.name() == name);
        self.choose(name, versions)?.cloned().ok_or_else(|| {
            Error::new(Code::Failed, format!("there is no plugin {name}"))
                .hint("Run `seqera plugin list` to see which plugins there are.")
        })
    }

    /// The plugin that provides `service@major`.
    ///
    /// # Errors
    /// `NoProvider`, and those of a pin that cannot be met.
    pub fn provider(&self, service: &str, major: u32) -> Result<Entry> {
        let entries = self.providing(service);
        let provides = |entry: &&Entry| entry.manifest.provides.get(service) == Some(&major);
        let named = self.config.service_provider(service);
        let mut names: Vec<&str> = match &named {
            Some(rule) => vec![rule.value.as_str()],
            None => entries
                .iter()
                .filter(provides)
                .filter(|entry| may_be_elected(service, entry))
                .map(Entry::name)
                .collect(),
        };
        names.sort_unstable();
        names.dedup();

        let mut providers = Vec::new();
        for name in &names {
            let chosen = self.choose(name, entries.iter().filter(|entry| entry.name() == *name))?;
            providers.extend(chosen.filter(provides).cloned());
        }
        if providers.len() > 1 {
            providers = prefer_bundled(providers);
        }
        match (providers.pop(), providers.pop()) {
            (Some(entry), None) => Ok(entry),
            (Some(one), Some(other)) => Err(Error::new(
                Code::Config,
                format!("{} and {} both provide {service}", one.label(), other.label()),
            )
            .hint(format!("Name one in config.toml: [services] {service} = \"{}\"", one.name()))),
            (None, _) => Err(no_provider(service, major, named.map(|rule| (rule.value, rule.place)))),
        }
    }

    /// The version of a plugin that counts, of all that there are; `None` when there is none at all.
    ///
    /// Versions compete only within one directory. One in the user's directory never replaces a bundled plugin of the
    /// same name, unless a pin names its digest. One that is linked for development counts before both, pins permitting.
    ///
    /// # Errors
    /// `Mismatch` with the file and line of each demand that cannot be met.
    pub fn choose<'e>(
        &self,
        name: &str,
        versions: impl Iterator<Item = &'e Entry>,
    ) -> Result<Option<&'e Entry>> {
        let versions: Vec<&Entry> = versions.collect();
        if versions.is_empty() {
            return Ok(None);
        }
        self.decide(name, &versions, &self.case(name, &versions)?)
    }

    /// What the versions of a plugin are weighed by.
    ///
    /// # Errors
    /// A rule that makes no sense, with file and line.
    pub fn case(&self, name: &str, versions: &[&Entry]) -> Result<Case<'_>> {
        // The lock is about what is installed, and not about what somebody is writing just now.
        let is_linked = versions.iter().any(|entry| entry.origin == Origin::Linked);
        let pins = if is_linked { self.config.pins_of_files(name)? } else { self.config.pins(name)? };
        self.case_of(versions, pins)
    }

    fn case_of(&self, versions: &[&Entry], pins: Pins) -> Result<Case<'_>> {
        let is_installed = versions.iter().any(|entry| entry.origin == Origin::User);
        Ok(Case {
            pins,
            policy: self.config.policy()?,
            is_bundled: versions.iter().any(is_bundled),
            withdrawn: is_installed.then(|| self.withdrawn()).transpose()?,
        })
    }

    /// As [`choose`](Self::choose), under these demands.
    ///
    /// # Errors
    /// As there.
    pub fn choose_by<'e>(
        &self,
        name: &str,
        versions: &[&'e Entry],
        pins: &Pins,
    ) -> Result<Option<&'e Entry>> {
        self.decide(name, versions, &self.case_of(versions, pins.clone())?)
    }

    fn decide<'e>(&self, name: &str, versions: &[&'e Entry], case: &Case<'_>) -> Result<Option<&'e Entry>> {
        if let Some(error) = case.policy.and_then(|policy| policy.refusal_of_name(name)) {
            return Err(error);
        }
        if let Some(place) = &case.pins.disabled {
            return Err(switched_off(name, place));
        }
        let best = versions
            .iter()
            .filter(|entry| self.weigh(entry, case).iter().all(|finding| finding.is_met))
            .min_by(|a, b| a.origin.cmp(&b.origin).then_with(|| b.version().cmp(a.version())))
            .copied();
        match best {
            Some(entry) => Ok(Some(entry)),
            None => match self.refused_by_policy(versions, case) {
                Some(error) => Err(error),
                None if let Some(error) = self.refused_as_withdrawn(versions, case) => Err(error),
                // Only pre-releases, and nobody named one: as if it were not there.
                None if case.pins.is_empty() => Ok(None),
                None => Err(self.unmet(name, versions, case)),
            },
        }
    }

    fn unmet(&self, name: &str, versions: &[&Entry], case: &Case<'_>) -> Error {
        let error = unmet(name, &case.pins, versions, self.config.plugin_source(name).as_ref());
        match case.policy.filter(|policy| policy.has_rules_for(name)) {
            Some(policy) => policy.reasons(name, error),
            None => error.hint(format!(
                "Or change the pin: seqera plugin pin {name}@VERSION, or [plugins.{name}] in the file above."
            )),
        }
    }
}

fn is_bundled(entry: &&Entry) -> bool {
    entry.origin == Origin::Bundled
}

/// Services that carry the sign-in come from a bundled plugin, or from the one that the user or the admin names:
/// one that merely lies in a directory must not be elected.
fn may_be_elected(service: &str, entry: &Entry) -> bool {
    entry.origin == Origin::Bundled || !matches!(service, "token-provider" | "platform-http")
}

fn prefer_bundled(claims: Vec<Entry>) -> Vec<Entry> {
    let (bundled, others): (Vec<_>, Vec<_>) =
        claims.into_iter().partition(|entry| entry.origin == Origin::Bundled);
    if bundled.is_empty() { others } else { bundled }
}

fn conflict(word: &str, claims: &[Entry]) -> Error {
    let mut error = Error::new(Code::Config, format!("`{word}` is a command of {} plugins", claims.len()));
    for entry in claims {
        error = error.because(format!("{} has it ({})", entry.label(), entry.dir.display()));
    }
    error
        .hint(format!("Name one in config.toml: [commands] {word} = \"{}\"", claims[0].name()))
        .hint(format!("Or say it each time: seqera plugin run {} -- ARGUMENTS", claims[0].name()))
}

/// What a plugin answers, and an installation of it, while it is switched off.
pub fn switched_off(name: &str, place: &str) -> Error {
    Error::new(Code::Mismatch, format!("the plugin {name} is switched off"))
        .because(format!("enabled = false ({place})"))
        .hint(format!("seqera plugin enable {name}"))
}

fn unmet(name: &str, pins: &Pins, versions: &[&Entry], source: Option<&Rule<String>>) -> Error {
    let mut error = Error::new(Code::Mismatch, format!("no installed {name} is the one that is pinned"));
    for demand in pins.describe() {
        error = error.because(format!("pinned: {demand}"));
    }
    for entry in versions {
        let digest = entry.artifact().map_or("none for this platform", |artifact| artifact.sha256.as_str());
        let entry_line =
            format!("installed: {} ({}, sha256 {digest})", entry.version(), entry.origin.as_str());
        error = error.because(entry_line);
    }
    // Where the lock is one of them, it is what moves.
    let can_be_met = pins.locked.is_some() || pins.can_be_met();
    if !can_be_met {
        error = error.hint(format!(
            "Nothing meets all of them. One has to go: seqera plugin unpin {name}  (takes yours out)"
        ));
    }
    if let Some(place) = &pins.locked {
        error = error.hint(format!("seqera plugin sync  (brings plugins and lock together, {place})"));
    }
    let is_bundled = versions.iter().any(is_bundled);
    let in_the_way = |entry: &&&Entry| {
        is_bundled && entry.origin == Origin::User && pins.digests.is_empty() && pins.accepts(entry.version())
    };
    if let Some(entry) = versions.iter().find(in_the_way) {
        error = error.hint(format!(
            "seqera plugin pin {name}@{} --digest  (only that lets it take the place of the one that came with seqera)",
            entry.version()
        ));
    }
    let install = match source {
        _ if !can_be_met => return error,
        Some(rule) => {
            format!("seqera plugin install {name}  (from {}, {})", shown(&rule.value), rule.place)
        }
        None => format!("Install the version that is pinned: seqera plugin install {name}@VERSION"),
    };
    error.hint(install)
}

fn no_provider(service: &str, major: u32, named: Option<(String, String)>) -> Error {
    let error = Error::new(Code::NoProvider, format!("no plugin provides {service}@{major}"));
    match named {
        Some((plugin, place)) => error.because(format!("{place} names {plugin}, which does not provide it")),
        None => error
            .hint(
                "The plugins that came with seqera may be missing: `seqera plugin list` shows what is there.",
            )
            .hint(format!(
                "Another provider has to be named in config.toml: [services] {service} = \"NAME\""
            )),
    }
}
