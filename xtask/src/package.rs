//! `cargo xtask package`: the plugins that come with the program, as packages: a pin on one outlives an upgrade of the
//! program.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use crate::stage::{PLUGINS, run, stage, target_directory};

/// What the index of the packages is called.
const INDEX: &str = "seqera";

/// Stages the program and writes one archive for each of its plugins into `output`; with a key they are signed, and an
/// index of them is signed too.
pub(crate) fn package(release: bool, output: &Path, key: Option<&PathBuf>) -> Outcome {
    let stage = stage(release)?;
    let built = target_directory().join(if release { "release" } else { "debug" });
    for plugin in PLUGINS {
        let mut command = Command::new(stage.program());
        command.args(["plugin", "package"]).arg(built.join(format!("lib{}.so", plugin.replace('-', "_"))));
        command.arg("--output").arg(output);
        if let Some(key) = key {
            command.arg("--sign").arg(key);
        }
        run(&mut command)?;
    }
    let Some(key) = key else { return Ok(()) };
    run(Command::new(stage.program())
        .args(["plugin", "index"])
        .arg(output)
        .args(["--name", INDEX, "--sign"])
        .arg(key))
}
