//! Checks what is installed against what was installed.

use super::admission::{self, Candidate};
use super::inspect::Inspected;
use super::receipt::Receipt;
use super::seen::Withdrawn;
use super::signature::PublicKey;
use super::store::Store;
use crate::audit;
use crate::discovery::{Entry, Origin};
use crate::error::{Code, Error, Result};

/// A plugin and what is wrong with it.
pub struct Report {
    /// The plugin.
    pub entry: Entry,
    /// Its receipt.
    pub receipt: Option<Receipt>,
    /// Id of the key that signed it, when the signature is good.
    pub signer: Option<String>,
    /// What is wrong.
    pub problem: Option<Error>,
}

/// Checks the files of every version of one plugin, or of all. Nothing is loaded.
///
/// # Errors
/// `Failed`: there is no such plugin. What is wrong with one is in its report.
pub fn verify(store: &Store, name: Option<&str>) -> Result<Vec<Report>> {
    let keys = admission::trusted_keys(store)?;
    let withdrawn = Withdrawn::read(&store.paths, store.config())?;
    let (mut entries, broken) = store.catalog().all();
    entries.retain(|entry| name.is_none_or(|name| entry.name() == name));
    entries.sort_by(|a, b| (a.name(), a.version()).cmp(&(b.name(), b.version())));
    if let (Some(name), true) = (name, entries.is_empty()) {
        let error = Error::new(Code::Failed, format!("{name} is not installed"));
        return Err(broken
            .iter()
            .filter(|broken| broken.dir.iter().any(|part| part == name))
            .fold(error, |error, broken| {
                error.because(format!("{}: {}", broken.dir.display(), broken.problem))
            }));
    }
    let reports: Vec<Report> = entries.into_iter().map(|entry| report(entry, &keys, &withdrawn)).collect();
    for Report { entry, problem, .. } in &reports {
        if let Some(problem) = problem {
            audit::check_failed(&store.paths, entry.name(), entry.version().to_string(), problem);
        }
    }
    Ok(reports)
}

fn report(entry: Entry, keys: &[PublicKey], withdrawn: &Withdrawn) -> Report {
    let receipt = Receipt::read(&entry.dir);
    let (signer, problem) = match check(&entry, receipt.as_ref(), keys, withdrawn) {
        Ok(signer) => (signer, None),
        Err(error) => (None, Some(error)),
    };
    Report { entry, receipt, signer, problem }
}

/// The key that signed it, when it is what was installed, whole, and not withdrawn.
///
/// # Errors
/// What is wrong with it.
pub fn check(
    entry: &Entry,
    receipt: Option<&Receipt>,
    keys: &[PublicKey],
    withdrawn: &Withdrawn,
) -> Result<Option<String>> {
    let inspected = Inspected::read(&entry.dir, &entry.label(), keys)?;
    if let Some(receipt) = receipt {
        receipt.check(&inspected.manifest_sha256, &entry.label())?;
        if let (Some(signer), None) = (&receipt.signer, &inspected.signer) {
            return Err(Error::new(Code::Mismatch, format!("{} is not what was installed", entry.label()))
                .because(format!("the signature of the key {signer} is gone")));
        }
    }
    inspected.check_files(&entry.dir)?;
    let source = receipt.map_or("", |receipt| receipt.source.as_str());
    let candidate = Candidate {
        manifest: &inspected.manifest,
        manifest_sha256: &inspected.manifest_sha256,
        source,
        signer: inspected.signer.as_deref(),
    };
    // What came with the product is withdrawn with the next one.
    if entry.origin == Origin::User {
        admission::revoked(withdrawn, &candidate)?;
    }
    Ok(inspected.signer)
}
