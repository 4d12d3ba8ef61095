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
use crate::ownership;

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
    let reports = reports(store, name, &admission::trusted_keys(store)?)?;
    for Report { entry, problem, .. } in &reports {
        if let Some(problem) = problem {
            audit::check_failed(&store.paths, entry.name(), entry.version().to_string(), problem);
        }
    }
    Ok(reports)
}

/// The same with these keys, and without a word to the audit.
///
/// # Errors
/// As there.
pub fn reports(store: &Store, name: Option<&str>, keys: &[PublicKey]) -> Result<Vec<Report>> {
    let withdrawn = Withdrawn::read(&store.paths, store.config())?;
    let (mut entries, broken) = store.catalog().all();
    entries.retain(|entry| name.is_none_or(|name| entry.name() == name));
    entries.sort_by(|a, b| (a.name(), a.version()).cmp(&(b.name(), b.version())));
    if let (Some(name), true) = (name, entries.is_empty()) {
        let error = Error::new(Code::Failed, format!("{name} is not installed"))
            .hint("`seqera plugin list` shows what is.");
        return Err(broken
            .iter()
            .filter(|broken| broken.dir.iter().any(|part| part == name))
            .fold(error, |error, broken| {
                error.because(format!("{}: {}", broken.dir.display(), broken.problem))
            }));
    }
    Ok(entries.into_iter().map(|entry| report(store, entry, keys, &withdrawn)).collect())
}

fn report(store: &Store, entry: Entry, keys: &[PublicKey], withdrawn: &Withdrawn) -> Report {
    let receipt = Receipt::read(&entry.dir);
    let (signer, problem) = match check(&entry, receipt.as_ref(), keys, withdrawn) {
        Ok(signer) => (signer, None),
        Err(error) => (None, Some(with_repair(store, &entry, receipt.as_ref(), error))),
    };
    Report { entry, receipt, signer, problem }
}

/// Says first how it comes back as it was. What nobody trusts, or was withdrawn, does not.
fn with_repair(store: &Store, entry: &Entry, receipt: Option<&Receipt>, mut error: Error) -> Error {
    if error.code == Code::Denied as u8 {
        return error;
    }
    let (name, label) = (entry.name(), format!("{}@{}", entry.name(), entry.version()));
    let is_locked = store.config().pins(name).is_ok_and(|pins| pins.locked.is_some());
    let source = receipt.map(|receipt| receipt.source.as_str());
    let repair = match (entry.origin, source) {
        (Origin::Bundled, _) => "Install seqera again.".to_owned(),
        (Origin::Linked, _) => format!("seqera plugin unlink {name}"),
        (Origin::User, _) if is_locked => "seqera plugin sync".to_owned(),
        (Origin::User, None) => format!("seqera plugin remove {name}  (and install it again)"),
        (Origin::User, Some(source)) => match source.strip_prefix("index:") {
            Some(index) => format!("seqera plugin install {label} --index {index}"),
            None => format!("seqera plugin install {}", source.strip_prefix("path:").unwrap_or(source)),
        },
    };
    error.hints.insert(0, repair);
    error
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
    ownership::check(entry)?;
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
