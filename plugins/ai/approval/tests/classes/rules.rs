//! Grants, policy, patterns and modes.

use seqera_ai_approval::{
    Decision, Grant, GrantedCommand, Grants, Mode, Pattern, Rules, Run, SearchPath, SessionGrant,
    SystemFiles, Tool,
};

use crate::ground::Ask;
use crate::{ground, tell};

pub(crate) fn granted() -> Grants {
    Grants { scope: Grant::RestOfSession, commands: Vec::new() }
}

#[test]
fn a_grant_covers_the_session_but_not_what_is_dangerous() {
    let ground = ground();
    for (text, expected) in [
        ("make", "auto session-grant"),
        ("touch ../outside/x", "auto session-grant"),
        ("rm x", "prompt dangerous"),
        ("nice rm x", "prompt dangerous"),
        ("$c", "prompt computed-command"),
        ("ls \u{202e}", "prompt hidden-characters"),
        ("echo 'x", "prompt unreadable"),
        ("seqera auth token", "prompt credentials"),
        ("echo x > /dev/sda", "prompt raw-device"),
    ] {
        for mode in [Mode::Basic, Mode::Default] {
            let ask = Ask { grants: granted(), ..Ask::shell(mode, text) };
            assert_eq!(tell(&ground.decide(&ask, &SystemFiles)), expected, "{text}");
        }
    }
    let grants = Grants {
        commands: vec![GrantedCommand {
            tool: Tool::Shell,
            subject: "make".into(),
            cwd: ground.workspace.join("."),
        }],
        ..Grants::default()
    };
    for (text, expected) in [
        ("make", "auto session-grant"),
        ("make x", "prompt"),
        ("make ", "prompt"),
        ("make; rm x", "prompt dangerous"),
    ] {
        let ask = Ask { grants: grants.clone(), ..Ask::shell(Mode::Default, text) };
        assert!(tell(&ground.decide(&ask, &SystemFiles)).starts_with(expected), "{text}");
    }
}

/// What no grant covers is told to the prompt, which then takes no Enter for a yes.
#[test]
fn a_grant_is_offered_for_what_it_would_cover() {
    let ground = ground();
    let offered = |text: &str| match ground.decide(&Ask::shell(Mode::Default, text), &SystemFiles) {
        Decision::Prompt { facts, .. } => facts.session_grant,
        other => panic!("{text} {other:?}"),
    };
    for text in ["rm x", "$c x", "ls \u{202e}", "echo 'x", "cat creds/x", "echo x > /dev/sda", "seqera login"]
    {
        assert_eq!(offered(text), SessionGrant::NotOffered, "{text}");
    }
    assert_eq!(offered("make"), SessionGrant::Offered);
}

#[test]
fn a_policy_only_tightens() {
    let ground = ground();
    let pattern = |text: &str| Pattern::new(text).unwrap();
    let rules = Rules {
        deny: vec![pattern("curl *"), pattern("write_file_local */secret*")],
        ask: vec![pattern("ls *"), pattern("read_file_local *.pem")],
        allow: vec![Pattern::allowing("curl *").unwrap(), Pattern::allowing("ls *").unwrap()],
    };
    for (text, expected) in [
        ("curl x", "blocked policy-deny"),
        ("echo $(curl x)", "blocked policy-deny"),
        ("/usr/bin/curl x", "blocked policy-deny"),
        ("nice curl x", "blocked policy-deny"),
        ("bash -c 'curl x'", "blocked policy-deny"),
        ("ls", "prompt policy-ask"),
        ("ls | head", "prompt policy-ask"),
        ("pwd", "auto"),
        ("rm x; curl x", "blocked policy-deny"),
        ("echo 'x", "blocked policy-deny"),
        ("ls \u{202e}", "blocked policy-deny"),
        ("rm x", "prompt dangerous"),
    ] {
        for (mode, grants) in
            [(Mode::Basic, Grants::default()), (Mode::Full, Grants::default()), (Mode::Default, granted())]
        {
            let ask = Ask { grants, rules: rules.clone(), ..Ask::shell(mode, text) };
            let answer = tell(&ground.decide(&ask, &SystemFiles));
            assert!(answer.starts_with(expected), "{text} in {}: {answer}", mode.name());
        }
    }
    for (tool, path, expected) in [
        ("write_file_local", "sub/secret.txt", "blocked policy-deny"),
        ("read_file_local", "a.pem", "prompt policy-ask"),
        ("read_file_local", "a.txt", "auto read-only"),
    ] {
        let ask = Ask { tool, rules: rules.clone(), ..Ask::shell(Mode::Full, path) };
        assert_eq!(tell(&ground.decide(&ask, &SystemFiles)), expected, "{tool} {path}");
    }
}

#[test]
fn what_is_allowed_in_advance_runs_as_it_was_checked() {
    let ground = ground();
    let rules = Rules {
        allow: vec![Pattern::allowing("nextflow run *").unwrap(), Pattern::allowing("bash *").unwrap()],
        ..Rules::default()
    };
    let decide = |mode, text: &str| {
        let ask = Ask { rules: rules.clone(), ..Ask::shell(mode, text) };
        ground.decide(&ask, &SystemFiles)
    };
    match decide(Mode::Default, "nextflow run 'main.nf' | tail -n 3") {
        Decision::Auto { run, rule, .. } => {
            assert_eq!(rule.name(), "allow-flag");
            let text = "'nextflow' 'run' 'main.nf' | 'tail' '-n' '3'".to_owned();
            assert_eq!(run, Run::Checked { text, search_path: SearchPath::Person });
        }
        other => panic!("{other:?}"),
    }
    for (text, expected) in [
        ("nextflow run x; git push", "prompt not-listed"),
        ("nextflow run $x", "prompt expansion"),
        ("nextflow run x > ../outside/x", "prompt outside-workspace"),
        ("nextflow clean", "prompt not-listed"),
        ("A=b nextflow run x", "prompt syntax"),
        ("bash -c 'rm x'", "prompt dangerous"),
        ("bash x.sh", "auto allow-flag"),
        ("nextflow run x && rm y", "prompt dangerous"),
    ] {
        assert_eq!(tell(&decide(Mode::Default, text)), expected, "{text}");
    }
    assert_eq!(tell(&decide(Mode::Basic, "nextflow run x > sub/x")), "prompt redirection");
}

#[test]
fn plan_mode_refuses_six_tools_and_reads_with_the_rest() {
    let ground = ground();
    let tools = [
        ("execute_bash_local", true),
        ("run_nextflow_lint_local", true),
        ("run_nf_core_lint_local", true),
        ("write_file_local", true),
        ("edit_file_local", true),
        ("create_directory_local", true),
        ("read_file_local", false),
        ("list_directory_local", false),
        ("search_files_local", false),
        ("search_content_local", false),
    ];
    for (tool, is_refused) in tools {
        let ask = Ask { tool, plan: true, grants: granted(), ..Ask::shell(Mode::Full, "sub") };
        let answer = tell(&ground.decide(&ask, &SystemFiles));
        assert_eq!(answer == "blocked plan-mode", is_refused, "{tool}: {answer}");
    }
}
