//! Paths: where they lead, and the tools that take one.

use seqera_ai_approval::{Danger, Decision, Mode, Place, SearchPath, SessionGrant, SystemFiles};

use crate::ground::Ask;
use crate::{check, ground, tell};

#[test]
fn paths_are_followed_component_by_component() {
    let out = [
        "touch link/x",
        "touch link/../x",
        "touch sub/../link/x",
        "touch ../ws2",
        "touch ../ws-evil/x",
        "touch missing/../../outside/x",
        "mkdir -p link/a/b",
        "touch /tmp/x",
        "echo x > link/x",
        "cp a.txt link",
        "cp a.txt link/",
        "mv a.txt link/x",
        "cp link/secret x",
        "mv link x",
        "cp -r link x",
        "cp a.txt ../ws/../outside/x",
        "touch /proc/self/cwd/x",
        "echo x > /dev/fd/1",
        "echo x > /dev/stdout",
        "cat < link/secret",
        "cp -t link a.txt",
        "mv --target-directory=link a.txt",
        "touch ''",
        "touch -r link/secret x",
        "mv . x",
        "mv ../ws x",
        "cp -r . sub/x",
    ];
    check(Mode::Default, "prompt", &out);
    check(
        Mode::Default,
        "auto inside-workspace",
        &[
            "touch sub/../x",
            "mkdir -p new/a/b",
            "cp a.txt sub",
            "cp -t sub a.txt",
            "mv -T a.txt b",
            "echo x > sub/x 2>/dev/null",
            "touch ../ws/x",
            "touch ./sub/./x",
        ],
    );
}

#[test]
fn tools_that_take_a_path_are_judged_by_it() {
    let ground = ground();
    ground.hard_link("hard", "../outside/secret");
    for (tool, path, basic, default, full) in [
        ("write_file_local", "sub/new", "prompt file-change", "auto inside-workspace", "auto full-mode"),
        (
            "edit_file_local",
            "link/secret",
            "prompt file-change",
            "prompt outside-workspace",
            "auto full-mode",
        ),
        ("write_file_local", "hard", "prompt file-change", "prompt hard-link", "auto full-mode"),
        (
            "write_file_local",
            ".git/hooks/x",
            "prompt file-change",
            "prompt protected-directory",
            "auto full-mode",
        ),
        (
            "create_directory_local",
            "sub/.SEQERA/x",
            "prompt file-change",
            "prompt protected-directory",
            "auto full-mode",
        ),
        ("write_file_local", "/dev/sda", "prompt raw-device", "prompt raw-device", "prompt raw-device"),
        (
            "write_file_local",
            "a\u{202e}b",
            "prompt hidden-characters",
            "prompt hidden-characters",
            "prompt hidden-characters",
        ),
        ("read_file_local", "/etc/passwd", "auto read-only", "auto read-only", "auto read-only"),
        ("search_files_local", "sub", "auto read-only", "auto read-only", "auto read-only"),
        ("run_nf_core_lint_local", ".", "prompt not-listed", "prompt not-listed", "auto full-mode"),
        ("something_else", ".", "blocked unknown-tool", "blocked unknown-tool", "blocked unknown-tool"),
    ] {
        for (mode, expected) in [(Mode::Basic, basic), (Mode::Default, default), (Mode::Full, full)] {
            let ask = Ask { tool, ..Ask::shell(mode, path) };
            assert_eq!(tell(&ground.decide(&ask, &SystemFiles)), expected, "{tool} {path} {}", mode.name());
        }
    }
}

#[test]
fn a_prompt_shows_what_a_person_needs_to_judge() {
    let ground = ground();
    let facts = |text: &str| match ground.decide(&Ask::shell(Mode::Default, text), &SystemFiles) {
        Decision::Prompt { facts, .. } => facts,
        other => panic!("{text} {other:?}"),
    };
    let danger = facts("sudo rm -rf ~ . ../outside / .git/..");
    assert_eq!(
        (&danger.danger, danger.session_grant),
        (&Danger::Command("sudo".into()), SessionGrant::NotOffered)
    );
    let danger = facts("nice rm -rf ~ . ../outside / sub");
    assert_eq!(danger.danger, Danger::Command("rm".into()));
    assert_eq!(danger.commands[1], ["rm", "-rf", "~", ".", "../outside", "/", "sub"]);
    let expected = [
        "~ is the home directory.",
        ". is the whole workspace.",
        "../outside is outside of the workspace.",
        "/ is the root of the file system.",
    ];
    assert_eq!(danger.notes, expected);
    assert_eq!((danger.paths.len(), danger.paths[4].place), (5, Place::Inside));
    let out = facts("cp a.txt link/x");
    assert_eq!((out.session_grant, out.paths[0].place), (SessionGrant::Offered, Place::Outside));
    assert!(out.paths[0].resolved.ends_with("outside/x"));
    let ask = Ask { cwd: "sub", ..Ask::shell(Mode::Default, "make") };
    match ground.decide(&ask, &SystemFiles) {
        Decision::Prompt { facts, .. } => assert!(facts.notes[0].ends_with("/ws/sub."), "{:?}", facts.notes),
        other => panic!("{other:?}"),
    }
}

#[test]
fn programs_are_looked_for_outside_of_the_workspace() {
    let ground = ground();
    ground.link("../bin", "ws/sub");
    let place = ground.place().to_str().unwrap();
    let own = format!("{place}/ws/bin:/opt/tools:.::bin:{place}/bin:{place}/ws:/usr/bin:{place}/ws2");
    let value = |path: SearchPath, own: &str| path.value(own, &ground.workspace, &SystemFiles);
    assert_eq!(value(SearchPath::Person, &own), format!("/opt/tools:/usr/bin:{place}/ws2"));
    assert_eq!(value(SearchPath::System, &own), seqera_ai_approval::SYSTEM_PATH);
    assert_eq!(value(SearchPath::Person, "."), seqera_ai_approval::SYSTEM_PATH);
}

#[test]
fn what_cannot_be_followed_is_read_without_asking_for_it_fails_by_itself() {
    let ground = ground();
    ground.link("loop", "loop");
    for (tool, expected) in
        [("read_file_local", "auto read-only"), ("write_file_local", "prompt outside-workspace")]
    {
        let ask = Ask { tool, ..Ask::shell(Mode::Default, "loop/x") };
        assert_eq!(tell(&ground.decide(&ask, &SystemFiles)), expected);
    }
}

/// What some file systems take for the same name is judged as the same.
#[test]
fn protected_names_are_compared_as_file_systems_do() {
    check(
        Mode::Default,
        "prompt protected-directory",
        &[
            "mkdir -p .\u{17f}eqera/skills",
            "touch .agent\u{17f}/x",
            "touch .GIT/x",
            "touch .Git./x",
            "touch 'GIT~1/x'",
        ],
    );
    check(Mode::Full, "prompt credentials", &["cat ~/.config/\u{17f}eqera/credential\u{17f}/default.json"]);
}

/// A workspace that holds the home directory holds what runs at the next sign-in, too.
#[test]
fn in_a_home_directory_what_is_hidden_is_not_changed_by_itself() {
    let ground = ground().at_home();
    ground.file("a.txt", "a\n");
    ground.link("l", ".ssh");
    let hidden = [
        "echo x > .bashrc",
        "echo x >> .ssh/authorized_keys",
        "echo x > l/authorized_keys",
        "mkdir -p .config/autostart",
        "cp a.txt .config/autostart/x.desktop",
        "cp a.txt .local/bin/seqera",
        "cp a.txt bin/ls",
        "mkdir bin",
        "touch project/.envrc",
        "mv a.txt .profile",
        "echo x > Library/LaunchAgents/x.plist",
    ];
    for text in hidden {
        let answer = tell(&ground.decide(&Ask::shell(Mode::Default, text), &SystemFiles));
        assert_eq!(answer, "prompt protected-directory", "{text}");
    }
    for tool in ["write_file_local", "edit_file_local", "create_directory_local"] {
        let ask = Ask { tool, ..Ask::shell(Mode::Default, ".bashrc") };
        assert_eq!(tell(&ground.decide(&ask, &SystemFiles)), "prompt protected-directory", "{tool}");
    }
    for text in ["echo x > notes", "mkdir -p project/bin", "cp a.txt project/b"] {
        let answer = tell(&ground.decide(&Ask::shell(Mode::Default, text), &SystemFiles));
        assert_eq!(answer, "auto inside-workspace", "{text}");
    }
    let mut above = crate::ground();
    above.workspace = above.place().to_owned();
    let answer = |text| tell(&above.decide(&Ask::shell(Mode::Default, text), &SystemFiles));
    assert_eq!(answer("touch home/.bashrc"), "prompt protected-directory");
    assert_eq!(answer("touch ws/.nf-test home/x"), "auto inside-workspace");
    check(Mode::Default, "auto", &["echo x > .editorconfig", "mkdir -p bin .github/workflows"]);
}

/// The audit, the sessions and what was checked of plugins are written by us alone.
#[test]
fn what_we_write_ourselves_is_not_changed_by_others() {
    let texts = [
        "sed -i d ~/.local/state/seqera/ai/audit.jsonl",
        "echo x > ~/.local/state/seqera/ai/audit.jsonl",
        "truncate -s 0 ~/.local/state/seqera/ai/audit.jsonl",
        "cp a.txt ~/.cache/seqera/digests",
        "mv ~/.cache x",
    ];
    check(Mode::Full, "prompt credentials", &texts);
    let reading =
        ["head ~/.local/state/seqera/ai/output/x.stdout", "grep -c x ~/.local/state/seqera/ai/audit.jsonl"];
    check(Mode::Full, "auto", &reading);
}
