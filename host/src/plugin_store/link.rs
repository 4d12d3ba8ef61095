//! Makes and removes the links of plugins under development; `discovery::link` says what they are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::durable;
use super::package::Package;
use crate::config::Paths;
use crate::discovery::Stamp;
use crate::discovery::link::{self, LINK_FILE, Link};
use crate::discovery::manifest::{self, Identity};
use crate::error::{Code, Error, Result};

/// What a link is to.
#[derive(Debug)]
pub struct Linked {
    /// The plugin.
    pub plugin: Identity,
    /// Where it is described; `None` for one that would be.
    pub dir: Option<PathBuf>,
}

/// Links the plugin in `library`; with `dry_run` it is only looked at.
///
/// # Errors
/// `CannotLoad`: it is no plugin. `Failed`: files cannot be written.
pub fn link(paths: &Paths, library: &Path, dry_run: bool) -> Result<Linked> {
    let root = root(paths)?;
    if dry_run {
        return Ok(Linked { plugin: Package::build(library, &[])?.manifest.plugin, dir: None });
    }
    let _lock = durable::lock(&root.join(".lock")).map_err(|error| failed("write into", &root, &error))?;
    describe(&root, library)
}

/// Removes a link and answers where its library is, which stays there. With `dry_run` nothing is removed.
///
/// # Errors
/// `Failed`: there is no such link, or it cannot be removed.
pub fn unlink(paths: &Paths, name: &str, dry_run: bool) -> Result<Option<PathBuf>> {
    let root = root(paths)?;
    let dir = root.join(name);
    if !manifest::is_plugin_name(name) || !dir.is_dir() {
        return Err(Error::new(Code::Failed, format!("there is no linked plugin {name}"))
            .hint("`seqera plugin list` shows which ones there are."));
    }
    let library = Link::read(&dir).map(|link| link.library);
    if !dry_run {
        let _lock =
            durable::lock(&root.join(".lock")).map_err(|error| failed("write into", &root, &error))?;
        remove(&root, &dir).map_err(|error| failed("remove", &dir, &error))?;
    }
    Ok(library)
}

/// Describes a linked plugin anew if its library was built again.
///
/// # Errors
/// `CannotLoad`: it is no plugin any more; then the link is as it was.
pub fn relink(paths: &Paths, name: &str) -> Result<()> {
    let root = root(paths)?;
    let dir = root.join(name);
    let _lock = durable::lock(&root.join(".lock")).map_err(|error| failed("write into", &root, &error))?;
    // Another process may have done it meanwhile, or may have removed the link.
    match Link::read(&dir).filter(Link::is_stale) {
        Some(link) => describe(&root, &link.library).map(drop),
        None => Ok(()),
    }
}

/// The stamp is taken first: a library that is built meanwhile is described once more.
fn describe(root: &Path, library: &Path) -> Result<Linked> {
    let link = Link { library: library.to_owned(), stamp: Stamp::of(library) };
    let package = Package::build(library, &[])?;
    let dir = package.lay_out(root)?;
    let parent = dir.parent().unwrap_or(root);
    for other in subdirectories(parent).into_iter().filter(|other| *other != dir) {
        remove(root, &other).map_err(|error| failed("remove", &other, &error))?;
    }
    let path = parent.join(LINK_FILE);
    serde_json::to_vec(&link)
        .map_err(io::Error::from)
        .and_then(|bytes| durable::replace(&path, &bytes))
        .map_err(|error| failed("write", &path, &error))?;
    Ok(Linked { plugin: package.manifest.plugin, dir: Some(dir) })
}

/// Out of sight at once, and then deleted.
fn remove(root: &Path, dir: &Path) -> io::Result<()> {
    let trash = tempfile::Builder::new().prefix(".old-").tempdir_in(root)?;
    fs::rename(dir, trash.path().join("old"))?;
    trash.close()
}

fn subdirectories(path: &Path) -> Vec<PathBuf> {
    let listing = fs::read_dir(path).into_iter().flatten().flatten();
    let is_hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
    listing
        .filter(|item| !is_hidden(&item.file_name()))
        .map(|item| item.path())
        .filter(|path| path.is_dir())
        .collect()
}

fn root(paths: &Paths) -> Result<PathBuf> {
    link::directory(paths)
        .ok_or_else(|| Error::new(Code::Config, "there is no directory for linked plugins").hint("Set HOME."))
}

fn failed(verb: &str, path: &Path, error: &io::Error) -> Error {
    Error::new(Code::Failed, format!("cannot {verb} {}", path.display())).because(error)
}
