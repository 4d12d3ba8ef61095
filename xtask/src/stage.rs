//! `cargo xtask stage`: the program and its plugins, laid out as they are installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::Outcome;

/// The crates of the plugins that come with the program, in any order.
pub(crate) const PLUGINS: &[&str] = &["seqera-plugin-auth", "seqera-plugin-org", "seqera-plugin-ai"];

/// The program that has the built-in commands.
pub(crate) const BUILTINS: &str = "seqera-builtins";

/// A staged installation.
pub(crate) struct Stage {
    root: PathBuf,
}

impl Stage {
    /// The directory of the whole installation.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The program.
    pub(crate) fn program(&self) -> PathBuf {
        self.root.join("bin/seqera")
    }

    /// The program of the built-in commands.
    pub(crate) fn builtins(&self) -> PathBuf {
        self.root.join("lib/seqera").join(BUILTINS)
    }

    /// The emulator, beside it.
    pub(crate) fn emulator(&self) -> PathBuf {
        self.root.join("bin/seqera-emulator")
    }

    /// The directory of its programs.
    pub(crate) fn bin(&self) -> PathBuf {
        self.root.join("bin")
    }

    /// The directory of its plugins.
    pub(crate) fn plugins(&self) -> PathBuf {
        self.root.join("lib/seqera/plugins")
    }
}

/// Builds everything and lays it out under `target/stage/<debug|release>`.
///
/// The new layout is complete before it takes the place of the old one.
pub(crate) fn stage(release: bool) -> Outcome<Stage> {
    build(release)?;
    let profile = if release { "release" } else { "debug" };
    let built = target_directory().join(profile);
    let stages = target_directory().join("stage");
    let fresh = Stage { root: stages.join(format!(".new-{profile}")) };
    let _nothing_there = fs::remove_dir_all(&fresh.root);
    for dir in [fresh.bin(), fresh.plugins()] {
        fs::create_dir_all(&dir).map_err(|error| format!("cannot create {}: {error}", dir.display()))?;
    }
    for program in ["seqera", "seqera-emulator"] {
        copy(&built.join(program), &fresh.bin().join(program))?;
    }
    copy(&built.join(BUILTINS), &fresh.builtins())?;
    for plugin in PLUGINS {
        let library = built.join(format!("lib{}.so", plugin.replace('-', "_")));
        package(&fresh, &library)?;
    }
    write_digests(&fresh.plugins())?;

    let stage = Stage { root: stages.join(profile) };
    let _nothing_there = fs::remove_dir_all(&stage.root);
    fs::rename(&fresh.root, &stage.root)
        .map_err(|error| format!("cannot rename to {}: {error}", stage.root.display()))?;
    Ok(stage)
}

/// The emulator is built apart when size and speed count: cargo would give the plugins its server and its threads too,
/// because packages that are built together share the features of their dependencies.
fn build(release: bool) -> Outcome {
    let product = ["seqera"].iter().chain(PLUGINS).copied();
    let emulator = ["seqera-tests"];
    if release {
        cargo_build(product, true)?;
        cargo_build(emulator.into_iter(), true)
    } else {
        cargo_build(product.chain(emulator), false)
    }
}

fn cargo_build(packages: impl Iterator<Item = &'static str>, release: bool) -> Outcome {
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--quiet", "--bins", "--lib"]);
    for package in packages {
        command.args(["--package", package]);
    }
    if release {
        command.arg("--release");
    }
    run(command.current_dir(workspace()))
}

fn package(stage: &Stage, library: &Path) -> Outcome {
    let mut command = Command::new(stage.program());
    command.args(["plugin", "package"]).arg(library).arg("--into").arg(stage.plugins());
    let output = command.output().map_err(|error| format!("cannot start the staged program: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("cannot package {}: {}", library.display(), String::from_utf8_lossy(&output.stderr)))
}

/// Lists the digest of every bundled file, in the format of `sha256sum`: the host trusts what stands in this file.
pub(crate) fn write_digests(plugins: &Path) -> Outcome {
    let mut files = Vec::new();
    collect(plugins, &mut files)?;
    files.sort();
    let mut text = String::new();
    for file in files {
        let bytes = fs::read(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        let digest = sha256(&bytes);
        let name = file.strip_prefix(plugins).map_err(|error| error.to_string())?;
        text.push_str(&format!("{digest}  {}\n", name.display()));
    }
    let path = plugins.join("SHA256SUMS");
    fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Lower-case hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> Outcome {
    let listing = fs::read_dir(dir).map_err(|error| format!("cannot read {}: {error}", dir.display()))?;
    for item in listing.flatten() {
        let path = item.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.file_name().is_some_and(|name| name != "SHA256SUMS") {
            files.push(path);
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Outcome {
    fs::copy(from, to).map(drop).map_err(|error| format!("cannot copy {}: {error}", from.display()))
}

/// Runs a command to its end; a failure is an error.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let status =
        command.status().map_err(|error| format!("cannot start {:?}: {error}", command.get_program()))?;
    if status.success() { Ok(()) } else { Err(format!("{:?} ended with {status}", command.get_program())) }
}

/// The root of the workspace.
pub(crate) fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Where cargo builds.
pub(crate) fn target_directory() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}
