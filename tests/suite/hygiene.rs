//! Where no token may be: output, logs, files, panics, dumps, command lines and environments of children, other hosts.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use seqera_tests::emulator::{Emulator, Fault, Options};
use seqera_tests::sandbox::{Run, Sandbox};

use crate::emulator;
use crate::renewal::document;

/// Signed in, with the plugin `fault` at hand.
fn signed_in() -> (Emulator, Sandbox) {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _dir = sandbox.install("fault");
    let _login = sandbox.login().success();
    (emulator, sandbox)
}

fn secrets_of(sandbox: &Sandbox) -> [String; 2] {
    let document = document(sandbox);
    ["access_token", "refresh_token"].map(|name| document[name].as_str().unwrap().to_owned())
}

/// Files below `dir`, without the store itself.
fn files(dir: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for item in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = item.path();
        if path.is_dir() {
            if !path.ends_with("credentials") {
                files(&path, found);
            }
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap_or_default()));
        }
    }
}

/// A program under strace that writes down every program that is started, with all of its arguments and environment.
fn traced(sandbox: &Sandbox, command: &Command, trace: &Path) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-v", "-s", "100000", "-e", "trace=execve", "-o"]).arg(trace);
    strace.arg(command.get_program()).args(command.get_args());
    strace.env_clear().current_dir(sandbox.home()).stdin(std::process::Stdio::null());
    strace.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    strace
}

/// auth b.53: everything that the program does, at the highest verbosity; then everything it wrote is looked through for
/// everything that the server gave out.
#[test]
fn nothing_that_is_written_holds_a_secret() {
    let emulator = Emulator::start(Options { device_interval: 1, ..Options::default() }).unwrap();
    let trace = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::on(&emulator)
        .with("SEQERA_LOG", "trace")
        .with("RUST_BACKTRACE", "full")
        .with("RUST_LOG", "trace");
    let _dir = sandbox.install("fault");
    let mut written: Vec<(String, Vec<u8>)> = Vec::new();
    let mut note = |what: &str, run: &Run| {
        written.push((what.to_owned(), format!("{}\n{}", run.stdout, run.stderr).into_bytes()));
    };
    let has_strace = crate::has("strace");
    assert!(has_strace || std::env::var("CI").is_err(), "CI has to have strace");
    let mut count = 0;
    let mut go = |line: &str| {
        let command = sandbox.command(line.split(' '));
        count += 1;
        let file = trace.path().join(format!("{count}.{}", line.replace(' ', "_")));
        if has_strace { sandbox.run(traced(&sandbox, &command, &file)) } else { sandbox.run(command) }
    };

    note("login", &sandbox.login().success());
    note("org", &go("org switch Tutorial").clone());
    for line in
        ["org list", "info", "info -o json", "auth status --check --json", "ai --headless hello", "doctor"]
    {
        note(line, &go(line));
    }
    emulator.fault(Fault::status("organizations", 401));
    note("after a 401", &go("org list").success());
    emulator.fault(Fault::new("token", "html").times(3));
    note("failed renewal", &go("auth token --force-refresh").fails(5, "could not be renewed"));
    emulator.fault(Fault::status("token", 400));
    note("refused renewal", &go("auth token --force-refresh"));
    note("panic", &go("fault panic-in-thread"));
    note("log", &go("fault log"));
    emulator.fault(Fault::status("revocation", 503).times(4));
    note("logout", &go("logout"));
    let mut device = sandbox.begin("login --device");
    let line = device.line_with("enter the code: ");
    let code = line.rsplit(' ').next().unwrap();
    let page = format!("{}/device?user_code={code}&login_hint=alice", emulator.auth_domain);
    assert_eq!(seqera_tests::browser::visit(&page, &sandbox.root().join("cookies")).unwrap(), "200");
    note("device", &device.finish().success());
    note("callback that fails", &{
        emulator.fault(Fault::status("token", 503));
        sandbox.login()
    });
    let before = sandbox.login().success();
    note("login again", &before);
    // The one command that is there to print it: only its standard error is looked at.
    let token = go("auth token");
    note("auth token", &Run { stdout: String::new(), ..token.clone() });
    note("ended", &{
        emulator.revoke_all();
        go("auth token --force-refresh")
    });

    let secrets = emulator.secrets();
    assert!(secrets.len() >= 10 && secrets.contains(&token.stdout.trim().to_owned()), "{}", secrets.len());
    files(sandbox.root(), &mut written);
    files(trace.path(), &mut written);
    let logged =
        written.iter().filter(|(_, bytes)| contains(bytes, "[INFO ") || contains(bytes, "[DEBUG ")).count();
    assert!(logged >= 2, "the log was on");
    if has_strace {
        assert!(written.iter().any(|(_, bytes)| contains(bytes, "execve(")), "programs were watched");
    }
    for (place, bytes) in &written {
        // The address of a sign-in is followed by the test's own browser, which keeps its cookies.
        for secret in secrets.iter().filter(|_| !place.ends_with("/cookies")) {
            assert!(!contains(bytes, secret), "{place} holds a secret: {}", String::from_utf8_lossy(bytes));
        }
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    !text.is_empty() && bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// auth f.5
#[test]
fn a_plugin_cannot_log_or_panic_a_token_away() {
    let (_emulator, sandbox) = signed_in();
    let [access, _] = secrets_of(&sandbox);
    let sandbox = sandbox.with("SEQERA_LOG", "trace").with("RUST_BACKTRACE", "1");
    let run = sandbox.seqera("fault log").success();
    assert!(run.stderr.contains("the bearer is [secret]") && !run.stderr.contains(&access), "{run}");
    assert!(run.stderr.contains("Authorization: [secret]") && !run.stderr.contains("c2VjcmV0"), "{run}");
    let run = sandbox.seqera("fault panic-in-thread").success();
    assert_eq!(run.stdout, "true\n", "{run}");
    assert!(run.stderr.contains("panicked at") && !run.stderr.contains(&access), "{run}");
}

/// architecture 5: `token-provider.redact`
#[test]
fn every_live_secret_is_masked() {
    let (_emulator, sandbox) = signed_in();
    let [access, refresh] = secrets_of(&sandbox);
    let other = sandbox.begin("login --no-browser --profile other");
    let _status = other.visit();
    let _login = other.finish().success();
    let all = crate::renewal::documents(&sandbox);
    assert_eq!(all.len(), 2);
    let text: String = all.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let sandbox = sandbox.with("TOWER_ACCESS_TOKEN", "a/secret+of-the-environment");
    let text = format!("{text} a/secret+of-the-environment a%2Fsecret%2Bof-the-environment");
    let run = sandbox.seqera_with_input("fault redact", &text).success();
    assert_eq!(run.stdout.matches("[secret]").count(), 6, "{run}");
    for secret in [access.as_str(), &refresh, "of-the-environment", "at_", "rt_"] {
        assert!(!run.stdout.contains(secret), "{secret}: {run}");
    }
}

/// auth f.5: no dump of a process that holds tokens.
#[test]
fn a_process_with_tokens_leaves_no_dump() {
    let (_emulator, sandbox) = signed_in();
    let abort = |sandbox: &Sandbox| {
        let command = sandbox.command(["fault", "abort"]);
        let mut shell = Command::new("sh");
        shell.args(["-c", "ulimit -c unlimited 2>/dev/null; exec \"$@\"", "sh"]);
        shell.arg(command.get_program()).args(command.get_args());
        shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let status = shell.current_dir(sandbox.home()).output().unwrap().status;
        (status.signal(), status.core_dumped())
    };
    assert_eq!(abort(&sandbox), (Some(6), false));
    // A machine that dumps nothing at all proves nothing: what the program says to the system does.
    if !crate::has("strace") {
        assert!(std::env::var("CI").is_err(), "CI has to have strace");
        return;
    }
    let said = |sandbox: &Sandbox, line: &str| {
        let trace = sandbox.root().join("trace");
        let command = sandbox.command(line.split(' '));
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-e", "trace=prctl,openat", "-o"]).arg(&trace);
        strace.arg(command.get_program()).args(command.get_args()).env_clear();
        strace.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let _run = sandbox.run(strace).success();
        let calls = fs::read_to_string(trace).unwrap();
        // The last word counts, and it has to come before the first token is in memory.
        let at = calls.lines().position(|call| call.contains("SUID_DUMP_DISABLE"));
        let read = calls.lines().position(|call| call.contains("/credentials/") && call.contains(".json"));
        (at.is_some() && at < read, calls.matches("PR_SET_DUMPABLE").count())
    };
    for line in ["auth token", "org list", "ai --headless hello"] {
        assert_eq!(said(&sandbox, line), (true, 1), "{line}");
    }
    let sandbox = sandbox.with("SEQERA_ALLOW_DUMP", "1");
    assert_eq!(said(&sandbox, "auth token"), (false, 0));
}

/// architecture 5, auth b.20: the bearer goes to the backend and the authority, and nowhere else.
#[test]
fn the_bearer_is_not_sent_to_strangers() {
    let (emulator, sandbox) = signed_in();
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    stranger.set_nonblocking(true).unwrap();
    let port = stranger.local_addr().unwrap().port();
    let host = emulator.backend.trim_start_matches("http://");
    let urls = [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("https://{host}/"),
        format!("http://{host}@127.0.0.1:{port}/"),
        format!("http://{}.evil.invalid/", host.split(':').next().unwrap()),
        "http://example.invalid/".to_owned(),
        "https://example.invalid/".to_owned(),
        "file:///etc/passwd".to_owned(),
    ];
    emulator.forget_requests();
    let sandbox = sandbox.with("SEQERA_FIXTURE_URLS", urls.join(" "));
    let run = sandbox.seqera("fault fetch").success();
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines.len(), urls.len(), "{run}");
    for line in &lines[..7] {
        assert!(line.contains(" 77: ") && line.contains("may not send your sign-in"), "{line}");
    }
    assert!(lines[7].contains(" 2: "), "{run}");
    assert!(stranger.accept().is_err() && emulator.requests().is_empty(), "a byte was sent");
}

/// auth b.22: a redirect of the backend does not take the bearer along.
#[test]
fn the_bearer_does_not_follow_a_redirect() {
    let (emulator, sandbox) = signed_in();
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    stranger.set_nonblocking(true).unwrap();
    let location = format!("http://{}/", stranger.local_addr().unwrap());
    emulator.fault(Fault { location, ..Fault::new("organizations", "redirect") });
    let url = format!("{}/v1/cli/organizations", emulator.backend);
    let run = sandbox.with("SEQERA_FIXTURE_URLS", url).seqera("fault fetch").success();
    assert!(run.stdout.trim().ends_with(" 302") || run.stdout.trim().ends_with(" 303"), "{run}");
    assert!(stranger.accept().is_err(), "somebody came");
}

/// auth b.43: one renewal and one more try, the body with it; a second refusal is the caller's.
#[test]
fn a_body_is_sent_again_once() {
    let (emulator, sandbox) = signed_in();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let seen = std::thread::spawn(move || {
        let mut bodies = Vec::new();
        for _ in 0..2 {
            let (mut stream, _) = server.accept().unwrap();
            let mut request = Vec::new();
            while !contains(&request, "\r\n\r\n{}") {
                let mut part = [0; 4096];
                let count = stream.read(&mut part).unwrap();
                assert!(count > 0);
                request.extend_from_slice(&part[..count]);
            }
            stream
                .write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .unwrap();
            bodies.push(String::from_utf8_lossy(&request).into_owned());
        }
        server.set_nonblocking(true).unwrap();
        (bodies, server.accept().is_ok())
    });
    emulator.forget_requests();
    let sandbox = sandbox
        .with("SEQERA_AI_BACKEND_URL", format!("http://{address}"))
        .with("SEQERA_FIXTURE_URLS", format!("http://{address}/thing"));
    let run = sandbox.seqera("fault fetch").success();
    assert!(run.stdout.trim().ends_with(" 401"), "{run}");
    let (bodies, third) = seen.join().unwrap();
    assert_eq!(emulator.count("POST", "/api/token"), 1);
    let bearer =
        |text: &String| text.lines().find(|line| line.starts_with("authorization")).unwrap().to_owned();
    assert_ne!(bearer(&bodies[0]), bearer(&bodies[1]), "with the new one");
    assert!(!third, "and not a third time");
}

/// auth b.53: a token of the environment is for this program, not for those that it starts.
#[test]
fn children_do_not_inherit_a_token() {
    if !crate::has("strace") {
        assert!(std::env::var("CI").is_err(), "CI has to have strace");
        eprintln!("SKIPPED: strace is not here to watch programs start");
        return;
    }
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    let _repository = Command::new("git").args(["init", "--quiet"]).current_dir(sandbox.home()).status();
    let trace = sandbox.root().join("trace");
    let command = sandbox.command(["ai", "--headless", "hello"]);
    let _answer = sandbox.run(traced(&sandbox, &command, &trace)).success();
    let trace = fs::read_to_string(trace).unwrap();
    let (ours, children): (Vec<&str>, Vec<&str>) =
        trace.lines().filter(|line| line.contains("execve(")).partition(|line| line.contains("bin/seqera\""));
    assert!(ours.iter().any(|line| line.contains(&emulator.access_token)), "the trace shows environments");
    assert!(children.iter().any(|line| line.contains("git")), "{trace}");
    assert!(!children.iter().any(|line| line.contains(&emulator.access_token)), "{children:?}");
}
