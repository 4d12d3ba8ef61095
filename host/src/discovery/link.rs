//! Plugins under development, which run from where they are built.
//!
//! `<data>/linked/<name>/<version>/` has the layout of an installed plugin, generated from the library; `link.json`
//! beside the version says where the library is and how it looked. Whenever it looks otherwise it is described anew.
//! The place does not move with `SEQERA_PLUGINS_DIR`: a link may take the place of a bundled plugin, and a variable
//! must not be able to bring one about.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::stamp::Stamp;
use crate::config::{Config, Paths};
use crate::plugin_store::archive::MAX_LIBRARY;
use crate::{digest, files, output};

/// Beside the version of a linked plugin.
pub const LINK_FILE: &str = "link.json";
/// More than it ever needs, in bytes.
const MAX_LINK: u64 = 64 << 10;
/// The words that describe a linked plugin anew; people never type them.
pub const RELINK: [&str; 2] = ["plugin", "relink"];

/// Where linked plugins are.
pub fn directory(paths: &Paths) -> Option<PathBuf> {
    paths.data.as_ref().map(|data| data.join("linked"))
}

/// Where the library of a linked plugin is, and how it looked when it was described.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// What cargo built.
    pub library: PathBuf,
    /// It, then.
    pub stamp: Stamp,
}

impl Link {
    /// The link in `<data>/linked/<name>`; `None` when there is none that makes sense.
    pub fn read(dir: &Path) -> Option<Self> {
        serde_json::from_slice(&files::read(&dir.join(LINK_FILE), MAX_LINK).ok()?).ok()
    }

    /// The link of the version in `dir`.
    pub fn of_version(dir: &Path) -> Option<Self> {
        Self::read(dir.parent()?)
    }

    /// Whether the library is another one than it was.
    pub fn is_stale(&self) -> bool {
        Stamp::of(&self.library) != self.stamp
    }
}

/// Has the plugins described anew whose library was built again. That takes code which no other command needs, so a
/// process of its own does it. One that cannot be described stays as it was, and that process says why. One that may not
/// run is not opened; whoever asks for it is told by which rule.
pub fn refresh(paths: &Paths, config: &Config) {
    let Some(root) = directory(paths) else { return };
    for dir in fs::read_dir(root).into_iter().flatten().flatten().map(|item| item.path()) {
        if let Some(link) = Link::read(&dir).filter(Link::is_stale)
            && let (Ok(program), Some(name)) = (std::env::current_exe(), dir.file_name())
            && may_run(config, name, &link)
        {
            let _it_says_why = Command::new(program)
                .args(RELINK)
                .arg(name)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .status();
        }
    }
}

/// Whether the rules that are known before a library is opened leave it room. What the policy or a file says of the name
/// is said when it is used; of other bytes than those that were pinned nobody would hear.
fn may_run(config: &Config, name: &OsStr, link: &Link) -> bool {
    let Some(name) = name.to_str() else { return false };
    let Ok(policy) = config.policy() else { return false };
    let Ok(pins) = config.pins_of_files(name) else { return false };
    if pins.disabled.is_some() || policy.is_some_and(|policy| policy.allows_link(name).is_err()) {
        return false;
    }
    if pins.digests.is_empty() {
        return true;
    }
    let digest =
        files::read(&link.library, MAX_LIBRARY).map(|content| digest::of_bytes(&content)).unwrap_or_default();
    let other = pins.digests.iter().find(|rule| rule.value != digest);
    if let Some(rule) = other {
        output::warning(&format!(
            "the linked plugin {name} is the one that was built before: {} names another sha256",
            rule.place
        ));
    }
    other.is_none()
}
