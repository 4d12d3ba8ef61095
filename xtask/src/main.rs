//! Development tasks: `cargo xtask stage | package | try | test | golden | fuzz | bench`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for developers; it has no output door")]

mod bench;
mod emulator;
mod fixtures;
mod fuzz;
mod golden;
mod package;
mod sign_in;
mod stage;
mod test;
mod tour;
mod variants;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What a task answers; the text is for people.
type Outcome<T = ()> = Result<T, String>;

/// Development tasks of seqera
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Lay out the program with its plugins under target/stage
    Stage {
        /// Optimized
        #[arg(long)]
        release: bool,
        /// Also the fixture plugins of the suites, under target/stage/fixtures
        #[arg(long, conflicts_with = "release")]
        fixtures: bool,
    },
    /// Write the plugins that come with the program as packages, which a pin on one of them is installed from
    Package {
        /// Optimized
        #[arg(long)]
        release: bool,
        /// Where to write them
        #[arg(long, value_name = "DIRECTORY")]
        output: PathBuf,
        /// Sign them and an index of them with this secret key of minisign
        #[arg(long, value_name = "KEYFILE")]
        sign: Option<PathBuf>,
    },
    /// Start the Platform emulator and run COMMAND, or a short tour, against it in a private HOME
    Try {
        /// Optimized
        #[arg(long)]
        release: bool,
        /// A command line, e.g. `seqera org list`; signed in as the emulator's first account
        #[arg(last = true)]
        command: Vec<OsString>,
    },
    /// Build what the tests need and run all of them
    Test {
        /// Passed on to the test runner
        #[arg(last = true)]
        filter: Vec<OsString>,
    },
    /// Keep plugins as a commit builds them under tests/golden: they have to work with every later host
    Golden {
        /// The commit
        #[arg(default_value = "HEAD")]
        commit: String,
    },
    /// Feed the readers of untrusted bytes with broken ones, and the reading of shell text and bash with the same scripts
    Fuzz {
        /// One of the targets, `shell` is the last of them; all when absent
        target: Option<String>,
        /// For how long each target
        #[arg(long, default_value_t = 20)]
        seconds: u64,
    },
    /// Measure against public tools in the same run
    Bench {
        /// Fail when a budget is missed
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let outcome = match Args::parse().task {
        Task::Stage { release, fixtures } => lay_out(release, fixtures).map(|()| 0),
        Task::Package { release, output, sign } => {
            package::package(release, &output, sign.as_ref()).map(|()| 0)
        }
        Task::Try { release, command } => tour::run(release, &command),
        Task::Test { filter } => test::run(&filter),
        Task::Golden { commit } => golden::run(&commit).map(|()| 0),
        Task::Fuzz { target, seconds } => fuzz::run(target.as_deref(), seconds).map(|()| 0),
        Task::Bench { check } => bench::run(check),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn lay_out(release: bool, with_fixtures: bool) -> Outcome {
    let stage = stage::stage(release)?;
    if with_fixtures {
        fixtures::build(&stage)?;
    }
    println!("{}", stage.program().display());
    Ok(())
}
