//! What runs by itself in default mode, tried with every name that may lead out of a workspace full of links: the whole
//! program, its tools and a real bash.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Desk;

/// Names that lead in and out, exist and do not, and look like options.
const NAMES: &[&str] = &[
    "a.txt",
    "new",
    "sub/new",
    "sub/deep/up2/new",
    "out",
    "out/f",
    "out/new",
    "outfile",
    "dangling",
    "loop",
    "up/outside/f",
    "up/ws/new2",
    "self/self/out/f",
    "chain1/f",
    "hard.txt",
    "../outside/f",
    "../outside/new",
    "../ws2",
    "../ws/../outside/f",
    "sub/../../outside/f",
    "missing/../../outside/new",
    "tree/a/l/new3",
    "tree/a/m/outside/f",
    "deeplink/f",
    "deeplink",
    "abs/f",
    "abs",
    "ABS/f",
    "ABS/new",
    ".git/config",
    ".GIT/config",
    ".seqera/skills/x",
    ".agents/x",
    "/proc/self/cwd/../outside/f",
    "/dev/fd/1",
    "~/new",
    "~/../outside/f",
    "-t",
    "--target-directory=out",
    "it's",
    "a*",
];

fn build(desk: &Desk, outside: &Path) {
    for (path, content) in [
        ("a.txt", "a\n"),
        ("b.txt", "b\n"),
        (".git/config", "[core]\n"),
        ("src/x", "x\n"),
        ("sub/deep/y", "y\n"),
    ] {
        desk.write(path, content);
    }
    fs::create_dir_all(outside.join("d")).unwrap();
    for name in ["f", "h", "d/x"] {
        fs::write(outside.join(name), "theirs\n").unwrap();
    }
    for (path, target) in [
        ("sub/deep/up2", "../.."),
        ("out", "../outside"),
        ("outfile", "../outside/f"),
        ("dangling", "../outside/not-there"),
        ("loop", "loop"),
        ("up", ".."),
        ("self", "."),
        ("chain1", "chain2"),
        ("chain2", "../outside"),
        ("deeplink", "sub/deep/up2/../outside"),
        ("tree/a/l", "../.."),
        ("tree/a/m", "../../.."),
        ("dst/src/x", "../../../outside/f"),
        ("abs", outside.to_str().unwrap()),
    ] {
        let path = desk.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }
    fs::hard_link(outside.join("h"), desk.path("hard.txt")).unwrap();
}

/// Everything outside: what it is, and what it holds.
fn everything(directory: &Path, all: &mut BTreeMap<PathBuf, String>) {
    for item in fs::read_dir(directory).unwrap() {
        let path = item.unwrap().path();
        let metadata = path.symlink_metadata().unwrap();
        if [".local", ".cache", ".config", "ws"].iter().any(|name| path.ends_with(name)) {
            continue;
        }
        let what = if metadata.is_dir() {
            everything(&path, all);
            "a directory".to_owned()
        } else {
            format!("{:o} {} {:?}", metadata.mode(), metadata.nlink(), fs::read(&path))
        };
        all.insert(path, what);
    }
}

#[test]
fn no_name_leads_a_change_out_of_the_workspace() {
    let desk = Desk::new();
    let outside = desk.sandbox.home().join("outside");
    build(&desk, &outside);
    let state = || {
        let mut all = BTreeMap::new();
        everything(&desk.sandbox.home(), &mut all);
        all
    };
    let before = state();
    let mut calls = Vec::new();
    for name in NAMES.iter().map(|name| name.replace("ABS", outside.to_str().unwrap())) {
        let quoted = format!("'{}'", name.replace('\'', "'\\''"));
        calls.extend([
            ("read_file_local", json!({ "path": name })),
            ("write_file_local", json!({ "path": name, "content": "ours\n" })),
            ("edit_file_local", json!({ "path": name, "old_str": "theirs", "new_str": "ours" })),
            ("create_directory_local", json!({ "path": name })),
        ]);
        for command in [
            "touch",
            "mkdir",
            "mkdir -p",
            "cp a.txt",
            "cp -r src",
            "mv b.txt",
            "mv src",
            "echo x >",
            "echo x >>",
        ] {
            for name in [&quoted, &name] {
                calls.push(("execute_bash_local", json!({ "command": format!("{command} {name}") })));
            }
        }
        calls.push(("execute_bash_local", json!({ "command": format!("mv {quoted} l && touch l/x") })));
        calls.push(("execute_bash_local", json!({ "command": "mkdir -p src sub; touch b.txt src/x" })));
    }
    let (run, results) = desk.ask(&[], &calls);
    assert_eq!(results.len(), calls.len(), "{run}");
    let after = state();
    let changed: Vec<_> = after
        .iter()
        .filter(|(path, what)| before.get(*path) != Some(*what))
        .chain(before.iter().filter(|(path, _)| !after.contains_key(*path)))
        .collect();
    assert!(changed.is_empty(), "{changed:#?}");
    assert_eq!(desk.bytes(".git/config"), b"[core]\n", "it decides what runs later");
    let done = results.iter().filter(|result| result["exit_code"] == 0).count();
    let refused = results
        .iter()
        .filter(|result| result["stderr"].as_str().unwrap().starts_with("approval required: "))
        .count();
    assert!(done > 100 && refused > 200, "{done} done, {refused} refused of {}", results.len());
}
