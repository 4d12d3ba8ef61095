//! Tools that only look: reading by range, listing, searching.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Desk, answer, said};

#[test]
fn a_file_is_read_by_range_and_says_where_to_go_on() {
    let desk = Desk::new();
    let text: String = (1..=1000).map(|n| format!("line {n}\n")).collect();
    desk.write("a.txt", &text);
    let read = |args| desk.one(&[], "read_file_local", args);
    let told = read(json!({ "path": "a.txt", "start_line": 10, "end_line": 12 }));
    assert_eq!(told, answer("line 10\nline 11\nline 12\n", "", 0));
    let told = read(json!({ "path": "~/ws/a.txt" }));
    assert!(
        said(&told).ends_with("line 250\n[lines 1 to 250 of 1000; read on with start_line 251]\n"),
        "{told}"
    );
    for (args, says) in [
        (json!({ "path": "a.txt", "start_line": 1001 }), "has 1000 lines; start_line 1001 is beyond its end"),
        (json!({ "path": "a.txt", "start_line": 5, "end_line": 4 }), "is behind end_line"),
        (json!({ "path": "none" }), "there is no file"),
        (json!({ "path": "." }), "is a directory"),
        (json!({ "path": "/dev/zero" }), "is not an ordinary file"),
        (json!({ "path": "" }), ""),
    ] {
        let told = read(args);
        assert!(told["exit_code"] == 1 && said(&told).contains(says), "{says}: {told}");
    }
    let desk = desk.with("SEQERA_IMPLICIT_READ_LINES", "60");
    let told = desk.one(&[], "read_file_local", json!({ "path": "a.txt" }));
    assert!(said(&told).contains("[lines 1 to 60 of 1000;"), "{told}");
}

/// Wherever a text is cut, no half of a secret goes out.
#[test]
fn a_secret_at_a_cut_is_hidden_like_any_other() {
    let secret = "t0ken-of-a-deployment-0123456789";
    let desk = Desk::new().with("DEPLOY_TOKEN", secret);
    // A line is read up to 2000 characters, and shown of a match up to 500; of an output, 25000 bytes stay at each end.
    let line = |before: usize| format!("{} {secret} {} FOO\n", "x ".repeat(before / 2), "y ".repeat(20_000));
    desk.write("read", line(1984));
    desk.write("search/a", line(484));
    desk.write("head", line(24_984) + &"z\n".repeat(50_000));
    let tail = format!("x {secret} {}FOO\n", "y ".repeat(12_490));
    desk.write("tail", "z\n".repeat(50_000) + &tail);
    let calls = [
        ("read_file_local", json!({ "path": "read" })),
        ("search_files_local", json!({ "path": "search", "pattern": "FOO" })),
        ("execute_bash_local", json!({ "command": "cat head" })),
        ("execute_bash_local", json!({ "command": "cat tail" })),
    ];
    let (run, results) = desk.ask(&[], &calls);
    assert_eq!(results.len(), calls.len(), "{run}");
    for ((tool, _), told) in calls.iter().zip(&results) {
        assert!(said(told).contains("left out"), "{tool}: {told}");
        for part in [&secret[..4], &secret[secret.len() - 4..]] {
            assert!(!said(told).contains(part), "{tool}: {part} in {told}");
        }
    }
}

#[test]
fn a_secret_of_several_lines_is_hidden_in_each_of_them() {
    let key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\nAASCBKcwggSjAgEAAoIBAQ==\n-----END PRIVATE KEY-----\n";
    let desk = Desk::new().with("DEPLOY_KEY", key);
    desk.write("ws/key.pem", key);
    let calls = [
        ("read_file_local", json!({ "path": "ws/key.pem", "start_line": 2, "end_line": 2 })),
        ("search_files_local", json!({ "path": "ws", "pattern": "A" })),
        ("execute_bash_local", json!({ "command": "tail -n 2 ws/key.pem" })),
    ];
    let (_, results) = desk.ask(&[], &calls);
    assert_eq!(said(&results[0]), "[hidden]\n");
    assert!(said(&results[1]).contains("Line 2: [hidden]\n  Line 3: [hidden]\n"), "{results:?}");
    assert_eq!(said(&results[2]), "[hidden]\n-----END PRIVATE KEY-----\n");
}

#[test]
fn a_huge_file_is_not_loaded_and_a_binary_one_is_told() {
    let desk = Desk::new();
    let path = desk.write("huge", "first\n");
    let mut file = fs::File::options().write(true).open(path).unwrap();
    // A hole is all zeros: a file of 8 GB that takes no room, and begins as text.
    file.seek(SeekFrom::Start(8 << 30)).unwrap();
    file.write_all(b"end\n").unwrap();
    let started = Instant::now();
    let told = desk.one(&[], "read_file_local", json!({ "path": "huge" }));
    assert!(said(&told).contains("is binary"), "{told}");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    let long = format!("{}\nnext\n", "y".repeat(30_000_000));
    desk.write("long", long);
    let told = desk.one(&[], "read_file_local", json!({ "path": "long" }));
    assert!(
        said(&told).len() < 3000 && said(&told).ends_with("bytes of this line left out …]\nnext\n"),
        "{told}"
    );
}

#[test]
fn a_directory_is_listed_as_a_tree() {
    let desk = Desk::new();
    for file in ["main.nf", "modules/a.nf", "work/ab/cd/x", ".hidden", ".git/HEAD"] {
        desk.write(file, "");
    }
    let root = desk.path(".").canonicalize().unwrap();
    let told = desk.one(&[], "list_directory_local", json!({}));
    let tree = format!("{}/\n  modules/\n    a.nf\n  work/  [not listed]\n  main.nf\n", root.display());
    assert_eq!(said(&told), tree);
    let told = desk.one(&[], "list_directory_local", json!({ "path": ".", "show_hidden": true }));
    assert!(said(&told).contains("  .git/  [not listed]\n") && said(&told).contains("  .hidden\n"), "{told}");
    let told = desk.one(&[], "list_directory_local", json!({ "path": "none" }));
    assert!(said(&told).contains("cannot be listed"), "{told}");
}

#[test]
fn a_search_finds_what_is_there_under_both_names() {
    let desk = Desk::new();
    desk.write("main.nf", "process FOO {\n}\n");
    desk.write("sub/b.config", "foo = 1\n");
    for tool in ["search_files_local", "search_content_local"] {
        let told = desk.one(&[], tool, json!({ "pattern": "(?i)foo", "include_glob": "*.nf" }));
        assert_eq!(told, answer("Found 1 match\n\nmain.nf:\n  Line 1: process FOO {\n", "", 0));
    }
    let told = desk.one(&[], "search_files_local", json!({ "pattern": "(?i)foo" }));
    assert!(said(&told).starts_with("Found 2 matches\n"), "{told}");
    let told = desk.one(&[], "search_files_local", json!({ "pattern": "[" }));
    assert!(said(&told).contains("the pattern cannot be used"), "{told}");
}

#[test]
fn credentials_are_asked_about_even_for_reading() {
    let desk = Desk::new();
    let path = desk.sandbox.config().join("credentials/default");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "secret-refresh-token").unwrap();
    let full = ["--approval-mode", "full"];
    for (tool, args) in [
        ("read_file_local", json!({ "path": "~/.config/seqera/credentials/default" })),
        ("search_files_local", json!({ "pattern": "secret", "path": "~/.config" })),
        ("execute_bash_local", json!({ "command": "cat ~/.config/seqera/credentials/default" })),
    ] {
        let told = desk.one(&full, tool, args);
        assert!(said(&told).starts_with("approval required: "), "{tool}: {told}");
        assert!(!told.to_string().contains("secret-refresh"), "{told}");
    }
}
