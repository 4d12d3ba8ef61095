//! The plugins, as far as their files tell.

use std::collections::BTreeMap;

use super::Finding;
use crate::config::Lock;
use crate::discovery::link::Link;
use crate::discovery::{Entry, Origin};
use crate::error::{Code, Error, Result};
use crate::plugin_store::admission;
use crate::plugin_store::store::Store;
use crate::plugin_store::verify::{Report, reports, verify};
use crate::policy;
use crate::sign_in::grants::Grants;

pub(super) fn look(store: &Store) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let (entries, broken) = store.catalog().all();
    for broken in broken {
        let error =
            Error::new(Code::CannotLoad, broken.problem).hint("Remove it, or install the plugin again.");
        findings.push(Finding::problem(format!("plugin in {}", broken.dir.display()), &error));
    }
    let mut by_name: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in &entries {
        by_name.entry(entry.name()).or_default().push(entry);
    }
    let mut used = Vec::new();
    for (name, versions) in by_name {
        match store.catalog().choose(name, versions.into_iter()) {
            Ok(chosen) => used.extend(chosen.cloned()),
            Err(error) => findings.push(refused(store, name, &error)),
        }
    }
    findings.extend(missing(store, &entries)?);
    findings.extend(states(store, &used).unwrap_or_else(|error| vec![Finding::problem("plugins", &error)]));
    findings.extend(Grants::read(&store.paths).err().map(|error| Finding::problem("grants", &error)));
    findings.extend(words(store, &used));
    findings.extend(services(store, &used));
    if entries.is_empty() {
        let error = Error::new(Code::CannotLoad, "there is none, not even those that come with seqera")
            .hint("Install seqera again.");
        findings.push(Finding::problem("plugins", &error));
    }
    Ok(findings)
}

/// What is locked and not there.
fn missing(store: &Store, entries: &[Entry]) -> Result<Vec<Finding>> {
    let locked = store.config().lock()?.map(Lock::plugins).unwrap_or_default();
    let is_missing = |name: &str| entries.iter().all(|entry| entry.name() != name);
    let missing = locked.iter().filter(|rule| is_missing(&rule.value.name)).map(|rule| {
        let text = format!("it is locked and not installed ({})", rule.place);
        let hint = Some("seqera plugin sync".to_owned());
        Finding { hint, ..Finding::warning(format!("plugin {}", rule.value.label()), text) }
    });
    Ok(missing.collect())
}

/// Switched off by the user, or not allowed by the admin, is as it should be.
fn refused(store: &Store, name: &str, error: &Error) -> Finding {
    let is_off =
        policy::is_refusal(error) || store.config().pins(name).is_ok_and(|pins| pins.disabled.is_some());
    let subject = format!("plugin {name}");
    let finding = Finding::problem(subject.clone(), error);
    if is_off { Finding { hint: finding.hint, ..Finding::warning(subject, finding.text) } } else { finding }
}

/// Without the trusted keys everything is looked at but signatures.
fn states(store: &Store, used: &[Entry]) -> Result<Vec<Finding>> {
    let Err(error) = admission::trusted_keys(store) else {
        return Ok(verify(store, None)?.iter().map(|report| state(report, used)).collect());
    };
    let mut findings = vec![Finding::problem("trusted keys", &error)];
    for report in reports(store, None, &[])? {
        let is_refused = |error: &Error| error.code == Code::Denied as u8;
        findings.push(match report.problem.as_ref().is_some_and(is_refused) {
            true => {
                Finding::warning(subject(&report.entry), "not looked at: nobody knows whose signature counts")
            }
            false => state(&report, used),
        });
    }
    Ok(findings)
}

fn subject(entry: &Entry) -> String {
    format!("plugin {} ({})", entry.label(), entry.origin.as_str())
}

/// A link whose library cannot be described any more: what was built before goes on running.
fn outdated(entry: &Entry) -> Option<Finding> {
    let link = Link::of_version(&entry.dir).filter(|_| entry.origin == Origin::Linked)?;
    let library = link.library.display();
    let text = if !link.library.exists() {
        format!("{library}, which it is linked to, is gone; what was built before is used")
    } else if link.is_stale() {
        format!("{library} was built again, and is not used: what was built before is")
    } else {
        return None;
    };
    let hint = Some(format!("seqera plugin unlink {}", entry.name()));
    Some(Finding { hint, ..Finding::warning(subject(entry), text) })
}

fn state(report: &Report, used: &[Entry]) -> Finding {
    let entry = &report.entry;
    let subject = subject(entry);
    if let Some(error) = &report.problem {
        return Finding::problem(subject, error);
    }
    if let Some(finding) = outdated(entry) {
        return finding;
    }
    let host = seqera_plugin_abi::ABI_VERSION;
    let abi = &entry.manifest.compat.abi;
    if host.split('.').next() != Some(abi.major.to_string().as_str()) {
        let text = format!("it was built for the plugin ABI {abi}, and this seqera speaks {host}");
        let error =
            Error::new(Code::CannotLoad, text).hint(format!("seqera plugin upgrade {}", entry.name()));
        return Finding::problem(subject, &error);
    }
    match used.iter().find(|other| other.name() == entry.name()) {
        Some(other) if other.dir == entry.dir => Finding::ok(subject, "whole, and used"),
        Some(other) if other.origin == Origin::Bundled && entry.origin == Origin::User => Finding::warning(
            subject,
            format!("not used: {} came with seqera, and only a pin with a digest replaces it", other.label()),
        ),
        Some(other) => Finding::ok(subject, format!("whole; {} is used", other.label())),
        None => Finding::ok(subject, "whole, and not used"),
    }
}

/// Words that nobody runs because several claim them, or because the file names somebody who has them not.
fn words(store: &Store, used: &[Entry]) -> Vec<Finding> {
    let mut words: Vec<&str> =
        used.iter().flat_map(|entry| &entry.manifest.commands).flat_map(|command| command.all()).collect();
    let named = store.config().names_in("commands");
    words.extend(named.iter().map(String::as_str));
    words.sort_unstable();
    words.dedup();
    let failed = |word: &&str| {
        let error = store.catalog().command(word).err()?;
        Some(Finding::problem(format!("command {word}"), &error))
    };
    words.iter().filter_map(failed).collect()
}

fn services(store: &Store, used: &[Entry]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in used {
        for (service, requirement) in &entry.manifest.requires {
            if let Err(error) = store.catalog().provider(service, requirement.major)
                && !requirement.optional
            {
                findings.push(Finding::problem(format!("service that {} needs", entry.label()), &error));
            }
        }
    }
    findings
}
