//! The commands of all plugins, for help: from the keys of the index, as far as these tell.

use std::collections::BTreeMap;

use super::index::{Details, Index, Key};
use super::{Catalog, Entry, Origin};
use crate::plugin_store::seen::Withdrawn;

impl Catalog<'_> {
    /// The commands of the plugins that count, each with one line for people; `None` when the index does not tell.
    ///
    /// A plugin of which there is one version, that nobody demands anything of, counts whatever its manifest says; for
    /// the others it is read. A manifest that was edited where it lies is seen when the plugin is used: help need not
    /// pay for looking at each.
    pub fn commands_by_index(&self) -> Option<Vec<(String, String)>> {
        let index = Index::read(self.cache.as_ref()?, &self.roots)?;
        let stamps = self.stamps();
        let mut by_name: BTreeMap<&str, Vec<(Key<'_>, Details<'_>)>> = BTreeMap::new();
        for key in index.keys()? {
            let details = key.details()?;
            let directory = self.roots.get(details.root)?.path.join(key.name);
            if stamps.of(&directory) != details.parent {
                return None;
            }
            by_name.entry(key.name).or_default().push((key, details));
        }
        let mut commands = Vec::new();
        let is_all_good = self.withdrawn().is_ok_and(Withdrawn::is_empty);
        for (name, versions) in by_name {
            match <[_; 1]>::try_from(versions) {
                Ok([(_, only)])
                    if !may_be_pre_release(only.version)
                        && (is_all_good || self.roots.get(only.root)?.origin != Origin::User)
                        && self.is_free(name) =>
                {
                    commands.extend(only.commands);
                }
                Ok([(key, _)]) => self.add_chosen(name, &[index.entry(&key)?], &mut commands),
                Err(versions) => {
                    let entries: Option<Vec<Entry>> =
                        versions.iter().map(|(key, _)| index.entry(key)).collect();
                    self.add_chosen(name, &entries?, &mut commands);
                }
            }
        }
        Some(commands)
    }

    fn add_chosen(&self, name: &str, versions: &[Entry], commands: &mut Vec<(String, String)>) {
        // One that is refused has no commands; `seqera plugin list` says why.
        if let Ok(Some(entry)) = self.choose(name, versions.iter()) {
            let words = entry.manifest.commands.iter();
            commands.extend(words.map(|command| (command.name.clone(), command.about.clone())));
        }
    }

    /// Whether nobody demands anything of a plugin.
    fn is_free(&self, name: &str) -> bool {
        let has_no_policy = self.config.policy().is_ok_and(|policy| policy.is_none());
        has_no_policy && self.config.pins(name).is_ok_and(|pins| pins.is_empty())
    }
}

/// A pre-release has this sign, and so may a build number: then the version is looked at more closely.
fn may_be_pre_release(version: &str) -> bool {
    version.contains('-')
}
