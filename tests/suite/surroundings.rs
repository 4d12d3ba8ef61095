//! What a session is told about a directory that somebody else has made: nothing of it leads out, and none of it runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use seqera_tests::emulator::Emulator;
use seqera_tests::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::emulator;

fn alice() -> (Emulator, Sandbox) {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    (emulator, sandbox)
}

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Asks something in a directory, and answers what the session was told.
#[track_caller]
fn told(emulator: &Emulator, sandbox: &Sandbox, directory: &Path) -> Value {
    let mut command = sandbox.command(["ai", "--headless", "hello"]);
    command.current_dir(directory);
    let _run = sandbox.run(command).success();
    let requests = emulator.requests();
    let made =
        requests.iter().rev().find(|entry| entry.method == "POST" && entry.path.ends_with("/sessions"));
    made.unwrap().body.clone()
}

#[test]
fn a_link_that_leads_out_of_the_workspace_is_not_followed() {
    let (emulator, sandbox) = alice();
    let home = sandbox.home();
    write(&home.join("private/notes"), "words of nobody else");
    for (name, target) in
        [("main.nf", "../private/notes"), ("AGENTS.md", "../private/notes"), (".seqera", "../private")]
    {
        fs::create_dir_all(home.join("ws")).unwrap();
        symlink(target, home.join("ws").join(name)).unwrap();
    }
    write(&home.join("private/docs/a.md"), "words of nobody else");
    symlink("../private", home.join("ws/workflows")).unwrap();
    write(&home.join("private/main.nf"), "words of nobody else");
    let body = told(&emulator, &sandbox, &home.join("ws"));
    assert!(!body.to_string().contains("words of nobody else"), "{body:#}");
    // A repository is a whole: what a link names inside of it is meant to be read.
    let repository = home.join("repository");
    write(&repository.join(".git/HEAD"), "");
    write(&repository.join("CONTRIBUTING.md"), "how we work");
    write(&repository.join("scripts/a.nf"), "workflow { }");
    fs::create_dir(repository.join("sub")).unwrap();
    symlink("../CONTRIBUTING.md", repository.join("sub/AGENTS.md")).unwrap();
    symlink("../scripts/a.nf", repository.join("sub/main.nf")).unwrap();
    let body = told(&emulator, &sandbox, &repository.join("sub"));
    assert!(body["instruction_context"].as_str().unwrap().ends_with("how we work"), "{body:#}");
    assert_eq!(body["directory_context"]["main_nf_content"], "workflow { }", "{body:#}");
}

#[test]
fn a_link_to_settings_or_credentials_is_not_followed_wherever_the_workspace_is() {
    let (emulator, sandbox) = alice();
    let home = sandbox.home();
    write(&home.join(".config/seqera/credentials/other"), "words of nobody else");
    symlink(".config/seqera/credentials/other", home.join("main.nf")).unwrap();
    symlink(".config/seqera/credentials/other", home.join("AGENTS.md")).unwrap();
    let body = told(&emulator, &sandbox, &home);
    assert!(!body.to_string().contains("words of nobody else"), "{body:#}");
    // What people keep in one place and link to from their home is theirs.
    fs::remove_file(home.join("AGENTS.md")).unwrap();
    write(&home.join("dotfiles/AGENTS.md"), "be kind");
    symlink("dotfiles/AGENTS.md", home.join("AGENTS.md")).unwrap();
    fs::create_dir(home.join("ws")).unwrap();
    let body = told(&emulator, &sandbox, &home.join("ws"));
    assert!(body["instruction_context"].as_str().unwrap().ends_with("be kind"), "{body:#}");
}

/// Of a script, 500 characters of a line are sent; of instructions, 8000 characters.
#[test]
fn a_secret_at_a_cut_is_hidden_like_any_other() {
    let (emulator, sandbox) = alice();
    let secret = "t0ken-of-a-deployment-0123456789";
    let sandbox = sandbox.with("DEPLOY_TOKEN", secret);
    let workspace = sandbox.home().join("ws");
    write(&workspace.join("main.nf"), &format!("{} {secret} {}", "x ".repeat(245), "y ".repeat(2000)));
    let name = workspace.join("AGENTS.md");
    let before = 8000 - name.display().to_string().len() - 40;
    write(&name, &format!("{} {secret} {}", "x ".repeat(before / 2), "y ".repeat(2000)));
    let body = told(&emulator, &sandbox, &workspace).to_string();
    assert!(body.contains("(shortened)") && !body.contains("t0ke"), "{body}");
}

fn git(directory: &Path, arguments: &[&str]) {
    let run = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"])
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn no_program_that_a_repository_names_is_run_to_look_at_it() {
    let (emulator, sandbox) = alice();
    sandbox.configure("ai_send_commits = true\n");
    for name in ["evil", "a=b", "a.b"] {
        let repository = sandbox.home().join(name);
        fs::create_dir(&repository).unwrap();
        let part = repository.join("part");
        fs::create_dir(&part).unwrap();
        let trace = sandbox.root().join("trace");
        for inner in [&part, &repository] {
            git(inner, &["init", "-q", "-b", "main"]);
            write(&inner.join("main.nf"), "workflow { }\n");
            git(inner, &["add", "."]);
            git(inner, &["commit", "-q", "-m", "a message"]);
            let touch = format!("touch {}; cat", trace.display());
            let filter = |key: &str| format!("filter.{name}.{key}");
            for key in ["clean", "smudge", "process"] {
                git(inner, &["config", &filter(key), &touch]);
            }
            git(inner, &["config", &filter("required"), "true"]);
            git(inner, &["config", "core.fsmonitor", &touch]);
            git(inner, &["config", "log.showSignature", "true"]);
            git(inner, &["config", "gpg.program", &touch]);
            write(&inner.join(".gitattributes"), &format!("* filter={name}\n"));
            // As long as before, so that its content has to be looked at.
            write(&inner.join("main.nf"), "workflow {2}\n");
        }
        let body = told(&emulator, &sandbox, &repository);
        assert!(!trace.exists(), "{name}");
        let status = &body["directory_context"]["git_status"];
        if name == "a=b" {
            // A filter of such a name cannot be turned off.
            assert_eq!(
                status,
                &json!({ "is_git_repo": true, "branch": null, "files": [], "recent_commits": [] })
            );
        }
        if name == "evil" {
            let files = status["files"].to_string();
            assert!(
                files.contains(r#"{"added":1,"path":"main.nf","removed":1,"status":"modified"}"#),
                "{files}"
            );
            assert_eq!(
                (&status["branch"], &status["recent_commits"][0]["message"]),
                (&"main".into(), &"a message".into())
            );
        }
    }
}
