//! What the policy says about one plugin.

use std::path::{Component, Path};

use super::Finding;
use super::file::{Policy, Require};
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
        let mut add = |rule: String, place: String, is_met: bool| {
            findings.push(Finding { rule, place, is_met, is_policy: true });
        };
        let allow = &self.document.allow;
        if let Some(names) = &allow.plugins {
            let is_met = names.get_ref().iter().any(|name| name == plugin);
            let rule = if is_met { "it is allowed by name" } else { "the policy allows other plugins only" };
            add(rule.to_owned(), self.place(names), is_met);
        }
        if let Some(enabled) = self.document.plugins.get(plugin).and_then(|rules| rules.enabled.as_ref())
            && !enabled.get_ref()
        {
            add("the policy switches it off".to_owned(), self.place(enabled), false);
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
        let mut findings = Vec::new();
        let mut add = |rule: String, place: String, is_met: bool| {
            findings.push(Finding { rule, place, is_met, is_policy: true });
        };
        let allow = &self.document.allow;
        if subject.origin == Origin::Bundled {
            // What came with the product has its digests from there, and no signature and no source of its own.
            return findings;
        }
        if subject.origin == Origin::Linked
            && let Some(links) = &allow.links
        {
            add(link_rule(*links.get_ref()).to_owned(), self.place(links), *links.get_ref());
        }
        if subject.origin == Origin::User
            && let Some(allowed) = &allow.plugins_dir
            && std::env::var_os("SEQERA_PLUGINS_DIR").is_some_and(|dir| !dir.is_empty())
        {
            let rule = "SEQERA_PLUGINS_DIR names another directory for plugins".to_owned();
            add(rule, self.place(allowed), *allowed.get_ref());
        }
        if let Some(require) = &allow.require {
            match require.get_ref() {
                Require::Any => {}
                Require::Signed => match (subject.signer)() {
                    Ok(key) => add(format!("it is signed, with the key {key}"), self.place(require), true),
                    Err(problem) => {
                        add(format!("it has to be signed, and {problem}"), self.place(require), false);
                    }
                },
                Require::Pinned => {
                    let rules = self.document.plugins.get(subject.name);
                    let is_met = rules.is_some_and(|rules| rules.sha256.is_some());
                    let rule = "the policy has to name its sha256".to_owned();
                    add(rule, self.place(require), is_met);
                }
            }
        }
        if let Some(sources) = &allow.sources {
            let source = subject.source.as_deref();
            let is_met = source
                .is_some_and(|source| sources.get_ref().iter().any(|allowed| self.covers(allowed, source)));
            let rule = match source {
                Some(source) => format!("it comes from {source}"),
                None => "nobody knows where it came from".to_owned(),
            };
            add(rule, self.place(sources), is_met);
        }
        findings
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

    /// Whether plugins that are linked for development may run.
    ///
    /// # Errors
    /// `Denied`, with the rule.
    pub fn allows_links(&self) -> Result<(), Error> {
        match &self.document.allow.links {
            Some(links) if !links.get_ref() => {
                let error =
                    Error::new(Code::Denied, "the policy of this machine forbids plugins under development")
                        .because(format!("{} ({})", link_rule(false), self.place(links)));
                Err(self.reasons("", error))
            }
            _ => Ok(()),
        }
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

fn link_rule(are_allowed: bool) -> &'static str {
    if are_allowed {
        "plugins that are linked for development are allowed"
    } else {
        "plugins that are linked for development are forbidden"
    }
}
