//! Where credentials are kept: the keychain against a real Secret Service in every state it can be in, with
//! `secret-tool` as the witness, and the file that takes its place.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use seqera_tests::emulator::{Emulator, Fault, Options};
use seqera_tests::sandbox::{Run, Sandbox, finished};
use seqera_tests::secret_service::SecretService;
use serde_json::Value;

use crate::emulator;
use crate::terminal::Terminal;

/// Longest time of a command whose keychain hangs: 3 s for the keychain, and what a busy machine needs for the rest.
const BOUNDED: Duration = Duration::from_secs(5);

fn user_of(emulator: &Emulator, profile: &str) -> String {
    format!("v1|{profile}|seqera_ai_cli|{}", emulator.auth_domain)
}

fn files(sandbox: &Sandbox, extension: &str) -> Vec<PathBuf> {
    let Ok(dir) = fs::read_dir(sandbox.config().join("credentials")) else { return Vec::new() };
    dir.map(|item| item.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect()
}

fn credential_file(sandbox: &Sandbox) -> PathBuf {
    files(sandbox, "json").pop().expect("a credential")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn parsed(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

/// The profile in charge, as `auth status --json` shows it.
fn active(run: &Run) -> Value {
    parsed(run)["profiles"][0].clone()
}

/// auth f.2: written by one process, read by another, seen by a third that is not ours.
#[test]
fn a_keychain_keeps_the_session_for_the_next_process() {
    let Some(keychain) = SecretService::start() else { return };
    let emulator = emulator();
    let sandbox = keychain.lend_to(Sandbox::on(&emulator));
    let login = sandbox.login().success();
    assert!(!login.stderr.contains("warning"), "{login}");
    assert_eq!(keychain.items(), 1, "one item: one question of the system");
    assert!(files(&sandbox, "json").is_empty(), "nothing of it is in a file");

    let token = sandbox.seqera("auth token").success().stdout;
    let user = user_of(&emulator, "default");
    let stored: Value = serde_json::from_str(&keychain.lookup(&user).unwrap()).unwrap();
    assert_eq!(stored["access_token"], token.trim());
    assert_eq!(
        (&stored["generation"], &stored["issuer"]),
        (&1.into(), &emulator.auth_domain.as_str().into())
    );
    let index = fs::read_to_string(sandbox.config().join("auth.json")).unwrap();
    assert!(!index.contains(token.trim()) && !index.contains(stored["refresh_token"].as_str().unwrap()));

    let renewed = sandbox.seqera("auth token --force-refresh").success().stdout;
    let stored: Value = serde_json::from_str(&keychain.lookup(&user).unwrap()).unwrap();
    assert_eq!((&stored["generation"], &stored["access_token"]), (&2.into(), &renewed.trim().into()));
    let profile = active(&sandbox.seqera("auth status --json").success());
    assert_eq!((&profile["source"], &profile["store"]), (&"keychain".into(), &"keychain".into()));
    assert!(profile["store_problem"].is_null(), "{profile}");

    let _logout = sandbox.seqera("logout").success();
    assert_eq!(keychain.items(), 0);
    assert_eq!(emulator.live_tokens(), 0);
}

/// auth b.55, the first half: whatever is wrong with the keychain is found out before the browser, soon, and the sign-in
/// goes on with a file.
#[test]
fn without_a_keychain_that_works_a_file_is_used_and_said() {
    let Some(bare) = SecretService::bare_bus() else { return };
    let Some(locked) = SecretService::start() else { return };
    let Some(hung) = SecretService::start() else { return };
    locked.lock();
    hung.hang();
    let nothing = |sandbox: Sandbox| sandbox.without("SEQERA_NO_KEYCHAIN");
    type Surround<'a> = Box<dyn Fn(Sandbox) -> Sandbox + 'a>;
    let cases: [(&str, Surround<'_>); 4] = [
        ("no-bus", Box::new(nothing)),
        ("no-service", Box::new(|sandbox| bare.lend_to(sandbox))),
        ("locked", Box::new(|sandbox| locked.lend_to(sandbox))),
        ("timeout", Box::new(|sandbox| hung.lend_to(sandbox))),
    ];
    for (reason, surround) in cases {
        let emulator = emulator();
        let sandbox = surround(Sandbox::on(&emulator));
        let started = Instant::now();
        let login = sandbox.begin_login();
        let before_the_browser = started.elapsed();
        assert!(before_the_browser < BOUNDED, "{reason}: {before_the_browser:?}");
        assert_eq!(login.visit(), "200");
        let run = login.finish().success();
        let dir = sandbox.config().join("credentials");
        assert!(run.stderr.contains(&format!("({reason})")), "{reason}: {run}");
        assert!(run.stderr.contains(&dir.display().to_string()), "the place is named: {run}");
        assert_eq!(run.stderr.matches("warning: the keychain").count(), 1, "{run}");
        assert_eq!(mode(&credential_file(&sandbox)), 0o600);
        // The choice is remembered: from now on nobody asks the keychain, and nothing is warned of.
        let started = Instant::now();
        let token = sandbox.seqera("auth token").success();
        assert!(token.stderr.is_empty(), "{token}");
        assert!(started.elapsed() < Duration::from_secs(2), "{reason}: the keychain was asked");
        let again = sandbox.login().success();
        assert!(!again.stderr.contains("keychain"), "{again}");
    }
}

/// auth b.55, the second half: a session that is in the keychain when that fails is one clear error, soon, and is not
/// lost.
#[test]
fn a_keychain_that_fails_later_is_one_clear_error_and_nothing_is_lost() {
    for reason in ["locked", "timeout", "no-bus"] {
        let Some(keychain) = SecretService::start() else { return };
        let emulator = emulator();
        let sandbox = keychain.lend_to(Sandbox::on(&emulator));
        let _login = sandbox.login().success();
        let sandbox = match reason {
            "locked" => {
                keychain.lock();
                sandbox
            }
            "timeout" => {
                keychain.hang();
                sandbox
            }
            _ => sandbox.without("DBUS_SESSION_BUS_ADDRESS"),
        };
        emulator.forget_requests();
        let bounded = |line: &str| {
            let started = Instant::now();
            let run = sandbox.seqera(line);
            assert!(started.elapsed() < BOUNDED, "{reason}: {line}: {:?}", started.elapsed());
            run
        };
        let run = bounded("org list").fails(9, &format!("({reason})"));
        assert!(run.stderr.contains("--store file"), "{run}");
        let status = bounded("auth status --json").fails(9, "");
        assert_eq!(active(&status)["store_problem"], reason, "{status}");
        let text = bounded("auth status").fails(9, "");
        assert!(text.stdout.contains("Problem: the keychain cannot be used"), "{text}");
        assert_eq!(emulator.requests().len(), 0, "{reason}");
        if reason == "timeout" {
            keychain.go_on();
            let _it_is_back = sandbox.seqera("org list").success();
        } else if reason == "no-bus" {
            let _it_is_back = keychain.lend_to(sandbox).seqera("org list").success();
        }
    }
}

/// auth f.2: who sits in front of a keychain that does not answer is told what is waited for.
#[test]
fn a_person_is_told_what_is_waited_for() {
    let Some(keychain) = SecretService::start() else { return };
    let emulator = emulator();
    let sandbox = keychain.lend_to(Sandbox::on(&emulator)).with("DISPLAY", ":0");
    let _login = sandbox.login().success();
    keychain.hang();
    let terminal = Terminal::run(&sandbox, &["auth", "token"]);
    terminal.line_with("Waiting for your keychain to be unlocked...");
    let (code, seen) = terminal.finish();
    assert!(code == 9 && seen.contains("(timeout)"), "{seen}");
    keychain.go_on();
    let (code, seen) = Terminal::run(&sandbox, &["auth", "token"]).finish();
    assert_eq!(code, 0, "{seen}");
}

/// auth f.2: a store that was asked for is never replaced by another one.
#[test]
fn a_keychain_that_was_asked_for_is_not_replaced_and_nobody_is_sent_to_a_browser() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).without("SEQERA_NO_KEYCHAIN");
    for (line, sandbox) in [
        ("login --no-browser --store keychain", sandbox),
        ("login --no-browser", Sandbox::on(&emulator).with("SEQERA_CREDENTIAL_STORE", "keychain")),
    ] {
        let run = sandbox.seqera(line).fails(9, "the keychain cannot be used");
        assert!(run.stderr.contains("(no-bus)") && run.stderr.contains("--store file"), "{run}");
        assert!(!sandbox.config().join("auth.json").exists());
    }
    assert_eq!(emulator.requests().len(), 0, "the server was not even asked what it offers");
    let odd = Sandbox::on(&emulator).with("SEQERA_CREDENTIAL_STORE", "cloud");
    let _refused = odd.seqera("login --no-browser").fails(3, "neither keychain nor file: cloud");
}

/// auth f.2: the flag, the variables, what was chosen before, then the keychain; and what was chosen is remembered.
#[test]
fn a_store_is_chosen_in_one_order_and_remembered() {
    let Some(keychain) = SecretService::start() else { return };
    let emulator = emulator();
    let switch_off = ("SEQERA_NO_KEYCHAIN", "true");
    let wish = |store| ("SEQERA_CREDENTIAL_STORE", store);
    for (flags, variables, store) in [
        ("", &[][..], "keychain"),
        ("", &[switch_off], "file"),
        ("", &[wish("file")], "file"),
        ("", &[wish("keychain"), switch_off], "keychain"),
        ("--store file", &[wish("keychain")], "file"),
        ("--headless", &[wish("keychain")], "file"),
        ("--store keychain", &[switch_off], "keychain"),
    ] {
        let sandbox = keychain.lend_to(Sandbox::on(&emulator));
        let sign_in = |flags: &str, variables: &[(&str, &str)]| {
            let mut command = sandbox.command(format!("login --with-token {flags}").split_whitespace());
            let token = sandbox.root().join("token");
            fs::write(&token, &emulator.access_token).unwrap();
            let token = fs::File::open(token).unwrap();
            let output = command.envs(variables.iter().copied()).stdin(token).output().unwrap();
            let _run = finished(output.status, &output.stdout, &output.stderr).success();
            active(&sandbox.seqera("auth status --json").success())["store"].clone()
        };
        assert_eq!(sign_in(flags, variables), store, "{flags} {variables:?}");
        assert_eq!(sign_in("", &[]), store, "{flags} {variables:?}: it is remembered");
    }
}

/// auth f.2: a keychain that fails between probe and store costs the place, not the sign-in.
#[test]
fn a_keychain_that_fails_at_the_last_moment_does_not_cost_the_sign_in() {
    let Some(keychain) = SecretService::start() else { return };
    let emulator = emulator();
    let sandbox = keychain.lend_to(Sandbox::on(&emulator));
    let login = sandbox.begin_login();
    keychain.hang();
    assert_eq!(login.visit(), "200");
    let run = login.finish().success();
    assert!(run.stderr.contains("✓ Authentication successful!"), "{run}");
    assert!(run.stderr.contains(&sandbox.config().display().to_string()), "the place is named: {run}");
    let _works = sandbox.seqera("org list").success();
    assert_eq!(active(&sandbox.seqera("auth status --json").success())["store"], "file");
    let signed_out = sandbox.seqera("logout").success();
    assert!(
        signed_out.stderr.contains("an older copy of the credentials could not be removed"),
        "{signed_out}"
    );
    assert_eq!(emulator.live_tokens(), 0);
    keychain.go_on();
    let logout = sandbox.seqera("logout").success();
    assert!(!logout.stderr.contains("older copy"), "{logout}");
    assert_eq!(keychain.items(), 0, "what the keychain took late is removed");

    let login = sandbox.begin_login();
    keychain.hang();
    assert_eq!(login.visit(), "200");
    let _in_a_file = login.finish().success();
    keychain.go_on();
    let _again = sandbox.login().success();
    assert_eq!(keychain.items(), 0, "the next sign-in removes it, too");
    assert_eq!(emulator.live_tokens(), 2, "one session, no more");

    // What was asked for is not replaced: then the sign-in is given back.
    let sandbox = keychain.lend_to(Sandbox::on(&emulator));
    let login = sandbox.begin("login --no-browser --store keychain");
    keychain.hang();
    assert_eq!(login.visit(), "400");
    let _given_back = login.finish().fails(9, "nothing was stored");
    keychain.go_on();
    assert_eq!(emulator.live_tokens(), 2, "what nobody can use is ended");
    let _nobody = sandbox.seqera("auth token").fails(4, "you are not signed in");
}

/// auth f.2: changing the store moves the session: the old place is empty, the old session ended.
#[test]
fn a_new_sign_in_with_another_store_leaves_nothing_in_the_old_one() {
    let Some(keychain) = SecretService::start() else { return };
    let emulator = emulator();
    let sandbox = keychain.lend_to(Sandbox::on(&emulator));
    let sign_in = |line: &str| {
        let login = sandbox.begin(line);
        assert_eq!(login.visit(), "200");
        login.finish().success()
    };
    let _first = sign_in("login --no-browser --store file");
    assert_eq!((files(&sandbox, "json").len(), keychain.items()), (1, 0));
    let _second = sign_in("login --no-browser --store keychain");
    assert_eq!((files(&sandbox, "json").len(), keychain.items()), (0, 1));
    let _third = sign_in("login --no-browser --headless");
    assert_eq!((files(&sandbox, "json").len(), keychain.items()), (1, 0));
    assert_eq!(emulator.live_tokens(), 2, "one session is left");
    let _works = sandbox.seqera("org list").success();
}

/// auth b.37 with the keychain as store, whose lock does not depend on where the settings are.
#[test]
fn eight_processes_share_one_keychain_and_make_one_renewal() {
    let Some(keychain) = SecretService::start() else { return };
    let emulator = Emulator::start(Options { ttl_access: 1, ..Options::default() }).unwrap();
    let sandbox = keychain.lend_to(Sandbox::on(&emulator));
    let _login = sandbox.login().success();
    emulator.configure(|options| options.ttl_access = 3600);
    std::thread::sleep(Duration::from_millis(1100));
    emulator.forget_requests();
    emulator.fault(Fault { ms: 400, ..Fault::new("token", "delay") });
    // Half of them with a copy of the settings elsewhere: githits-cli locked by directory, and signed people out.
    let elsewhere = sandbox.root().join("elsewhere");
    seqera_tests::sandbox::copy_tree(&sandbox.config(), &elsewhere);
    let children: Vec<_> = (0..8)
        .map(|number| {
            let mut command = sandbox.command(["auth", "token"]);
            if number % 2 == 1 {
                command.env("SEQERA_CONFIG_DIR", &elsewhere);
            }
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut tokens: Vec<String> = children
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().unwrap();
            finished(output.status, &output.stdout, &output.stderr).success().stdout
        })
        .collect();
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
    assert_eq!(emulator.requests().iter().filter(|entry| entry.path == "/api/token").count(), 1);
    let _still = sandbox.seqera("auth token --force-refresh").success();
}

/// auth b.52: private from the first moment, whatever the mask of the shell is.
#[test]
fn files_are_private_whatever_the_mask() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_AUTH_CALLBACK_TIMEOUT_MS", 20_000);
    let trace = sandbox.root().join("trace");
    let login = sandbox.command(["login", "--no-browser"]);
    let mut shell = std::process::Command::new("sh");
    let strace = if crate::has("strace") {
        format!(
            "strace -f -qq -e trace=openat,chmod,fchmod,fchmodat,rename,renameat,renameat2,fsync,fdatasync -o {}",
            trace.display()
        )
    } else {
        String::new()
    };
    shell
        .args(["-c", &format!("umask 000; exec {strace} \"$0\" \"$@\"")])
        .arg(login.get_program())
        .args(login.get_args());
    shell
        .env_clear()
        .envs(login.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(sandbox.home());
    let login = sandbox.begin_command(shell);
    assert_eq!(login.visit(), "200");
    let _run = login.finish().success();
    let file = credential_file(&sandbox);
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    assert_eq!(mode(&sandbox.config().join("auth.json")), 0o600);
    for lock in files(&sandbox, "lock") {
        assert_eq!(mode(&lock), 0o600);
    }
    let Ok(trace) = fs::read_to_string(&trace) else { return };
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(
        !trace.lines().any(|line| line.contains("chmod") && line.contains("credentials")),
        "made private, not made so later:\n{trace}"
    );
    let renamed = trace
        .lines()
        .position(|line| line.contains("rename") && line.contains(name))
        .expect("it is renamed into place");
    assert!(
        trace.lines().take(renamed).any(|line| line.contains("fsync") || line.contains("fdatasync")),
        "and is on disk before:\n{trace}"
    );
}

/// auth b.52: a link is not followed, what belongs to somebody else is not read, what others can read is said.
#[test]
fn a_file_that_is_not_ours_alone_is_refused_or_said() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _login = sandbox.login().success();
    let file = credential_file(&sandbox);

    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let run = sandbox.seqera("auth token").success();
    assert!(run.stderr.contains(&format!("chmod 600 {}", file.display())), "{run}");
    let _renewed = sandbox.seqera("auth token --force-refresh").success();
    assert_eq!(mode(&file), 0o600, "what is written anew is private");

    let elsewhere = sandbox.root().join("elsewhere");
    fs::rename(&file, &elsewhere).unwrap();
    symlink(&elsewhere, &file).unwrap();
    let before = fs::read_to_string(&elsewhere).unwrap();
    let _refused = sandbox.seqera("auth token").fails(9, "is a symbolic link");
    let _over_it = sandbox.login().success();
    assert!(!file.symlink_metadata().unwrap().is_symlink(), "the link was replaced");
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), before, "and not written through");

    if fs::metadata(&file).unwrap().uid() == 0 {
        std::os::unix::fs::chown(&file, Some(65534), None).unwrap();
        let _refused = sandbox.seqera("auth token").fails(9, "belongs to another user");
    }
}

/// auth b.52: what is true of the file is true of the directory that holds it.
#[test]
fn a_directory_that_is_not_ours_alone_is_refused_or_said() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _login = sandbox.login().success();
    let dir = sandbox.config().join("credentials");

    fs::set_permissions(&dir, fs::Permissions::from_mode(0o777)).unwrap();
    for line in ["auth token", "org list", "auth token --force-refresh"] {
        let run = sandbox.seqera(line).success();
        let said = format!("chmod 700 {}", dir.display());
        assert_eq!(run.stderr.matches(&said).count(), 1, "{line}: {run}");
    }
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).unwrap();
    let quiet = sandbox.seqera("auth token").success();
    assert_eq!(quiet.stderr, "");

    let elsewhere = sandbox.root().join("elsewhere");
    fs::rename(&dir, &elsewhere).unwrap();
    symlink(&elsewhere, &dir).unwrap();
    for line in ["auth token", "login --no-browser"] {
        let run = sandbox.seqera(line).fails(9, "credentials is a symbolic link");
        assert!(!run.stderr.contains("Open this address"), "{run}");
    }
    fs::remove_file(&dir).unwrap();
    fs::rename(&elsewhere, &dir).unwrap();
    if fs::metadata(&dir).unwrap().uid() == 0 {
        std::os::unix::fs::chown(&dir, Some(65534), None).unwrap();
        for line in ["auth token", "login --no-browser"] {
            let run = sandbox.seqera(line).fails(9, "belongs to another user");
            assert!(run.stderr.contains("hint: Run seqera as that user, or set HOME"), "{run}");
            assert!(!run.stderr.contains("Remove"), "{run}");
        }
    }
}

/// auth f.2: a directory that cannot be written is found out before the browser.
#[test]
fn a_place_that_cannot_be_written_is_said_before_the_browser() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let blocked = sandbox.root().join("blocked");
    fs::write(&blocked, "a file where a directory should be").unwrap();
    let sandbox = sandbox.with("SEQERA_CONFIG_DIR", blocked.join("seqera").display());
    let run = sandbox.seqera("login --no-browser");
    assert_eq!(run.code, 9, "{run}");
    assert!(!run.stderr.contains("Open this address") && run.stderr.contains("SEQERA_CONFIG_DIR"), "{run}");
}
