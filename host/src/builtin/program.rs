//! The second program of the installation, which has the built-in commands.
//!
//! Installing, packaging, checking and completing need a parser of command lines, archives, signatures and more. A
//! command of a plugin needs none of that, and it is what people wait for: so the host has no code of theirs, and gives
//! its place to this program when one of them is meant.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use crate::error::{Code, Error, Result};

const NAME: &str = "seqera-builtins";

/// Runs the built-in command of this command line in place of this process; comes back only where that cannot be done.
///
/// # Errors
/// The program is not there.
pub fn become_it(arguments: &[OsString]) -> Result<u8> {
    let path = find()?;
    let mut command = Command::new(&path);
    command.args(arguments);
    let error = match start(&mut command) {
        Ok(code) => return Ok(code),
        Err(error) => error,
    };
    Err(incomplete().because(format!("cannot run {}: {error}", path.display())))
}

/// `<exe>/../../lib/seqera`, as it is installed, or beside this program, as it is built.
fn find() -> Result<PathBuf> {
    let program = std::env::current_exe().map_err(|error| incomplete().because(error.to_string()))?;
    let program = program.canonicalize().unwrap_or(program);
    let file = format!("{NAME}{}", std::env::consts::EXE_SUFFIX);
    let dir = program.parent().unwrap_or(&program);
    let installed = dir.parent().unwrap_or(dir).join("lib/seqera").join(&file);
    let beside = dir.join(&file);
    [&installed, &beside]
        .into_iter()
        .find(|path| path.is_file())
        .cloned()
        .ok_or_else(|| incomplete().because(format!("there is no {}", installed.display())))
}

fn incomplete() -> Error {
    Error::new(Code::CannotLoad, "this installation of seqera is incomplete").hint("Install seqera again.")
}

/// The same process goes on as that program: signals, the terminal and the exit code need nobody in between.
#[cfg(unix)]
fn start(command: &mut Command) -> std::io::Result<u8> {
    use std::os::unix::process::CommandExt;
    Err(command.arg0("seqera").exec())
}

#[cfg(not(unix))]
fn start(command: &mut Command) -> std::io::Result<u8> {
    let status = command.status()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
