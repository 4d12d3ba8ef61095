//! Running programs and asking the kernel what they cost.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

use crate::Outcome;

/// What one run cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// From the start to the end.
    pub(crate) wall: Duration,
    /// Processor time of user and system.
    pub(crate) cpu: Duration,
    /// Largest resident memory, in bytes.
    pub(crate) memory: u64,
}

/// Runs a command to its end, its output thrown away.
pub(crate) fn cost(command: &mut Command) -> Outcome<Cost> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let program = command.get_program().to_owned();
    let failed = |problem: String| format!("{}: {problem}", program.display());
    let started = Instant::now();
    let child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let used = child.wait4().map_err(|error| failed(error.to_string()))?;
    let wall = started.elapsed();
    if !used.status.success() {
        return Err(failed(used.status.to_string()));
    }
    Ok(Cost { wall, cpu: used.rusage.utime + used.rusage.stime, memory: used.rusage.maxrss })
}

/// Runs commands in turn, `rounds` times; answers what each cost in every round.
pub(crate) fn in_turn<const N: usize>(
    rounds: usize,
    mut work: [&mut dyn FnMut() -> Outcome<Cost>; N],
) -> Outcome<[Vec<Cost>; N]> {
    // The first round fills caches: of the disk, and ours.
    for each in &mut work {
        each()?;
    }
    let mut costs = [const { Vec::new() }; N];
    for _ in 0..rounds {
        for (each, costs) in work.iter_mut().zip(&mut costs) {
            costs.push(each()?);
        }
    }
    Ok(costs)
}

/// The median of a part of the costs, in milliseconds.
pub(crate) fn median(costs: &[Cost], part: impl Fn(&Cost) -> Duration) -> f64 {
    let mut values: Vec<Duration> = costs.iter().map(part).collect();
    values.sort();
    values.get(values.len() / 2).map_or(0.0, |value| value.as_secs_f64() * 1000.0)
}

/// The median of the wall times, in milliseconds.
pub(crate) fn wall(costs: &[Cost]) -> f64 {
    median(costs, |cost| cost.wall)
}
