//! Moves plugins to newer versions, from where they came.

use semver::{Version, VersionReq};

use super::install::{Action, Goal, Options, Outcome, install};
use super::receipt::Receipt;
use super::source::{self, Source, Wanted};
use super::store::Store;
use crate::config::Config;
use crate::discovery::{Catalog, Entry, Origin};
use crate::error::{Code, Error, Result};

/// Upgrades one plugin. The version before stays beside the new one.
///
/// # Errors
/// It is not installed, nobody knows where it comes from, or the new one cannot be installed.
pub fn upgrade(store: &Store, name: &str, options: Options) -> Result<Outcome> {
    let installed = store.installed(Some(name));
    let Some((newest, _)) = installed.first() else {
        let error = Error::new(Code::Failed, format!("{name} is not installed"))
            .because("only what was installed with `seqera plugin install` can be upgraded");
        let (all, _) = store.catalog().all();
        return Err(match all.iter().find(|entry| entry.name() == name).map(|entry| entry.origin) {
            Some(Origin::Bundled) => {
                error.hint("It came with seqera, and the next seqera brings the next one.")
            }
            Some(_) => error.hint(format!("It is linked to where it is built: seqera plugin unlink {name}")),
            None => error.hint(format!("seqera plugin install {name}")),
        });
    };
    let source = match source::configured(store, name)? {
        Some(source) => source,
        None => came_from(store, &installed)?,
    };
    let wanted = Wanted { name: name.to_owned(), requirement: VersionReq::STAR };
    let source = source.narrowed(wanted);
    let above: Version = newest.version().clone();
    let outcome = install(store, &source, options, Goal::Above(&above))?;
    if outcome.action == Action::Unchanged {
        runs(store, name)?;
    }
    Ok(outcome)
}

/// That nothing newer may be installed is no success where nothing that is installed may run.
fn runs(store: &Store, name: &str) -> Result<()> {
    // The lock may have moved.
    let config = Config::read(&store.paths)?;
    let catalog = Catalog::new(&store.paths, &config);
    let (mut entries, _) = catalog.all();
    entries.retain(|entry| entry.name() == name);
    catalog.choose(name, entries.iter()).map(drop)
}

fn came_from(store: &Store, installed: &[(Entry, Option<Receipt>)]) -> Result<Source> {
    let label = installed.iter().find_map(|(_, receipt)| Some(receipt.as_ref()?.source.clone()));
    let label = label.ok_or_else(|| {
        let newest = installed.first().map_or_else(String::new, |(entry, _)| entry.label());
        let name = installed.first().map_or("NAME", |(entry, _)| entry.name());
        Error::new(Code::Failed, format!("nobody knows where {newest} came from"))
            .because("it has no receipt: it was not installed with `seqera plugin install`")
            .hint(format!("seqera plugin install {name} --index INDEX"))
    })?;
    Source::parse(&label, None, store)
}

/// The names of all plugins that were installed.
pub fn names(store: &Store) -> Vec<String> {
    let mut names: Vec<String> = store
        .installed(None)
        .into_iter()
        .filter(|(_, receipt)| receipt.is_some())
        // What is switched off is left alone.
        .filter(|(entry, _)| !store.config().pins(entry.name()).is_ok_and(|pins| pins.disabled.is_some()))
        .map(|(entry, _)| entry.name().to_owned())
        .collect();
    names.dedup();
    names
}
