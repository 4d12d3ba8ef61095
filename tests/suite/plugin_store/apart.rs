//! Plugins that a team builds, apart from this workspace.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use seqera_tests::sandbox::{Run, copy_tree, finished};
use seqera_tests::stage;

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// That of the examples: the SDK and clap are built there already.
pub(crate) fn target() -> PathBuf {
    stage::fixtures().parent().and_then(Path::parent).unwrap().join("apart")
}

/// Cargo of this machine, in a directory, with what the examples were built with and nothing of the network; the staged
/// program is on PATH.
pub(super) fn cargo(directory: &Path, arguments: &[&str]) -> Run {
    let bin = stage::installation().join("bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path))).unwrap();
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(directory).env("PATH", path).env_remove("SEQERA");
    command.env("CARGO_TARGET_DIR", target()).env("CARGO_NET_OFFLINE", "true").env("CARGO_INCREMENTAL", "0");
    let output = command.output().unwrap();
    finished(output.status, &output.stdout, &output.stderr)
}

/// Builds the next version of the example `credits` in a copy of its workspace, and answers its library.
pub(super) fn next_credits(into: &Path, version: &str) -> PathBuf {
    let edit = |file: &str, edits: &[(&str, &str)]| {
        let path = into.join(file);
        let mut text = fs::read_to_string(&path).unwrap();
        for (from, to) in edits {
            assert!(text.contains(from), "{file}: {from}");
            text = text.replace(from, to);
        }
        fs::write(path, text).unwrap();
    };
    let examples = repository().join("plugin-api/examples");
    fs::create_dir_all(into).unwrap();
    for file in ["Cargo.toml", "Cargo.lock"] {
        fs::copy(examples.join(file), into.join(file)).unwrap();
    }
    copy_tree(&examples.join("credits"), &into.join("credits"));
    let sdk = repository().join("plugin-api").display().to_string();
    let (version, sdk) = (format!("version = \"{version}\""), format!("path = {sdk:?}"));
    let alone = ("members = [\"credits\", \"gate\"]", "members = [\"credits\"]");
    edit("Cargo.toml", &[("version = \"1.0.0\"", &version), ("path = \"..\"", &sdk), alone]);
    // Under the same name its library would take the place of the first one.
    edit("credits/Cargo.toml", &[("name = \"acme-credits\"", "name = \"acme-credits-next\"")]);
    edit("credits/src/balance.rs", &[("credits left", "credits are left")]);
    let _built = cargo(into, &["build", "--quiet"]).success();
    target().join("debug/libacme_credits_next.so")
}
