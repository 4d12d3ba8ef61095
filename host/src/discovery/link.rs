//! Plugins under development, which run from where they are built.
//!
//! `<data>/linked/<name>/<version>/` has the layout of an installed plugin, generated from the library; `link.json`
//! beside the version says where the library is and how it looked. Whenever it looks otherwise it is described anew.
//! The place does not move with `SEQERA_PLUGINS_DIR`: a link may take the place of a bundled plugin, and a variable
//! must not be able to bring one about.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::stamp::Stamp;
use crate::config::Paths;

/// Beside the version of a linked plugin.
pub const LINK_FILE: &str = "link.json";
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
        serde_json::from_slice(&fs::read(dir.join(LINK_FILE)).ok()?).ok()
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
/// process of its own does it. One that cannot be described stays as it was, and that process says why.
pub fn refresh(paths: &Paths) {
    let Some(root) = directory(paths) else { return };
    for dir in fs::read_dir(root).into_iter().flatten().flatten().map(|item| item.path()) {
        if Link::read(&dir).is_some_and(|link| link.is_stale())
            && let (Ok(program), Some(name)) = (std::env::current_exe(), dir.file_name())
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
