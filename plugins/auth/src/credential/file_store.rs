//! Secret documents as files: mode 0600 in a directory of mode 0700, replaced whole.

use std::fs;
use std::path::{Path, PathBuf};

use seqera_plugin_api::{Error, ErrorKind, Result, private_file};

use super::document::FORMAT;
use super::{Credential, CredentialStore, Key};
use crate::clock;

/// `credentials/` in the configuration directory.
pub(crate) struct FileStore {
    dir: PathBuf,
}

impl FileStore {
    pub(crate) fn new(config: &Path) -> Self {
        Self { dir: config.join("credentials") }
    }

    /// The lock of a credential, beside it. Never the document itself: that is replaced.
    pub(crate) fn lock_path(&self, key: &Key) -> PathBuf {
        self.dir.join(format!("{}.lock", key.file_stem()))
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.dir.join(format!("{}.json", key.file_stem()))
    }
}

impl CredentialStore for FileStore {
    fn load(&self, key: &Key) -> Result<Option<Credential>> {
        let path = self.path(key);
        let Some(bytes) = private_file::read(&path).map_err(unusable)? else { return Ok(None) };
        refuse_foreign(&path)?;
        let Ok(credential) = serde_json::from_slice::<Credential>(&bytes) else { return Err(corrupt(&path)) };
        if credential.version > FORMAT {
            return Err(Error::new(
                ErrorKind::CredentialStore,
                format!("{} was written by a newer seqera", path.display()),
            )
            .hint("Use that one, or sign in with another profile: SEQERA_PROFILE=NAME seqera login"));
        }
        Ok(Some(credential).filter(|credential| credential.belongs_to(key)))
    }

    fn save(&self, key: &Key, credential: &Credential) -> Result<()> {
        let bytes = serde_json::to_vec(credential).map_err(|error| {
            Error::new(ErrorKind::CredentialStore, "cannot write the credential").caused_by(&error)
        })?;
        private_file::write(&self.path(key), &bytes).map_err(unusable)
    }

    fn delete(&self, key: &Key) -> Result<()> {
        private_file::remove(&self.path(key)).map_err(unusable)
    }

    fn probe(&self) -> Result<()> {
        let path = self.dir.join(".probe");
        private_file::write(&path, b"").and_then(|()| private_file::remove(&path)).map_err(unusable)
    }

    fn source(&self, key: &Key) -> String {
        format!("file:{}", self.path(key).display())
    }
}

fn unusable(error: Error) -> Error {
    Error::new(ErrorKind::CredentialStore, "the credentials cannot be read or written")
        .because(error)
        .hint("Make the directory yours and writable, or set SEQERA_CONFIG_DIR to one that is.")
}

/// A file that is no credential is put aside, not thrown away, and not met again.
fn corrupt(path: &Path) -> Error {
    let aside = path.with_extension(format!("corrupt-{}", clock::now()));
    let kept = if fs::rename(path, &aside).is_ok() { aside } else { path.to_owned() };
    Error::new(ErrorKind::CredentialStore, "the stored credential cannot be understood")
        .because(format!("it was kept as {}", kept.display()))
        .hint("Run `seqera login`.")
}

/// What another user put there must not decide who we are.
#[cfg(unix)]
fn refuse_foreign(path: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let Ok(metadata) = fs::metadata(path) else { return Ok(()) };
    if metadata.uid() == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::CredentialStore, format!("{} belongs to another user", path.display()))
        .hint("Remove it, then run `seqera login`."))
}

#[cfg(not(unix))]
fn refuse_foreign(_path: &Path) -> Result<()> {
    Ok(())
}
