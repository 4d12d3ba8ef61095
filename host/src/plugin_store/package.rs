//! Makes a package of a built library: the library, and beside it what it says about itself.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::signature::{MANIFEST_SIGNATURE, SigningKey, manifest_comment};
use super::{archive, durable, probe, static_check};
use crate::digest;
use crate::discovery::manifest::{Artifact, File, Manifest};
use crate::error::{Code, Error, Result};

/// The command tree.
pub const CLI_FILE: &str = "cli.json";
/// The manifest.
pub const MANIFEST_FILE: &str = "plugin.toml";

/// A package in memory.
pub struct Package {
    /// What the library says about itself, with the digests of everything.
    pub manifest: Manifest,
    text: String,
    cli: String,
    libraries: BTreeMap<String, Vec<u8>>,
    signature: Option<String>,
}

impl Package {
    /// Asks `library`, which is for this machine, what it is; `others` are the same plugin for further targets.
    ///
    /// # Errors
    /// `CannotLoad`: the library is no plugin, or says nonsense. `Failed`: a file cannot be read.
    pub fn build(library: &Path, others: &[(String, PathBuf)]) -> Result<Self> {
        let read = |path: &Path| fs::read(path).map_err(|error| failed("read", path, &error));
        let content = read(library)?;
        let refused = |path: &Path, problem: String| {
            Error::new(Code::CannotLoad, format!("{} cannot be packaged", path.display())).because(problem)
        };
        let artifact = artifact(library, &content, crate::TARGET).map_err(|p| refused(library, p))?;
        let description = probe::describe(library).map_err(|problem| refused(library, problem))?;
        probe::panic_fence(library).map_err(|problem| refused(library, problem))?;
        let nonsense = |problem: String| {
            Error::new(Code::CannotLoad, format!("{} says nonsense about itself", library.display()))
                .because(problem)
        };
        let cli = serde_json::to_string(&json!({ "commands": description.commands }))
            .map_err(|error| nonsense(error.to_string()))?;
        let cli_file = File { file: CLI_FILE.to_owned(), sha256: digest::of_bytes(cli.as_bytes()) };
        let mut libraries = BTreeMap::from([(artifact.file.clone(), content)]);
        let mut manifest =
            Manifest::describe(&description, crate::TARGET, artifact, cli_file).map_err(nonsense)?;
        for (target, path) in others {
            let content = read(path)?;
            let mut artifact =
                self::artifact(path, &content, target).map_err(|problem| refused(path, problem))?;
            if libraries.contains_key(&artifact.file) {
                artifact.file = format!("{target}-{}", artifact.file);
            }
            libraries.insert(artifact.file.clone(), content);
            if manifest.artifact.insert(target.clone(), artifact).is_some() {
                return Err(Error::new(Code::Usage, format!("there are two libraries for {target}")));
            }
        }
        let text = toml::to_string(&manifest).map_err(|error| nonsense(error.to_string()))?;
        Ok(Self { manifest, text, cli, libraries, signature: None })
    }

    /// Signs the manifest, and with it everything that it names.
    ///
    /// # Errors
    /// Those of [`SigningKey::sign`].
    pub fn sign(&mut self, key: &SigningKey) -> Result<()> {
        let identity = &self.manifest.plugin;
        let comment = manifest_comment(&identity.name, &identity.version);
        self.signature = Some(key.sign(self.text.as_bytes(), &comment)?);
        Ok(())
    }

    /// Its files, the manifest first.
    fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let signature = self.signature.as_ref().map(|text| (MANIFEST_SIGNATURE, text.as_bytes()));
        std::iter::once((MANIFEST_FILE, self.text.as_bytes()))
            .chain(signature)
            .chain([(CLI_FILE, self.cli.as_bytes())])
            .chain(self.libraries.iter().map(|(name, content)| (name.as_str(), content.as_slice())))
    }

    /// `NAME-VERSION.tar.gz` in a directory.
    pub fn archive(&self, directory: &Path) -> PathBuf {
        let identity = &self.manifest.plugin;
        directory.join(format!("{}-{}.tar.gz", identity.name, identity.version))
    }

    /// `<name>/<version>` below `root`.
    pub fn directory(&self, root: &Path) -> PathBuf {
        let identity = &self.manifest.plugin;
        root.join(&identity.name).join(identity.version.to_string())
    }

    /// Writes `NAME-VERSION.tar.gz` into a directory and answers its path.
    ///
    /// # Errors
    /// `Failed`: it cannot be written.
    pub fn write_archive(&self, directory: &Path) -> Result<PathBuf> {
        let path = self.archive(directory);
        archive::pack(self.files())
            .and_then(|bytes| durable::replace_public(&path, &bytes))
            .map_err(|error| failed("write", &path, &error))?;
        Ok(path)
    }

    /// Lays it out below `root` as `<name>/<version>/` and answers that directory.
    ///
    /// Everything is written beside it first and takes its place by one rename; what was there before is replaced.
    ///
    /// # Errors
    /// `Failed`: files cannot be written.
    pub fn lay_out(&self, root: &Path) -> Result<PathBuf> {
        let parent = root.join(&self.manifest.plugin.name);
        durable::create_directory(&parent).map_err(|error| failed("create", &parent, &error))?;
        let staging = tempfile::Builder::new()
            .prefix(".new-")
            .tempdir_in(&parent)
            .map_err(|error| failed("write into", &parent, &error))?;
        for (name, bytes) in self.files() {
            let path = staging.path().join(name);
            fs::File::create(&path)
                .and_then(|mut file| file.write_all(bytes).and_then(|()| durable::close_to_others(&file)))
                .map_err(|error| failed("write", &path, &error))?;
        }
        let dir = self.directory(root);
        durable::open_to_all(staging.path())
            .and_then(|()| durable::take_place(staging.path(), &dir))
            .map_err(|error| failed("write", &dir, &error))?;
        Ok(dir)
    }
}

fn artifact(path: &Path, content: &[u8], target: &str) -> Result<Artifact, String> {
    let glibc = static_check::check(content, target)?;
    Ok(Artifact {
        file: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        sha256: digest::of_bytes(content),
        size: content.len() as u64,
        glibc: glibc.map(|glibc| glibc.to_string()),
    })
}

fn failed(verb: &str, path: &Path, error: &io::Error) -> Error {
    Error::new(Code::Failed, format!("cannot {verb} {}", path.display())).because(error)
}
