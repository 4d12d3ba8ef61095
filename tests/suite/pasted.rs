//! The keyboard while a sign-in waits for the browser: an address that is pasted, and everything else that is typed.

use std::process::Command;
use std::time::Duration;

use seqera_tests::browser::visit;
use seqera_tests::sandbox::Sandbox;

use crate::browser::{Programs, address, callback_of, person};
use crate::emulator;
use crate::terminal::Terminal;

/// auth f.1: a browser that cannot come back: the address that it ended up with is pasted.
#[test]
fn an_address_that_is_pasted_ends_the_sign_in() {
    let emulator = person();
    let sandbox = Sandbox::on(&emulator);
    let mut terminal = Terminal::run_command(&sandbox.command(["login", "--no-browser"]));
    terminal.line_with("paste the address");
    let callback = callback_of(&address(&terminal.seen()));
    assert!(callback.contains("/callback?code="), "{callback}");
    terminal.type_line("what is this");
    terminal.line_with("That is not the address of this sign-in; it begins with http://127.0.0.1:");
    terminal.type_line(&callback.replace("state=", "state=x"));
    terminal.type_line(&callback);
    let (code, seen) = terminal.finish();
    assert_eq!(code, 0, "{seen}");
    assert_eq!(emulator.count("POST", "/api/token"), 1, "the forged one went nowhere");
}

/// auth f.1: what browsers and people make of an address when they copy it.
#[test]
fn an_address_may_have_lost_its_scheme_or_found_quotes() {
    let emulator = person();
    let variants: [fn(&str) -> String; 4] = [
        |url| url.trim_start_matches("http://").to_owned(),
        |url| format!("  '{url}'  "),
        |url| format!("<{url}>"),
        |url| format!("{url}#"),
    ];
    for variant in variants {
        let sandbox = Sandbox::on(&emulator);
        let mut terminal = Terminal::run(&sandbox, &["login", "--no-browser"]);
        terminal.line_with("paste the address");
        let pasted = variant(&callback_of(&address(&terminal.seen())));
        terminal.type_line(&pasted);
        let (code, seen) = terminal.finish();
        assert_eq!(code, 0, "{pasted}: {seen}");
    }
}

/// auth f.1: an opener may succeed and its browser not come back, as from Windows around us (WSL#9921).
#[test]
fn it_can_be_pasted_although_a_browser_opened() {
    let emulator = person();
    let (programs, sandbox) = Programs::new(Sandbox::on(&emulator).with("DISPLAY", ":0"));
    programs.add("xdg-open", "exit 0");
    let mut terminal = Terminal::run(&sandbox, &["login"]);
    terminal.line_with("Your browser should open now");
    terminal.line_with("paste the address");
    let callback = callback_of(&address(&terminal.seen()));
    terminal.type_line(&callback);
    let (code, seen) = terminal.finish();
    assert_eq!(code, 0, "{seen}");
}

/// What is declined is declined on the keyboard, too.
#[test]
fn a_refusal_can_be_pasted() {
    let emulator = person();
    let sandbox = Sandbox::on(&emulator);
    let mut terminal = Terminal::run(&sandbox, &["login", "--no-browser"]);
    terminal.line_with("paste the address");
    let callback = callback_of(&format!("{}&login_hint=deny", address(&terminal.seen())));
    assert!(callback.contains("error=access_denied"), "{callback}");
    terminal.type_line(&callback);
    let (code, seen) = terminal.finish();
    assert_eq!(code, 4, "{seen}");
    assert!(seen.contains("sign-in was declined in the browser"), "{seen}");
}

/// The keyboard is given back: the next question, which another plugin asks, gets its answer.
#[test]
fn the_next_question_gets_what_is_typed_after_the_browser_came_back() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let mut terminal = Terminal::run(&sandbox, &["login", "--no-browser"]);
    terminal.line_with("paste the address");
    assert_eq!(visit(&address(&terminal.seen()), &sandbox.root().join("jar")).unwrap(), "200");
    terminal.line_with("q to cancel): ");
    terminal.type_line("2");
    let (code, seen) = terminal.finish();
    assert_eq!(code, 0, "{seen}");
    assert!(seen.contains("Organization set: ") && !seen.contains("That is not the address"), "{seen}");
}

/// In the background the terminal belongs to the shell: what is typed there is left alone, and the sign-in is not stopped.
#[test]
fn in_the_background_the_keyboard_is_left_to_the_shell() {
    let emulator = person();
    let sandbox = Sandbox::on(&emulator);
    let login = sandbox.command(["login", "--no-browser"]);
    let mut shell = Command::new("sh");
    shell
        .args([
            "-c",
            "set -m; \"$0\" \"$@\" & read line; echo \"the shell got $line\"; wait $!; echo \"code $?\"",
        ])
        .arg(login.get_program())
        .args(login.get_args());
    shell.envs(login.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(sandbox.home());
    let mut terminal = Terminal::run_command(&shell);
    let url = terminal.line_with("response_type=code");
    std::thread::sleep(Duration::from_millis(200));
    terminal.type_line("a line of mine");
    terminal.line_with("the shell got a line of mine");
    assert_eq!(visit(&url, &sandbox.root().join("jar")).unwrap(), "200");
    let (_code, seen) = terminal.finish();
    assert!(seen.contains("code 0") && !seen.contains("That is not the address"), "{seen}");
}

/// One Ctrl-C is enough at every question, and leaves nothing half done.
#[test]
fn one_interruption_is_enough_at_each_question() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).without("SEQERA_NO_KEYCHAIN");
    let mut terminal = Terminal::run(&sandbox, &["login", "--no-browser"]);
    terminal.line_with("[Y/n] ");
    std::thread::sleep(Duration::from_millis(200));
    terminal.type_keys("\u{3}");
    let (code, seen) = terminal.finish();
    assert_eq!(code, 130, "{seen}");
    assert!(emulator.requests().is_empty() && !sandbox.config().join("auth.json").exists(), "{seen}");

    let mut terminal = Terminal::run(&sandbox, &["login", "--no-browser", "--store", "file"]);
    terminal.line_with("paste the address");
    terminal.type_keys("\u{3}");
    let (code, seen) = terminal.finish();
    assert_eq!(code, 130, "{seen}");
    assert!(!sandbox.config().join("auth.json").exists(), "{seen}");

    let mut terminal = Terminal::run(&sandbox, &["login", "--no-browser", "--store", "file"]);
    terminal.line_with("paste the address");
    assert_eq!(visit(&address(&terminal.seen()), &sandbox.root().join("jar")).unwrap(), "200");
    terminal.line_with("q to cancel): ");
    std::thread::sleep(Duration::from_millis(200));
    terminal.type_keys("\u{3}");
    let (code, seen) = terminal.finish();
    assert_eq!(code, 130, "{seen}");
    let _still = sandbox.seqera("auth status").success();
}

/// auth f.2: a person is asked before credentials go into a file; no is an answer, and an end of the input is one, too.
#[test]
fn a_person_is_asked_before_credentials_go_into_a_file() {
    let emulator = person();
    for (answer, code) in [("n", 9), ("\u{4}", 9), ("what?", 9), ("", 0), ("Yes", 0)] {
        let sandbox = Sandbox::on(&emulator).without("SEQERA_NO_KEYCHAIN");
        emulator.forget_requests();
        let mut terminal = Terminal::run(&sandbox, &["login", "--no-browser"]);
        let question = terminal.line_with("[Y/n] ");
        assert!(question.contains("credentials") && question.contains("only you can read"), "{question}");
        assert!(terminal.seen().contains("the keychain cannot be used: "), "the reason is named");
        if answer == "\u{4}" {
            terminal.type_keys(answer)
        } else {
            terminal.type_line(answer)
        }
        if code == 0 {
            let url = terminal.line_with("response_type=code");
            assert_eq!(visit(&url, &sandbox.root().join("jar")).unwrap(), "200");
        }
        let (ended, seen) = terminal.finish();
        assert_eq!(ended, code, "{answer:?}: {seen}");
        if code == 9 {
            assert!(seen.contains("Nothing was changed") && seen.contains("--store file"), "{seen}");
            assert!(emulator.requests().is_empty() && !sandbox.config().join("auth.json").exists());
        }
    }
}
