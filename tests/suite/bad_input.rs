//! Settings, servers and directories that are wrong: one clear error, the right code, nothing lost, nothing hung.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use seqera_tests::emulator::{Emulator, Fault, Options};
use seqera_tests::sandbox::Sandbox;

use crate::emulator;

/// One `error:` line, and at least one hint.
#[track_caller]
fn is_clear(stderr: &str) {
    assert_eq!(stderr.matches("error: ").count(), 1, "{stderr}");
    assert!(stderr.contains("hint: "), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[test]
fn a_configuration_that_does_not_parse_names_file_line_and_column() {
    let sandbox = Sandbox::new();
    sandbox.configure("backend_url = \"http://a\"\n[plugins\n");
    let place = format!("{}/config.toml:2:", sandbox.config().display());
    for line in ["org", "login", "plugin list", "help", "version"] {
        let _run = sandbox.seqera(line).fails(3, &place);
    }
    let _always = sandbox.seqera("--version").success();
}

#[test]
fn what_is_not_an_address() {
    for (name, value) in [
        ("SEQERA_AUTH_DOMAIN", "not a url"),
        ("SEQERA_AUTH_DOMAIN", "ftp://id.example"),
        ("SEQERA_AUTH_DOMAIN", "http://id.example/api"),
        ("SEQERA_AI_BACKEND_URL", "nonsense"),
        ("SEQERA_AI_BACKEND_URL", "http://backend.example"),
    ] {
        let sandbox = Sandbox::new().with("SEQERA_TOKEN", "t").with(name, value);
        let line = if name == "SEQERA_AUTH_DOMAIN" { "login --no-browser" } else { "org list" };
        let sandbox = if name == "SEQERA_AUTH_DOMAIN" { sandbox.without("SEQERA_TOKEN") } else { sandbox };
        let run = sandbox.seqera(line);
        assert!([3, 77].contains(&run.code), "{name}={value}: {run}");
        is_clear(&run.stderr);
        assert!(run.stderr.contains(value) || run.stderr.contains("backend.example"), "{run}");
    }
    let sandbox = Sandbox::new();
    sandbox.configure("auth_domain = \"nonsense\"\n");
    let run = sandbox.seqera("login --no-browser").fails(3, "config.toml:1");
    is_clear(&run.stderr);
}

#[test]
fn servers_that_refuse_hang_or_answer_html() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refusing = Sandbox::new()
        .with("SEQERA_AUTH_DOMAIN", format!("http://{free}/api"))
        .with("SEQERA_AI_BACKEND_URL", format!("http://{free}"));
    let run = refusing.seqera("login --no-browser").fails(5, "cannot reach 127.0.0.1");
    is_clear(&run.stderr);
    let run = refusing.with("SEQERA_TOKEN", "t").seqera("ai --headless hello").fails(5, "cannot reach");
    is_clear(&run.stderr);

    let emulator = emulator();
    emulator.fault(Fault::new("discovery", "html"));
    let sandbox = Sandbox::on(&emulator);
    let run = sandbox.seqera("login --no-browser").fails(6, "does not answer as a sign-in server");
    assert!(run.stderr.contains("HTML"), "{run}");
    is_clear(&run.stderr);
}

#[test]
fn a_server_that_hangs_is_left_by_a_signal_at_once() {
    for (route, line) in [
        ("discovery", "login --no-browser"),
        ("organizations", "org list"),
        ("sessions", "ai --headless hi"),
        ("messages", "ai --headless hi"),
        ("events", "ai --headless hi"),
    ] {
        let emulator = emulator();
        emulator.fault(Fault::new(route, "hang"));
        let mut sandbox = Sandbox::on(&emulator);
        if route != "discovery" {
            sandbox = sandbox.with("SEQERA_TOKEN", &emulator.access_token);
        }
        let child = sandbox
            .command(line.split(' '))
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(700));
        let started = Instant::now();
        seqera_tests::sandbox::signal(child.id(), "INT");
        let output = child.wait_with_output().unwrap();
        let run = seqera_tests::sandbox::finished(output.status, &output.stdout, &output.stderr);
        assert_eq!(run.code, 130, "{route}: {run}");
        assert!(started.elapsed() < Duration::from_secs(4), "{route}");
    }
}

#[test]
fn a_body_that_is_cut_is_no_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _request = stream.read(&mut [0; 4096]);
            let _cut = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"organizations\":[]}");
        }
    });
    let sandbox =
        Sandbox::new().with("SEQERA_AI_BACKEND_URL", format!("http://{address}")).with("SEQERA_TOKEN", "t");
    let run = sandbox.seqera("org list");
    assert_ne!(run.code, 0, "{run}");
    assert!(run.stdout.is_empty());
}

#[test]
fn the_bearer_goes_nowhere_else() {
    let emulator = emulator();
    let elsewhere = Emulator::start(Options::default()).unwrap();
    emulator.fault(Fault {
        location: format!("{}/v1/cli/organizations", elsewhere.backend),
        ..Fault::new("organizations", "redirect")
    });
    let sandbox = Sandbox::on(&emulator).with("SEQERA_TOKEN", &emulator.access_token);
    let run = sandbox.seqera("org list");
    assert_ne!(run.code, 0, "{run}");
    assert_eq!(elsewhere.requests().len(), 0, "a redirect is not followed with a bearer");
    let emulator = crate::emulator();
    emulator.fault(Fault {
        location: format!("{}/api/token", elsewhere.backend),
        ..Fault::new("token", "redirect")
    });
    let sandbox = Sandbox::on(&emulator);
    let _run = sandbox.login().fails(7, "a redirect");
    assert_eq!(elsewhere.requests().len(), 0, "nor with a code");
}

#[test]
fn without_a_home_and_with_one_that_is_read_only() {
    let emulator = emulator();
    let nowhere =
        Sandbox::on(&emulator).with("HOME", "/nonexistent").with("SEQERA_TOKEN", &emulator.access_token);
    let mut command = nowhere.command(["org", "list"]);
    command.current_dir(nowhere.root());
    let list = nowhere.run(command).success();
    assert!(list.stdout.contains("Genomics Core"), "a command that keeps nothing works: {list}");

    let file = nowhere.root().join("a-file");
    fs::write(&file, "").unwrap();
    // A HOME that nothing can be written to, also for root: it is a file.
    let read_only = Sandbox::on(&emulator).with("HOME", file.display());
    let mut command = read_only.command(["login", "--no-browser"]);
    command.current_dir(read_only.root());
    let run = read_only.run(command).fails(9, "the credentials cannot be read or written");
    is_clear(&run.stderr);
    assert!(!run.stderr.contains("/authorize"), "said before the browser, not after: {run}");
}

#[test]
fn a_read_only_configuration_directory() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let dir = sandbox.root().join("read-only");
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o500)).unwrap();
    let is_root = fs::write(dir.join("probe"), "").is_ok();
    if !is_root {
        let sandbox = sandbox.with("SEQERA_CONFIG_DIR", dir.display());
        let _run = sandbox.seqera("login --no-browser").fails(9, "cannot be read or written");
    }
}

#[test]
fn settings_come_from_where_they_say() {
    let emulator = emulator();
    let sandbox = Sandbox::new().with("SEQERA_TOKEN", &emulator.access_token);
    sandbox.configure(&format!(
        "backend_url = \"{}\"\nauth_domain = \"{}\"\n",
        emulator.backend, emulator.auth_domain
    ));
    let _from_file = sandbox.seqera("org list").success();
    let sandbox = sandbox.with("SEQERA_AI_BACKEND_URL", "http://127.0.0.1:9");
    let _variable_wins = sandbox.seqera("org list").fails(5, "127.0.0.1:9");
}

#[test]
fn a_trailing_slash_and_a_prefix_in_the_backend_are_kept() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_TOKEN", &emulator.access_token);
    let sandbox = sandbox.with("SEQERA_AI_BACKEND_URL", format!("{}/", emulator.backend));
    let _list = sandbox.seqera("org list").success();
    let sandbox = sandbox.with("SEQERA_AI_BACKEND_URL", format!("{}/prefix", emulator.backend));
    let _list = sandbox.seqera("org list");
    assert_eq!(emulator.requests().pop().unwrap().path, "/prefix/v1/cli/organizations");
}
