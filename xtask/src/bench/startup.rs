//! Sizes, start-up, and one request.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::measure::{cost, in_turn, median, wall};
use super::report::Report;
use super::world::{World, run};
use crate::Outcome;
use crate::stage::{Stage, sha256, target_directory};

const MEGABYTE: f64 = 1_000_000.0;
const ROUNDS: usize = 200;
const MORE_PLUGINS: usize = 200;
/// Megabytes of a library that brings much along.
const LARGE: f64 = 6.0;

/// Sizes of what is installed, stripped.
pub(crate) fn sizes(stage: &Stage, report: &mut Report) -> Outcome {
    let org = library(stage, "org")?;
    let files = [
        ("size of the host", stage.program(), 2.5),
        ("size of the built-in commands", stage.builtins(), 4.0),
        ("size of org", org, 1.1),
    ];
    for (what, path, most) in files {
        let bytes = fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?.len();
        report.hard(what, bytes as f64 / MEGABYTE, most, "MB");
    }
    Ok(())
}

/// The library of a bundled plugin.
fn library(stage: &Stage, name: &str) -> Outcome<PathBuf> {
    let dir = stage.plugins().join(name).join(env!("CARGO_PKG_VERSION"));
    Ok(dir.join(format!("libseqera_plugin_{name}.so")))
}

/// How long a command takes that needs no network, with few plugins and with many.
pub(crate) fn measure(world: &World<'_>, report: &mut Report) -> Outcome {
    let bare = bare_program()?;
    let [base, version, org, help] = in_turn(
        ROUNDS,
        [
            &mut || cost(&mut Command::new(&bare)),
            &mut || cost(&mut world.seqera(&["--version"])),
            &mut || cost(&mut world.seqera(&["org"])),
            &mut || cost(&mut world.seqera(&["--help"])),
        ],
    )?;
    report.soft("--version / a program that prints a line", wall(&version) / wall(&base), 1.25, "x");
    report.soft("org / a program that prints a line", wall(&org) / wall(&base), 2.2, "x");
    opened(world, &["--help"], 0, report)?;
    opened(world, &["help", "org", "switch"], 0, report)?;
    opened(world, &["org", "--help"], 1, report)?;
    opened(world, &["org"], 2, report)?;
    let before = world.request_count()?;
    run(&mut world.seqera(&["org"]))?;
    report.hard("requests of org", (world.request_count()? - before) as f64, 0.0, "");

    more_plugins(world)?;
    let [again, many_org, many_help] = in_turn(
        ROUNDS,
        [&mut || cost(&mut Command::new(&bare)), &mut || cost(&mut world.seqera(&["org"])), &mut || {
            cost(&mut world.seqera(&["--help"]))
        }],
    )?;
    // Both rounds measure the bare program, so that a machine that became slower meanwhile is not ours to answer for.
    let drift = wall(&again) / wall(&base);
    let more = |many: &[_], few: &[_]| wall(many) - wall(few) * drift;
    report.soft(format!("org, {MORE_PLUGINS} more plugins: more"), more(&many_org, &org), 0.3, "ms");
    report.soft(format!("--help, {MORE_PLUGINS} more plugins: more"), more(&many_help, &help), 1.2, "ms");
    opened(world, &["--help"], 0, report)?;
    fs::remove_dir_all(world.user_plugins()).map_err(|error| format!("cannot tidy up: {error}"))
}

/// What it takes at a load to know that a large library is the one of its manifest: read, digested and looked at, or
/// remembered. Measured with `org --help`, the library of `org` made larger.
pub(crate) fn integrity(world: &World<'_>, report: &mut Report) -> Outcome {
    let failed = |error: std::io::Error| format!("cannot install a plugin: {error}");
    let dir = install_as(world, "large")?;
    let library = library(world.stage(), "org")?;
    let mut bytes = fs::read(&library).map_err(failed)?;
    bytes.resize((LARGE * MEGABYTE) as usize, 0);
    fs::write(dir.join(library.file_name().unwrap_or_default()), &bytes).map_err(failed)?;
    let manifest = fs::read_to_string(dir.join("plugin.toml")).map_err(failed)?;
    let mut manifest: toml::Table = manifest.parse().map_err(|error| format!("plugin.toml: {error}"))?;
    let artifacts = manifest.get_mut("artifact").and_then(toml::Value::as_table_mut);
    for (_, artifact) in artifacts.into_iter().flatten() {
        let artifact = artifact.as_table_mut().ok_or("an artifact is no table")?;
        artifact.insert("sha256".to_owned(), sha256(&bytes).into());
        artifact.insert("size".to_owned(), i64::try_from(bytes.len()).unwrap_or_default().into());
    }
    fs::write(dir.join("plugin.toml"), manifest.to_string()).map_err(failed)?;

    let remembered = world.file(".cache/seqera/digests.json");
    let [org, known, fresh] = in_turn(
        ROUNDS,
        [
            &mut || cost(&mut world.seqera(&["org", "--help"])),
            &mut || cost(&mut world.seqera(&["large", "--help"])),
            &mut || {
                fs::remove_file(&remembered).map_err(|error| format!("nothing was remembered: {error}"))?;
                cost(&mut world.seqera(&["large", "--help"]))
            },
        ],
    )?;
    let more = |costs: &[_]| wall(costs) - wall(&org);
    report.soft(format!("integrity of {LARGE} MB: more"), more(&fresh), 5.0, "ms");
    report.soft(format!("integrity of {LARGE} MB, remembered: more"), more(&known), 0.5, "ms");
    fs::remove_dir_all(world.user_plugins()).map_err(|error| format!("cannot tidy up: {error}"))
}

/// One request, against curl.
pub(crate) fn requests(world: &World<'_>, report: &mut Report) -> Outcome {
    let suffix = world.suffix();
    let before = world.request_count()?;
    run(&mut world.seqera(&["org", "list"]))?;
    let count = world.request_count()? - before;
    report.hard(format!("requests of org list{suffix}"), count as f64, 1.0, "");
    let [list, curl] = in_turn(
        ROUNDS,
        [&mut || cost(&mut world.seqera(&["org", "list"])), &mut || {
            cost(&mut world.curl("/v1/cli/organizations", &[])?)
        }],
    )?;
    report.soft(format!("org list / curl{suffix}"), wall(&list) / wall(&curl), 0.8, "x");
    let cpu = |costs: &[_]| median(costs, |cost| cost.cpu);
    println!("    (processor time: {:.2} ms, curl {:.2} ms)", cpu(&list), cpu(&curl));
    Ok(())
}

/// A program that does nothing but print: what the machine takes for any process.
fn bare_program() -> Outcome<PathBuf> {
    let dir = target_directory().join("bench");
    fs::create_dir_all(&dir).map_err(|error| format!("cannot create {}: {error}", dir.display()))?;
    let source = dir.join("bare.rs");
    fs::write(&source, "fn main() { println!(\"bare 0.1.0\"); }\n").map_err(|error| error.to_string())?;
    let program = dir.join("bare");
    run(Command::new("rustc").args(["-O", "-C", "strip=symbols", "-o"]).arg(&program).arg(&source))?;
    Ok(program)
}

/// Counts from outside how many plugin libraries a command opens.
fn opened(world: &World<'_>, arguments: &[&str], most: usize, report: &mut Report) -> Outcome {
    let trace = world.file("trace");
    let seqera = world.seqera(arguments);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-e", "trace=open,openat,openat2", "-o"]).arg(&trace).arg(seqera.get_program());
    strace.args(seqera.get_args()).env_clear();
    for (name, value) in seqera.get_envs() {
        strace.env(name, value.unwrap_or_default());
    }
    run(&mut strace)?;
    let text = fs::read_to_string(&trace).map_err(|error| format!("{}: {error}", trace.display()))?;
    let libraries: BTreeSet<&str> = text
        .lines()
        .filter(|line| line.contains("libseqera_plugin_") && !line.contains("= -1"))
        .filter_map(|line| line.split('"').nth(1))
        .collect();
    report.hard(
        format!("libraries opened by {}", arguments.join(" ")),
        libraries.len() as f64,
        most as f64,
        "",
    );
    Ok(())
}

/// Plugins of the user.
fn more_plugins(world: &World<'_>) -> Outcome {
    (0..MORE_PLUGINS).try_for_each(|number| install_as(world, &format!("more{number:03}")).map(drop))
}

/// `org` as a plugin of the user under another name; answers where.
fn install_as(world: &World<'_>, name: &str) -> Outcome<PathBuf> {
    let library = library(world.stage(), "org")?;
    let bundled = library.parent().unwrap_or(Path::new("."));
    let failed = |error: std::io::Error| format!("cannot install a plugin: {error}");
    let manifest = fs::read_to_string(bundled.join("plugin.toml")).map_err(failed)?;
    let dir = world.user_plugins().join(name).join(env!("CARGO_PKG_VERSION"));
    fs::create_dir_all(&dir).map_err(failed)?;
    let own = manifest.replace("name = \"org\"", &format!("name = \"{name}\""));
    fs::write(dir.join("plugin.toml"), own).map_err(failed)?;
    fs::copy(bundled.join("cli.json"), dir.join("cli.json")).map_err(failed)?;
    fs::copy(&library, dir.join(library.file_name().unwrap_or_default())).map_err(failed)?;
    Ok(dir)
}
