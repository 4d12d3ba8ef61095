//! Which browser is opened, where none is, and what a person types instead.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use seqera_tests::browser::visit;
use seqera_tests::emulator::{Emulator, Fault, Options};
use seqera_tests::provider::Provider;
use seqera_tests::sandbox::{Sandbox, signal};
use serde_json::json;

use crate::emulator;
use crate::terminal::Terminal;

/// Programs of the test's own, first in the search path; each notes how it was called.
pub(crate) struct Programs {
    dir: PathBuf,
}

impl Programs {
    pub(crate) fn new(sandbox: Sandbox) -> (Self, Sandbox) {
        let dir = sandbox.root().join("programs");
        fs::create_dir(&dir).unwrap();
        let path = format!("{}:{}", dir.display(), std::env::var("PATH").unwrap());
        (Self { dir }, sandbox.with("PATH", path))
    }

    /// One that notes its arguments and its environment, then does `rest` of a shell script.
    pub(crate) fn add(&self, name: &str, rest: &str) {
        let path = self.dir.join(name);
        let note = path.display();
        let script =
            format!("#!/bin/sh\nprintf '%s\\n' \"$#\" \"$@\" >> {note}.called\nenv > {note}.env\n{rest}\n");
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn noted(&self, name: &str, what: &str) -> Option<String> {
        fs::read_to_string(self.dir.join(format!("{name}.{what}"))).ok()
    }

    fn was_called(&self, name: &str) -> bool {
        self.noted(name, "called").is_some()
    }
}

/// Follows the address as a browser does.
const FOLLOW: &str = "exec curl -sL --max-time 20 -o /dev/null \"$1\"";

pub(crate) fn person() -> Emulator {
    let mut options = Options { auto_approve: true, device_interval: 1, ..Options::default() };
    // Somebody in one organization: a person at a terminal would be asked which of several it is.
    options.accounts.rotate_left(1);
    Emulator::start(options).unwrap()
}

/// The address of the sign-in on a screen.
pub(crate) fn address(seen: &str) -> String {
    let line = seen.lines().find(|line| line.contains("response_type=code"));
    line.unwrap_or_else(|| panic!("no address: {seen}")).trim().to_owned()
}

/// Where the authority would send the browser, without going there.
pub(crate) fn callback_of(url: &str) -> String {
    let output = Command::new("curl")
        .args(["--silent", "--output", "/dev/null", "--write-out", "%{redirect_url}", url])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// auth b.17: one argument, and no shell that could make something of it.
#[test]
fn the_desktops_opener_gets_one_argument_and_the_address_is_printed_as_well() {
    let emulator = person();
    let (programs, sandbox) = Programs::new(Sandbox::on(&emulator).with("DISPLAY", ":0"));
    programs.add("xdg-open", FOLLOW);
    let terminal = Terminal::run_command(&sandbox.command(["login"]));
    let (code, seen) = terminal.finish();
    assert_eq!(code, 0, "{seen}");
    assert!(seen.contains("Your browser should open now"), "{seen}");
    assert_eq!(programs.noted("xdg-open", "called"), Some(format!("1\n{}\n", address(&seen))));
}

/// auth f.5: what is in the environment for us is not for the browser.
#[test]
fn a_browser_does_not_inherit_tokens() {
    let emulator = person();
    let (programs, sandbox) = Programs::new(Sandbox::on(&emulator).with("DISPLAY", ":0"));
    programs.add("xdg-open", FOLLOW);
    let sandbox =
        sandbox.with("SEQERA_ACCESS_TOKEN", "a-token-of-mine").with("TOWER_ACCESS_TOKEN", "a-token-of-mine");
    let (_code, seen) = Terminal::run_command(&sandbox.command(["login", "--force"])).finish();
    assert!(seen.contains("Your browser should open now"), "{seen}");
    let environment = programs.noted("xdg-open", "env").unwrap();
    assert!(environment.contains("DISPLAY=:0") && !environment.contains("a-token-of-mine"), "{environment}");
}

/// auth f.1: a browser for the terminal would take it from us (aws-cli#4715, flyctl#359).
#[test]
fn a_browser_for_the_terminal_is_never_started() {
    let emulator = person();
    for named in ["w3m", "/usr/bin/lynx", "links:elinks"] {
        let (programs, sandbox) = Programs::new(Sandbox::on(&emulator).with("BROWSER", named));
        for program in ["w3m", "lynx", "links", "elinks", "www-browser"] {
            programs.add(program, FOLLOW);
        }
        programs.add("xdg-open", FOLLOW);
        let with_desktop = sandbox.with("DISPLAY", ":0");
        let (code, seen) = Terminal::run_command(&with_desktop.command(["login"])).finish();
        assert_eq!(code, 0, "{seen}");
        assert!(programs.was_called("xdg-open"), "the desktop's browser is asked instead: {seen}");
        let environment = programs.noted("xdg-open", "env").unwrap();
        let list = environment.lines().find_map(|line| line.strip_prefix("BROWSER=")).unwrap();
        assert!(list.starts_with("x-www-browser:firefox:"), "its opener would follow it: {environment}");
        assert!(
            !["w3m", "lynx", "links", "www-browser"].iter().any(|name| list.split(':').any(|b| b == *name))
        );
        let without = with_desktop.without("DISPLAY");
        let terminal = Terminal::run_command(&without.command(["login"]));
        terminal.line_with("No browser can be opened (");
        terminal.line_with("enter the code: ");
        signal(terminal.id(), "INT");
        assert_eq!(terminal.finish().0, 130);
        for program in ["w3m", "lynx", "links", "elinks", "www-browser"] {
            assert!(!programs.was_called(program), "{program}");
        }
    }
}

/// auth f.1: where no browser can be seen, none is started, and another way is shown at once.
#[test]
fn where_nobody_could_see_a_browser_none_is_started() {
    let emulator = person();
    for (variables, why) in [
        (&[("SSH_CONNECTION", "10.0.0.1 5 10.0.0.2 22")][..], "this is an SSH session"),
        (&[("CODESPACES", "true"), ("DISPLAY", ":0")], "this is a remote workspace"),
        (&[("GITPOD_WORKSPACE_ID", "x")], "this is a remote workspace"),
        (&[("container", "docker")], "this is a container"),
        (&[], "there is no screen here"),
    ] {
        let (programs, mut sandbox) = Programs::new(Sandbox::on(&emulator));
        programs.add("xdg-open", FOLLOW);
        for (name, value) in variables {
            sandbox = sandbox.with(name, value);
        }
        let terminal = Terminal::run_command(&sandbox.command(["login"]));
        // The machine of the test may be a container itself.
        let line = terminal.line_with("No browser can be opened (");
        assert!(line.contains(why) || line.contains("this is a container"), "{why}: {line}");
        terminal.line_with("enter the code: ");
        signal(terminal.id(), "INT");
        assert_eq!(terminal.finish().0, 130);
        assert!(!programs.was_called("xdg-open"), "{why}");
    }
}

/// auth f.1: a screen that comes with the SSH session can show one.
#[test]
fn a_forwarded_screen_is_a_screen() {
    let emulator = person();
    let sandbox = Sandbox::on(&emulator)
        .with("SSH_CONNECTION", "10.0.0.1 5 10.0.0.2 22")
        .with("DISPLAY", "localhost:10.0");
    let (programs, sandbox) = Programs::new(sandbox);
    programs.add("xdg-open", FOLLOW);
    let (code, seen) = Terminal::run_command(&sandbox.command(["login"])).finish();
    assert_eq!(code, 0, "{seen}");
    assert!(programs.was_called("xdg-open"), "{seen}");
}

/// auth f.1: on Windows' Linux the browser of Windows, in that order, and never `explorer.exe`.
#[test]
fn windows_around_us_is_asked_for_its_browser() {
    let emulator = person();
    let follow_quoted = "url=${4#Start-Process \\'}; exec curl -sL --max-time 20 -o /dev/null \"${url%\\'}\"";
    for (program, others, follow) in [
        ("wslview", &["powershell.exe", "xdg-open"][..], FOLLOW),
        ("powershell.exe", &["xdg-open"], follow_quoted),
        ("xdg-open", &[], FOLLOW),
    ] {
        let sandbox = Sandbox::on(&emulator).with("WSL_DISTRO_NAME", "Ubuntu");
        let (programs, sandbox) = Programs::new(sandbox);
        programs.add(program, follow);
        programs.add("explorer.exe", FOLLOW);
        others.iter().for_each(|other| programs.add(other, FOLLOW));
        let (code, seen) = Terminal::run_command(&sandbox.command(["login"])).finish();
        assert_eq!(code, 0, "{program}: {seen}");
        assert!(programs.was_called(program), "{program}: {seen}");
        assert!(
            !programs.was_called("explorer.exe") && others.iter().all(|other| !programs.was_called(other))
        );
    }
}

/// auth f.1: whoever wants none gets none.
#[test]
fn no_browser_means_no_browser() {
    let emulator = person();
    let (programs, sandbox) = Programs::new(Sandbox::on(&emulator).with("DISPLAY", ":0"));
    programs.add("xdg-open", FOLLOW);
    for (line, switch) in [(&["login", "--no-browser"][..], "true"), (&["login"], "false")] {
        let mut command = sandbox.command(line);
        command.env("SEQERA_BROWSER_AUTO_OPEN", switch);
        let terminal = Terminal::run_command(&command);
        terminal.line_with("[Login] Open this address in a browser:");
        let url = terminal.line_with("response_type=code");
        assert_eq!(visit(&url, &sandbox.root().join("jar")).unwrap(), "200");
        assert_eq!(terminal.finish().0, 0);
    }
    // Nobody at the terminal: nobody would see what opens.
    let sandbox = sandbox.with("SEQERA_AUTH_CALLBACK_TIMEOUT_MS", 100);
    let run = sandbox.seqera("login --port 53999").fails(8, "no answer came from the browser");
    assert!(run.stderr.contains("No browser can be opened (nobody sits at this terminal)"), "{run}");
    assert!(!programs.was_called("xdg-open"));
}

/// auth f.1: an opener that fails says so, and the person is told to open the address.
#[test]
fn an_opener_that_fails_is_not_believed() {
    let emulator = person();
    let (programs, sandbox) = Programs::new(Sandbox::on(&emulator).with("BROWSER", "failing-browser"));
    programs.add("failing-browser", "exit 3");
    let terminal = Terminal::run_command(&sandbox.command(["login"]));
    terminal.line_with("[Login] Open this address in a browser:");
    terminal.line_with("paste the address");
    let url = address(&terminal.seen());
    assert_eq!(visit(&url, &sandbox.root().join("jar")).unwrap(), "200");
    assert_eq!(terminal.finish().0, 0);
    assert!(programs.was_called("failing-browser"));
}

/// auth f.1: in a script nobody is sent anywhere: one error, at once.
#[test]
fn who_is_not_signed_in_is_told_so_at_once_and_no_browser_opens() {
    let emulator = person();
    let (programs, sandbox) = Programs::new(Sandbox::on(&emulator).with("DISPLAY", ":0"));
    programs.add("xdg-open", FOLLOW);
    for line in ["org list", "org switch 1002", "auth token", "ai --headless hello"] {
        let run = sandbox.seqera(line).fails(4, "you are not signed in");
        assert!(run.stderr.contains("Run `seqera login`, or set SEQERA_ACCESS_TOKEN."), "{line}: {run}");
        assert!(run.stdout.is_empty(), "{line}: {run}");
    }
    assert_eq!(emulator.requests().len(), 0);
    assert!(!programs.was_called("xdg-open"));
}

/// auth f.1: a session that cannot renew itself is said, with the flag that asks for another; the flag asks for it.
#[test]
fn consent_asks_the_server_for_a_session_that_can_be_renewed() {
    let emulator = emulator();
    let provider = Provider::start(&[("ALWAYS_REFRESH", "0")]);
    let sandbox = Sandbox::on(&emulator).with("SEQERA_AUTH_DOMAIN", &provider.issuer);
    let run = sandbox.login().success();
    assert!(run.stderr.contains("this session cannot renew itself and ends in"), "{run}");
    assert!(run.stderr.contains("seqera login --consent"), "{run}");
    assert!(provider.requests("auth").iter().all(|entry| entry["prompt"].is_null()));
    let login = sandbox.begin("login --no-browser --consent");
    assert_eq!(login.parameter("prompt"), "consent");
    assert_eq!(login.visit(), "200");
    let run = login.finish().success();
    assert!(!run.stderr.contains("cannot renew itself"), "{run}");
    let _renewed = sandbox.seqera("auth token --force-refresh").success();
}

/// auth b.3 and b.8: nothing of one sign-in is used in another.
#[test]
fn two_sign_ins_share_no_secret() {
    let emulator = emulator();
    let provider = Provider::start(&[]);
    let sandbox = Sandbox::on(&emulator).with("SEQERA_AUTH_DOMAIN", &provider.issuer);
    for _ in 0..2 {
        let _login = sandbox.login().success();
    }
    let begun: Vec<_> =
        provider.requests("auth").into_iter().filter(|entry| !entry["state_sha"].is_null()).collect();
    assert!(begun.len() >= 2, "{begun:?}");
    let (first, last) = (&begun[0], &begun[begun.len() - 1]);
    for name in ["code_challenge_sha", "state_sha", "nonce_sha"] {
        assert_ne!(first[name], last[name], "{name}");
    }
    let exchanges = provider.requests("token");
    let lengths: Vec<_> = exchanges.iter().filter_map(|entry| entry["code_verifier_len"].as_u64()).collect();
    assert!(lengths.len() >= 2 && lengths.iter().all(|length| (43..=128).contains(length)), "{lengths:?}");
}

/// auth b.7: a server that does not promise `iss` in its answer may leave it out.
#[test]
fn an_issuer_that_was_not_promised_may_be_missing() {
    let emulator = emulator();
    let provider = Provider::start(&[]);
    let sandbox = Sandbox::on(&emulator).with("SEQERA_AUTH_DOMAIN", &provider.issuer);
    provider.tamper(&json!({
        "discovery": { "authorization_response_iss_parameter_supported": null }, "callback": { "iss": null },
    }));
    let _login = sandbox.login().success();
}

/// auth b.17: an address that is no address of the web is refused, and one that means something to a shell is inert.
#[test]
fn an_address_cannot_run_anything() {
    let emulator = emulator();
    for endpoint in ["file:///etc/passwd", "javascript:alert(1)", "http://evil.example/auth"] {
        let provider = Provider::start(&[]);
        provider.tamper(&json!({ "discovery": { "authorization_endpoint": endpoint } }));
        let sandbox = Sandbox::on(&emulator).with("SEQERA_AUTH_DOMAIN", &provider.issuer);
        let (programs, sandbox) = Programs::new(sandbox.with("DISPLAY", ":0"));
        programs.add("xdg-open", FOLLOW);
        let (code, seen) = Terminal::run_command(&sandbox.command(["login"])).finish();
        assert!([6, 7].contains(&code), "{endpoint}: {code}: {seen}");
        assert!(!programs.was_called("xdg-open") && !seen.contains("Open this address"), "{seen}");
    }
    let provider = Provider::start(&[]);
    let sandbox = Sandbox::on(&emulator).with("SEQERA_AUTH_DOMAIN", &provider.issuer);
    let (programs, sandbox) = Programs::new(sandbox.with("DISPLAY", ":0"));
    programs.add("xdg-open", "exit 0");
    let pwned = sandbox.root().join("pwned");
    let endpoint = format!("https://127.0.0.1:9/$(touch%20{0})`touch {0}`;touch {0}'\"|x", pwned.display());
    provider.tamper(&json!({ "discovery": { "authorization_endpoint": endpoint } }));
    let sandbox = sandbox.with("SEQERA_AUTH_CALLBACK_TIMEOUT_MS", 1000);
    let (code, seen) = Terminal::run_command(&sandbox.command(["login"])).finish();
    assert_eq!(code, 8, "{seen}");
    assert!(programs.noted("xdg-open", "called").unwrap().starts_with("1\nhttps://127.0.0.1:9/$(touch"));
    assert!(!pwned.exists());
}

/// auth b.54: a token comes over standard input, is not shown when it is typed, and has no flag that would put it into the
/// process list.
#[test]
fn a_personal_token_is_typed_unseen_and_never_an_argument() {
    let emulator = person();
    let sandbox = Sandbox::on(&emulator);
    let mut terminal = Terminal::run_command(&sandbox.command(["login", "--with-token"]));
    terminal.line_with("(it is not shown): ");
    std::thread::sleep(Duration::from_millis(200));
    terminal.type_line(&emulator.access_token);
    let (code, seen) = terminal.finish();
    assert_eq!(code, 0, "{seen}");
    assert!(!seen.contains(&emulator.access_token) && seen.contains("Signed in as Bob"), "{seen}");
    assert_eq!(sandbox.seqera("auth token").success().stdout.trim(), emulator.access_token);

    for line in ["login --token x", "login --with-token x", "login --access-token x", "auth token x"] {
        let _usage = sandbox.seqera(line).fails(2, "");
    }
    let nobody = Sandbox::on(&emulator);
    let _empty = nobody.seqera_with_input("login --with-token", "\n").fails(2, "no token was given");
    let _odd = nobody.seqera_with_input("login --with-token", "two words").fails(2, "is not a token");
    let refused = nobody.seqera_with_input("login --with-token", "no-good").fails(4, "rejected the token");
    assert!(!refused.stderr.contains("no-good"), "{refused}");
    emulator.fault(Fault::status("user-info", 503));
    let _later = nobody.seqera_with_input("login --with-token", &emulator.access_token).fails(5, "");
    assert!(!nobody.config().join("auth.json").exists(), "nothing was stored");
}

/// auth b.54: a signal at the question finds the terminal as it was.
#[test]
fn interrupted_at_the_question_the_terminal_shows_what_is_typed_again() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let login = sandbox.command(["login", "--with-token"]);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "trap : INT; \"$0\" \"$@\"; echo \"code $?\"; stty -a"])
        .arg(login.get_program())
        .args(login.get_args());
    shell.envs(login.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(sandbox.home());
    let mut terminal = Terminal::run_command(&shell);
    terminal.line_with("(it is not shown): ");
    std::thread::sleep(Duration::from_millis(200));
    terminal.type_keys("\u{3}");
    terminal.line_with("code 130");
    let (_code, seen) = terminal.finish();
    assert!(seen.contains(" echo "), "{seen}");
}
