//! Tools that change files: exact, whole or not at all, and only what was read before.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::{Value, json};

use super::{Desk, said};

fn read(path: &str) -> (&'static str, Value) {
    ("read_file_local", json!({ "path": path }))
}

fn edit(path: &str, old: &str, new: &str) -> (&'static str, Value) {
    ("edit_file_local", json!({ "path": path, "old_str": old, "new_str": new }))
}

fn write(path: &str, content: &str) -> (&'static str, Value) {
    ("write_file_local", json!({ "path": path, "content": content }))
}

#[test]
fn what_looks_like_a_pattern_is_written_to_the_letter() {
    let desk = Desk::new();
    desk.write("main.nf", "a = X\nb = 2\n");
    let new = "$$ $& $` $' $1 \\1 {} %s";
    let (run, results) = desk.ask(&[], &[read("main.nf"), edit("main.nf", "X", new)]);
    let run = run.success();
    assert_eq!(String::from_utf8(desk.bytes("main.nf")).unwrap(), format!("a = {new}\nb = 2\n"), "{run}");
    let diff = said(&results[1]);
    assert!(diff.starts_with("```diff\n--- ") && diff.ends_with("```\n"), "{diff}");
    assert!(diff.contains(&format!("-a = X\n+a = {new}\n b = 2\n")), "the diff is what was written: {diff}");
}

#[test]
fn nothing_is_guessed() {
    let desk = Desk::new();
    let content = "one\n  two\none\n";
    desk.write("a", content);
    let calls = [read("a"), edit("a", "one", "x"), edit("a", "one\n two", "x"), edit("a", "three", "x")];
    let (_, results) = desk.ask(&[], &calls);
    for (result, says) in results[1..].iter().zip([
        "old_str is there 2 times (lines 1, 3): nothing was changed",
        "differs in blanks only",
        "old_str is not there, nothing was changed",
    ]) {
        assert!(result["exit_code"] == 1 && said(result).contains(says), "{result}");
    }
    assert_eq!(desk.bytes("a"), content.as_bytes());
}

#[test]
fn line_ends_the_mark_and_the_mode_stay() {
    let desk = Desk::new();
    let path = desk.write("dos.csv", b"\xef\xbb\xbfa,b\r\n1,2\r\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let calls = [read("dos.csv"), edit("dos.csv", "a,b\n1", "a,b\n0,0\n1")];
    let (_, results) = desk.ask(&[], &calls);
    assert_eq!(said(&results[0]), "a,b\r\n1,2\r\n");
    assert_eq!(desk.bytes("dos.csv"), b"\xef\xbb\xbfa,b\r\n0,0\r\n1,2\r\n");
    let (_, _) = desk.ask(&[], &[read("dos.csv"), write("dos.csv", "x\ny\n")]);
    assert_eq!(desk.bytes("dos.csv"), b"\xef\xbb\xbfx\r\ny\r\n");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
    desk.write("latin", b"caf\xe9 X\n");
    let (_, _) = desk.ask(&[], &[read("latin"), edit("latin", "X", "Y")]);
    assert_eq!(desk.bytes("latin"), b"caf\xe9 Y\n", "bytes of another encoding stay");
}

/// A key of a cloud is a document, and most of its lines stand in others too.
#[test]
fn lines_that_a_secret_shares_with_other_files_are_shown() {
    let key = "{\n  \"type\": \"service_account\",\n  \"private_key\": \"-----BEGIN KEY-----\\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\"\n}\n";
    let desk = Desk::new().with("GCP_SA_KEY", key).with("PARTITION_KEY", "sample_id");
    let schema = "{\n  \"type\": \"service_account\",\n  \"by\": \"sample_id\"\n}\n";
    desk.write("schema.json", schema);
    desk.write("key.json", key);
    let calls = [
        read("schema.json"),
        ("read_file_local", json!({ "path": "key.json", "start_line": 3, "end_line": 3 })),
        write("new.csv", "sample_id,path\n"),
    ];
    let (_, results) = desk.ask(&[], &calls);
    assert_eq!(said(&results[0]), schema);
    assert!(said(&results[1]).contains("[hidden]") && !said(&results[1]).contains("MIIE"), "{}", results[1]);
    assert_eq!(desk.bytes("new.csv"), b"sample_id,path\n");
}

#[test]
fn a_file_has_to_be_read_before_and_be_what_was_read() {
    let desk = Desk::new();
    desk.write("a", "one\n");
    let (_, results) = desk.ask(&[], &[edit("a", "one", "two"), write("a", "two\n")]);
    assert!(results.iter().all(|result| said(result).contains("was not read yet")), "{results:?}");
    assert_eq!(desk.bytes("a"), b"one\n");
    let theirs = ("execute_bash_local", json!({ "command": "echo two > a" }));
    let (_, results) =
        desk.ask(&[], &[read("a"), theirs, edit("a", "two", "x"), read("a"), edit("a", "two", "x")]);
    assert!(said(&results[2]).contains("has changed since it was read"), "{results:?}");
    assert_eq!(results[4]["exit_code"], 0);
    assert_eq!(desk.bytes("a"), b"x\n");
    // What it wrote itself it knows.
    let (_, results) = desk
        .ask(&[], &[write("new", "1\n"), edit("new", "1", "2"), edit("new", "2", "3"), write("new", "4\n")]);
    assert!(results.iter().all(|result| result["exit_code"] == 0), "{results:?}");
    assert_eq!(
        (said(&results[0]), desk.bytes("new")),
        (&*format!("Made {} with 1 lines.\n", desk.path("new").display()), b"4\n".to_vec())
    );
}

/// The assistant sees a mask where a secret is: it must not become what the file says.
#[test]
fn a_secret_in_a_file_is_not_replaced_by_its_mask() {
    let desk = Desk::new().with("DEPLOY_TOKEN", "t0ken-of-a-deployment");
    let content = "TOKEN=t0ken-of-a-deployment\nlevel=1\n";
    desk.write("env", content);
    let calls = [
        read("env"),
        write("env", "TOKEN=[hidden]\nlevel=2\n"),
        edit("env", "level=1", "level=1\nOTHER=[hidden]"),
    ];
    let (_, results) = desk.ask(&[], &calls);
    assert_eq!(said(&results[0]), "TOKEN=[hidden]\nlevel=1\n");
    for result in &results[1..] {
        let says = "[hidden] stands for a secret that you are not shown";
        assert!(result["exit_code"] == 1 && said(result).contains(says), "{result}");
        assert!(said(result).contains("edit_file_local"), "{result}");
    }
    assert_eq!(desk.bytes("env"), content.as_bytes());
    let (_, results) = desk.ask(&[], &[read("env"), edit("env", "level=1", "level=2")]);
    assert_eq!(results[1]["exit_code"], 0, "{results:?}");
    assert_eq!(desk.bytes("env"), content.replace('1', "2").as_bytes());
    // Without a secret in it these are words like others.
    desk.write("style.css", "p {}\n");
    let (_, results) = desk.ask(&[], &[read("style.css"), write("style.css", "[hidden] {}\n")]);
    assert_eq!((&results[1]["exit_code"], desk.bytes("style.css")), (&0.into(), b"[hidden] {}\n".to_vec()));
}

#[test]
fn a_large_file_is_not_overwritten_as_a_whole() {
    let desk = Desk::new();
    let long = "line\n".repeat(161);
    desk.write("long", &long);
    desk.write("short", "a\n");
    let calls = [
        read("long"),
        write("long", "x"),
        read("short"),
        write("short", &long),
        edit("long", "line\n".repeat(161).as_str(), "y"),
    ];
    let (_, results) = desk.ask(&[], &calls);
    assert!(said(&results[1]).contains("is longer than 160 lines"), "{results:?}");
    assert!(said(&results[3]).contains("would be longer than 160 lines"), "{results:?}");
    assert_eq!((desk.bytes("long"), desk.bytes("short")), (b"y".to_vec(), b"a\n".to_vec()));
    let (_, results) = desk.ask(&[], &[write("new", &long)]);
    assert_eq!(results[0]["exit_code"], 0, "a new one may be long");
}

#[test]
fn links_lead_where_the_rules_said_and_no_further() {
    let desk = Desk::new();
    let outside = desk.sandbox.root().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("a"), "outside\n").unwrap();
    desk.write("real", "inside\n");
    symlink(&outside, desk.path("out")).unwrap();
    symlink("real", desk.path("in")).unwrap();
    let calls = [
        read("out/a"),
        edit("out/a", "outside", "x"),
        write("out/new", "x"),
        read("in"),
        edit("in", "inside", "x"),
    ];
    let (run, results) = desk.ask(&[], &calls);
    assert!(said(&results[1]).starts_with("approval required: "), "{results:?}");
    assert!(said(&results[2]).starts_with("approval required: "), "{results:?}");
    assert_eq!(run.code, 10);
    assert_eq!(fs::read_to_string(outside.join("a")).unwrap(), "outside\n");
    assert!(!outside.join("new").exists());
    // A link inside leads to the file, which is changed; the link stays one.
    assert_eq!(desk.bytes("real"), b"x\n");
    assert!(desk.path("in").is_symlink());
    let full = ["--approval-mode", "full"];
    let (_, _) = desk.ask(&full, &[read("out/a"), edit("out/a", "outside", "y")]);
    assert_eq!(fs::read_to_string(outside.join("a")).unwrap(), "y\n", "in full mode it may");
}

#[test]
fn a_second_name_keeps_the_old_content_and_that_is_said() {
    let desk = Desk::new();
    let outside = desk.sandbox.root().join("second");
    fs::hard_link(desk.write("a", "one\n"), &outside).unwrap();
    let (_, results) = desk.ask(&[], &[read("a"), edit("a", "one", "x")]);
    assert!(said(&results[1]).contains("also known by another name"), "{results:?}");
    let (_, results) = desk.ask(&["--approval-mode", "full"], &[read("a"), edit("a", "one", "x")]);
    assert!(said(&results[1]).ends_with("which still has the old content]\n"), "{results:?}");
    assert_eq!((desk.bytes("a"), fs::read(outside).unwrap()), (b"x\n".to_vec(), b"one\n".to_vec()));
}

#[test]
fn what_cannot_be_changed_is_told_and_left_alone() {
    let desk = Desk::new();
    fs::create_dir(desk.path("dir")).unwrap();
    let full = ["--approval-mode", "full"];
    let calls = [
        write("no/such/dir/a", "x"),
        write("dir", "x"),
        write("/dev/null", "x"),
        edit("none", "a", "b"),
        ("edit_file_local", json!({ "path": "a" })),
        ("format_disk_local", json!({})),
    ];
    let (_, results) = desk.ask(&full, &calls);
    for (result, says) in results.iter().zip([
        "there is no directory",
        "is a directory",
        "is not an ordinary file",
        "there is no file",
        "missing field `old_str`",
        "there is no local tool format_disk_local",
    ]) {
        assert!(result["exit_code"] == 1 && said(result).contains(says), "{says}: {result}");
    }
    assert!(!desk.path("no").exists(), "parents are not made");
    assert_eq!(fs::read_dir(desk.path("")).unwrap().count(), 1, "nothing is left behind");
}

#[test]
fn directories_are_made_with_their_parents() {
    let desk = Desk::new();
    let make = |path: &str| ("create_directory_local", json!({ "path": path }));
    desk.write("file", "");
    let (_, results) = desk.ask(&[], &[make("a/b/c"), make("a/b/c"), make("file"), make("../elsewhere")]);
    assert!(desk.path("a/b/c").is_dir());
    for (result, says) in
        results.iter().zip(["Made ", " is there already", "is no directory", "approval required: "])
    {
        assert!(said(result).contains(says), "{says}: {result}");
    }
    assert!(!desk.path("../elsewhere").exists());
}

#[test]
fn basic_mode_asks_about_every_change() {
    let desk = Desk::new();
    let (run, results) = desk.ask(&["--approval-mode", "basic"], &[write("a", "x")]);
    assert_eq!(run.code, 10);
    assert!(said(&results[0]).contains("basic mode asks about every change of a file"), "{results:?}");
    assert!(!desk.path("a").exists());
}
