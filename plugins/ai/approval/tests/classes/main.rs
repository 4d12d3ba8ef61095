//! A group of commands for each class of bypass that is documented for programs like this one (the classes are those of
//! the design), and for each rule that holds in every mode.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has to stop")]

mod commands;
mod credentials;
mod directories;
mod everyday;
mod feeding;
#[path = "../ground/mod.rs"]
mod ground;
mod places;
mod rules;
mod runners;

use ground::{Ask, Ground};
use seqera_ai_approval::{Decision, Mode, SystemFiles};

/// A workspace with a bit of everything.
fn ground() -> Ground {
    let ground = Ground::new();
    ground.file("a.txt", "a\n");
    ground.file("../outside/secret", "s\n");
    ground.file(".git/config", "[core]\n");
    ground.directory("sub");
    ground.link("link", "../outside");
    ground.file("../home/.config/seqera/credentials/default.json", "{}");
    ground.file("../home/.config/seqera/config.toml", "");
    ground.link("creds", "../home/.config/seqera/credentials");
    ground
}

fn tell(decision: &Decision) -> String {
    match decision {
        Decision::Auto { rule, .. } => format!("auto {}", rule.name()),
        Decision::Prompt { rule, .. } => format!("prompt {}", rule.name()),
        Decision::Blocked { rule, .. } => format!("blocked {}", rule.name()),
    }
}

/// Checks many commands in one mode; reports every one that is decided otherwise.
fn check(mode: Mode, expected: &str, commands: &[&str]) {
    let ground = ground();
    let wrong: Vec<String> = commands
        .iter()
        .map(|text| (text, tell(&ground.decide(&Ask::shell(mode, text), &SystemFiles))))
        .filter(|(_, answer)| !answer.starts_with(expected))
        .map(|(text, answer)| format!("{text:?}: {answer}, not {expected}"))
        .collect();
    assert!(wrong.is_empty(), "{} mode:\n{}", mode.name(), wrong.join("\n"));
}
