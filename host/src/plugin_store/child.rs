//! Runs a process that may hang, and keeps what it says.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a plugin may take for what needs no network and nobody's answer.
pub const LIMIT: Duration = Duration::from_secs(10);
/// More than any plugin has to say.
const MAX_OUTPUT: u64 = 16 << 20;

/// A process that ended.
pub struct Finished {
    /// How.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: String,
}

/// Where standard output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// To us.
    Listens,
    /// Into a pipe that nobody reads any more.
    IsGone,
}

/// Runs a command with nothing on its standard input; `None`: it took longer than [`LIMIT`] and was ended. Whoever makes
/// it the first of a process group has what it left behind ended too.
///
/// Output goes through files: a process that it left behind could keep a pipe open for ever.
///
/// # Errors
/// It cannot be started, or what it said cannot be read.
pub fn run(command: &mut Command, reader: Reader) -> io::Result<Option<Finished>> {
    let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let listener: Stdio = match reader {
        Reader::Listens => stdout.try_clone()?.into(),
        Reader::IsGone => io::pipe()?.1.into(),
    };
    let mut child = command.stdin(Stdio::null()).stdout(listener).stderr(stderr.try_clone()?).spawn()?;
    let ended = wait(&mut child);
    end_group(&child);
    let Some(status) = ended? else { return Ok(None) };
    let said = read(&mut stderr)?;
    Ok(Some(Finished {
        status,
        stdout: read(&mut stdout)?,
        stderr: String::from_utf8_lossy(&said).into_owned(),
    }))
}

fn wait(child: &mut std::process::Child) -> io::Result<Option<ExitStatus>> {
    let started = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() > LIMIT {
            end_group(child);
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Ends everything in the process group of a child, if it is the first of one.
#[cfg(unix)]
fn end_group(child: &std::process::Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _nobody_is_left = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(not(unix))]
fn end_group(_child: &std::process::Child) {}

fn read(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(MAX_OUTPUT).read_to_end(&mut bytes)?;
    Ok(bytes)
}
