//! Every rule about one version of a plugin, and whether it meets it.

use semver::VersionReq;

use super::entry::{MANIFEST_FILE, MAX_MANIFEST};
use super::{Catalog, Entry, Origin};
use crate::config::Pins;
use crate::error::{Error, Result};
use crate::plugin_store::address::shown;
use crate::plugin_store::inspect::Inspected;
use crate::plugin_store::receipt::Receipt;
use crate::plugin_store::seen::{self, Withdrawn};
use crate::plugin_store::signature::{MANIFEST_SIGNATURE, claimed_key};
use crate::plugin_store::trusted_keys::TrustedKeys;
use crate::policy::{Finding, Policy, Subject};
use crate::{digest, files};

const BUILT_IN: &str = "built in";

/// What the versions of one plugin are weighed by.
pub struct Case<'a> {
    /// What files and lock demand.
    pub pins: Pins,
    /// The admin's policy.
    pub policy: Option<&'a Policy>,
    /// One of them came with the program.
    pub is_bundled: bool,
    /// What indexes withdrew; of what came with the program nothing is.
    pub withdrawn: Option<&'a Withdrawn>,
}

impl Catalog<'_> {
    /// What is demanded of one version, each demand with its place. It may run when it meets all of them.
    pub fn weigh(&self, entry: &Entry, case: &Case<'_>) -> Vec<Finding> {
        let Case { pins, policy, is_bundled, withdrawn } = case;
        let mut findings = Vec::new();
        let mut add = |rule: String, place: &str, is_met: bool| {
            findings.push(Finding { rule, place: place.to_owned(), is_met, is_policy: false });
        };
        let digest = entry.artifact().map(|artifact| artifact.sha256.as_str());
        if entry.origin == Origin::User && *is_bundled {
            let is_named = !pins.digests.is_empty()
                && pins.digests.iter().all(|rule| Some(rule.value.as_str()) == digest);
            let rule = "it takes the place of a bundled plugin only when a pin names its sha256";
            add(rule.to_owned(), BUILT_IN, is_named);
        }
        for rule in &pins.versions {
            add(format!("version {}", rule.value), &rule.place, rule.value.matches(entry.version()));
        }
        // What is being written is a pre-release as often as not.
        let may_be_any = entry.origin == Origin::Linked || !pins.versions.is_empty();
        if !may_be_any && !VersionReq::STAR.matches(entry.version()) {
            add("a pre-release runs only when a pin names it".to_owned(), BUILT_IN, false);
        }
        for rule in &pins.digests {
            let is_met = Some(rule.value.as_str()) == digest;
            add(format!("sha256 {}", rule.value), &rule.place, is_met);
        }
        findings.extend(withdrawn.and_then(|withdrawn| withdrawal(withdrawn, entry)));
        if let Some(policy) = policy {
            findings.extend(self.judge(policy, entry));
        }
        findings
    }

    /// What holds for every version of a plugin, and for one that is to be installed.
    pub fn rules_by_name(&self, name: &str, case: &Case<'_>) -> Vec<Finding> {
        let mut findings = case.policy.map(|policy| policy.judge_name(name)).unwrap_or_default();
        let mut add = |rule: String, place: &str, is_met| {
            findings.push(Finding { rule, place: place.to_owned(), is_met, is_policy: false });
        };
        if let Some(place) = &case.pins.disabled {
            add("enabled = false".to_owned(), place, false);
        }
        if let Some(rule) = self.config.plugin_source(name) {
            add(format!("it comes from {}", shown(&rule.value)), &rule.place, true);
        }
        findings
    }

    fn judge(&self, policy: &Policy, entry: &Entry) -> Vec<Finding> {
        let receipt = Some(entry).filter(|entry| entry.origin == Origin::User);
        let receipt = receipt.and_then(|entry| Receipt::read(&entry.dir));
        let source = receipt.map(|receipt| self.config.place_of_source(&receipt.source));
        let signer = || self.signer(policy, entry);
        policy.judge(&Subject {
            name: entry.name(),
            label: entry.label(),
            origin: entry.origin,
            source,
            signer: &signer,
        })
    }

    /// The key that signed the manifest which is on disk now, and which has to be the one that is used.
    fn signer(&self, policy: &Policy, entry: &Entry) -> Result<String, String> {
        let first_cause = |error: Error| error.causes.first().cloned().unwrap_or(error.message);
        let keys = match policy.keys() {
            Some(keys) => keys.value.clone(),
            None => TrustedKeys::read(&self.paths).map_err(first_cause)?.public_keys(),
        };
        let inspected = Inspected::read(&entry.dir, &entry.label(), &keys).map_err(first_cause)?;
        if inspected.manifest != entry.manifest {
            return Err("its plugin.toml changed meanwhile".to_owned());
        }
        inspected.signer.ok_or_else(|| "nobody signed it".to_owned())
    }

    /// Whether an index withdrew what was installed.
    ///
    /// # Errors
    /// What was seen of indexes cannot be read.
    pub fn is_withdrawn(&self, entry: &Entry) -> Result<bool> {
        Ok(withdrawal(self.withdrawn()?, entry).is_some())
    }

    /// The error when nothing but its withdrawal keeps a version from running.
    pub(super) fn refused_as_withdrawn(&self, versions: &[&Entry], case: &Case<'_>) -> Option<Error> {
        versions.iter().find_map(|entry| {
            let withdrawal = withdrawal(case.withdrawn?, entry)?;
            let mut unmet = self.weigh(entry, case).into_iter().filter(|finding| !finding.is_met);
            unmet.all(|finding| finding.rule == withdrawal.rule).then(|| {
                let error = seen::refusal(&entry.label(), withdrawal.rule);
                error.hint(format!("seqera plugin upgrade {}", entry.name()))
            })
        })
    }

    /// The error when it is the policy that refuses what pins would allow.
    pub(super) fn refused_by_policy(&self, versions: &[&Entry], case: &Case<'_>) -> Option<Error> {
        let policy = case.policy?;
        versions.iter().find_map(|entry| {
            let findings = self.weigh(entry, case);
            let unmet = findings.iter().find(|finding| !finding.is_met)?;
            unmet.is_policy.then(|| policy.error(entry.name(), &entry.label(), unmet))
        })
    }
}

/// Whether an index withdrew what was installed.
fn withdrawal(withdrawn: &Withdrawn, entry: &Entry) -> Option<Finding> {
    if withdrawn.is_empty() || entry.origin != Origin::User {
        return None;
    }
    let signature = || files::read_text(&entry.dir.join(MANIFEST_SIGNATURE), MAX_MANIFEST).ok();
    let signer = Receipt::read(&entry.dir).and_then(|receipt| receipt.signer);
    let signer = signer.or_else(|| claimed_key(&signature()?));
    let manifest = files::read(&entry.dir.join(MANIFEST_FILE), MAX_MANIFEST).unwrap_or_default();
    let manifest = digest::of_bytes(&manifest);
    let rule = withdrawn.plugin(signer.as_deref(), &[entry.sha256().unwrap_or_default(), &manifest])?;
    Some(Finding { rule, place: BUILT_IN.to_owned(), is_met: false, is_policy: false })
}
