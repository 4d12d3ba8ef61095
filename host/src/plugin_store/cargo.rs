//! The library that cargo built of a crate.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use serde_json::Value;

use crate::error::{Code, Error, Result};

/// The library that `path` means: itself, or for the directory of a crate what cargo built there last.
///
/// # Errors
/// `Usage`: the path is no library and no crate of one. `Failed`: it was not built yet, or cargo cannot be asked.
pub fn library_of(path: &Path) -> Result<PathBuf> {
    let absolute = path.canonicalize().map_err(|error| {
        Error::new(Code::Usage, format!("there is no plugin at {}", path.display())).because(error)
    })?;
    if !absolute.is_dir() {
        return Ok(absolute);
    }
    let manifest = absolute.join("Cargo.toml");
    if !manifest.is_file() {
        return Err(Error::new(Code::Usage, format!("{} is not the directory of a crate", path.display()))
            .because("there is no Cargo.toml in it")
            .hint("Name the crate of the plugin, or its library."));
    }
    let metadata = metadata(&manifest)?;
    let name = cdylib_of(&metadata, &manifest).ok_or_else(|| {
        Error::new(Code::Usage, format!("{} is not the crate of a plugin", path.display()))
            .because("its Cargo.toml has no library of the crate type `cdylib`")
    })?;
    let target = PathBuf::from(metadata["target_directory"].as_str().unwrap_or_default());
    let file = format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let built = ["debug", "release"].map(|profile| target.join(profile).join(&file));
    let age = |path: &PathBuf| -> Option<SystemTime> { path.metadata().ok()?.modified().ok() };
    built.iter().filter(|path| path.is_file()).max_by_key(|path| age(path)).cloned().ok_or_else(|| {
        Error::new(Code::Failed, format!("the plugin in {} was not built yet", path.display()))
            .because(format!("there is no {file} in {}", target.join("debug").display()))
            .hint("Run `cargo build` there, and this command again.")
    })
}

fn metadata(manifest: &Path) -> Result<Value> {
    let failed = |problem: String| {
        Error::new(Code::Failed, "cargo does not say where it builds the plugin").because(problem)
    };
    let output = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(manifest)
        // Cargo starts whatever the project's configuration names.
        .env_remove("SEQERA_ACCESS_TOKEN")
        .env_remove("SEQERA_TOKEN")
        .env_remove("TOWER_ACCESS_TOKEN")
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))
}

/// The name of the library as the linker has it.
fn cdylib_of(metadata: &Value, manifest: &Path) -> Option<String> {
    let package = metadata["packages"]
        .as_array()?
        .iter()
        .find(|package| package["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest))?;
    let is_cdylib = |target: &&Value| {
        target["crate_types"].as_array().is_some_and(|types| types.iter().any(|kind| kind == "cdylib"))
    };
    let target = package["targets"].as_array()?.iter().find(is_cdylib)?;
    Some(target["name"].as_str()?.replace('-', "_"))
}
