//! Asks a library what it is, in a child process: loading it runs its code, which must neither see our environment
//! nor be able to take us along when it crashes or hangs.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use seqera_plugin_abi::description::{DESCRIPTION_FORMAT, Description};

/// How long a library may take to say what it is.
const LIMIT: Duration = Duration::from_secs(10);
/// More than any description needs.
const MAX_OUTPUT: u64 = 16 << 20;
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
        return Err(child.reason());
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

struct Child {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: String,
}

impl Child {
    /// The first reason that it printed, else how it ended.
    fn reason(&self) -> String {
        let said = &self.stderr;
        let reason =
            said.lines().find_map(|line| line.trim().strip_prefix("because ")).unwrap_or(said.trim());
        match reason.lines().next() {
            Some(line) if !line.is_empty() && self.status.code().is_some() => line.to_owned(),
            _ => format!("it ended the process that loaded it ({})", self.status),
        }
    }
}

/// Standard output goes through files: a process that the library left behind could keep a pipe open for ever.
fn run(library: &Path, variable: Option<(&str, &str)>) -> Result<Child, String> {
    let failed = |error: io::Error| format!("it cannot be asked what it is: {error}");
    let library = std::path::absolute(library).map_err(failed)?;
    let program = std::env::current_exe().map_err(failed)?;
    let directory = tempfile::tempdir().map_err(failed)?;
    let (mut stdout, mut stderr) =
        (tempfile::tempfile().map_err(failed)?, tempfile::tempfile().map_err(failed)?);
    let mut child = Command::new(program)
        .arg(crate::builtin::describe::COMMAND)
        .arg(library)
        .env_clear()
        .envs(variable)
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .stdout(stdout.try_clone().map_err(failed)?)
        .stderr(stderr.try_clone().map_err(failed)?)
        .spawn()
        .map_err(failed)?;
    let status = wait(&mut child).map_err(failed)?;
    let Some(status) = status else {
        return Err(format!("it did not say what it is within {} s", LIMIT.as_secs()));
    };
    let said = read(&mut stderr).map_err(failed)?;
    Ok(Child {
        status,
        stdout: read(&mut stdout).map_err(failed)?,
        stderr: String::from_utf8_lossy(&said).into_owned(),
    })
}

/// `None`: it took too long and was ended.
fn wait(child: &mut std::process::Child) -> io::Result<Option<ExitStatus>> {
    let started = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() > LIMIT {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

fn read(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(MAX_OUTPUT).read_to_end(&mut bytes)?;
    Ok(bytes)
}
