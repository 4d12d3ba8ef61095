//! Plugins under development on a machine with an admin: what may not run is not opened to see what it is, for opening
//! a library runs what is in it.

use std::fs;
use std::path::{Path, PathBuf};

use seqera_tests::sandbox::{Run, Sandbox};
use serde_json::Value;

use crate::plugin_store::publisher::World;

fn policy(world: &World, rules: &str) {
    world.user.etc().write("policy.toml", &format!("policy = 1\n{rules}"));
}

/// A publisher whose `hello` 0.9.0 is linked, with the library that it is linked to; `None`, with a word on standard
/// error, where nobody can be an admin, or where nobody can see what is opened.
#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
fn with_link() -> Option<(World, PathBuf)> {
    if !crate::has("strace") {
        assert!(std::env::var("CI").is_err(), "CI has to have strace");
        eprintln!("SKIPPED: strace is not here to see what is opened");
        return None;
    }
    let world = World::of(Sandbox::new().with_admin()?);
    let library = world.dir.join("target/libseqera_plugin_hello.so");
    fs::create_dir(library.parent().unwrap()).unwrap();
    build(&world, &library, "0.9.0");
    let _linked = world.run(&["link", &library.display().to_string()]).success();
    Some((world, library))
}

/// As cargo does: another file in its place.
fn build(world: &World, library: &Path, version: &str) {
    let new = library.with_extension("new");
    fs::copy(world.library(version), &new).unwrap();
    fs::rename(new, library).unwrap();
}

/// Runs a command line, and answers also whether any process of it opened the library.
fn traced(world: &World, library: &Path, line: &str) -> (Run, bool) {
    let trace = world.user.root().join("trace");
    let mut strace = world.user.beside(Path::new("strace"));
    strace.args(["-f", "-qq", "-s", "4096", "-e", "trace=open,openat", "-o"]).arg(&trace);
    strace.arg(world.user.program()).args(line.split(' '));
    let run = world.user.run(strace);
    let text = fs::read_to_string(trace).unwrap();
    assert!(text.contains("policy.toml"), "strace saw nothing: {run}\n{text}");
    (run, text.contains(&*library.to_string_lossy()))
}

/// The versions that linked plugins are known by.
fn described(world: &World) -> Vec<String> {
    let dir = world.user.home().join(".local/share/seqera/linked/hello");
    let names = fs::read_dir(dir).unwrap().map(|item| item.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(|first: char| first.is_ascii_digit())).collect()
}

/// Whether a rule of the policy keeps a library that was built again from being opened.
fn is_kept_shut(rules: &str) {
    let Some((world, library)) = with_link() else { return };
    build(&world, &library, "0.9.1");
    policy(&world, rules);
    for line in ["hello you", "org --help", "plugin list"] {
        let (run, is_opened) = traced(&world, &library, line);
        assert!(!is_opened, "{rules}: {line}: {run}");
        assert!(!run.stderr.contains("built before"), "{rules}: {line}: {run}");
    }
    assert_eq!(described(&world), ["0.9.0"], "{rules}");
    // One that is forbidden by its name has to be opened to learn that.
    if !rules.contains("plugins") {
        let (run, is_opened) = traced(&world, &library, &format!("plugin link {}", library.display()));
        assert!(run.code != 0 && !is_opened, "{rules}: {run}");
    }

    policy(&world, "");
    let (run, is_opened) = traced(&world, &library, "hello you");
    assert!(is_opened, "the trace would show it: {run}");
    assert_eq!(run.success().stdout, "Hello, you\n");
    assert_eq!(described(&world), ["0.9.1"]);
}

#[test]
fn where_links_are_forbidden_none_is_opened() {
    is_kept_shut("[allow]\nlinks = false\n");
}

#[test]
fn what_has_to_be_signed_or_pinned_or_come_from_somewhere_is_not_opened_when_it_is_linked() {
    is_kept_shut("[allow]\nrequire = \"signed\"\n");
    is_kept_shut("[allow]\nrequire = \"pinned\"\n");
    is_kept_shut("[allow]\nsources = [\"/opt/packages\"]\n");
}

#[test]
fn a_linked_plugin_whose_name_is_not_allowed_is_not_opened_again() {
    is_kept_shut("[allow]\nplugins = [\"org\"]\n");
    is_kept_shut("[plugins.hello]\nenabled = false\n");
}

#[test]
fn under_a_policy_that_is_wrong_nothing_is_opened() {
    is_kept_shut("[allow]\nlinks = \"perhaps\"\n");
}

#[test]
fn a_link_to_other_bytes_than_the_policy_names_is_not_run_to_see_what_it_is() {
    let Some((world, library)) = with_link() else { return };
    let json = world.run(&["info", "hello", "--json"]).success().stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    let artifacts = json["versions"][0]["artifacts"].as_object().unwrap();
    let sha256 = artifacts.values().next().unwrap()["sha256"].as_str().unwrap().to_owned();
    policy(&world, &format!("[plugins.hello]\nsha256 = \"{sha256}\"\n"));
    assert_eq!(world.user.seqera("hello you").success().stdout, "Hello, you\n");
    build(&world, &library, "0.9.1");
    let run = world.user.seqera("hello you").success();
    let said =
        "the linked plugin hello is the one that was built before: /etc/seqera/policy.toml:3 names another";
    assert!(run.stderr.contains(said), "{run}");
    assert_eq!(described(&world), ["0.9.0"]);
    build(&world, &library, "0.9.0");
    let run = world.user.seqera("hello you").success();
    assert!(!run.stderr.contains("built before"), "{run}");
}

#[test]
fn what_is_forbidden_is_neither_packaged_nor_tried_out() {
    let Some((world, library)) = with_link() else { return };
    policy(&world, "[allow]\nlinks = false\nreason = \"ask the platform team\"\n");
    for command in ["package", "test", "link"] {
        let line = format!("plugin {command} {}", library.display());
        let (run, is_opened) = traced(&world, &library, &line);
        let refused = run.fails(77, "forbids plugins under development");
        assert!(refused.stderr.contains("/etc/seqera/policy.toml:3"), "{refused}");
        assert!(refused.stderr.contains("your admin says: ask the platform team"), "{refused}");
        assert!(!is_opened, "{refused}");
    }
}
