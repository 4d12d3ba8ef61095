use std::ffi::OsString;

use super::*;

fn limits(seconds: u64) -> Limits {
    Limits { command_time: Duration::from_secs(seconds), ..Limits::default() }
}

fn run_for(text: &str, limits: &Limits, stop: &Stop) -> (ToolResult, String) {
    let root = tempfile::tempdir().unwrap();
    let path = [(OsString::from("PATH"), OsString::from(seqera_ai_approval::SYSTEM_PATH))];
    let script = Script {
        text,
        directory: root.path(),
        environment: path.to_vec(),
        files: None,
        secrets: Secrets::named([]),
    };
    let mut shown = String::new();
    let mut show = |text: &str| {
        shown.push_str(text);
        true
    };
    let result = run(script, limits, &mut Background::default(), &mut show, stop);
    (result, shown)
}

fn run_text(text: &str) -> ToolResult {
    run_for(text, &limits(20), &Stop::default()).0
}

fn result(stdout: &str, stderr: &str, exit_code: i32) -> ToolResult {
    ToolResult { stdout: stdout.to_owned(), stderr: stderr.to_owned(), exit_code }
}

#[test]
fn both_streams_and_the_code_come_back() {
    assert_eq!(run_text("echo out; echo err >&2; exit 3"), result("out\n", "err\n", 3));
    assert_eq!(run_text("kill -9 $$"), result("", "", 137));
    assert_eq!(run_text("kill -TERM $$").exit_code, 143);
    assert_eq!(run_text("no-such-program-here").exit_code, 127);
    let (result, shown) = run_for("echo a; echo b >&2", &limits(20), &Stop::default());
    assert_eq!((result.stdout.as_str(), shown.len()), ("a\n", 4));
}

#[test]
fn there_is_no_input_no_terminal_and_no_start_up_file() {
    let started = Instant::now();
    assert_eq!(run_text("cat; read x; echo \"$?\""), result("1\n", "", 0));
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_ne!(run_text("echo hello > /dev/tty").exit_code, 0);
    assert_eq!(run_text("shopt -q login_shell; echo $?; [[ $- == *i* ]]; echo $?").stdout, "1\n1\n");
}

#[test]
fn what_takes_too_long_is_ended_with_all_it_started() {
    let text = "trap '' TERM; (setsid bash -c 'trap \"\" TERM; echo $BASHPID; sleep 60; sleep 60' &) ; \
                (trap '' TERM; echo $BASHPID; sleep 60; sleep 60) & sleep 60; sleep 60; sleep 60";
    let started = Instant::now();
    let (result, _) = run_for(text, &limits(1), &Stop::default());
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(
        (result.exit_code, result.stderr.contains("ended with all it had started after 1 s")),
        (124, true)
    );
    let ids: Vec<&str> = result.stdout.lines().collect();
    assert_eq!(ids.len(), 2, "{result:?}");
    for id in ids {
        let state = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        assert!(state.is_empty() || state.contains(") Z "), "{id} runs on: {state}");
    }
}

#[test]
fn what_is_left_in_the_background_does_not_hold_up_the_result() {
    let started = Instant::now();
    let result = run_text("echo begun; sleep 30 & echo $!");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(result.stdout.starts_with("begun\n") && result.exit_code == 0, "{result:?}");
    assert!(result.stderr.contains("still runs"), "{result:?}");
    let id: i32 = result.stdout.lines().last().unwrap().parse().unwrap();
    let id = rustix::process::Pid::from_raw(id).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::KILL).expect("it was left alone");
    let quiet = run_text("sleep 0.2 >/dev/null 2>&1 & echo ok");
    assert_eq!(quiet, self::result("ok\n", "", 0));
}

#[test]
fn a_flood_is_read_to_its_end_and_cut() {
    let result = run_text("head -c 200000000 /dev/zero | tr '\\0' 'x'; echo; echo the end");
    assert_eq!(result.exit_code, 0);
    assert!(result.stdout.ends_with("\nthe end\n"), "the end is kept");
    assert!(result.stdout.len() < 60_000, "{}", result.stdout.len());
    assert!(result.stdout.contains(" bytes left out here"));
}

#[test]
fn nobody_who_listens_ends_it() {
    let root = tempfile::tempdir().unwrap();
    let script = Script {
        text: "echo a; sleep 60",
        directory: root.path(),
        environment: Vec::new(),
        files: None,
        secrets: Secrets::named([]),
    };
    let started = Instant::now();
    let result = run(script, &limits(30), &mut Background::default(), &mut |_| false, &Stop::default());
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(result.exit_code, 130);
}

#[test]
fn a_directory_that_is_gone_is_told() {
    let script = Script {
        text: "true",
        directory: Path::new("/no/such"),
        environment: Vec::new(),
        files: None,
        secrets: Secrets::named([]),
    };
    let result = run(script, &limits(30), &mut Background::default(), &mut |_| true, &Stop::default());
    assert!(result.stderr.contains("cannot be started in /no/such"), "{result:?}");
}

#[test]
fn what_ends_in_the_background_does_not_stay_in_the_table() {
    let mut background = Background::default();
    let mut start = |text| {
        let environment = vec![("PATH".into(), seqera_ai_approval::SYSTEM_PATH.into())];
        let script =
            Script { text, directory: Path::new("/"), environment, files: None, secrets: Secrets::named([]) };
        run(script, &limits(20), &mut background, &mut |_| true, &Stop::default())
    };
    let id = start("sleep 0.3 >/dev/null 2>&1 & echo $!").stdout;
    let is_there = || Path::new(&format!("/proc/{}", id.trim())).exists();
    assert!(is_there());
    std::thread::sleep(Duration::from_millis(800));
    let _next = start("true");
    assert!(!is_there(), "it ended, and somebody took note");
}

#[test]
fn what_starts_new_processes_all_the_time_is_ended_too() {
    // Each of them goes into a session of its own; the number is in no other command line.
    let number = 40_000 + std::process::id() % 10_000;
    let text = format!(
        "trap '' TERM; while :; do setsid bash -c \"trap '' TERM; sleep {number}\" & sleep 0.02; done"
    );
    let (result, _) = run_for(&text, &limits(1), &Stop::default());
    assert_eq!(result.exit_code, 124, "{result:?}");
    let words = format!("sleep\0{number}\0");
    let left = std::fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
        std::fs::read(entry.path().join("cmdline")).is_ok_and(|line| line == words.as_bytes())
    });
    assert_eq!(left.count(), 0);
}
