//! What a plugin may do with the user's sign-in: what its manifest asks for, as far as the user granted it and the
//! admin's policy allows it.
//!
//! Users grant when they install a plugin. It is decided again whenever a plugin asks for a service, and every decision
//! about a service that carries the sign-in is a line of the audit.

pub mod grants;

pub use grants::{Capability, Holder};

use crate::audit::{self, Event, Record};
use crate::config::{Config, Paths};
use crate::discovery::{Entry, Origin};
use crate::error::{Code, Error, Result};
use crate::plugin_store::receipt::Receipt;
use grants::Grants;

/// The service that hands out tokens.
const TOKENS: &str = "token-provider";
/// The services that carry the sign-in.
const SIGN_IN: [&str; 2] = [TOKENS, "platform-http"];

/// Whether a service carries the sign-in.
pub fn concerns(service: &str) -> bool {
    SIGN_IN.contains(&service)
}

/// What was decided about one capability, and by which rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What was asked for.
    pub capability: Capability,
    /// Whether the plugin has it.
    pub granted: bool,
    /// The rule: `FILE:LINE`, or words.
    pub rule: String,
    /// The policy refuses it.
    pub is_policy: bool,
}

/// Decides about everything that the manifest of `entry` asks for.
///
/// # Errors
/// `grants.toml` cannot be read.
pub fn decide(paths: &Paths, config: &Config, entry: &Entry) -> Result<Vec<Decision>> {
    let policy = config.policy()?.filter(|_| !is_provider(config, entry));
    let mut decisions = granted_by_user(paths, entry)?;
    for decision in &mut decisions {
        let finding = policy.and_then(|policy| policy.capability(entry.name(), &decision.capability));
        if let Some(finding) = finding.filter(|finding| !finding.is_met) {
            decision.granted = false;
            decision.is_policy = true;
            decision.rule = format!("{} ({})", finding.rule, finding.place);
        }
    }
    Ok(decisions)
}

/// Whoever holds the sign-in needs nobody's leave to use it.
fn is_provider(config: &Config, entry: &Entry) -> bool {
    let is_named = match config.service_provider(TOKENS) {
        Some(rule) => rule.value == entry.name(),
        None => entry.origin == Origin::Bundled,
    };
    is_named && entry.manifest.provides.contains_key(TOKENS)
}

fn granted_by_user(paths: &Paths, entry: &Entry) -> Result<Vec<Decision>> {
    let asked = Capability::asked(&entry.manifest.capabilities);
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let without_asking = match entry.origin {
        Origin::Bundled => Some("it came with seqera"),
        // Whoever links what he builds trusts it, and a digest would be another one after every build.
        Origin::Linked => Some("you linked it"),
        Origin::User => None,
    };
    if let Some(rule) = without_asking {
        let granted =
            |capability| Decision { capability, granted: true, rule: rule.to_owned(), is_policy: false };
        return Ok(asked.into_iter().map(granted).collect());
    }
    let grants = Grants::read(paths)?;
    let signer = signer(entry);
    let holder = holder(entry, signer.as_deref());
    let decide = |capability: Capability| match grants.find(&holder, &capability) {
        Some(grant) => Decision { capability, granted: true, rule: grant.place.clone(), is_policy: false },
        None => {
            Decision { capability, granted: false, rule: "you did not grant it".to_owned(), is_policy: false }
        }
    };
    Ok(asked.into_iter().map(decide).collect())
}

/// Decides for a plugin that asks for `service` now, and writes the audit.
///
/// # Errors
/// `Denied`: the plugin wants tokens and has no audience. `grants.toml` cannot be read.
pub fn obtain(paths: &Paths, config: &Config, entry: &Entry, service: &str) -> Result<Vec<Decision>> {
    let decisions = decide(paths, config, entry)?;
    if !concerns(service) {
        return Ok(decisions);
    }
    write_audit(paths, entry, service, &decisions);
    let is_denied =
        |decision: &&Decision| matches!(decision.capability, Capability::Audience(_)) && !decision.granted;
    match decisions.iter().find(is_denied) {
        Some(decision) if service == TOKENS || decision.is_policy => Err(denied(config, entry, decision)),
        _ => Ok(decisions),
    }
}

fn denied(config: &Config, entry: &Entry, decision: &Decision) -> Error {
    let what = format!("the plugin {} may not {}", entry.label(), decision.capability);
    let error = Error::new(Code::Denied, what).because(&decision.rule);
    match config.policy() {
        Ok(Some(policy)) if decision.is_policy => policy.reasons(entry.name(), error),
        _ => error.hint(format!("If you trust it, run `seqera plugin grants allow {}`.", entry.name())),
    }
}

fn write_audit(paths: &Paths, entry: &Entry, service: &str, decisions: &[Decision]) {
    let record = |is_granted: bool| Record {
        version: Some(entry.version().to_string()),
        sha256: Some(digest(entry)),
        service: Some(service),
        decision: Some(if is_granted { "granted" } else { "denied" }),
        ..Record::new(if is_granted { Event::Lent } else { Event::Withheld }, entry.name())
    };
    let mut records: Vec<Record<'_>> = decisions
        .iter()
        .map(|decision| Record {
            kind: Some(decision.capability.kind()),
            name: Some(decision.capability.name()),
            rule: Some(&decision.rule),
            ..record(decision.granted)
        })
        .collect();
    if records.is_empty() {
        records.push(Record { kind: Some("session"), rule: Some("it asks for no tokens"), ..record(true) });
    }
    audit::write(paths, &records);
}

/// The key that vouches for an installed plugin: the receipt, which no package can bring along, knows it.
pub fn signer(entry: &Entry) -> Option<String> {
    Receipt::read(&entry.dir).and_then(|receipt| receipt.signer)
}

/// Whom grants of this plugin belong to.
pub fn holder<'a>(entry: &'a Entry, signer: Option<&'a str>) -> Holder<'a> {
    Holder { plugin: entry.name(), signer, digest: digest(entry) }
}

/// The digest that the manifest names: a library with another one is refused before it can ask.
fn digest(entry: &Entry) -> &str {
    entry.artifact().map_or("", |artifact| artifact.sha256.as_str())
}
