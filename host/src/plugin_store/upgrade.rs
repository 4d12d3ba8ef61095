//! Moves plugins to newer versions, from where they came.

use semver::{Version, VersionReq};

use super::install::{Options, Outcome, install};
use super::source::{Source, Wanted};
use super::store::Store;
use crate::error::{Code, Error, Result};

/// Upgrades one plugin. The version before stays beside the new one.
///
/// # Errors
/// It is not installed, nobody knows where it comes from, or the new one cannot be installed.
pub fn upgrade(store: &Store, name: &str, options: Options) -> Result<Outcome> {
    let installed = store.installed(Some(name));
    let Some((newest, _)) = installed.first() else {
        return Err(Error::new(Code::Failed, format!("{name} is not installed"))
            .because("only what was installed with `seqera plugin install` can be upgraded"));
    };
    let configured = store.config().plugin_source(name).map(|rule| rule.value);
    let source = configured
        .or_else(|| installed.iter().find_map(|(_, receipt)| Some(receipt.as_ref()?.source.clone())))
        .ok_or_else(|| {
            Error::new(Code::Failed, format!("nobody knows where {} came from", newest.label()))
                .because("it has no receipt: it was not installed with `seqera plugin install`")
                .hint(format!("seqera plugin install {name} --index INDEX"))
        })?;
    let wanted = Wanted { name: name.to_owned(), requirement: VersionReq::STAR };
    let source = Source::parse(&source, None, store)?.narrowed(wanted);
    let above: Version = newest.version().clone();
    install(store, &source, options, Some(&above))
}

/// The names of all plugins that were installed.
pub fn names(store: &Store) -> Vec<String> {
    let mut names: Vec<String> = store
        .installed(None)
        .into_iter()
        .filter(|(_, receipt)| receipt.is_some())
        .map(|(entry, _)| entry.name().to_owned())
        .collect();
    names.dedup();
    names
}
