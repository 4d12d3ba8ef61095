//! `seqera config`: what counts, where it comes from, and how it is changed.

use std::fs;

use seqera_tests::sandbox::Sandbox;
use serde_json::Value;

fn file(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.config().join("config.toml")).unwrap_or_default()
}

#[test]
fn each_value_says_where_it_comes_from() {
    let sandbox = Sandbox::new().with("SEQERA_PROFILE", "work");
    sandbox.configure("# mine\ntheme = \"dark\"\nprofile = \"home\"\n\n[commands]\nhi = \"hello\"\n");
    let run = sandbox.seqera("config show").success();
    let path = sandbox.config().join("config.toml").display().to_string();
    for line in [
        format!("theme = dark  ({path}:2)"),
        "profile = work  (SEQERA_PROFILE)".to_owned(),
        "auth_redirect_port = 53682  (default)".to_owned(),
        "ca_bundle is not set".to_owned(),
        format!("commands.hi = hello  ({path}:6)"),
    ] {
        assert!(run.stdout.lines().any(|shown| shown == line), "{line} is missing:\n{run}");
    }
    let json: Value = serde_json::from_str(&sandbox.seqera("config show --json").success().stdout).unwrap();
    assert_eq!(json["settings"]["theme"]["origin"], format!("{path}:2"));
    assert_eq!(json["settings"]["ca_bundle"], Value::Null);
    assert_eq!(sandbox.seqera("config path").success().stdout, format!("{path}\n"));
    assert_eq!(sandbox.seqera("config get theme").success().stdout, "dark\n");
    let _none = sandbox.seqera("config get ca_bundle").fails(1, "`ca_bundle` is not set");
}

#[test]
fn setting_and_unsetting_leave_the_rest_of_the_file_as_it_is() {
    let sandbox = Sandbox::new();
    let mine = "# mine\ntheme = \"dark\" # at night\n";
    sandbox.configure(mine);
    let dry = sandbox.seqera("config set theme light --dry-run").success();
    assert!(dry.stderr.starts_with("theme would be set; it is light"), "{dry}");
    assert_eq!(file(&sandbox), mine);
    let _set = sandbox.seqera("config set theme light").success();
    assert_eq!(file(&sandbox), mine.replace("dark", "light"));
    let _number = sandbox.seqera("config set ai_read_max_lines 10").success();
    let _truth = sandbox.seqera("config set reduce_motion true").success();
    let _named = sandbox.seqera("config set indexes.acme https://plugins.acme.example/").success();
    let text = file(&sandbox);
    assert!(text.contains("ai_read_max_lines = 10\nreduce_motion = true\n"), "{text}");
    assert!(text.contains("[indexes]\nacme = \"https://plugins.acme.example/\"\n"), "{text}");
    for key in ["ai_read_max_lines", "reduce_motion", "indexes.acme"] {
        let _gone = sandbox.seqera(&format!("config unset {key}")).success();
    }
    assert_eq!(file(&sandbox).trim_end(), mine.replace("dark", "light").trim_end());
    let again = sandbox.seqera("config unset reduce_motion").success();
    assert!(again.stderr.contains("already; it is false (default)"), "{again}");
}

#[test]
fn a_variable_that_wins_is_named() {
    let sandbox = Sandbox::new().with("SEQERA_THEME", "light");
    let run = sandbox.seqera("config set theme dark").success();
    assert_eq!(run.stderr, "theme is set; it is light (SEQERA_THEME)\n");
}

#[test]
fn nonsense_changes_nothing() {
    let sandbox = Sandbox::new();
    let near = sandbox.seqera("config set aproval_mode basic").fails(2, "there is no setting");
    assert!(near.stderr.contains("Did you mean `approval_mode`?"), "{near}");
    let _number = sandbox.seqera("config set ai_read_max_lines many").fails(2, "is a number");
    let _truth = sandbox.seqera("config set reduce_motion yes").fails(2, "true or false");
    let _pin = sandbox.seqera("config set plugins.org.version =1.0.0").fails(2, "seqera plugin pin");
    assert_eq!(file(&sandbox), "");
    sandbox.configure("a = = 1\n");
    let _broken = sandbox.seqera("config set theme dark").fails(3, "config.toml:1:5");
    let _show = sandbox.seqera("config show").fails(3, "config.toml:1:5");
    assert_eq!(file(&sandbox), "a = = 1\n");
}
