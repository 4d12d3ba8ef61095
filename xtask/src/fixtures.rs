//! The fixture plugins of the suites: built, packaged by the staged program, and laid out one directory each.
//!
//! `raw/` holds libraries that cannot be packaged, for the suites to put in the place of good ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use crate::stage::{BUILTINS, Stage, run, target_directory, workspace};
use crate::variants::{self, ABI, Shape, Variant};

/// Fixtures that are crates of the workspace, with the SDK.
const WITH_SDK: &[&str] = &["careless", "fault", "fixture"];
/// Those without it, built apart from the others so that their few dependencies are built once for all shapes.
const WITHOUT_SDK: &[&str] = &["bare", "panics-at-load", "skew-consumer", "skew-provider"];

/// Builds and packages all fixtures and answers the directory that holds them.
pub(crate) fn build(stage: &Stage) -> Outcome<PathBuf> {
    let root = target_directory().join("stage/fixtures");
    let _nothing_there = fs::remove_dir_all(&root);
    build_members(WITH_SDK)?;
    build_members(WITHOUT_SDK)?;
    for member in ["careless", "fault", "fixture", "bare", "skew-consumer", "skew-provider"] {
        package(stage, &built(member), &root.join(member))?;
    }
    // It cannot be described: the suite writes its manifest by hand.
    copy(&built("panics-at-load"), &root.join("raw"), "panics-at-load")?;
    other_builds(stage, &root)?;
    other_contracts(stage, &root)?;
    for (name, place, crate_name) in APART {
        package(stage, &apart(place, crate_name)?, &root.join(name))?;
    }
    golden(&root.join("golden"))?;
    if let Some(library) = nightly_org()? {
        package(stage, &library, &root.join("org-nightly"))?;
    }
    Ok(root)
}

fn build_members(members: &[&str]) -> Outcome {
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--quiet"]).current_dir(workspace());
    for member in members {
        command.arg("--package").arg(format!("seqera-fixture-{member}"));
    }
    run(&mut command)
}

/// Where cargo lays the library of a fixture.
fn built(member: &str) -> PathBuf {
    target_directory().join(format!("debug/libseqera_fixture_{}.so", member.replace('-', "_")))
}

const BARE: &str = "tests/fixtures/plugins/bare";
const FIXTURE: &str = "tests/fixtures/plugins/fixture";
const PROVIDER: &str = "tests/fixtures/plugins/skew-provider";
const CONSUMER: &str = "tests/fixtures/plugins/skew-consumer";

/// Plugins of the same source, built otherwise.
fn other_builds(stage: &Stage, root: &Path) -> Outcome {
    let built_as = |name| Shape { name, edits: &[] };
    // Misbehaving from birth, where no variable can reach: probes see an empty environment.
    for fault in ["hangs-at-load", "exits-at-describe", "fills-the-disk-at-load"] {
        let library = Variant::new(&built_as(fault), &[BARE])?.library("bare", &[fault])?;
        copy(&library, &root.join("raw"), fault)?;
    }
    let library = Variant::new(&built_as("panic-abort"), &[BARE])?.library_that_aborts("bare")?;
    copy(&library, &root.join("raw"), "panic-abort")?;
    let other = "other-allocator";
    package(
        stage,
        &Variant::new(&built_as(other), &[FIXTURE])?.library("fixture", &[other])?,
        &root.join(other),
    )
}

/// Plugins, and the host, built against other shapes of the contract.
fn other_contracts(stage: &Stage, root: &Path) -> Outcome {
    for shape in [variants::REORDERED, variants::RETYPED, variants::MAJOR] {
        let library = Variant::new(&shape, &[ABI, BARE])?.library("bare", &[])?;
        copy(&library, &root.join("raw"), shape.name)?;
    }
    let library = Variant::new(&variants::FORK, &[ABI, CONSUMER])?.library("skew-consumer", &[])?;
    copy(&library, &root.join("raw"), "fork-consumer")?;

    let next = Variant::new(&variants::NEXT, &[ABI, PROVIDER, CONSUMER, "host"])?;
    next.build("seqera", &[])?;
    let installation = target_directory().join("stage/next/bin");
    fs::create_dir_all(&installation).map_err(|error| format!("{}: {error}", installation.display()))?;
    for program in ["seqera", BUILTINS] {
        let built = target_directory().join(format!("debug/{program}-next"));
        fs::copy(&built, installation.join(program))
            .map_err(|error| format!("{}: {error}", built.display()))?;
    }
    for member in ["skew-provider", "skew-consumer"] {
        package(stage, &next.library(member, &["next"])?, &root.join(format!("{member}-next")))?;
    }
    Ok(())
}

/// Plugins of somebody else: their names, where their workspaces lie, their crates.
const APART: &[(&str, &str, &str)] = &[
    ("hello", "tests/fixtures/apart/hello", "seqera-plugin-hello"),
    ("credits", "plugin-api/examples", "acme-credits"),
    ("gate", "plugin-api/examples", "acme-gate"),
];

/// Builds one of them as its lock file says, in a target directory that they share.
fn apart(place: &str, package: &str) -> Outcome<PathBuf> {
    let target = target_directory().join("apart");
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--quiet", "--locked", "--package", package]).env("CARGO_TARGET_DIR", &target);
    run(command.current_dir(workspace().join(place)))?;
    Ok(target.join(format!("debug/lib{}.so", package.replace('-', "_"))))
}

/// Runs the unit tests of the examples.
pub(crate) fn test_examples() -> Outcome {
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--quiet", "--locked"]).env("CARGO_TARGET_DIR", target_directory().join("apart"));
    run(command.current_dir(workspace().join("plugin-api/examples")))
}

/// `org`, made by another compiler that lays out everything it may in another way; `None` where there is no nightly
/// toolchain.
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
        .env("RUSTFLAGS", "-Z randomize-layout -Z layout-seed=20")
        // Cargo tells its children which compiler it is.
        .env_remove("RUSTC")
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO");
    run(command.current_dir(workspace()))?;
    Ok(Some(target.join("debug/libseqera_plugin_org.so")))
}

/// The plugins that are kept for ever (`cargo xtask golden`), as they are installed: `<state>/<plugin>`.
fn golden(root: &Path) -> Outcome {
    for archive in variants::files(&workspace().join("tests/golden"))? {
        if archive.extension().is_none_or(|extension| extension != "gz") {
            continue;
        }
        let (state, file) = (archive.parent().and_then(Path::file_name), archive.file_name());
        let (Some(state), Some(file)) = (state, file.and_then(|file| file.to_str())) else { continue };
        let plugin = file.trim_end_matches(".tar.gz");
        let fresh = root.join(".new");
        fs::create_dir_all(&fresh).map_err(|error| format!("{}: {error}", fresh.display()))?;
        run(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(&fresh))?;
        let text = fs::read_to_string(fresh.join("plugin.toml")).map_err(|error| error.to_string())?;
        let manifest: toml::Table =
            text.parse().map_err(|error| format!("{}: {error}", archive.display()))?;
        let version = manifest.get("plugin").and_then(|plugin| plugin.get("version")?.as_str());
        let place = root.join(state).join(plugin).join(plugin).join(version.unwrap_or_default());
        fs::create_dir_all(place.parent().unwrap_or(root)).map_err(|error| error.to_string())?;
        fs::rename(&fresh, &place).map_err(|error| format!("{}: {error}", place.display()))?;
    }
    Ok(())
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

/// Copies a library as `lib<name>.so`.
fn copy(library: &Path, into: &Path, name: &str) -> Outcome {
    fs::create_dir_all(into).map_err(|error| format!("cannot create {}: {error}", into.display()))?;
    fs::copy(library, into.join(format!("lib{name}.so")))
        .map(drop)
        .map_err(|error| format!("cannot copy {}: {error}", library.display()))
}
