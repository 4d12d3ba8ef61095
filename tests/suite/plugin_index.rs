//! What is remembered of plugins answers as if everything had been read.

use std::fs;
use std::path::{Path, PathBuf};

use seqera_tests::sandbox::{Sandbox, copy_tree};

use crate::plugins::edit_manifest;

/// `hello` in two versions, the newer of which says something else of itself.
fn with_two_versions() -> (Sandbox, PathBuf) {
    let sandbox = Sandbox::new();
    let older = sandbox.install("hello");
    let newer = older.parent().unwrap().join("0.4.0");
    copy_tree(&older, &newer);
    edit_manifest(&newer, |text| text.replace("0.3.0", "0.4.0").replace("Greet somebody", "Greet all"));
    (sandbox, newer)
}

fn help(sandbox: &Sandbox) -> String {
    sandbox.seqera("help").success().stdout
}

fn index(sandbox: &Sandbox) -> PathBuf {
    sandbox.home().join(".cache/seqera/plugin-index.jsonl")
}

#[test]
fn help_tells_of_the_version_that_counts() {
    let (sandbox, newer) = with_two_versions();
    for _twice in 0..2 {
        let text = help(&sandbox);
        assert!(text.contains("Greet all") && !text.contains("Greet somebody"), "{text}");
    }
    sandbox.configure("[plugins.hello]\nversion = \"<0.4\"\n");
    assert!(help(&sandbox).contains("Greet somebody"));
    sandbox.configure("[plugins.hello]\nenabled = false\n");
    assert!(!help(&sandbox).contains("Greet"));
    sandbox.configure("");
    fs::remove_dir_all(newer).unwrap();
    assert!(help(&sandbox).contains("Greet somebody"), "the version that went is seen");
    sandbox.configure("[plugins.hello]\nversion = \"=0.4.0\"\n");
    assert!(!help(&sandbox).contains("Greet"), "a pin that cannot be met");
}

#[test]
fn one_version_that_is_a_pre_release_is_not_told_of() {
    let (sandbox, newer) = with_two_versions();
    let early = newer.parent().unwrap().join("0.5.0-rc.1");
    fs::rename(&newer, &early).unwrap();
    edit_manifest(&early, |text| text.replace("0.4.0", "0.5.0-rc.1"));
    assert!(help(&sandbox).contains("Greet somebody"));
    fs::remove_dir_all(newer.parent().unwrap().join("0.3.0")).unwrap();
    for _twice in 0..2 {
        assert!(!help(&sandbox).contains("Greet"));
    }
    sandbox.configure("[plugins.hello]\nversion = \"=0.5.0-rc.1\"\n");
    assert!(help(&sandbox).contains("Greet all"));
}

#[test]
fn words_for_people_may_hold_any_line() {
    let sandbox = Sandbox::new();
    let dir = sandbox.install("hello");
    edit_manifest(&dir, |text| text.replace("Greet somebody", "Gr\\\"ü\\\\ß 🧬"));
    let first = help(&sandbox);
    assert_eq!(help(&sandbox), first, "as it was read, so it is remembered");
    assert!(first.contains("\"ü\\"), "{first}");
    assert_eq!(sandbox.seqera("hello").success().stdout, "Hello, world\n");
}

/// Each damage is answered like a missing index: by reading everything.
#[test]
fn damage_is_made_good() {
    let (sandbox, _newer) = with_two_versions();
    let expected = help(&sandbox);
    let path = index(&sandbox);
    let good = fs::read(&path).unwrap();
    let text = String::from_utf8(good.clone()).unwrap();
    let keys = text.lines().next().unwrap().split("\"keys\":").nth(1).unwrap();
    let keys: usize = keys.split(',').next().unwrap().parse().unwrap();
    let header = text.find('\n').unwrap();
    let with_keys = |count: &str| text.replacen(&format!("\"keys\":{keys}"), &format!("\"keys\":{count}"), 1);
    let mut zeros = good.clone();
    zeros[header..header + keys].fill(0);
    let mut cases = vec![
        zeros,
        with_keys("18446744073709551615").into_bytes(),
        with_keys("0").into_bytes(),
        with_keys(&(keys - 7).to_string()).into_bytes(),
        text.replacen("\"format\":2", "\"format\":1", 1).into_bytes(),
        text.replacen('\t', " ", 40).into_bytes(),
    ];
    cases.extend(
        [0, header, header + 1, header + keys / 2, header + keys, good.len() - 9]
            .map(|length| good[..length].to_vec()),
    );
    for (number, bytes) in cases.iter().enumerate() {
        fs::write(&path, bytes).unwrap();
        assert_eq!(sandbox.seqera("hello you").success().stdout, "Hello, you\n", "case {number}");
        fs::write(&path, bytes).unwrap();
        assert_eq!(help(&sandbox), expected, "case {number}");
    }
    assert_eq!(fs::read(&path).unwrap().len(), good.len(), "it was written anew");
}

/// One that another program of ours wrote is replaced, and killing it halfway leaves one that is whole.
#[test]
fn it_is_whole_whoever_writes_it() {
    let (sandbox, newer) = with_two_versions();
    let expected = help(&sandbox);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (sandbox, expected) = (&sandbox, &expected);
            scope.spawn(move || {
                if number % 2 == 0 {
                    let _may_be_gone = fs::remove_file(index(sandbox));
                }
                assert_eq!(&help(sandbox), expected);
            });
        }
    });
    assert!(leftovers(index(&sandbox).parent().unwrap()).is_empty());
    assert!(newer.exists());
}

fn leftovers(dir: &Path) -> Vec<PathBuf> {
    let items = fs::read_dir(dir).unwrap().map(|item| item.unwrap().path());
    items.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(".new-")).collect()
}
