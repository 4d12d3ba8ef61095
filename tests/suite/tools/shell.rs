//! `execute_bash_local`: what runs, what is ended, what comes back.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use seqera_tests::sandbox::{finished, signal};
use serde_json::{Value, json};

use super::{Desk, answer};

/// Whether a process is still there and has not ended.
fn is_alive(id: &str) -> bool {
    fs::read_to_string(format!("/proc/{}/stat", id.trim())).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Waits until a file has that many lines.
#[track_caller]
fn lines(path: &Path, count: usize) -> Vec<String> {
    let started = Instant::now();
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        if text.ends_with('\n') && text.lines().count() >= count {
            return text.lines().map(str::to_owned).collect();
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{} has only {text:?}", path.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The file that a note of the output names.
fn file_in(text: &str) -> PathBuf {
    let (_, rest) = text.split_once(" in /").unwrap_or_else(|| panic!("no file is named in {text}"));
    Path::new("/").join(rest.split([' ', ']', '\n']).next().unwrap())
}

#[test]
fn a_command_runs_in_the_workspace_and_its_streams_and_code_are_told() {
    let desk = Desk::new();
    let told = desk.shell("pwd; echo err >&2; exit 3");
    assert_eq!(told, answer(&format!("{}\n", desk.path(".").canonicalize().unwrap().display()), "err\n", 3));
    let by_signal = desk.shell("ulimit -f 0; echo x > too-long");
    assert_eq!(by_signal["exit_code"], 153, "128 and SIGXFSZ: {by_signal}");
    assert_eq!(desk.shell("printf '1\\r2\\r\\n\\033[31mred\\033[0m'"), answer("1\n2\r\nred", "", 0));
    assert_eq!(desk.shell("echo \"$AGENT $NXF_AGENT_MODE\""), answer("1 true\n", "", 0));
}

#[test]
fn what_is_printed_is_never_rewritten() {
    let desk = Desk::new();
    let config = "\n// version 1.2\n\nCommand: x\n-----\nDuration: 5\n\n  params.x = '$$'\n\n\n";
    desk.write("nextflow.config", config);
    assert_eq!(desk.shell("cat nextflow.config"), answer(config, "", 0));
    assert_eq!(desk.shell("-x 'no option of bash'")["exit_code"], 127);
}

#[test]
fn what_is_automatic_runs_as_it_was_checked_and_the_rest_is_refused() {
    let desk = Desk::new();
    desk.write("a.txt", "a\n");
    let told = desk.one(&[], "execute_bash_local", json!({ "command": "cp a.txt 'b c' && ls | cat" }));
    assert_eq!(told, answer("a.txt\nb c\n", "", 0));
    let (run, results) = desk.ask(&[], &[("execute_bash_local", json!({ "command": "touch $(echo x)" }))]);
    assert!(results[0]["stderr"].as_str().unwrap().starts_with("approval required: "), "{results:?}");
    assert!(run.code == 10 && !desk.path("x").exists(), "{run}");
}

#[test]
fn a_program_of_the_workspace_is_not_taken_for_a_listed_one() {
    let desk = Desk::new();
    for name in ["bin/ls", "ls"] {
        let path = desk.write(name, "#!/bin/sh\necho evil\n");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!(".:{}:/usr/bin:/bin", desk.path("bin").display());
    let desk = desk.with("PATH", &path);
    let told = desk.one(&[], "execute_bash_local", json!({ "command": "ls" }));
    assert_eq!(told, answer("bin\nls\n", "", 0));
}

#[test]
fn what_is_allowed_by_a_flag_runs_from_where_the_person_has_it() {
    let desk = Desk::new();
    let tools = desk.sandbox.root().join("tools");
    fs::create_dir(&tools).unwrap();
    for (path, says) in [(tools.join("greet"), "hello"), (desk.path("greet"), "evil")] {
        fs::write(&path, format!("#!/bin/sh\necho {says} \"$@\"\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:{}:/usr/bin:/bin", desk.path(".").display(), tools.display());
    let desk = desk.with("PATH", &path);
    let ask = |command: &str| {
        desk.one(&["--allow", "greet *"], "execute_bash_local", json!({ "command": command }))
    };
    assert_eq!(ask("greet 'a  b' | cat"), answer("hello a  b\n", "", 0));
    for other in ["./greet x", "greet x; make", "greet $(id)", "greet x > /tmp/elsewhere"] {
        let told = ask(other);
        assert!(told["stderr"].as_str().unwrap().starts_with("approval required: "), "{other}: {told}");
    }
}

#[test]
fn a_policy_stands_above_modes_and_flags() {
    let desk = Desk::new();
    let Desk { emulator, sandbox } = desk;
    let Some(sandbox) = sandbox.with_admin() else { return };
    let desk = Desk { emulator, sandbox };
    let rules = "[approval]\ndeny = [\"touch *\", \"write_file_local *secret*\"]\nask = [\"pwd\"]\n";
    desk.sandbox.etc().write("policy.toml", &format!("policy = 1\n{rules}"));
    let bash = |command: &str| ("execute_bash_local", json!({ "command": command }));
    let (run, results) = desk.ask(
        &["--approval-mode", "full", "--allow", "touch *", "--allow", "pwd"],
        &[
            bash("touch x"),
            bash("nice bash -c 'touch x'"),
            ("write_file_local", json!({ "path": "secret.txt", "content": "x" })),
            ("write_file_local", json!({ "path": "plain.txt", "content": "x" })),
            bash("pwd"),
            bash("echo ok"),
        ],
    );
    for (result, says) in results.iter().zip([
        "not allowed: the policy forbids `touch *`",
        "not allowed: the policy forbids `touch *`",
        "not allowed: the policy forbids `write_file_local *secret*`",
        "",
        "approval required: in full mode a person has to agree, and nobody can be asked here: the policy asks about `pwd`",
        "",
    ]) {
        assert_eq!(result["exit_code"], i32::from(!says.is_empty()), "{result}");
        assert!(result["stderr"].as_str().unwrap().starts_with(says), "{says}: {result}");
    }
    assert_eq!(run.code, 10, "{run}");
    assert!(desk.path("plain.txt").exists() && !desk.path("x").exists() && !desk.path("secret.txt").exists());
}

#[test]
fn reading_input_ends_at_once_and_no_start_up_file_runs() {
    let desk = Desk::new();
    let evil = desk.write("evil.sh", "touch was-here\n").display().to_string();
    desk.write("../.bashrc", "touch was-here\n");
    let desk = desk.with("BASH_ENV", &evil).with("ENV", &evil);
    let started = Instant::now();
    assert_eq!(desk.shell("cat; read x || echo none"), answer("none\n", "", 0));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert!(!desk.path("was-here").exists());
}

#[test]
fn secrets_are_not_given_to_commands_and_not_sent() {
    let token = "tok_0123456789abcdef";
    let desk = Desk::new().with("MY_SERVICE_TOKEN", token).with("TOWER_ACCESS_TOKEN", "tower-4711-secret");
    desk.write("leak.txt", format!("the token is {token}\n"));
    let told =
        desk.one(&["--approval-mode", "basic"], "execute_bash_local", json!({ "command": "printenv" }));
    let text = told["stdout"].as_str().unwrap();
    assert!(text.contains("HOME=") && !text.contains("_TOKEN") && !text.contains("tower-4711"), "{text}");
    assert_eq!(desk.shell("cat leak.txt"), answer("the token is [hidden]\n", "", 0));
    desk.sandbox.configure("ai_pass_environment = \"MY_SERVICE_TOKEN\"\n");
    assert_eq!(desk.shell("echo ${#MY_SERVICE_TOKEN}"), answer("20\n", "", 0));
    let failed = desk.shell("echo ${#TOWER_ACCESS_TOKEN}; false");
    assert_eq!(failed["stdout"], "0\n");
    assert!(failed["stderr"].as_str().unwrap().contains("not given to commands: TOWER_ACCESS_TOKEN;"));
}

#[test]
fn a_tree_that_ignores_everything_is_ended_when_time_is_up() {
    let desk = Desk::new();
    desk.sandbox.configure("ai_command_timeout_seconds = 1\n");
    let command = "trap '' TERM HUP INT
        (trap '' TERM; echo $BASHPID >> ids; while :; do sleep 1; done) &
        setsid bash -c 'trap \"\" TERM; echo $BASHPID >> ids; (setsid bash -c \"echo \\$BASHPID >> ids; sleep 600\" &); sleep 600' &
        echo $BASHPID >> ids; while :; do sleep 1; done";
    let started = Instant::now();
    let told = desk.shell(command);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert_eq!(told["exit_code"], 124);
    assert!(told["stderr"].as_str().unwrap().contains("ended with all it had started after 1 s"), "{told}");
    let ids = lines(&desk.path("ids"), 4);
    let alive: Vec<_> = ids.iter().filter(|id| is_alive(id)).collect();
    assert!(alive.is_empty(), "{alive:?} of {ids:?}");
}

#[test]
fn a_signal_to_the_program_ends_what_it_runs() {
    for (name, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let desk = Desk::new();
        let command = "(setsid bash -c 'trap \"\" TERM INT; echo $BASHPID >> ids; sleep 600; sleep 600' &)
            trap '' INT TERM; echo $BASHPID >> ids; sleep 600; sleep 600";
        desk.emulator
            .script(vec![json!({ "execute": "execute_bash_local", "args": { "command": command } })]);
        let mut process = desk.command(&["--approval-mode", "full"]);
        let child = process.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let ids = lines(&desk.path("ids"), 2);
        let started = Instant::now();
        signal(child.id(), name);
        let output = child.wait_with_output().unwrap();
        let run = finished(output.status, &output.stdout, &output.stderr);
        assert_eq!(run.code, code, "{run}");
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        assert!(ids.iter().all(|id| !is_alive(id)), "{ids:?}");
        assert!(desk.results().is_empty(), "what was stopped has no result");
    }
}

#[test]
fn a_flood_of_a_gigabyte_stays_out_of_memory() {
    let desk = Desk::new();
    let command = "head -c 1073741824 /dev/zero | tr '\\0' x; echo; echo the end";
    desk.emulator.script(vec![
        json!({ "execute": "execute_bash_local", "args": { "command": command } }),
        json!({ "type": "finish", "finishReason": "stop" }),
    ]);
    let mut child =
        desk.command(&["--approval-mode", "full", "--sub-agent"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()).unwrap());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let high = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
        peak = peak.max(high.split_whitespace().next().unwrap().parse().unwrap());
        std::thread::sleep(Duration::from_millis(20));
    }
    let told = desk.results().remove(0);
    let text = told["stdout"].as_str().unwrap();
    assert!(text.len() < 60_000 && text.ends_with("\nthe end\n"), "{}", text.len());
    assert!(text.contains("the first 64 MiB are in "), "the whole is kept, within bounds");
    assert_eq!(fs::metadata(file_in(text)).unwrap().len(), 64 << 20);
    assert!(peak < 64 * 1024, "{peak} kB at most");
    let shown = reader.join().unwrap();
    assert!(shown < 100 << 20, "what is shown of it is bounded: {shown}");
}

#[test]
fn a_long_output_keeps_both_ends_and_the_whole_is_private() {
    let desk = Desk::new().with("SEQERA_TOOL_OUTPUT_MAX_LINES", "200");
    let told = desk.shell("seq 1 1000; seq 1 5 >&2");
    let text = told["stdout"].as_str().unwrap();
    assert!(text.starts_with("1\n2\n") && text.ends_with("\n999\n1000\n"), "{text}");
    assert!(text.contains("\n100\n[… ") && text.contains(" …]\n901\n"), "{text}");
    assert_eq!(told["stderr"], "1\n2\n3\n4\n5\n");
    let file = file_in(text);
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 1000);
    assert!(file.starts_with(desk.sandbox.home().join(".local/state/seqera/ai")), "{}", file.display());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
}

#[test]
fn binary_output_is_told_and_kept_not_sent() {
    let desk = Desk::new();
    let told = desk.shell("head -c 100000 /dev/urandom");
    let text = told["stdout"].as_str().unwrap();
    assert!(text.starts_with("[binary output of 100000 bytes, not shown; all of it is in /"), "{text}");
    assert_eq!(fs::metadata(file_in(text)).unwrap().len(), 100_000);
}

#[test]
fn output_is_streamed_while_a_command_runs() {
    let desk = Desk::new();
    let (run, results) = desk.ask(
        &["--approval-mode", "full", "--sub-agent"],
        &[("execute_bash_local", json!({ "command": "echo first; sleep 1; echo second" }))],
    );
    let events: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let contents: Vec<&str> = events
        .iter()
        .filter(|event| event["type"] == "tool_result")
        .map(|event| event["data"]["content"].as_str().unwrap())
        .collect();
    assert_eq!(contents, ["first\n", "second\n", "first\nsecond\n"], "{run}");
    assert_eq!(results, [answer("first\nsecond\n", "", 0)]);
}

#[test]
fn linters_run_in_their_directory_when_they_may() {
    let desk = Desk::new();
    let tools = desk.sandbox.root().join("tools");
    fs::create_dir(&tools).unwrap();
    for name in ["nextflow", "nf-core"] {
        let path = tools.join(name);
        fs::write(&path, "#!/bin/sh\necho \"$(basename $0) $* in $(basename $PWD) $NXF_SYNTAX_PARSER\"\n")
            .unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::create_dir(desk.path("pipe")).unwrap();
    let path = format!("{}:/usr/bin:/bin", tools.display());
    let desk = desk.with("PATH", &path);
    let full = ["--approval-mode", "full"];
    let told = desk.one(&full, "run_nextflow_lint_local", json!({ "path": "pipe" }));
    assert_eq!(told, answer("nextflow lint . in pipe v2\n", "", 0));
    let told = desk.one(&full, "run_nf_core_lint_local", json!({ "lint_scope": "modules" }));
    assert_eq!(told, answer("nf-core modules lint . in ws \n", "", 0));
    let told = desk.one(&full, "run_nextflow_lint_local", json!({ "path": "nowhere" }));
    assert!(told["stderr"].as_str().unwrap().contains("there is no directory"), "{told}");
    let (run, results) = desk.ask(&[], &[("run_nextflow_lint_local", json!({}))]);
    assert!(results[0]["stderr"].as_str().unwrap().starts_with("approval required"), "{run}");
}
