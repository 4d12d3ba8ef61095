//! Whether a package may be installed: pins, revocations, provenance, and what the user agreed to. The seam to
//! governance: everything that decides about an installation is asked here.

use semver::Version;

use super::install::Goal;
use super::receipt::Receipt;
use super::seen::{self, Withdrawn};
use super::signature::PublicKey;
use super::store::Store;
use super::trusted_keys::TrustedKeys;
use crate::config::Pins;
use crate::discovery::manifest::Manifest;
use crate::discovery::{Entry, Origin, switched_off};
use crate::error::{Code, Error, Result};
use crate::policy::{Policy, Subject};
use crate::sign_in::grants::{self, Grants};
use crate::sign_in::{Capability, Holder};

/// A package whose signature was checked and whose manifest was read.
pub struct Candidate<'a> {
    /// What it says.
    pub manifest: &'a Manifest,
    /// SHA-256 of `plugin.toml`.
    pub manifest_sha256: &'a str,
    /// `path:/…`, `https://…`, `index:NAME`
    pub source: &'a str,
    /// Id of the trusted key that signed it.
    pub signer: Option<&'a str>,
}

impl Candidate<'_> {
    /// SHA-256 of the library for this machine.
    pub fn digest(&self) -> &str {
        self.manifest.artifact.get(crate::TARGET).map_or("", |artifact| artifact.sha256.as_str())
    }

    fn holder(&self) -> Holder<'_> {
        Holder { plugin: &self.manifest.plugin.name, signer: self.signer, digest: self.digest() }
    }

    fn capabilities(&self) -> Vec<Capability> {
        Capability::asked(&self.manifest.capabilities)
    }

    fn label(&self) -> String {
        format!("{} {}", self.manifest.plugin.name, self.manifest.plugin.version)
    }
}

/// The keys whose signatures count.
///
/// # Errors
/// Those of the file.
pub fn trusted_keys(store: &Store) -> Result<Vec<PublicKey>> {
    match store.config().policy()?.and_then(Policy::keys) {
        Some(keys) => Ok(keys.value.clone()),
        None => Ok(TrustedKeys::read(&store.paths)?.public_keys()),
    }
}

/// Whether pins leave room for a version, before anything is downloaded.
pub fn accepts(store: &Store, name: &str, version: &Version, goal: Goal<'_>) -> bool {
    demands(store, name, goal).is_ok_and(|pins| pins.versions.is_empty() || pins.accepts(version))
}

/// The lock does not stand in the way of what moves it.
fn demands(store: &Store, name: &str, goal: Goal<'_>) -> Result<Pins> {
    if goal.moves_the_lock() { store.config().pins_of_files(name) } else { store.config().pins(name) }
}

/// Decides, from what is known without looking at the library.
///
/// # Errors
/// `Mismatch`: a pin. `Denied`: it was revoked, or would take the place of a signed one without being signed.
pub fn admit(
    store: &Store,
    candidate: &Candidate<'_>,
    goal: Goal<'_>,
    installed: &[(Entry, Option<Receipt>)],
) -> Result<()> {
    wanted(store, candidate, goal)?;
    let signed_before = installed.iter().find_map(|(entry, receipt)| {
        let signer = receipt.as_ref()?.signer.as_ref()?;
        Some((entry.label(), signer.clone()))
    });
    match (signed_before, candidate.signer) {
        (Some((before, signer)), None) => {
            Err(Error::new(Code::Denied, format!("{} is not signed", candidate.label()))
                .because(format!(
                    "{before}, which is installed, is signed by {signer}, and signed stays signed"
                ))
                .hint(format!(
                    "Get a signed package, or remove the other first: seqera plugin remove {}",
                    candidate.manifest.plugin.name
                )))
        }
        _ => Ok(()),
    }
}

/// Whether the user and the admin leave room for it, and no index withdrew it.
///
/// # Errors
/// `Denied` by the policy or an index; `Mismatch`, with the file and line of each demand.
pub fn wanted(store: &Store, candidate: &Candidate<'_>, goal: Goal<'_>) -> Result<()> {
    allowed(store, candidate)?;
    pinned(store, candidate, goal)?;
    revoked(&Withdrawn::read(&store.paths, store.config())?, candidate)
}

/// What the admin's policy says, which is asked again at every load.
fn allowed(store: &Store, candidate: &Candidate<'_>) -> Result<()> {
    let Some(policy) = store.config().policy()? else { return Ok(()) };
    let signer = || candidate.signer.map(str::to_owned).ok_or_else(|| "nobody signed it".to_owned());
    let subject = Subject {
        name: &candidate.manifest.plugin.name,
        label: candidate.label(),
        origin: Origin::User,
        source: Some(store.config().place_of_source(candidate.source)),
        signer: &signer,
    };
    policy.refusal(&subject).map_or(Ok(()), |error| Err(error.hint("Nothing was installed.")))
}

fn pinned(store: &Store, candidate: &Candidate<'_>, goal: Goal<'_>) -> Result<()> {
    let plugin = &candidate.manifest.plugin;
    let pins = demands(store, &plugin.name, goal)?;
    if let Some(place) = &pins.disabled {
        return Err(switched_off(&plugin.name, place));
    }
    let version_fits = pins.versions.is_empty() || pins.accepts(&plugin.version);
    let digest_fits = pins.digests.iter().all(|rule| rule.value == candidate.digest());
    if version_fits && digest_fits {
        return if goal.moves_the_lock() { Ok(()) } else { as_locked(store, candidate) };
    }
    let error = Error::new(Code::Mismatch, format!("{} is not the one that is pinned", candidate.label()));
    let error = pins.describe().into_iter().fold(error, |error, pin| error.because(format!("pinned: {pin}")));
    let error = error.because(format!("this one has sha256 {}", candidate.digest()));
    Err(match &pins.locked {
        Some(_) => error.hint(format!(
            "`seqera plugin upgrade {}` moves the lock, and so does `seqera plugin sync` when config.toml wants another",
            plugin.name
        )),
        None if pins.can_be_met() => error.hint("Install the version that is pinned, or change the pin."),
        None => error.hint("No version meets all of them: one of the pins has to go."),
    })
}

/// Whether it is, byte for byte, what the lock names, vouched for by the same publisher.
fn as_locked(store: &Store, candidate: &Candidate<'_>) -> Result<()> {
    let lock = store.config().lock()?;
    let Some(rule) = lock.and_then(|lock| lock.of(&candidate.manifest.plugin.name)) else { return Ok(()) };
    let locked = &rule.value;
    let problem = if locked.manifest_sha256 != candidate.manifest_sha256 {
        format!("its plugin.toml has sha256 {}, not {}", candidate.manifest_sha256, locked.manifest_sha256)
    } else if locked.signer.as_deref().is_some_and(|signer| candidate.signer != Some(signer)) {
        let by = candidate.signer.map_or("by nobody".to_owned(), |signer| format!("with the key {signer}"));
        format!("it is signed {by}, not with the key {}", locked.signer.as_deref().unwrap_or_default())
    } else {
        return Ok(());
    };
    Err(Error::new(Code::Mismatch, format!("{} is not the one that is locked", candidate.label()))
        .because(format!("{problem} ({})", rule.place))
        .hint("Somebody published it anew, or put another in its place: ask its publisher."))
}

/// Whether an index withdrew it.
///
/// # Errors
/// `Denied`, with what was withdrawn.
pub fn revoked(withdrawn: &Withdrawn, candidate: &Candidate<'_>) -> Result<()> {
    match withdrawn.plugin(candidate.signer, &[candidate.digest(), candidate.manifest_sha256]) {
        None => Ok(()),
        Some(reason) => Err(seen::refusal(&candidate.label(), reason)),
    }
}

/// The key that signed what is installed, when none of what is installed was signed with the one of this.
pub fn signer_before<'i>(
    candidate: &Candidate<'_>,
    installed: &'i [(Entry, Option<Receipt>)],
) -> Option<&'i str> {
    let signers = || installed.iter().filter_map(|(_, receipt)| receipt.as_ref()?.signer.as_deref());
    let is_same = signers().any(|signer| Some(signer) == candidate.signer);
    signers().next().filter(|_| !is_same)
}

/// Whether a plugin may come from another publisher than `before` with nobody asked: the policy or the lock names him.
///
/// # Errors
/// `ApprovalNeeded`: somebody has to agree to that.
pub fn may_change_hands(
    store: &Store,
    candidate: &Candidate<'_>,
    before: Option<&str>,
    goal: Goal<'_>,
) -> Result<()> {
    let Some(before) = before else { return Ok(()) };
    let is_locked = matches!(goal, Goal::Exactly(locked) if locked.signer.is_some() && locked.signer.as_deref() == candidate.signer);
    if is_locked || store.config().policy()?.and_then(Policy::keys).is_some() {
        return Ok(());
    }
    let signer = candidate.signer.unwrap_or_default();
    Err(Error::new(
        Code::ApprovalNeeded,
        format!("{} comes from another publisher than what is installed", candidate.label()),
    )
    .because(format!("it is signed with the key {signer}, and what is installed with {before}"))
    .hint("Its publisher may have a new key: ask. `seqera plugin install SOURCE --yes --force` agrees to it.")
    .hint("Nothing was installed."))
}

/// Whether the user has to agree to it.
///
/// An upgrade by the same signer that asks for nothing that was not granted does not ask again.
///
/// # Errors
/// Those of `grants.toml`.
pub fn unasked(
    store: &Store,
    candidate: &Candidate<'_>,
    installed: &[(Entry, Option<Receipt>)],
) -> Result<bool> {
    let is_known = installed.iter().filter_map(|(entry, receipt)| Some((entry, receipt.as_ref()?))).any(
        |(entry, receipt)| match candidate.signer {
            Some(signer) => receipt.signer.as_deref() == Some(signer),
            None => {
                receipt.signer.is_none()
                    && entry.artifact().is_some_and(|artifact| artifact.sha256 == candidate.digest())
            }
        },
    );
    let grants = Grants::read(&store.paths)?;
    Ok(!is_known || !grants.missing(&candidate.holder(), &candidate.capabilities()).is_empty())
}

/// Records what the user agreed to.
///
/// # Errors
/// The file cannot be written.
pub fn record(store: &Store, candidate: &Candidate<'_>) -> Result<()> {
    let asked = candidate.capabilities();
    if asked.is_empty() { Ok(()) } else { grants::record(&store.paths, &candidate.holder(), &asked) }
}
