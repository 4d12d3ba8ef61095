//! Where the program under test and the fixture plugins are. They are built once, by `cargo xtask test`, or here when
//! a suite is run without it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The staged installation of the program: `bin/seqera`, `lib/seqera/plugins`.
///
/// # Panics
/// When it cannot be built.
pub fn installation() -> &'static Path {
    &staged().0
}

/// The packaged fixture plugins: `<fixture>/<name>/<version>`.
///
/// # Panics
/// When they cannot be built.
pub fn fixtures() -> &'static Path {
    &staged().1
}

#[allow(clippy::expect_used, reason = "a test that has nothing to run has to stop")]
fn staged() -> &'static (PathBuf, PathBuf) {
    static STAGED: OnceLock<(PathBuf, PathBuf)> = OnceLock::new();
    STAGED.get_or_init(|| {
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        if let (Some(stage), Some(fixtures)) =
            (variable("SEQERA_TEST_STAGE"), variable("SEQERA_TEST_FIXTURES"))
        {
            return (stage, fixtures);
        }
        let workspace =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace");
        let status = Command::new(env!("CARGO"))
            .args(["xtask", "stage", "--fixtures"])
            .current_dir(workspace)
            .status()
            .expect("cargo can be started");
        assert!(status.success(), "cargo xtask stage --fixtures ended with {status}");
        let target = variable("CARGO_TARGET_DIR").unwrap_or_else(|| workspace.join("target"));
        (target.join("stage/debug"), target.join("stage/fixtures"))
    })
}
