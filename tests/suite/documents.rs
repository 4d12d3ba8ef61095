//! What the documents show is what happens.

use seqera_tests::doc_commands::Document;
use seqera_tests::sandbox::Sandbox;

use crate::emulator;

fn text(path: &str) -> String {
    let repository = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(repository.join(path)).unwrap()
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
    let sandbox = Sandbox::on(&emulator);
    let _signed_in = sandbox.login().success();
    assert_eq!(Document::read("docs/users.md", &sandbox).run(), 8);
}

#[test]
fn the_guide_to_the_assistant_shows_what_happens() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _signed_in = sandbox.login().success();
    assert_eq!(Document::read("docs/assistant.md", &sandbox).run(), 10);
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
        for test in line.split('`').skip(1).step_by(2).filter(|word| word.contains("::")) {
            let (file, name) = test.rsplit_once("::").unwrap();
            let path = if file.contains('/') { file.to_owned() } else { format!("tests/suite/{file}.rs") };
            let source = text(&path);
            let at =
                source.find(&format!("fn {name}()")).unwrap_or_else(|| panic!("{path} has no test {name}"));
            let attributes = source[..at].rsplit("\n\n").next().unwrap();
            assert!(
                attributes.contains("#[test]") && !attributes.contains("#[ignore"),
                "{test} is no test that runs"
            );
        }
    }
    assert_eq!(numbers, (1..=55).collect::<Vec<_>>());
}
