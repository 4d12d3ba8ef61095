//! Every published case, in a workspace that is really there.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has to stop")]

mod ground;

use std::fs;
use std::path::Path;

use ground::{Ask, Ground};
use seqera_ai_approval::{Decision, Mode, SystemFiles};
use serde::Deserialize;

#[derive(Deserialize)]
struct CaseFile {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    command: String,
    mode: String,
    #[serde(default)]
    tool: Option<String>,
    #[serde(default)]
    cwd: Option<String>,
    cwd_relative_setup: Vec<Setup>,
    expected: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Setup {
    Dir { path: String },
    File { path: String, content: String },
    Executable { path: String, content: String },
    Symlink { path: String, target: String },
    Hardlink { path: String, target: String },
}

impl Setup {
    fn make(&self, ground: &Ground) {
        match self {
            Self::Dir { path } => ground.directory(path),
            Self::File { path, content } => ground.file(path, content),
            Self::Executable { path, content } => ground.executable(path, content),
            Self::Symlink { path, target } => ground.link(path, target),
            Self::Hardlink { path, target } => ground.hard_link(path, target),
        }
    }
}

fn answer(case: &Case) -> (&'static str, String) {
    let ground = Ground::new();
    for setup in &case.cwd_relative_setup {
        setup.make(&ground);
    }
    let ask = Ask {
        tool: case.tool.as_deref().unwrap_or("execute_bash_local"),
        cwd: case.cwd.as_deref().unwrap_or("."),
        ..Ask::shell(Mode::named(&case.mode).unwrap(), &case.command)
    };
    match ground.decide(&ask, &SystemFiles) {
        Decision::Auto { why, .. } => ("auto", why),
        Decision::Prompt { why, .. } => ("prompt", why),
        Decision::Blocked { why, .. } => ("blocked", why),
    }
}

#[test]
fn every_case_is_decided_as_it_should_be() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/cases/approval.json");
    let cases: CaseFile = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert!(cases.cases.len() >= 150, "{} cases", cases.cases.len());
    let mut wrong = Vec::new();
    for case in &cases.cases {
        let (decision, why) = answer(case);
        if decision != case.expected {
            wrong.push(format!(
                "{} ({} mode) {:?}: {decision}, because {why}; expected {}, because {}",
                case.id, case.mode, case.command, case.expected, case.reason
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.cases.len(), wrong.join("\n"));
}
