//! Turns a built library into a plugin on disk: the library, and beside it what it says about itself.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use seqera_plugin_abi::description::{DESCRIPTION_FORMAT, Description};
use serde_json::json;

use crate::digest;
use crate::discovery::manifest::{Artifact, File, Manifest};
use crate::error::{Code, Error, Result};

/// Lays `library` out below `root` as `<name>/<version>/` and answers that directory.
///
/// Everything is written beside it first and takes its place by one rename; what was there before is replaced.
///
/// # Errors
/// `CannotLoad`: the library is no plugin, or says nonsense. `Failed`: files cannot be written.
pub fn package(library: &Path, root: &Path) -> Result<PathBuf> {
    let content = fs::read(library).map_err(|error| failed("read", library, &error))?;
    let description = describe(library)?;
    let nonsense = |problem: String| {
        Error::new(Code::CannotLoad, format!("{} says nonsense about itself", library.display()))
            .because(problem)
    };
    let cli = serde_json::to_string(&json!({ "commands": description.commands }))
        .map_err(|e| nonsense(e.to_string()))?;
    let file_name = library.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let manifest = Manifest::describe(
        &description,
        crate::TARGET,
        Artifact { file: file_name.clone(), sha256: digest::of_bytes(&content), size: content.len() as u64 },
        File { file: "cli.json".to_owned(), sha256: digest::of_bytes(cli.as_bytes()) },
    )
    .map_err(nonsense)?;
    let text = toml::to_string(&manifest).map_err(|error| nonsense(error.to_string()))?;

    let parent = root.join(&manifest.plugin.name);
    fs::create_dir_all(&parent).map_err(|error| failed("create", &parent, &error))?;
    let staging = tempfile::Builder::new()
        .prefix(".new-")
        .tempdir_in(&parent)
        .map_err(|error| failed("write into", &parent, &error))?;
    for (name, bytes) in [
        (file_name.as_str(), content.as_slice()),
        ("cli.json", cli.as_bytes()),
        ("plugin.toml", text.as_bytes()),
    ] {
        let path = staging.path().join(name);
        fs::write(&path, bytes).map_err(|error| failed("write", &path, &error))?;
    }
    let dir = parent.join(manifest.plugin.version.to_string());
    take_place(staging, &dir).map_err(|error| failed("write", &dir, &error))?;
    Ok(dir)
}

/// Asks the library in a child process: loading it runs its code, which must neither see our environment nor be
/// able to take us along when it crashes.
fn describe(library: &Path) -> Result<Description> {
    let refused = |problem: String| {
        Error::new(Code::CannotLoad, format!("{} cannot be packaged", library.display())).because(problem)
    };
    let program = std::env::current_exe().map_err(|error| refused(error.to_string()))?;
    let output = Command::new(program)
        .arg("__describe")
        .arg(library)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .map_err(|error| refused(error.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let reason =
            said.lines().find_map(|line| line.trim().strip_prefix("because ")).unwrap_or(said.trim());
        return Err(refused(if reason.is_empty() { output.status.to_string() } else { reason.to_owned() }));
    }
    let description: Description = serde_json::from_slice(&output.stdout)
        .map_err(|error| refused(format!("its description is wrong: {error}")))?;
    if description.format > DESCRIPTION_FORMAT {
        return Err(refused("its description is of a newer format".to_owned()));
    }
    Ok(description)
}

/// Gives the staged directory its name. A directory cannot be renamed over one that has files: the old one steps
/// aside first.
fn take_place(staging: tempfile::TempDir, dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(staging.path(), fs::Permissions::from_mode(0o755))?;
    if dir.exists() {
        let aside = tempfile::Builder::new().prefix(".old-").tempdir_in(dir.parent().unwrap_or(dir))?;
        fs::rename(dir, aside.path().join("old"))?;
    }
    fs::rename(staging.keep(), dir)
}

fn failed(verb: &str, path: &Path, error: &io::Error) -> Error {
    Error::new(Code::Failed, format!("cannot {verb} {}", path.display())).because(error)
}
