//! A place of its own for the plugin that is tried out: no other plugin, no settings, no session of the user.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::config::Paths;
use crate::error::{Code, Error, Result};
use crate::plugin_store::archive::{self, LIMITS};
use crate::plugin_store::cargo;
use crate::plugin_store::inspect::Inspected;
use crate::plugin_store::package::{MANIFEST_FILE, Package};
use crate::plugin_store::trusted_keys::TrustedKeys;

/// The directory, which goes with it, and what lies in it.
pub struct Place {
    root: TempDir,
    given: Given,
    shown: String,
}

enum Given {
    /// A library, which is packaged here.
    Library(PathBuf),
    /// A package, unpacked here.
    Package(PathBuf),
}

impl Place {
    /// Makes room for the plugin at `path`.
    ///
    /// # Errors
    /// `Usage`: there is none at `path`. `Failed`: it was not built, or cannot be unpacked.
    pub fn new(path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        let cannot = |problem: String| {
            Error::new(Code::Failed, format!("{shown} cannot be tried out")).because(problem)
        };
        let root = tempfile::tempdir().map_err(|error| cannot(error.to_string()))?;
        for dir in ["home", "config", "plugins", "given"] {
            fs::create_dir(root.path().join(dir)).map_err(|error| cannot(error.to_string()))?;
        }
        let unpacked = root.path().join("given");
        let given = if path.join(MANIFEST_FILE).is_file() {
            archive::copy_directory(path, &unpacked, LIMITS).map_err(cannot)?;
            Given::Package(unpacked)
        } else if path.is_file() && shown.ends_with(".tar.gz") {
            let file = fs::File::open(path).map_err(|error| cannot(error.to_string()))?;
            archive::unpack(file, &unpacked, LIMITS).map_err(cannot)?;
            Given::Package(unpacked)
        } else {
            Given::Library(cargo::library_of(path)?)
        };
        Ok(Self { root, given, shown })
    }

    /// The library for this machine.
    pub fn library(&self) -> Result<PathBuf, String> {
        match &self.given {
            Given::Library(path) => Ok(path.clone()),
            Given::Package(dir) => {
                let inspected = self.inspect(dir).map_err(|error| error.to_string())?;
                let artifact = inspected.artifact().map_err(|error| error.to_string())?;
                Ok(dir.join(&artifact.file))
            }
        }
    }

    /// Lays the plugin out as it is installed, and compares everything with what the library says.
    pub fn lay_out(&self) -> Result<Inspected> {
        let dir = match &self.given {
            Given::Library(path) => Package::build(path, &[])?.lay_out(&self.plugins())?,
            Given::Package(dir) => {
                let plugin = self.inspect(dir)?.manifest.plugin;
                let place = self.plugins().join(&plugin.name).join(plugin.version.to_string());
                let cannot = |problem: String| {
                    Error::new(Code::Failed, format!("{} cannot be tried out", self.shown)).because(problem)
                };
                fs::create_dir_all(&place).map_err(|error| cannot(error.to_string()))?;
                archive::copy_directory(dir, &place, LIMITS).map_err(cannot)?;
                place
            }
        };
        let inspected = self.inspect(&dir)?;
        inspected.check_files(&dir)?;
        inspected.probe(&dir)?;
        Ok(inspected)
    }

    fn inspect(&self, dir: &Path) -> Result<Inspected> {
        Inspected::read(dir, &self.shown, &TrustedKeys::read(&Paths::find())?.public_keys())
    }

    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    pub fn config(&self) -> PathBuf {
        self.root.path().join("config")
    }

    pub fn plugins(&self) -> PathBuf {
        self.root.path().join("plugins")
    }
}
