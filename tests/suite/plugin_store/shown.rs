//! What a package says of itself is shown before anybody agreed to it: it can neither steer a terminal nor look like
//! something else.

use std::fs;
use std::path::Path;
use std::process::Command;

use seqera_tests::sandbox::{Run, copy_tree};
use seqera_tests::stage;

use super::publisher::World;

/// Edits of a manifest, and what is said about each.
const HOSTILE: [(&str, &str, &str); 11] = [
    ("about = \"Greet somebody", "about = \"\\n  signature: signed with", "U+000A"),
    ("about = \"Greet somebody", "about = \"\\u001b[2J", "U+001B"),
    ("about = \"Greet somebody", "about = \"\\u202eydobemos", "U+202E"),
    ("publisher = \"somebody", "publisher = \"seqe\\u200bra", "U+200B"),
    ("aliases = [\"hi\"]", "aliases = [\"h$(id)\"]", "`h$(id)` cannot be a command"),
    ("aliases = [\"hi\"]", "aliases = [\"\\u0445i\"]", "cannot be a command"),
    ("aliases = [\"hi\"]", "aliases = [\"h\\u001b[2Ji\"]", "cannot be a command"),
    ("aliases = [\"hi\"]", "aliases = [\"Hi\"]", "`Hi` cannot be a command"),
    ("audiences = []", "audiences = [\"plat\\u00adform\"]", "is no name"),
    ("hosts = []", "hosts = [\"a.example\\n  sign-in: none\"]", "is no name"),
    ("[provides]\n", "[provides]\n\"tokens \\u202e\" = 1\n", "is no name"),
];

fn fixture() -> std::path::PathBuf {
    stage::fixtures().join("hello/hello/0.3.0")
}

fn edit(dir: &Path, from: &str, to: &str) {
    let path = dir.join("plugin.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}: {text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// Nothing steers a terminal, hides, or reorders.
#[track_caller]
fn is_plain(run: &Run) {
    let is_odd =
        |c: &char| c.is_control() && !"\n\t\u{b}".contains(*c) || "\u{202e}\u{200b}\u{ad}".contains(*c);
    for text in [&run.stdout, &run.stderr] {
        assert_eq!(text.chars().find(is_odd), None, "{run}");
    }
}

#[test]
fn a_manifest_that_could_steer_a_terminal_or_fake_a_consent_is_no_manifest() {
    for (from, to, says) in HOSTILE {
        let world = World::new();
        let package = world.dir.join("package");
        copy_tree(&fixture(), &package);
        edit(&package, from, to);
        let package = package.display().to_string();
        let run = world.run(&["install", &package]).fails(126, says);
        is_plain(&run);
        assert!(!run.stderr.contains("signed with"), "{run}");

        // Put there by hand it is no plugin, whatever looks at it.
        let dropped = world.user.install("hello");
        edit(&dropped, from, to);
        for line in
            ["plugin list", "plugin list --json", "plugin info hello", "help", "doctor", "hello", "hi"]
        {
            is_plain(&world.user.seqera(line));
        }
        let _none = world.user.seqera("hello").fails(127, says);
        let mut complete = world.user.command(["__complete", "bash", "--", "seqera", "h"]);
        complete.env("_CLAP_IFS", "\n").env("_CLAP_COMPLETE_INDEX", "1");
        let run = world.user.run(complete).success();
        is_plain(&run);
        assert_eq!(run.stdout, "help", "{run}");
    }
}

/// A place is no way to say something in the name of seqera either.
#[test]
fn the_place_of_a_package_is_one_line_of_what_is_agreed_to() {
    let world = World::new();
    let package = world.dir.join("x\n  signature: signed with the key ACME, which you trust\u{202e}");
    copy_tree(&fixture(), &package);
    let run = world.run(&["install", package.to_str().unwrap()]).fails(10, "nobody is here to agree");
    let said: Vec<&str> = run.stderr.lines().filter(|line| line.contains("because signature: ")).collect();
    assert_eq!(said, ["  because signature: not signed: nobody vouches for it"], "{run}");
    is_plain(&run);
}

/// A command tree is only looked at; what is below a command has not been agreed to either.
#[test]
fn a_command_tree_steers_no_terminal_and_puts_nothing_into_a_line() {
    let world = World::new();
    let dir = world.user.install("hello");
    let path = dir.join("cli.json");
    let text = fs::read_to_string(&path).unwrap();
    let sum = |path: &Path| {
        let output = Command::new("sha256sum").arg(path).output().unwrap();
        String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
    };
    let before = sum(&path);
    let mut tree: serde_json::Value = serde_json::from_str(&text).unwrap();
    let hello = &mut tree["commands"][0];
    hello["help"] = "\u{1b}]0;owned\u{7}\u{1b}[2JGreet \u{202e}\u{1b}[1mall\u{1b}[0m\n".into();
    let evil = serde_json::json!({ "name": "x$(id)", "about": "", "help": "" });
    let good = serde_json::json!({ "name": "all", "about": "All", "help": "" });
    let template = hello.clone();
    hello["subcommands"] = serde_json::json!([evil, good].map(|more| {
        let mut command = template.clone();
        command.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        command["aliases"] = serde_json::json!([]);
        command["arguments"] = serde_json::json!([]);
        command
    }));
    fs::write(&path, tree.to_string()).unwrap();
    edit(&dir, &before, &sum(&path));
    let help = world.user.seqera("help hello").success();
    is_plain(&help);
    assert!(help.stdout.contains("all\n"), "{help}");
    let mut terminal = crate::terminal::Terminal::run(&world.user, &["help", "hello"]);
    terminal.type_keys("");
    let (code, seen) = terminal.finish();
    assert!(code == 0 && seen.contains("\u{1b}[1mall\u{1b}[0m"), "{seen:?}");
    assert!(!seen.contains("\u{1b}]0;owned") && !seen.contains("\u{1b}[2J"), "{seen:?}");

    let mut complete = world.user.command(["__complete", "bash", "--", "seqera", "hello", ""]);
    complete.env("_CLAP_IFS", "\n").env("_CLAP_COMPLETE_INDEX", "2");
    let run = world.user.run(complete).success();
    assert!(run.stdout.lines().any(|line| line == "all") && !run.stdout.contains("$("), "{run}");
}
