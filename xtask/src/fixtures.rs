//! The fixture plugins of the suites: built, packaged by the staged program, and laid out one directory each.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use crate::stage::{Stage, run, target_directory, workspace};

/// Fixtures that are crates of the workspace.
const MEMBERS: &[&str] = &["fault", "fixture", "panics-at-load"];

/// Builds and packages all fixtures and answers the directory that holds them.
pub(crate) fn build(stage: &Stage) -> Outcome<PathBuf> {
    let root = target_directory().join("stage/fixtures");
    let _nothing_there = fs::remove_dir_all(&root);
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--quiet"]).current_dir(workspace());
    for member in MEMBERS {
        command.arg("--package").arg(format!("seqera-fixture-{member}"));
    }
    run(&mut command)?;
    let debug = target_directory().join("debug");
    for member in ["fault", "fixture"] {
        package(stage, &debug.join(format!("libseqera_fixture_{member}.so")), &root.join(member))?;
    }
    // It cannot be described: the suite writes its manifest by hand.
    copy(&debug.join("libseqera_fixture_panics_at_load.so"), &root.join("raw"))?;
    package(stage, &apart()?, &root.join("hello"))?;
    if let Some(library) = nightly_org()? {
        package(stage, &library, &root.join("org-nightly"))?;
    }
    Ok(root)
}

/// A plugin of somebody else, in a workspace of its own.
fn apart() -> Outcome<PathBuf> {
    let target = target_directory().join("apart");
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--quiet"]).env("CARGO_TARGET_DIR", &target);
    run(command.current_dir(workspace().join("tests/fixtures/apart/hello")))?;
    Ok(target.join("debug/libseqera_plugin_hello.so"))
}

/// `org`, made by another compiler; `None` where there is no nightly toolchain.
fn nightly_org() -> Outcome<Option<PathBuf>> {
    let toolchain = ["run", "nightly"];
    let has_nightly = Command::new("rustup")
        .args(toolchain)
        .args(["rustc", "--version"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !has_nightly {
        eprintln!("xtask: there is no nightly toolchain; the plugin of another compiler is not tested");
        return Ok(None);
    }
    let target = target_directory().join("nightly");
    let mut command = Command::new("rustup");
    command
        .args(toolchain)
        .args(["cargo", "build", "--quiet", "--package", "seqera-plugin-org"])
        .env("CARGO_TARGET_DIR", &target)
        // Cargo tells its children which compiler it is.
        .env_remove("RUSTC")
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO");
    run(command.current_dir(workspace()))?;
    Ok(Some(target.join("debug/libseqera_plugin_org.so")))
}

fn package(stage: &Stage, library: &Path, into: &Path) -> Outcome {
    let mut command = Command::new(stage.program());
    command.args(["plugin", "package"]).arg(library).arg("--into").arg(into);
    let output = command.output().map_err(|error| format!("cannot start the staged program: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("cannot package {}: {}", library.display(), String::from_utf8_lossy(&output.stderr)))
}

fn copy(library: &Path, into: &Path) -> Outcome {
    fs::create_dir_all(into).map_err(|error| format!("cannot create {}: {error}", into.display()))?;
    let name = library.file_name().ok_or("a library without a name")?;
    fs::copy(library, into.join(name))
        .map(drop)
        .map_err(|error| format!("cannot copy {}: {error}", library.display()))
}
