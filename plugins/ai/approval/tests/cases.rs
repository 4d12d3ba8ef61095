//! Every published case, in a workspace that is really there.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has to stop")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use seqera_ai_approval::{Decision, Grants, Mode, Places, Request, Rules, SystemFiles, Tool, decide};
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
    fn make(&self, workspace: &Path) {
        let path = workspace.join(match self {
            Self::Dir { path }
            | Self::File { path, .. }
            | Self::Executable { path, .. }
            | Self::Symlink { path, .. }
            | Self::Hardlink { path, .. } => path,
        });
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match self {
            Self::Dir { .. } => fs::create_dir_all(path).unwrap(),
            Self::File { content, .. } => fs::write(path, content).unwrap(),
            Self::Executable { content, .. } => {
                fs::write(&path, content).unwrap();
                fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
            }
            Self::Symlink { target, .. } => symlink(target, path).unwrap(),
            Self::Hardlink { target, .. } => fs::hard_link(workspace.join(target), path).unwrap(),
        }
    }
}

fn answer(case: &Case) -> (&'static str, String) {
    let place = tempfile::tempdir().unwrap();
    let workspace = place.path().join("ws");
    fs::create_dir_all(&workspace).unwrap();
    fs::create_dir_all(place.path().join("outside")).unwrap();
    for setup in &case.cwd_relative_setup {
        setup.make(&workspace);
    }
    let home = place.path().join("home");
    let decision = decide(
        &Request {
            tool: Tool::named(case.tool.as_deref().unwrap_or("execute_bash_local")),
            subject: &case.command,
            workspace: &workspace,
            cwd: &workspace.join(case.cwd.as_deref().unwrap_or(".")),
            mode: Mode::named(&case.mode).unwrap(),
            plan: false,
            grants: &Grants::default(),
            rules: &Rules::default(),
            places: &Places::new(
                Some(home.clone()),
                &home.join(".config/seqera"),
                &home.join(".local/share/seqera"),
            ),
        },
        &SystemFiles,
    );
    match decision {
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
