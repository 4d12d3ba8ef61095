//! `cargo xtask test`: stages the program once, then runs every test of the workspace against it.

use std::ffi::OsString;
use std::process::Command;

use crate::Outcome;
use crate::fixtures;
use crate::stage::{run as run_command, stage, workspace};

/// Runs the tests; nextest when it is there, else cargo's own runner.
pub(crate) fn run(filter: &[OsString]) -> Outcome<u8> {
    let stage = stage(false)?;
    let fixtures = fixtures::build(&stage)?;
    install_provider()?;
    let has_nextest = Command::new(env!("CARGO"))
        .args(["nextest", "--version"])
        .output()
        .is_ok_and(|output| output.status.success());
    let runner: &[&str] = if has_nextest { &["nextest", "run"] } else { &["test", "--quiet"] };
    let mut command = Command::new(env!("CARGO"));
    command
        .args(runner)
        .args(["--workspace", "--exclude", "xtask"])
        .args(filter)
        .env("SEQERA_TEST_STAGE", stage.root())
        .env("SEQERA_TEST_FIXTURES", fixtures)
        .current_dir(workspace());
    run_command(&mut command)?;
    if has_nextest && filter.is_empty() {
        // nextest runs no documentation tests.
        let mut docs = Command::new(env!("CARGO"));
        docs.args(["test", "--quiet", "--doc", "--package", "seqera-plugin-api"]).current_dir(workspace());
        docs.args(["--all-features"]);
        run_command(&mut docs)?;
    }
    if filter.is_empty() {
        fixtures::test_examples()?;
    }
    Ok(0)
}

/// The certified OpenID provider is a package of npm; it is installed once.
fn install_provider() -> Outcome {
    let provider = workspace().join("tests/peers/oidc");
    if provider.join("node_modules").exists() {
        return Ok(());
    }
    let mut command = Command::new("npm");
    command.args(["install", "--no-audit", "--no-fund", "--silent"]).current_dir(&provider);
    run_command(&mut command).map_err(|problem| format!("{problem}; the tests need node 20 and npm"))
}
