//! The way back from the browser: the loopback redirect (RFC 8252), and what does not belong there.

use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use seqera_tests::browser::{page, visit};
use seqera_tests::emulator::{Emulator, Fault, Options};
use seqera_tests::provider::Provider;
use seqera_tests::sandbox::{Login, Sandbox, signal};
use serde_json::json;

use crate::browser::{address, callback_of};
use crate::emulator;
use crate::terminal::Terminal;

/// The addresses on which a process listens, as the kernel tells them: `0100007F:D1B2`.
fn listens_on(process: u32) -> Vec<String> {
    let files = fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let links = files.filter_map(|file| fs::read_link(file.unwrap().path()).ok());
    let sockets: Vec<String> = links.map(|link| link.display().to_string()).collect();
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let rows = tables
        .iter()
        .flat_map(|table| table.lines().skip(1))
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row[3] == "0A" && sockets.contains(&format!("socket:[{}]", row[9])))
        .map(|row| row[1].to_owned())
        .collect()
}

/// auth b.9 and b.10: the loopback address as a number, and nothing else.
#[test]
fn it_listens_on_the_loopback_address_and_nowhere_else() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let login = sandbox.begin_login();
    let port: u16 = port_of(&login);
    assert_eq!(listens_on(login.id()), [format!("0100007F:{port:04X}")]);
    assert_eq!(login.parameter("redirect_uri"), format!("http://127.0.0.1:{port}/callback"));
    login.visit();
    let _run = login.finish().success();
}

fn port_of(login: &Login) -> u16 {
    let redirect = login.parameter("redirect_uri");
    redirect.trim_start_matches("http://127.0.0.1:").trim_end_matches("/callback").parse().unwrap()
}

/// Holds the first port of the settings; another test's sign-in may have it for a moment.
fn hold_the_usual_port() -> TcpListener {
    let started = Instant::now();
    loop {
        if let Ok(held) = TcpListener::bind("127.0.0.1:53682") {
            return held;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "port 53682 is never free");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// auth b.11: the next port works where the server takes any; where it does not, it is said what to do.
#[test]
fn a_usual_port_that_is_taken_is_said_and_another_used() {
    let held = hold_the_usual_port();
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let login = sandbox.begin_login();
    let said = login.said().to_owned();
    assert!(said.contains("Port 53682 is used by another program"), "{said}");
    assert!(said.contains(&format!("pid {}", std::process::id())), "who has it: {said}");
    assert!((53683..=53691).contains(&port_of(&login)) || port_of(&login) > 1024);
    assert_eq!(login.visit(), "200");
    let _run = login.finish().success();

    // A server that compares ports never sends the browser back: what to do stands there from the beginning.
    let provider = Provider::start(&[("EXACT_PORT", "53682")]);
    let sandbox =
        sandbox.with("SEQERA_AUTH_DOMAIN", &provider.issuer).with("SEQERA_AUTH_CALLBACK_TIMEOUT_MS", 1500);
    let login = sandbox.begin_login();
    assert_eq!(login.visit(), "400");
    let run = login.finish().fails(8, "no answer came from the browser");
    for part in ["Port 53682", "SEQERA_AUTH_REDIRECT_PORT", "seqera login --device"] {
        assert!(run.stderr.contains(part), "{part}: {run}");
    }
    drop(held);
}

/// auth b.11: a port that was asked for is used, or refused in so many words.
#[test]
fn a_port_that_was_asked_for_is_not_replaced() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port();
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let line = format!("login --no-browser --port {port}");
    let run = sandbox.seqera(&line).fails(3, &format!("port {port} cannot be used"));
    assert!(run.stderr.contains(&format!("pid {}", std::process::id())), "{run}");
    assert!(run.stderr.contains("--port") && run.stderr.contains("--device"), "{run}");
    drop(held);
    let provider = Provider::start(&[("EXACT_PORT", &port.to_string())]);
    let sandbox = sandbox.with("SEQERA_AUTH_DOMAIN", &provider.issuer);
    let login = sandbox.begin(&line);
    assert_eq!(port_of(&login), port);
    assert_eq!(login.visit(), "200");
    let _run = login.finish().success();
}

/// auth b.12: the port is free again after success, failure, timeout and signal.
#[test]
fn the_listener_closes_however_it_ends() {
    let emulator = emulator();
    let is_closed = |port: u16| std::net::TcpStream::connect(("127.0.0.1", port)).is_err();
    for end in ["success", "deny", "INT", "TERM", "timeout"] {
        let sandbox = Sandbox::on(&emulator);
        let sandbox =
            if end == "timeout" { sandbox.with("SEQERA_AUTH_CALLBACK_TIMEOUT_MS", 1500) } else { sandbox };
        // A port that nobody else takes as soon as it is free, as another test's sign-in would the usual one.
        let port = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
        let login = sandbox.begin(&format!("login --no-browser --port {port}"));
        assert_eq!(port_of(&login), port);
        assert!(!is_closed(port), "{end}");
        let started = Instant::now();
        let code = match end {
            "success" => {
                login.visit();
                login.finish().code
            }
            "deny" => {
                login.visit_as("deny");
                login.finish().code
            }
            "timeout" => {
                let code = login.finish().code;
                assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
                code
            }
            name => {
                signal(login.id(), name);
                login.finish().code
            }
        };
        let expected = match end {
            "success" => 0,
            "deny" => 4,
            "timeout" => 8,
            "INT" => 130,
            _ => 143,
        };
        assert_eq!(code, expected, "{end}");
        assert!(is_closed(port), "{end}");
    }
}

/// auth b.12: the sign-in is done when the organization is asked for, and nobody listens any more.
#[test]
fn the_listener_is_closed_while_the_organization_is_asked_for() {
    let emulator = Emulator::start(Options { auto_approve: true, ..Options::default() }).unwrap();
    let sandbox = Sandbox::on(&emulator);
    let mut terminal = Terminal::run(&sandbox, &["login", "--no-browser"]);
    terminal.wait_for("paste the address");
    assert_eq!(listens_on(terminal.id()).len(), 1);
    assert_eq!(visit(&address(&terminal.seen()), &sandbox.root().join("cookies")).unwrap(), "200");
    terminal.wait_for("Choose an organization");
    assert_eq!(listens_on(terminal.id()), Vec::<String>::new());
    terminal.type_line("1");
    assert_eq!(terminal.end(), 0);
}

/// auth b.11: who would get what a browser sends to `localhost` is said.
#[test]
fn a_program_on_the_other_loopback_address_is_said() {
    let Ok(beside) = TcpListener::bind("[::1]:0") else { return };
    let port = beside.local_addr().unwrap().port();
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let begun = || {
        let login = sandbox.begin(&format!("login --no-browser --port {port}"));
        assert_eq!(login.visit(), "200");
        login.finish().success().stderr
    };
    let said =
        format!("Another program listens on [::1]:{port}; the browser has to come to 127.0.0.1:{port}.");
    let with = begun();
    assert!(with.contains(&said), "{with}");
    drop(beside);
    let without = begun();
    assert!(!without.contains("Another program"), "{without}");
}

/// auth b.13: one path, one method, and our own name.
#[test]
fn other_paths_methods_and_names_are_refused_as_what_they_are() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let login = sandbox.begin_login();
    let callback = login.parameter("redirect_uri");
    let base = callback.replace("/callback", "");
    let state = login.parameter("state");
    for (url, arguments, status) in [
        (format!("{base}/"), &[][..], 404),
        (format!("{base}/callback/x?code=x&state={state}"), &[], 404),
        (format!("{callback}?code=x&state={state}"), &["--request", "POST"], 405),
        (format!("{callback}?code=x&state={state}"), &["--request", "OPTIONS"], 405),
        (format!("{callback}?code=x&state={state}"), &["--header", "Host: evil.example"], 400),
        (format!("{callback}?code=x&state={state}"), &["--header", "Host: evil.example:53682"], 400),
        (format!("{callback}?code=x&state={state}"), &["--header", "Host:"], 400),
    ] {
        let answer = page(&url, arguments).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{url} {arguments:?}: {answer}");
        assert!(!answer.to_ascii_lowercase().contains("access-control-allow"), "{answer}");
    }
    assert_eq!(emulator.count("POST", "/api/token"), 0);
    assert_eq!(login.visit(), "200");
    let _run = login.finish().success();
}

/// auth b.15: the last page holds nothing that a history or a neighbour could use.
#[test]
fn the_last_page_holds_no_secret() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let login = sandbox.begin_login();
    let callback = callback_of(&login.url);
    let code = callback.split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let answer = page(&callback, &[]).unwrap();
    let _run = login.finish().success();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("You are signed in"), "{answer}");
    let callback = url::Url::parse(&callback).unwrap();
    for (name, value) in callback.query_pairs() {
        assert!(value.len() < 8 || !answer.contains(&*value), "{name}: {answer}");
    }
    assert!(!answer.contains(&code));
    for header in [
        "Content-Type: text/html",
        "Cache-Control: no-store",
        "Referrer-Policy: no-referrer",
        "Content-Security-Policy: default-src 'none'",
        "X-Content-Type-Options: nosniff",
    ] {
        assert!(answer.contains(header), "{header}: {answer}");
    }
}

/// auth b.15: what the server says in a refusal is not on the page, whatever it holds.
#[test]
fn the_page_of_a_refusal_holds_nothing_of_it() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let login = sandbox.begin_login();
    let mut callback = url::Url::parse(&login.parameter("redirect_uri")).unwrap();
    callback
        .query_pairs_mut()
        .append_pair("error", "<b>server_error")
        .append_pair("error_description", "<script>alert(1)</script>")
        .append_pair("state", &login.parameter("state"))
        .append_pair("iss", &emulator.auth_domain);
    let answer = page(callback.as_str(), &[]).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    for part in ["script", "alert", "<b>", "server_error"] {
        assert!(!answer.contains(part), "{part}: {answer}");
    }
    assert!(answer.contains("Content-Security-Policy: default-src 'none'"), "{answer}");
    let run = login.finish().fails(4, "the server did not sign you in");
    assert!(run.stderr.contains("<script>alert(1)</script>"), "a terminal runs no scripts: {run}");
}

/// auth b.18: what a server says in a refusal cannot steer the terminal.
#[test]
fn a_refusal_is_shown_without_what_steers_a_terminal() {
    let emulator = emulator();
    let provider = Provider::start(&[]);
    let sandbox = Sandbox::on(&emulator).with("SEQERA_AUTH_DOMAIN", &provider.issuer);
    let declined = sandbox.begin_login();
    assert_eq!(declined.visit_as("deny"), "400");
    let _declined = declined.finish().fails(4, "sign-in was declined in the browser");
    provider.tamper(&json!({ "callback": {
        "code": null, "error": "server\u{1b}]0;x\u{7}_error", "error_description": "\u{1b}[2J\u{9b}31mgone\r\nnext",
    } }));
    let login = sandbox.begin_login();
    assert_eq!(login.visit(), "400");
    let run = login.finish().fails(4, "the server did not sign you in");
    assert!(run.stderr.contains("_error") && run.stderr.contains("gone"), "{run}");
    assert!(!run.stderr.chars().any(|c| c.is_control() && c != '\n'), "{:?}", run.stderr);
    assert_eq!(provider.count("token:authorization_code"), 0);
}

/// auth b.19: two sign-ins at once, each with its own server; neither can end the other.
#[test]
fn sign_ins_side_by_side_cannot_be_mixed_up() {
    let (one, other) = (emulator(), emulator());
    let (first, second) = (Sandbox::on(&one), Sandbox::on(&other));
    let (of_first, of_second) = (first.begin_login(), second.begin_login());
    let answer = callback_of(&of_first.url);
    let astray = answer.replace(&port_of(&of_first).to_string(), &port_of(&of_second).to_string());
    assert!(page(&astray, &[]).unwrap().starts_with("HTTP/1.1 400"));
    assert_eq!(of_second.visit_as("bob"), "200");
    let _bob = of_second.finish().success();
    assert_eq!(of_first.visit_as("carol"), "200");
    let _carol = of_first.finish().success();
    for (sandbox, name) in [(&first, "Carol"), (&second, "Bob")] {
        let status = sandbox.seqera("auth status").success().stdout;
        assert!(status.contains(&format!("Account: {name}")), "{status}");
    }
    assert_eq!(one.count("POST", "/api/token") + other.count("POST", "/api/token"), 2);
}

/// auth b.5: a state has one answer. What comes again, or while the first is looked at, is refused.
#[test]
fn a_state_is_good_for_one_answer() {
    let emulator = emulator();
    emulator.fault(Fault { ms: 1500, ..Fault::new("token", "delay") });
    let sandbox = Sandbox::on(&emulator);
    let login = sandbox.begin_login();
    let callback = callback_of(&login.url);
    let first = std::thread::spawn({
        let callback = callback.clone();
        move || page(&callback, &[]).unwrap()
    });
    std::thread::sleep(Duration::from_millis(500));
    let another = callback.replace("code=", "code=x");
    for url in [&callback, &another] {
        assert!(page(url, &[]).unwrap().starts_with("HTTP/1.1 400"));
    }
    assert!(first.join().unwrap().starts_with("HTTP/1.1 200"));
    let _run = login.finish().success();
    assert_eq!(emulator.count("POST", "/api/token"), 1);
}

/// A time that is none is said before anybody is sent anywhere.
#[test]
fn a_time_that_is_none_is_a_mistake_in_the_settings() {
    let emulator = emulator();
    for value in ["2 minutes", "-1", "0", "1e3"] {
        let sandbox = Sandbox::on(&emulator).with("SEQERA_AUTH_CALLBACK_TIMEOUT_MS", value);
        let run = sandbox.seqera("login --no-browser").fails(3, "is not a number of milliseconds");
        assert!(run.stderr.contains("SEQERA_AUTH_CALLBACK_TIMEOUT_MS"), "{run}");
        assert!(!run.stderr.contains("Open this address"), "{run}");
    }
}

/// auth b.13: a browser that insists on https is told apart, and what to do is said once.
#[test]
fn a_browser_that_comes_with_https_is_said() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let mut login = sandbox.begin_login();
    let callback = login.parameter("redirect_uri").replace("http:", "https:");
    for _ in 0..2 {
        assert_eq!(page(&callback, &["--insecure"]).unwrap(), "");
    }
    let said = login.line_with("came with https");
    assert!(said.contains(&format!("http://127.0.0.1:{}/", port_of(&login))), "{said}");
    assert_eq!(login.visit(), "200");
    let run = login.finish().success();
    assert_eq!(run.stderr.matches("came with https").count(), 1, "{run}");
}

/// A browser sends the cookies of every program that ever ran at this address.
#[test]
fn many_cookies_are_no_reason_to_refuse() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let login = sandbox.begin_login();
    let cookies = format!("Cookie: {}", "theirs=0123456789abcdef; ".repeat(2000));
    let answer = page(&callback_of(&login.url), &["--header", &cookies]).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let _run = login.finish().success();
}
