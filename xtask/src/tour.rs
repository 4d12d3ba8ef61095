//! `cargo xtask try`: the real program and its plugins against the emulator, in a private HOME.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Outcome;
use crate::emulator::Emulator;
use crate::stage::{Stage, stage};

/// Runs a command line, or the tour without one; answers its exit code.
pub(crate) fn run(release: bool, command: &[OsString]) -> Outcome<u8> {
    let stage = stage(release)?;
    let emulator = Emulator::start(&stage.emulator(), &[])?;
    let home = tempfile::tempdir().map_err(|error| format!("cannot make a HOME: {error}"))?;
    let surroundings = Surroundings { stage: &stage, emulator: &emulator, home: home.path() };
    match command.split_first() {
        None => tour(&surroundings).map(|()| 0),
        Some((program, arguments)) => {
            sign_in(&surroundings, false)?;
            let status = surroundings.command(program).args(arguments).status();
            let status = status.map_err(|error| format!("cannot start {}: {error}", program.display()))?;
            Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
        }
    }
}

struct Surroundings<'a> {
    stage: &'a Stage,
    emulator: &'a Emulator,
    home: &'a Path,
}

impl Surroundings<'_> {
    /// A program that sees nothing of this machine but PATH and the terminal.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", format!("{}:{path}", self.stage.bin().display()))
            .env("HOME", self.home)
            .env("SEQERA_AI_BACKEND_URL", self.emulator.field("backend"))
            .env("SEQERA_AUTH_DOMAIN", self.emulator.field("auth_domain"))
            .env("SEQERA_PLATFORM_URL", self.emulator.field("backend"))
            .env("NO_PROXY", "127.0.0.1,localhost");
        for kept in ["TERM", "LANG", "NO_COLOR"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command
    }
}

/// Signs in, switches the organization, asks the assistant, signs out.
fn tour(surroundings: &Surroundings<'_>) -> Outcome {
    show("seqera login --no-browser");
    sign_in(surroundings, true)?;
    for arguments in [
        &["org", "list"] as &[&str],
        &["org", "switch", "Tutorial Lab"],
        &["org"],
        &["ai", "--headless", "What can you do?"],
        &["logout"],
    ] {
        show(&format!("seqera {}", arguments.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")));
        let status = surroundings.command(surroundings.stage.program()).args(arguments).status();
        let status = status.map_err(|error| format!("cannot start seqera: {error}"))?;
        if !status.success() {
            return Err(format!("seqera {} ended with {status}", arguments.join(" ")));
        }
    }
    Ok(())
}

fn show(line: &str) {
    let bold = std::io::IsTerminal::is_terminal(&std::io::stdout());
    let (on, off) = if bold { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    println!("\n{on}$ {line}{off}");
    let _nobody_reads = std::io::stdout().flush();
}

fn quoted(word: &str) -> String {
    if word.contains(' ') { format!("\"{word}\"") } else { word.to_owned() }
}

/// Runs `login --no-browser` and opens the address that it prints, as a person would.
fn sign_in(surroundings: &Surroundings<'_>, shown: bool) -> Outcome {
    let mut child = surroundings
        .command(surroundings.stage.program())
        .args(["login", "--no-browser"])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start seqera: {error}"))?;
    let stderr = child.stderr.take().ok_or("seqera has no standard error")?;
    let mut browser = None;
    let mut said = String::new();
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        if shown {
            eprintln!("{line}");
        }
        said.push_str(&line);
        said.push('\n');
        if let (None, Some(url)) = (&browser, line.split_whitespace().find(|word| word.starts_with("http"))) {
            let url = url.to_owned();
            browser = Some(std::thread::spawn(move || {
                let _the_page_is_for_people = ureq::get(&url).header("accept", "*/*").call();
            }));
        }
    }
    let status = child.wait().map_err(|error| format!("seqera login: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("seqera login ended with {status}:\n{said}")) }
}
