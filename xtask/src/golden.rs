//! `cargo xtask golden`: plugins as a commit builds and packages them, kept under `tests/golden` for ever. What was built
//! against an earlier state of the contract has to go on working; its source of today cannot show that.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use toml::Table;

use crate::Outcome;
use crate::stage::{run as run_command, target_directory, workspace};
use crate::variants::ABI;

/// The plugins that are kept: one of the product, a token provider with the SDK, a provider and a consumer without. A
/// commit that is older than one of them has the others.
const PLUGINS: &[(&str, &str)] = &[
    ("plugins/org", "seqera-plugin-org"),
    ("tests/fixtures/plugins/fixture", "seqera-fixture-fixture"),
    ("tests/fixtures/plugins/skew-provider", "seqera-fixture-skew-provider"),
    ("tests/fixtures/plugins/skew-consumer", "seqera-fixture-skew-consumer"),
];

/// The layout of the contract, beside the crate that has it.
const LAYOUT: &str = "snapshots/layout.snap";

/// The state of a commit: its packages, and the layout of the contract that they were built against.
pub(crate) fn run(commit: &str) -> Outcome {
    let commit = git(&["rev-parse", "--short=7", &format!("{commit}^{{commit}}")])?;
    let place = target_directory().join("golden");
    let source = place.join(&commit);
    check_out(&commit, &source)?;
    let plugins: Vec<_> = PLUGINS.iter().filter(|(path, _)| source.join(path).exists()).collect();
    let build = place.join("build");
    let crates: Vec<&str> = plugins.iter().map(|(_, name)| *name).collect();
    build_crates(&source, &build, &crates)?;

    let state = workspace().join("tests/golden").join(format!("{}-{commit}", abi_version(&source)?));
    let _nothing_there = fs::remove_dir_all(&state);
    create(&state)?;
    for name in crates {
        package(&build, name, &state)?;
    }
    let layout = source.join(ABI).join(LAYOUT);
    fs::copy(&layout, state.join("layout.snap")).map_err(|error| format!("{}: {error}", layout.display()))?;
    println!("{}", state.display());
    Ok(())
}

fn git(arguments: &[&str]) -> Outcome<String> {
    let output = Command::new("git").args(arguments).current_dir(workspace()).output();
    let output = output.map_err(|error| format!("cannot start git: {error}"))?;
    if !output.status.success() {
        return Err(format!("git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The files of a commit.
fn check_out(commit: &str, into: &Path) -> Outcome {
    let _nothing_there = fs::remove_dir_all(into);
    create(into)?;
    let mut archive = Command::new("git")
        .args(["archive", commit])
        .current_dir(workspace())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start git: {error}"))?;
    let pipe = archive.stdout.take().ok_or("git has no output")?;
    run_command(Command::new("tar").arg("-x").arg("-C").arg(into).stdin(pipe))?;
    let status = archive.wait().map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("git archive ended with {status}")) }
}

/// Builds the host of that time, which makes the manifests, and the plugins: small, and without a word about this
/// machine.
fn build_crates(source: &Path, build: &Path, crates: &[&str]) -> Outcome {
    let home = |variable: &str, default: &str| {
        std::env::var_os(variable).map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(default)))
    };
    let cargo_home = home("CARGO_HOME", ".cargo").ok_or("there is no home directory")?;
    let flags = format!(
        "--remap-path-prefix={}=cargo --remap-path-prefix={}=seqera",
        cargo_home.display(),
        source.display()
    );
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--quiet", "--release", "--locked", "--package", "seqera"]);
    for name in crates {
        command.args(["--package", name]);
    }
    command.env("CARGO_TARGET_DIR", build).env("RUSTFLAGS", flags);
    run_command(command.current_dir(source))
}

/// One archive of a plugin, as `plugin install` takes it.
fn package(build: &Path, name: &str, state: &Path) -> Outcome {
    let release = build.join("release");
    let dir = tempfile::tempdir().map_err(|error| format!("no temporary directory: {error}"))?;
    let mut command = Command::new(release.join("seqera"));
    command.args(["plugin", "package"]).arg(release.join(format!("lib{}.so", name.replace('-', "_"))));
    run_command(command.arg("--into").arg(dir.path()).stdout(Stdio::null()))?;
    let version = only_entry(&only_entry(dir.path())?)?;
    let plugin = version.parent().and_then(Path::file_name).ok_or("it has no name")?;
    let mut files: Vec<_> =
        listed(&version)?.iter().filter_map(|path| Some(path.file_name()?.to_owned())).collect();
    files.sort();
    let archive = state.join(plugin).with_extension("tar.gz");
    let mut command = Command::new("tar");
    command.args(["--mtime=@0", "--owner=0", "--group=0", "--use-compress-program=gzip -9n", "-cf"]);
    run_command(command.arg(archive).arg("-C").arg(version).args(files))
}

fn abi_version(source: &Path) -> Outcome<String> {
    let path = source.join(ABI).join("Cargo.toml");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let table: Table = toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let version = table.get("package").and_then(|package| package.get("version")?.as_str());
    let version = version.ok_or_else(|| format!("{} has no version", path.display()))?;
    let mut parts = version.split('.');
    match (parts.next(), parts.next()) {
        (Some(major), Some(minor)) => Ok(format!("{major}.{minor}")),
        _ => Err(format!("{version} is no version")),
    }
}

fn only_entry(dir: &Path) -> Outcome<PathBuf> {
    listed(dir)?.pop().ok_or_else(|| format!("{} is empty", dir.display()))
}

fn listed(dir: &Path) -> Outcome<Vec<PathBuf>> {
    let items = fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    Ok(items.flatten().map(|item| item.path()).collect())
}

fn create(dir: &Path) -> Outcome {
    fs::create_dir_all(dir).map_err(|error| format!("cannot create {}: {error}", dir.display()))
}
