//! Asks a library what it is, in a child process: loading it runs its code, which must neither see our environment
//! nor be able to take us along when it crashes or hangs.

use std::io;
use std::path::Path;
use std::process::Command;

use seqera_plugin_abi::description::{DESCRIPTION_FORMAT, Description};

use super::child::{self, Finished, LIMIT, Reader};

/// Tells the SDK in the library to panic inside its fence.
const SELF_TEST: &str = "SEQERA_PLUGIN_SELF_TEST";
/// What `__describe` ends with when the fence held.
const CRASHED: i32 = 70;

/// Whether a plugin survives its own panics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fence {
    /// A panic became an error.
    Holds,
    /// Its SDK is older than the test.
    Untested,
}

/// What a library says about itself.
///
/// # Errors
/// One line that says why it says nothing, or nothing that makes sense.
pub fn describe(library: &Path) -> Result<Description, String> {
    let child = run(library, None)?;
    if !child.status.success() {
        return Err(reason(&child));
    }
    let description: Description = serde_json::from_slice(&child.stdout)
        .map_err(|error| format!("its description is wrong: {error}"))?;
    if description.format > DESCRIPTION_FORMAT {
        return Err("its description is of a newer format: a newer seqera is needed".to_owned());
    }
    Ok(description)
}

/// Lets the library panic once.
///
/// # Errors
/// One line: a panic of this plugin would end the whole process.
pub fn panic_fence(library: &Path) -> Result<Fence, String> {
    let child = run(library, Some((SELF_TEST, "panic")))?;
    match child.status.code() {
        Some(CRASHED) => Ok(Fence::Holds),
        Some(0) => Ok(Fence::Untested),
        _ => Err(format!(
            "a panic in it would end the whole process ({}): it has to be built with panic = \"unwind\"",
            child.status
        )),
    }
}

/// The first reason that it printed, else how it ended.
fn reason(child: &Finished) -> String {
    let said = &child.stderr;
    let reason = said.lines().find_map(|line| line.trim().strip_prefix("because ")).unwrap_or(said.trim());
    match reason.lines().next() {
        Some(line) if !line.is_empty() && child.status.code().is_some() => line.to_owned(),
        _ => format!("it ended the process that loaded it ({})", child.status),
    }
}

fn run(library: &Path, variable: Option<(&str, &str)>) -> Result<Finished, String> {
    let failed = |error: io::Error| format!("it cannot be asked what it is: {error}");
    let library = std::path::absolute(library).map_err(failed)?;
    let program = std::env::current_exe().map_err(failed)?;
    let directory = tempfile::tempdir().map_err(failed)?;
    let mut command = Command::new(program);
    command
        .arg(crate::builtin::describe::COMMAND)
        .arg(library)
        .env_clear()
        .envs(variable)
        .current_dir(directory.path());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    child::run(&mut command, Reader::Listens)
        .map_err(failed)?
        .ok_or_else(|| format!("it did not say what it is within {} s", LIMIT.as_secs()))
}
