//! `cargo xtask fuzz`: mutates the corpus for as long as it is told.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for developers; it has no output door")]

use std::panic::{self, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::Parser;
use fastrand::Rng;
use seqera_fuzz::{Check, TARGETS, corpus, mutate};

/// Feeds the readers of untrusted bytes with broken ones
#[derive(Parser)]
#[command(name = "cargo xtask fuzz")]
struct Args {
    /// One of the targets; all of them when absent
    target: Option<String>,
    /// For how long each target
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Where the random numbers begin; another one each time when absent
    #[arg(long)]
    seed: Option<u64>,
}

/// What the last panic said: a check may catch one and go on.
static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

fn main() -> ExitCode {
    panic::set_hook(Box::new(|panic| {
        if let Ok(mut last) = LAST_PANIC.lock() {
            *last = panic.to_string();
        }
    }));
    let args = Args::parse();
    let wanted = |name: &str| args.target.as_deref().is_none_or(|target| target == name);
    let targets: Vec<_> = TARGETS.iter().filter(|(name, _)| wanted(name)).collect();
    if targets.is_empty() {
        let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
        eprintln!("there is no such target; there are: {}", names.join(", "));
        return ExitCode::from(2);
    }
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    let mut failed = false;
    for (name, check) in targets {
        match fuzz(name, *check, Duration::from_secs(args.seconds), seed) {
            Ok(count) => println!("{name}: {count} inputs, seed {seed}"),
            Err(problem) => {
                failed = true;
                eprintln!("{name}: {problem}");
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn fuzz(name: &str, check: Check, time: Duration, seed: u64) -> Result<u64, String> {
    let inputs = corpus::read(name).map_err(|error| format!("the corpus cannot be read: {error}"))?;
    if inputs.is_empty() {
        return Err("its corpus is empty".to_owned());
    }
    let mut random = Rng::with_seed(seed);
    let end = Instant::now() + time;
    let mut count = 0;
    while Instant::now() < end {
        let input = mutate::mutate(&inputs, &mut random);
        if catch_unwind(|| check(&input)).is_err() {
            let kept = corpus::keep(name, &input).map_err(|error| format!("it failed; not kept: {error}"))?;
            let said = LAST_PANIC.lock().map(|last| last.clone()).unwrap_or_default();
            return Err(format!("{said}\nafter {count} inputs; this one is kept as {}", kept.display()));
        }
        count += 1;
    }
    Ok(count)
}
