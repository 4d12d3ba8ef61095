//! The staged program in a private HOME, signed in against an emulator.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

use crate::Outcome;
use crate::emulator::Emulator;
use crate::stage::Stage;

/// A program, the Platform it talks to, and a HOME.
pub(crate) struct Surroundings<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) emulator: &'a Emulator,
    pub(crate) home: &'a Path,
}

impl Surroundings<'_> {
    /// A program that sees nothing of this machine but PATH and the terminal.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", format!("{}:{path}", self.stage.bin().display()))
            .env("HOME", self.home)
            .env("SEQERA_AI_BACKEND_URL", self.emulator.field("backend"))
            .env("SEQERA_AUTH_DOMAIN", self.emulator.field("auth_domain"))
            .env("SEQERA_PLATFORM_URL", self.emulator.field("backend"))
            // The keychain of whoever runs this is not ours.
            .env("SEQERA_NO_KEYCHAIN", "true")
            .env("NO_PROXY", "127.0.0.1,localhost");
        if let Some(authority) = self.emulator.authority() {
            command.env("SSL_CERT_FILE", authority);
        }
        for kept in ["TERM", "LANG", "NO_COLOR"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command
    }

    /// The staged program.
    pub(crate) fn seqera(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(self.stage.program());
        command.args(arguments);
        command
    }

    /// Runs `login --no-browser` and opens the address that it prints, as a person would.
    pub(crate) fn sign_in(&self, shown: bool) -> Outcome {
        let mut child = self
            .seqera(&["login", "--no-browser"])
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
            if let (None, Some(url)) =
                (&browser, line.split_whitespace().find(|word| word.starts_with("http")))
            {
                browser = Some(visit(url.to_owned(), self.emulator.authority().map(Path::to_owned)));
            }
        }
        let status = child.wait().map_err(|error| format!("seqera login: {error}"))?;
        if let Some(browser) = browser {
            let _panicked = browser.join();
        }
        if status.success() { Ok(()) } else { Err(format!("seqera login ended with {status}:\n{said}")) }
    }
}

/// Opens a page and follows where it leads, in the background.
fn visit(url: String, authority: Option<PathBuf>) -> JoinHandle<()> {
    std::thread::spawn(move || match authority {
        // The page is for people: what it says is of no interest here.
        None => drop(ureq::get(&url).header("accept", "*/*").call()),
        Some(authority) => {
            let mut curl = Command::new("curl");
            curl.args(["--silent", "--location", "--output", "/dev/null", "--cacert"]).arg(authority);
            drop(curl.arg(url).status());
        }
    })
}
