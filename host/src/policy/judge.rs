//! What the policy says about one plugin.

use std::path::{Component, Path};

use toml::Spanned;

use super::file::{Policy, Require};
use super::{Finding, moved};
use crate::config::Pins;
use crate::discovery::Origin;
use crate::error::{Code, Error};
use crate::sign_in::Capability;

/// The details of an error that say which plugin was refused, and by which rule.
pub(super) const REFUSED: &str = "policy.refused";
pub(super) const RULE: &str = "policy.rule";

/// A plugin that is judged: one that is there, or one that somebody wants to install.
pub struct Subject<'a> {
    /// Its name.
    pub name: &'a str,
    /// `org 1.2.0`
    pub label: String,
    /// Where it lies, or would lie.
    pub origin: Origin,
    /// Where it came from, with the name of an index replaced by its address.
    pub source: Option<String>,
    /// The key that signed it and counts, or why there is none. Asked only when the policy requires it.
    pub signer: &'a dyn Fn() -> Result<String, String>,
}

impl Policy {
    /// The rules that need nothing but its name.
    pub fn judge_name(&self, plugin: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(names) = &self.document.allow.plugins {
            let is_met = names.get_ref().iter().any(|name| name == plugin);
            let rule = if is_met { "it is allowed by name" } else { "the policy allows other plugins only" };
            findings.push(self.finding(rule, names, is_met));
        }
        if let Some(enabled) = self.document.plugins.get(plugin).and_then(|rules| rules.enabled.as_ref())
            && !enabled.get_ref()
        {
            findings.push(self.finding("the policy switches it off", enabled, false));
        }
        findings
    }

    /// The error of a plugin that may not run in any version.
    pub fn refusal_of_name(&self, plugin: &str) -> Option<Error> {
        let finding = self.judge_name(plugin).into_iter().find(|finding| !finding.is_met)?;
        Some(self.error(plugin, plugin, &finding))
    }

    /// Whether the policy has a table for it.
    pub fn has_rules_for(&self, plugin: &str) -> bool {
        self.document.plugins.contains_key(plugin)
    }

    /// The rules about one version of a plugin, those that need nothing but its name apart.
    pub fn judge(&self, subject: &Subject<'_>) -> Vec<Finding> {
        // What came with the product has its digests from there, and no signature and no source of its own.
        if subject.origin == Origin::Bundled {
            return Vec::new();
        }
        let rules = [self.where_it_lies(subject.origin), self.vouched_for(subject), self.origin_of(subject)];
        rules.into_iter().flatten().collect()
    }

    fn where_it_lies(&self, origin: Origin) -> Option<Finding> {
        let allow = &self.document.allow;
        match origin {
            Origin::Bundled => None,
            Origin::Linked => {
                let links = allow.links.as_ref()?;
                Some(self.finding(link_rule(*links.get_ref()), links, *links.get_ref()))
            }
            Origin::User => {
                let allowed = allow.plugins_dir.as_ref()?;
                let variable = moved::by_variable()?;
                let rule = format!("{variable} names another directory for plugins");
                Some(self.finding(rule, allowed, *allowed.get_ref()))
            }
        }
    }

    fn vouched_for(&self, subject: &Subject<'_>) -> Option<Finding> {
        let require = self.document.allow.require.as_ref()?;
        match require.get_ref() {
            Require::Any => None,
            Require::Signed => Some(match (subject.signer)() {
                Ok(key) => self.finding(format!("it is signed, with the key {key}"), require, true),
                Err(problem) => self.finding(format!("it has to be signed, and {problem}"), require, false),
            }),
            Require::Pinned => {
                // A table that leaves out this platform names no digest.
                let pins = Pins::of(subject.name, [self.layer()]);
                let is_met = pins.is_ok_and(|pins| !pins.digests.is_empty());
                Some(self.finding("the policy has to name its sha256", require, is_met))
            }
        }
    }

    fn origin_of(&self, subject: &Subject<'_>) -> Option<Finding> {
        let sources = self.document.allow.sources.as_ref()?;
        let Some(source) = &subject.source else {
            return Some(self.finding("nobody knows where it came from", sources, false));
        };
        let is_met = sources.get_ref().iter().any(|allowed| self.covers(allowed, source));
        Some(self.finding(format!("it comes from {source}"), sources, is_met))
    }

    fn finding<T>(&self, rule: impl Into<String>, place: &Spanned<T>, is_met: bool) -> Finding {
        Finding { rule: rule.into(), place: self.place(place), is_met, is_policy: true }
    }

    /// The error of a plugin that does not meet all rules.
    pub fn refusal(&self, subject: &Subject<'_>) -> Option<Error> {
        let findings = self.judge_name(subject.name).into_iter().chain(self.judge(subject));
        let finding = findings.into_iter().find(|finding| !finding.is_met)?;
        Some(self.error(subject.name, &subject.label, &finding))
    }

    /// The error for a rule that a plugin does not meet.
    pub fn error(&self, name: &str, label: &str, finding: &Finding) -> Error {
        let rule = format!("{} ({})", finding.rule, finding.place);
        let mut error =
            Error::new(Code::Denied, format!("the policy of this machine does not allow the plugin {label}"))
                .because(&rule);
        error.details.extend([(REFUSED.to_owned(), label.to_owned()), (RULE.to_owned(), rule)]);
        self.reasons(name, error)
    }

    /// Adds what the admin wants users to know about a plugin.
    pub fn reasons(&self, name: &str, error: Error) -> Error {
        let own = self.document.plugins.get(name).and_then(|rules| rules.reason.as_ref());
        let reason = own.or(self.document.allow.reason.as_ref());
        let error = reason
            .into_iter()
            .fold(error, |error, reason| error.because(format!("your admin says: {reason}")));
        let ask = match &self.document.contact {
            Some(contact) => format!("Ask {contact}."),
            None => "Ask your admin.".to_owned(),
        };
        error.hint(ask)
    }

    /// Whether plugins may be developed here, which runs them.
    ///
    /// # Errors
    /// `Denied`, with the rule.
    pub fn allows_development(&self) -> Result<(), Error> {
        self.where_it_lies(Origin::Linked)
            .filter(|finding| !finding.is_met)
            .map_or(Ok(()), |finding| Err(self.no_development(&finding)))
    }

    /// Whether a plugin that is linked may run, whatever its name is: nobody opens its library to learn that it may not.
    ///
    /// # Errors
    /// `Denied`, with the rule.
    pub fn allows_links(&self) -> Result<(), Error> {
        let unmet = self.judge(&linked("")).into_iter().find(|finding| !finding.is_met);
        unmet.map_or(Ok(()), |finding| Err(self.no_development(&finding)))
    }

    /// Whether the plugin of this name may run when it is linked.
    ///
    /// # Errors
    /// `Denied`, with the rule.
    pub fn allows_link(&self, plugin: &str) -> Result<(), Error> {
        self.refusal(&linked(plugin)).map_or(Ok(()), Err)
    }

    fn no_development(&self, finding: &Finding) -> Error {
        let error = Error::new(Code::Denied, "the policy of this machine forbids plugins under development")
            .because(format!("{} ({})", finding.rule, finding.place));
        self.reasons("", error)
    }

    /// What the policy says about one capability of a plugin; `None` when it says nothing.
    pub fn capability(&self, plugin: &str, capability: &Capability) -> Option<Finding> {
        let (rule, place, is_met) = match capability {
            Capability::Audience(audience) => {
                let tokens = self.document.tokens.as_ref()?;
                match tokens.get_ref().get(audience) {
                    Some(rule) => {
                        let is_met = rule.get_ref().plugins.iter().any(|name| name == plugin);
                        let reason = rule.get_ref().reason.as_deref().filter(|_| !is_met);
                        let reason = reason.map(|reason| format!("; your admin says: {reason}"));
                        let rule_text =
                            format!("who may have tokens for `{audience}`{}", reason.unwrap_or_default());
                        (rule_text, self.place(rule), is_met)
                    }
                    None => (format!("nobody may have tokens for `{audience}`"), self.place(tokens), false),
                }
            }
            Capability::Host(host) => {
                let hosts = self.document.allow.hosts.as_ref()?;
                let is_met = hosts.get_ref().iter().any(|allowed| allowed == host);
                ("the hosts that a sign-in may be sent to".to_owned(), self.place(hosts), is_met)
            }
        };
        Some(Finding { rule, place, is_met, is_policy: true })
    }

    /// Whether an allowed source, as the policy writes it, holds a place.
    fn covers(&self, allowed: &str, source: &str) -> bool {
        let allowed = match allowed.strip_prefix("index:") {
            Some(name) => self.document.indexes.get(name).map_or(name, |place| place.get_ref().as_str()),
            None => allowed.strip_prefix("path:").unwrap_or(allowed),
        };
        if !allowed.contains("://") {
            let is_climbing = Path::new(source).components().any(|part| part == Component::ParentDir);
            return !source.contains("://") && !is_climbing && Path::new(source).starts_with(allowed);
        }
        let lower = source.to_ascii_lowercase();
        let is_climbing = ["/.", "/%2e", "\\"].iter().any(|part| lower.contains(part));
        let base = format!("{}/", allowed.trim_end_matches('/'));
        !is_climbing && (source == allowed || format!("{}/", source.trim_end_matches('/')).starts_with(&base))
    }
}

/// A plugin under development: it comes from nowhere, and nobody signed it.
fn linked(plugin: &str) -> Subject<'_> {
    Subject {
        name: plugin,
        label: plugin.to_owned(),
        origin: Origin::Linked,
        source: None,
        signer: &|| Err("nobody signs what is under development".to_owned()),
    }
}

fn link_rule(are_allowed: bool) -> &'static str {
    if are_allowed {
        "plugins that are linked for development are allowed"
    } else {
        "plugins that are linked for development are forbidden"
    }
}
