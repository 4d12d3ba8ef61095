//! `cargo xtask bench`: the budgets, as ratios against public tools that do the same in the same run.
//!
//! Times differ from machine to machine and from minute to minute; a ratio of two programs that take turns does so
//! much less, and a count not at all. So `--check` fails on counts and sizes, and prints ratios for people to judge.

mod assistant;
mod measure;
mod report;
mod startup;
mod tools;
mod world;

use crate::Outcome;
use crate::stage::stage;
use report::Report;
use world::World;

/// Measures everything; `check`: a missed count or size is a failure.
pub(crate) fn run(check: bool) -> Outcome<u8> {
    let stage = stage(true)?;
    let mut report = Report::default();
    startup::sizes(&stage, &mut report)?;
    tools::decision(&mut report)?;
    for encrypted in [false, true] {
        let world = World::new(&stage, encrypted)?;
        if !encrypted {
            startup::measure(&world, &mut report)?;
            startup::integrity(&world, &mut report)?;
        }
        startup::requests(&world, &mut report)?;
        assistant::short_answer(&world, &mut report)?;
        assistant::many_deltas(&world, &mut report)?;
        assistant::large_delta(&world, &mut report)?;
        tools::round_trip(&world, &mut report)?;
    }
    report.print();
    Ok(u8::from(check && report.has_hard_miss()))
}
