//! `cargo xtask fuzz`: the readers of untrusted bytes (`tests/fuzz`), and the assistant's reading of shell text against
//! bash. `cargo xtask test` runs a little of both, always the same.

use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::Outcome;
use crate::stage::{run as run_command, workspace};

/// The target that compares with bash.
const SHELL: &str = "shell";

/// Runs one target, or all of them, each for this long.
pub(crate) fn run(target: Option<&str>, seconds: u64) -> Outcome {
    if target != Some(SHELL) {
        let mut command = cargo(&["run", "--quiet", "--package", "seqera-fuzz", "--"]);
        run_command(command.args(target).args(["--seconds", &seconds.to_string()]))?;
    }
    if target.is_none_or(|target| target == SHELL) {
        shell(Duration::from_secs(seconds))?;
    }
    Ok(())
}

/// The differential tests of the approval engine, again and again with other random numbers.
fn shell(time: Duration) -> Outcome {
    let end = Instant::now() + time;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?;
    for seed in now.as_secs().. {
        let mut command = cargo(&["test", "--quiet", "--package", "seqera-ai-approval"]);
        command.args(["--test", "shell_reading", "--test", "workspace_property"]);
        command.args(["--", "--nocapture"]).env("SEQERA_FUZZ_SEED", seed.to_string());
        run_command(&mut command)
            .map_err(|problem| format!("{problem}; again with SEQERA_FUZZ_SEED={seed}"))?;
        if Instant::now() >= end {
            println!("{SHELL}: up to seed {seed}");
            break;
        }
    }
    Ok(())
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(workspace());
    command
}
