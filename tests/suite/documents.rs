//! What the documents show is what happens.

use std::path::Path;

use seqera_tests::doc_commands::Document;
use seqera_tests::sandbox::{Sandbox, copy_tree};

use crate::emulator;
use crate::plugin_store::apart::{repository, target};
use crate::plugin_store::publisher::World;

fn text(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap()
}

#[test]
fn the_readme_shows_what_happens() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _signed_in = sandbox.login().success();
    assert_eq!(Document::read("README.md", &sandbox).run(), 6);
}

#[test]
fn the_users_guide_shows_what_happens() {
    let emulator = emulator();
    let world = World::of(Sandbox::on(&emulator));
    let _signed_in = world.user.login().success();
    // What its plugins section supposes.
    let _packages = (world.signed("0.3.0"), world.signed("0.4.0"));
    copy_tree(world.index(&[]).as_ref(), &world.user.home().join("acme"));
    std::fs::copy(world.path("key.pub"), world.user.home().join("acme.pub")).unwrap();
    assert_eq!(Document::read("docs/users.md", &world.user).run(), 31);
}

#[test]
fn the_admins_guide_shows_what_happens() {
    let emulator = emulator();
    let Some(sandbox) = Sandbox::on(&emulator).with_admin() else { return };
    let world = World::of(sandbox);
    let _signed_in = world.user.login().success();
    let home = world.user.home();
    let _packages = (world.signed("0.3.0"), world.signed("0.4.0"));
    copy_tree(world.index(&[]).as_ref(), &home.join("acme"));
    std::fs::copy(world.path("key.pub"), home.join("acme.pub")).unwrap();
    std::fs::create_dir(home.join("build")).unwrap();
    std::fs::copy(world.library("0.3.5"), home.join("build/libseqera_plugin_hello.so")).unwrap();
    assert_eq!(Document::read("docs/admins.md", &world.user).run(), 34);
}

#[test]
fn the_guide_to_the_assistant_shows_what_happens() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _signed_in = sandbox.login().success();
    assert_eq!(Document::read("docs/assistant.md", &sandbox).run(), 11);
}

/// Every slash command that there is.
#[test]
fn the_guide_to_the_assistant_knows_every_command() {
    let guide = text("docs/assistant.md");
    let source = text("plugins/ai/src/line_mode/slash.rs");
    let table = source.split("const COMMANDS").nth(1).unwrap().split("];").next().unwrap();
    let words: Vec<&str> = table.split("&[\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(words.len() > 10, "the table was found");
    for word in words {
        assert!(guide.contains(&format!("`{word}")), "docs/assistant.md does not know {word}");
    }
}

/// The plugin of the guide is built with the versions that this machine has, where the examples are built.
#[test]
fn the_authors_guide_leads_to_a_plugin() {
    let home = |name: &str, default: &str| {
        std::env::var(name).unwrap_or_else(|_| format!("{}/{default}", std::env::var("HOME").unwrap()))
    };
    let sandbox = Sandbox::new()
        .with("CARGO_NET_OFFLINE", true)
        .with("CARGO_HOME", home("CARGO_HOME", ".cargo"))
        .with("RUSTUP_HOME", home("RUSTUP_HOME", ".rustup"));
    let place = sandbox.root().join("authors");
    let hello = place.join("hello");
    std::fs::create_dir_all(&hello).unwrap();
    let link = |to: &Path, name: &Path| std::os::unix::fs::symlink(to, name).unwrap();
    link(&repository(), &place.join("seqera"));
    link(&target(), &hello.join("target"));
    std::fs::copy(repository().join("plugin-api/examples/Cargo.lock"), hello.join("Cargo.lock")).unwrap();
    assert_eq!(Document::read("docs/plugin-authors.md", &sandbox).inside(&place).run(), 18);
}

/// What a document shows of a file is in that file.
#[test]
fn excerpts_are_what_the_examples_say() {
    let guide = text("docs/plugin-authors.md");
    let excerpts: Vec<(&str, &str)> = guide
        .split("<!-- from: ")
        .skip(1)
        .map(|rest| {
            let (path, rest) = rest.split_once(" -->\n```rust\n").unwrap();
            (path, rest.split_once("```").unwrap().0)
        })
        .collect();
    assert!(excerpts.len() > 4, "they were found");
    for (path, excerpt) in excerpts {
        assert!(text(path).contains(excerpt), "{path} does not say\n{excerpt}");
    }
}

/// Every key and variable of the table in the host's source has its row.
#[test]
fn the_users_guide_knows_every_setting() {
    let guide = text("docs/users.md");
    let source = text("host/src/config/settings.rs");
    let table = source.split("pub const SETTINGS").nth(1).unwrap().split("];").next().unwrap();
    let words = table.split('"').skip(1).step_by(2);
    let names: Vec<&str> = words.filter(|word| word.starts_with("SEQERA_")).collect();
    assert!(names.len() > 10, "the table was found");
    for name in names {
        assert!(guide.contains(&format!("`{name}`")), "docs/users.md does not know {name}");
    }
}

/// A link to a file of the repository leads somewhere.
#[test]
fn links_lead_somewhere() {
    let repository = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let documents = std::fs::read_dir(repository.join("docs")).unwrap().map(|item| item.unwrap().path());
    let documents = documents.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    for document in documents.chain([repository.join("README.md")]) {
        let text = std::fs::read_to_string(&document).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap();
            let is_ours = !target.is_empty() && !target.contains("://");
            let path = document.parent().unwrap().join(target);
            assert!(!is_ours || path.exists(), "{} links to {target}", document.display());
        }
    }
}

/// Every point of the list is there once, says `pass` or why not, and the tests that it names exist.
#[test]
fn the_list_of_security_names_tests_that_exist() {
    let document = text("docs/security.md");
    let mut numbers = Vec::new();
    for line in document.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        if let Ok(number) = cells[0].parse::<u32>() {
            numbers.push(number);
            let [_, _, state, tests] = cells[..] else { panic!("{line}") };
            assert!(state == "pass" || state.starts_with("not run") || state.starts_with("fail"), "{line}");
            assert!(state != "pass" || tests.contains("::"), "{line} names no test");
        }
    }
    assert_named_tests_exist(&document);
    assert_eq!(numbers, (1..=55).collect::<Vec<_>>());
}

#[test]
fn what_the_guide_to_the_assistant_promises_has_tests_that_exist() {
    assert!(assert_named_tests_exist(&text("docs/assistant.md")) > 30, "they were found");
}

/// Every `FILE::TEST` of a document's tables is a test that runs; answers how many there are.
fn assert_named_tests_exist(document: &str) -> usize {
    let rows = document.lines().filter(|line| line.starts_with("| "));
    let words = rows.flat_map(|line| line.split('`').skip(1).step_by(2));
    let mut count = 0;
    for test in words.filter(|word| word.contains("::")) {
        let (file, name) = test.rsplit_once("::").unwrap();
        let path = if file.contains('/') { file.to_owned() } else { format!("tests/suite/{file}.rs") };
        let source = text(&path);
        let at = source.find(&format!("fn {name}()")).unwrap_or_else(|| panic!("{path} has no test {name}"));
        let attributes = source[..at].rsplit("\n\n").next().unwrap();
        assert!(
            attributes.contains("#[test]") && !attributes.contains("#[ignore"),
            "{test} is no test that runs"
        );
        count += 1;
    }
    count
}
