//! The tools of the assistant: what a round trip costs besides the command itself.

use std::process::Command;

use serde_json::{Value, json};

use super::measure::{Cost, cost, in_turn, wall};
use super::report::Report;
use super::world::World;
use crate::Outcome;
use crate::stage::workspace;

const ROUNDS: usize = 10;
const CALLS: usize = 50;
/// On the list of what runs without asking, and done at once.
const COMMAND: &str = "pwd";

/// The slowest of ordinary commands, as the test of the engine measures it.
pub(crate) fn decision(report: &mut Report) -> Outcome {
    let arguments = [
        "test",
        "--release",
        "--quiet",
        "--package",
        "seqera-ai-approval",
        "--test",
        "speed",
        "--",
        "--nocapture",
    ];
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(workspace()).output();
    let output = output.map_err(|error| format!("cannot start cargo: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let slowest = microseconds(&said).filter(|_| output.status.success());
    let slowest = slowest.ok_or_else(|| format!("the engine of approvals was not measured:\n{said}"))?;
    report.soft("decision about an ordinary command, the slowest", slowest / 1000.0, 1.0, "ms");
    Ok(())
}

/// The largest of what the test has printed.
fn microseconds(said: &str) -> Option<f64> {
    said.lines().filter_map(|line| line.split_once(" us, ")?.0.trim().parse().ok()).reduce(f64::max)
}

/// From the request to the result: reading it, deciding, running, recording, sending; without bash and the command.
pub(crate) fn round_trip(world: &World<'_>, report: &mut Report) -> Outcome {
    let [with, without, bash] = in_turn(
        ROUNDS,
        [&mut || calls(world, CALLS), &mut || calls(world, 0), &mut || {
            cost(Command::new("bash").args(["--noprofile", "--norc", "-c", COMMAND]))
        }],
    )?;
    let each = (wall(&with) - wall(&without)) / CALLS as f64;
    let what = format!("round trip of a tool, without the command itself{}", world.suffix());
    report.soft(what, (each - wall(&bash)).max(0.0), 5.0, "ms");
    Ok(())
}

/// An answer that asks for a command so often.
fn calls(world: &World<'_>, count: usize) -> Outcome<Cost> {
    let call = json!({ "execute": "execute_bash_local", "args": { "command": COMMAND } });
    let end = json!({ "type": "finish", "finishReason": "stop" });
    let script: Vec<Value> = std::iter::repeat_n(call, count).chain([end]).collect();
    world.ask("/__ctl/script", &["--json", &Value::from(script).to_string()])?;
    cost(&mut world.seqera(&["ai", "--headless", "go"]))
}
