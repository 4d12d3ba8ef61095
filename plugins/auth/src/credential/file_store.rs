//! Secret documents as files: mode 0600 in a directory of mode 0700, replaced whole.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use seqera_plugin_api::{Error, ErrorKind, Host, Result, private_file, warning};
use zeroize::Zeroizing;

use super::{Credential, CredentialStore, Key, Reservation, StoreKind, document};
use crate::clock;

/// Room that is taken for a document before it is known, in bytes: a full disk is found before a token is at stake.
const ROOM: usize = 16 * 1024;

/// `credentials/` in the configuration directory.
pub(crate) struct FileStore {
    host: Host,
    dir: PathBuf,
}

impl FileStore {
    pub(crate) fn new(host: &Host, config: &Path) -> Self {
        Self { host: host.clone(), dir: config.join("credentials") }
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.dir.join(format!("{}.json", key.file_stem()))
    }

    /// All that can be understood, whoever remembers them.
    pub(super) fn documents(&self) -> Vec<Credential> {
        if check_directory(&self.host, &self.dir).is_err() {
            return Vec::new();
        }
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let read = |path: PathBuf| {
            check(&self.host, &path).ok()?;
            let bytes = Zeroizing::new(private_file::read(&path).ok()??);
            document::parse(&bytes, &path.display().to_string()).ok()?
        };
        let found = entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|end| end == "json"));
        found.filter_map(read).collect()
    }

    /// Copies that made no sense and were kept: they may hold secrets all the same.
    fn put_aside(&self, key: &Key) -> Vec<PathBuf> {
        let prefix = format!("{}.corrupt-", key.file_stem());
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
            .map(|entry| entry.path())
            .collect()
    }
}

impl CredentialStore for FileStore {
    fn kind(&self) -> StoreKind {
        StoreKind::File
    }

    fn load(&self, key: &Key) -> Result<Option<Credential>> {
        let path = self.path(key);
        check_directory(&self.host, &self.dir)?;
        check(&self.host, &path)?;
        let Some(bytes) = private_file::read(&path).map_err(unusable)?.map(Zeroizing::new) else {
            return Ok(None);
        };
        let Some(credential) = document::parse(&bytes, &path.display().to_string())? else {
            return Err(corrupt(&path));
        };
        Ok(Some(credential).filter(|credential| credential.belongs_to(key)))
    }

    fn save(&self, key: &Key, credential: &Credential) -> Result<()> {
        private_file::write(&self.path(key), &serialized(credential)?).map_err(unusable)
    }

    fn reserve(&self, key: &Key) -> Result<Reservation> {
        private_file::Draft::begin(&self.path(key), ROOM).map(Reservation::file).map_err(unusable)
    }

    fn save_reserved(&self, key: &Key, credential: &Credential, reservation: Reservation) -> Result<()> {
        let Some(draft) = reservation.into_file() else { return self.save(key, credential) };
        draft.complete(&serialized(credential)?).map_err(unusable)
    }

    fn delete(&self, key: &Key) -> Result<()> {
        // Whoever removes one holds its lock, or has waited long enough: a draft of whoever holds it is not wanted any more.
        private_file::remove_with_drafts(&self.path(key)).map_err(unusable)?;
        self.put_aside(key).iter().try_for_each(|path| private_file::remove(path).map_err(unusable))
    }

    fn probe(&self) -> Result<()> {
        check_directory(&self.host, &self.dir)?;
        let path = self.dir.join(".probe");
        private_file::write(&path, b"").and_then(|()| private_file::remove(&path)).map_err(unusable)
    }

    fn source(&self, key: &Key) -> String {
        format!("file:{}", self.path(key).display())
    }

    /// Beside the document, and never the document itself: that is replaced.
    fn lock_path(&self, key: &Key) -> Result<PathBuf> {
        Ok(self.dir.join(format!("{}.lock", key.file_stem())))
    }
}

fn serialized(credential: &Credential) -> Result<Zeroizing<Vec<u8>>> {
    serde_json::to_vec(credential).map(Zeroizing::new).map_err(|error| {
        Error::new(ErrorKind::CredentialStore, "cannot write the credential").caused_by(&error)
    })
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
        .with("reason", "corrupt")
}

fn check(host: &Host, path: &Path) -> Result<()> {
    if is_open_to_others(path)? {
        let _once = WARNED.get_or_init(|| {
            warning!(
                host,
                "others can read your credentials; take that from them: chmod 600 {}",
                path.display()
            );
        });
    }
    Ok(())
}

/// Who may write there may put another file in the place of one.
fn check_directory(host: &Host, directory: &Path) -> Result<()> {
    if is_open_to_others(directory)? {
        let _once = WARNED_OF_DIRECTORY.get_or_init(|| {
            warning!(
                host,
                "others have access to the directory of your credentials; take that from them: chmod 700 {}",
                directory.display()
            );
        });
    }
    Ok(())
}

/// A command reads the file several times.
static WARNED: OnceLock<()> = OnceLock::new();
static WARNED_OF_DIRECTORY: OnceLock<()> = OnceLock::new();

/// Whether others can get at it. What another user put there, or a link leads to, must not decide who we are.
#[cfg(unix)]
fn is_open_to_others(path: &Path) -> Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(false) };
    const REMOVE: &str = "Remove it, then run `seqera login`.";
    let refuse = |what: &str, hint: &str| {
        Error::new(ErrorKind::CredentialStore, format!("{} {what}", path.display()))
            .hint(hint)
            .with("reason", "foreign")
    };
    if metadata.file_type().is_symlink() {
        return Err(refuse("is a symbolic link, and is not followed", REMOVE));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        // With the HOME of somebody else, all that is there is his.
        let hint = if metadata.is_dir() {
            "Run seqera as that user, or set HOME or SEQERA_CONFIG_DIR to a directory of your own."
        } else {
            REMOVE
        };
        return Err(refuse("belongs to another user", hint));
    }
    Ok(metadata.mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_path: &Path) -> Result<bool> {
    Ok(false)
}
