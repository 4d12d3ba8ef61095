//! Runs a shell text: in a session of its own, without input, watched to its end.

mod capture;
mod environment;
mod guard;
mod live;
mod plain;
mod tree;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use process_wrap::std::{CommandWrap, ProcessSession};

use self::capture::Capture;
pub(super) use self::environment::{Trust, environment};
use self::live::Live;
pub(super) use self::tree::Background;
use self::tree::{Adoption, Tree};
use super::Limits;
use crate::agent::ToolResult;
use crate::driver::Stop;
use crate::secrets::Secrets;

/// Where bash is looked for; never by `PATH`, and never the person's own shell.
const BASH: [&str; 6] = [
    "/bin/bash",
    "/usr/bin/bash",
    "/usr/local/bin/bash",
    "/opt/homebrew/bin/bash",
    "/run/current-system/sw/bin/bash",
    "/data/data/com.termux/files/usr/bin/bash",
];
/// The exit code of a command that took too long, as `timeout(1)` has it.
const TOO_LONG: i32 = 124;
/// How often a wish to stop is looked for.
const TICK: Duration = Duration::from_millis(25);
/// How long after its end a command's output may go on in silence: what it left in the background holds it open.
const QUIET: Duration = Duration::from_millis(100);
const DRAIN: Duration = Duration::from_secs(1);
/// One reading, in bytes, and how many wait at most.
const PIECE: usize = 64 * 1024;
const PIECES: usize = 8;

/// A text with everything it needs to run.
pub(super) struct Script<'a> {
    pub(super) text: &'a str,
    pub(super) directory: &'a Path,
    pub(super) environment: Vec<(std::ffi::OsString, std::ffi::OsString)>,
    /// Files for the whole output, when it is long: of both streams.
    pub(super) files: Option<(PathBuf, PathBuf)>,
    /// What is hidden in what is kept of the output.
    pub(super) secrets: Secrets,
}

/// Something that happened while a command ran.
enum Event {
    Printed(Stream, Vec<u8>),
    /// A stream has ended.
    Closed,
    Exited(std::io::Result<ExitStatus>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Stdout,
    Stderr,
}

/// Why it was watched no longer.
enum End {
    Exited(ExitStatus),
    TookTooLong,
    Stopped,
    Lost(std::io::Error),
}

/// Runs a text to its end, to its limit, or to the wish to stop; `output` is given what it prints and answers whether
/// somebody still listens.
pub(super) fn run(
    script: Script<'_>,
    limits: &Limits,
    background: &mut Background,
    output: &mut dyn FnMut(&str) -> bool,
    stop: &Stop,
) -> ToolResult {
    background.reap();
    let adoption = Adoption::begin();
    let started = bash().and_then(|bash| start(bash, &script, &background.guard.begin(bash)));
    let (id, events) = match started {
        Ok(started) => started,
        Err(reason) => {
            background.guard.end();
            return ToolResult::refused(reason);
        }
    };
    background.guard.is_running(id);
    let tree = Tree::of(id);
    let (stdout, stderr) = script.files.unzip();
    let mut watch = Watch {
        stdout: Capture::new(limits, stdout, script.secrets.clone()),
        stderr: Capture::new(limits, stderr, script.secrets),
        live: Live::new(),
        open: 2,
        exited: None,
    };
    let end = watch.follow(&events, limits.command_time, output, stop);
    let left = match end {
        End::Exited(_) => 0,
        _ => tree.end(),
    };
    if left > 0 || !matches!(end, End::Exited(_)) {
        watch.drain(&events);
    }
    drop(adoption);
    background.guard.end();
    if matches!(end, End::Exited(_)) {
        background.add(id);
    }
    if let Some(part) = watch.live.part(true) {
        output(&part);
    }
    watch.result(end, left, limits.command_time)
}

fn bash() -> Result<&'static str, String> {
    let bash = BASH.iter().find(|path| Path::new(path).exists()).copied();
    bash.ok_or_else(|| format!("there is no bash on this machine (looked for {})", BASH.join(", ")))
}

/// The process and what happens to it.
fn start(bash: &str, script: &Script<'_>, mark: &str) -> Result<(u32, Receiver<Event>), String> {
    let mut command = Command::new(bash);
    command
        .args(["--noprofile", "--norc", "-c", "--", script.text])
        .current_dir(script.directory)
        .env_clear()
        .envs(script.environment.iter().map(|(name, value)| (name, value)))
        .env(guard::MARK, mark)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let failed = |error: std::io::Error| {
        format!("the command cannot be started in {}: {error}", script.directory.display())
    };
    // A session has no terminal: nothing can ask a person behind our back.
    let mut child = CommandWrap::from(command).wrap(ProcessSession).spawn().map_err(failed)?;
    let (sender, events) = sync_channel(PIECES);
    if let Some(stdout) = child.stdout().take() {
        read(stdout, Stream::Stdout, sender.clone());
    }
    if let Some(stderr) = child.stderr().take() {
        read(stderr, Stream::Stderr, sender.clone());
    }
    let id = child.id();
    // The process itself: a group would be waited for until the last in the background has ended.
    let mut child = child.into_inner();
    thread("wait", move || {
        let _nobody_listens = sender.send(Event::Exited(child.wait()));
    });
    Ok((id, events))
}

/// Reads a stream to its end, also when nobody takes it any more: what runs on in the background is not ended by a
/// full pipe.
fn read(mut stream: impl Read + Send + 'static, name: Stream, sender: SyncSender<Event>) {
    thread("read", move || {
        let mut piece = vec![0; PIECE];
        let mut is_taken = true;
        loop {
            match stream.read(&mut piece) {
                Ok(count @ 1..) if is_taken => {
                    is_taken = sender.send(Event::Printed(name, piece[..count].to_vec())).is_ok();
                }
                Ok(1..) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                _ => break,
            }
        }
        let _nobody_listens = sender.send(Event::Closed);
    });
}

fn thread(name: &str, work: impl FnOnce() + Send + 'static) {
    let spawned = std::thread::Builder::new().name(format!("seqera-shell-{name}")).spawn(work);
    if let Err(error) = spawned {
        log::warn!("there is no thread for a command: {error}");
    }
}

struct Watch {
    stdout: Capture,
    stderr: Capture,
    live: Live,
    /// Streams that have not ended.
    open: usize,
    exited: Option<std::io::Result<ExitStatus>>,
}

impl Watch {
    fn follow(
        &mut self,
        events: &Receiver<Event>,
        most: Duration,
        output: &mut dyn FnMut(&str) -> bool,
        stop: &Stop,
    ) -> End {
        let started = Instant::now();
        let mut exited_at = None;
        let mut printed_at = started;
        loop {
            match events.recv_timeout(TICK) {
                Ok(event) => {
                    if matches!(event, Event::Printed(..)) {
                        printed_at = Instant::now();
                    }
                    self.take(event);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.ended(),
            }
            if self.exited.is_some() {
                let at = *exited_at.get_or_insert_with(Instant::now);
                let is_quiet = at.max(printed_at).elapsed() >= QUIET || at.elapsed() >= DRAIN;
                if self.open == 0 || is_quiet {
                    return self.ended();
                }
            }
            if let Some(part) = self.live.part(false)
                && !output(&part)
            {
                return End::Stopped;
            }
            if stop.is_wanted() {
                return End::Stopped;
            }
            if started.elapsed() >= most {
                return End::TookTooLong;
            }
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Printed(stream, piece) => {
                self.live.push(&piece);
                let capture = if stream == Stream::Stdout { &mut self.stdout } else { &mut self.stderr };
                capture.push(&piece);
            }
            Event::Closed => self.open = self.open.saturating_sub(1),
            Event::Exited(status) => self.exited = Some(status),
        }
    }

    /// What was printed before the end came.
    fn drain(&mut self, events: &Receiver<Event>) {
        let started = Instant::now();
        while (self.open > 0 || self.exited.is_none()) && started.elapsed() < QUIET {
            match events.recv_timeout(TICK) {
                Ok(event) => self.take(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn ended(&mut self) -> End {
        match self.exited.take() {
            Some(Ok(status)) => End::Exited(status),
            Some(Err(error)) => End::Lost(error),
            None => End::Lost(std::io::Error::other("nobody waited for it")),
        }
    }

    fn result(self, end: End, left: usize, most: Duration) -> ToolResult {
        let still_prints = matches!(end, End::Exited(_)) && self.open > 0;
        let (stdout, mut stderr) = (self.stdout.finish(), self.stderr.finish());
        let (exit_code, note) = match end {
            End::Exited(status) if still_prints => {
                (code(status), Some("what the command left in the background still runs".to_owned()))
            }
            End::Exited(status) => (code(status), None),
            End::TookTooLong => {
                let seconds = most.as_secs();
                (TOO_LONG, Some(format!("the command was ended with all it had started after {seconds} s")))
            }
            End::Stopped => (130, Some("the command was stopped".to_owned())),
            End::Lost(error) => (1, Some(format!("what came of the command is not known: {error}"))),
        };
        let notes = note.into_iter().chain(
            (left > 0).then(|| format!("{left} processes of somebody else that it had started still run")),
        );
        for note in notes {
            add_line(&mut stderr, &format!("[{note}]"));
        }
        ToolResult { stdout, stderr, exit_code }
    }
}

/// Adds a line of ours to what a command printed.
pub(super) fn add_line(text: &mut String, line: &str) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(line);
    text.push('\n');
}

/// The code of an end; by a signal, 128 and its number.
fn code(status: ExitStatus) -> i32 {
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    status.code().unwrap_or_else(|| 128 + signal.unwrap_or_default())
}

#[cfg(test)]
#[path = "shell_tests.rs"]
mod tests;
