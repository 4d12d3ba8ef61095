//! `cargo xtask try`: the real program and its plugins against the emulator, in a private HOME.

use std::ffi::OsString;
use std::io::Write;

use crate::Outcome;
use crate::emulator::Emulator;
use crate::sign_in::Surroundings;
use crate::stage::stage;

/// Runs a command line, or the tour without one; answers its exit code.
pub(crate) fn run(release: bool, command: &[OsString]) -> Outcome<u8> {
    let stage = stage(release)?;
    let emulator = Emulator::start(&stage.emulator(), &[], None)?;
    let home = tempfile::tempdir().map_err(|error| format!("cannot make a HOME: {error}"))?;
    let surroundings = Surroundings { stage: &stage, emulator: &emulator, home: home.path() };
    match command.split_first() {
        None => tour(&surroundings).map(|()| 0),
        Some((program, arguments)) => {
            surroundings.sign_in(false)?;
            let status = surroundings.command(program).args(arguments).status();
            let status = status.map_err(|error| format!("cannot start {}: {error}", program.display()))?;
            Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
        }
    }
}

/// Signs in, switches the organization, asks the assistant, signs out.
fn tour(surroundings: &Surroundings<'_>) -> Outcome {
    show("seqera login --no-browser");
    surroundings.sign_in(true)?;
    for arguments in [
        &["org", "list"] as &[&str],
        &["org", "switch", "Tutorial Lab"],
        &["org"],
        &["ai", "--headless", "What can you do?"],
        &["logout"],
    ] {
        show(&format!("seqera {}", arguments.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")));
        let status = surroundings.seqera(arguments).status();
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
