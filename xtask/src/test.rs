//! `cargo xtask test`: stages the program once, then runs every test of the workspace against it.

use std::ffi::OsString;
use std::process::Command;

use crate::Outcome;
use crate::stage::{run as run_command, stage, target_directory, workspace};

/// Runs the tests; nextest when it is there, else cargo's own runner.
pub(crate) fn run(filter: &[OsString]) -> Outcome<u8> {
    stage(false)?;
    let staged = target_directory().join("stage/debug");
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
        .env("SEQERA_TEST_STAGE", staged)
        .current_dir(workspace());
    run_command(&mut command)?;
    if has_nextest && filter.is_empty() {
        // nextest runs no documentation tests.
        let mut docs = Command::new(env!("CARGO"));
        docs.args(["test", "--quiet", "--doc", "--package", "seqera-plugin-api"]).current_dir(workspace());
        docs.args(["--all-features"]);
        run_command(&mut docs)?;
    }
    Ok(0)
}
