//! The host's own commands: help, versions, completion, lists, and what they do not open.

use std::process::Stdio;

use seqera_tests::sandbox::Sandbox;

use crate::has;

#[test]
fn the_overview_names_every_command() {
    let help = Sandbox::new().seqera("").success();
    for word in ["login", "logout", "auth", "info", "org", "ai", "help", "version", "completion", "plugin"] {
        assert!(
            help.stdout.lines().any(|line| line.trim_start().starts_with(&format!("{word} "))),
            "{word}:\n{help}"
        );
    }
    assert_eq!(help.stdout, Sandbox::new().seqera("--help").success().stdout);
}

#[test]
fn help_from_disk_is_what_the_plugin_itself_prints() {
    let sandbox = Sandbox::new();
    for line in
        ["org", "org list", "org switch", "org show", "login", "logout", "auth", "auth status", "info", "ai"]
    {
        let from_disk = sandbox.seqera(&format!("help {line}")).success();
        let from_plugin = sandbox.seqera(&format!("{line} --help")).success();
        assert_eq!(from_disk.stdout, from_plugin.stdout, "{line}");
    }
    let alias = sandbox.seqera("help org select").success();
    assert_eq!(alias.stdout, sandbox.seqera("help org switch").success().stdout);
}

#[test]
fn versions() {
    let sandbox = Sandbox::new();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(sandbox.seqera("--version").success().stdout, format!("seqera {version}\n"));
    let all = sandbox.seqera("version").success().stdout;
    for line in [format!("seqera {version}"), "plugin ABI 1.0.0".to_owned(), format!("plugin org {version}")]
    {
        assert!(all.lines().any(|other| other == line), "{all}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&sandbox.seqera("version --json").success().stdout).unwrap();
    assert_eq!(json["abi"], "1.0.0");
    assert_eq!(json["plugins"]["auth"], version);
}

#[test]
fn an_unknown_command_is_127_with_a_suggestion() {
    let sandbox = Sandbox::new();
    let run = sandbox.seqera("orgs").fails(127, "Did you mean `seqera org`?");
    assert_eq!(run.stdout, "");
    let _plain = sandbox.seqera("zzzz").fails(127, "there is no command `zzzz`");
    let _sub = sandbox.seqera("help org nope").fails(127, "org nope");
}

#[test]
fn without_the_program_of_the_built_in_commands_plugins_go_on_working() {
    let sandbox = Sandbox::new().with_own_installation();
    std::fs::remove_file(sandbox.bundled().with_file_name("seqera-builtins")).unwrap();
    let run = sandbox.seqera("plugin list").fails(126, "this installation of seqera is incomplete");
    assert!(run.stderr.contains("seqera-builtins"), "{run}");
    let _help = sandbox.seqera("help org").success();
    let _org = sandbox.seqera("org --help").success();
}

#[test]
fn wrong_usage_is_2() {
    let sandbox = Sandbox::new();
    let _own = sandbox.seqera("completion tcsh").fails(2, "possible values");
    let _plugins = sandbox.seqera("org list --nope").fails(2, "Usage: seqera org list");
}

#[test]
fn the_list_of_plugins_says_where_each_comes_from() {
    let sandbox = Sandbox::new();
    let _dir = sandbox.install("hello");
    let json: serde_json::Value =
        serde_json::from_str(&sandbox.seqera("plugin list --json").success().stdout).unwrap();
    let rows: Vec<(&str, &str, &str)> = json["plugins"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (row["name"].as_str().unwrap(), row["source"].as_str().unwrap(), row["state"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("ai", "bundled", "used"),
            ("auth", "bundled", "used"),
            ("hello", "user", "used"),
            ("org", "bundled", "used")
        ]
    );
    let text = sandbox.seqera("plugin list").success().stdout;
    assert!(
        text.lines().any(|line| line.contains("hello") && line.contains("0.3.0") && line.contains("user")),
        "{text}"
    );
}

/// Counted from outside: which plugin libraries a command opens.
fn opened(sandbox: &Sandbox, line: &str) -> Vec<String> {
    let trace = sandbox.root().join("trace");
    let inner = sandbox.command(line.split(' ').filter(|word| !word.is_empty()));
    let mut command = std::process::Command::new("strace");
    command.args(["-f", "-qq", "-e", "trace=openat,open", "-o"]).arg(&trace).arg(inner.get_program());
    command.args(inner.get_args()).env_clear();
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?)))).stdin(Stdio::null());
    let _run = sandbox.run(command);
    let text = std::fs::read_to_string(trace).unwrap();
    assert!(text.contains("openat"), "strace saw nothing");
    let mut found: Vec<String> = text
        .lines()
        .filter(|line| line.contains("libseqera_plugin") && line.contains(".so\"") && !line.contains("= -1"))
        .filter_map(|line| Some(line.split("libseqera_plugin_").nth(1)?.split('.').next()?.to_owned()))
        .collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn reading_commands_open_no_library_and_others_only_what_they_need() {
    if !has("strace") {
        assert!(std::env::var_os("CI").is_none(), "strace is missing");
        return;
    }
    let sandbox = Sandbox::new();
    for line in
        ["", "--help", "--version", "help org switch", "completion bash", "plugin list", "version", "orgg"]
    {
        assert_eq!(opened(&sandbox, line), Vec::<String>::new(), "{line}");
    }
    assert_eq!(opened(&sandbox, "org --help"), ["org"]);
    assert_eq!(opened(&sandbox, "org switch --nope"), ["org"]);
    assert_eq!(opened(&sandbox, "auth status"), ["auth"]);
    assert_eq!(opened(&sandbox, "org"), ["auth", "org"]);
}

#[test]
fn a_closed_standard_output_is_silent() {
    let sandbox = Sandbox::new();
    let _dir = sandbox.install("fault");
    for line in ["help", "completion bash", "plugin list --json", "fault lines", "fault bare-lines"] {
        // Closed before the program starts: a fast one would have written everything before the reader went away.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = sandbox.command(line.split(' ')).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(141), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{line}");
    }
}
