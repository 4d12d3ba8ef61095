//! Completion, asked as shells ask: of `seqera __complete`, and of the shells themselves.

use std::fs;
use std::process::Command;

use seqera_tests::sandbox::{Run, Sandbox};

use crate::has;

/// The last word is the one that is being written.
fn ask(sandbox: &Sandbox, words: &[&str]) -> Run {
    let line = ["__complete", "bash", "--", "seqera"].into_iter().chain(words.iter().copied());
    let mut command = sandbox.command(line);
    command.env("_CLAP_IFS", "\n").env("_CLAP_COMPLETE_INDEX", words.len().to_string());
    sandbox.run(command)
}

fn offers(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    ask(sandbox, words).success().stdout.lines().map(str::to_owned).collect()
}

#[track_caller]
fn assert_offers(sandbox: &Sandbox, words: &[&str], some: &[&str], none: &[&str]) {
    let offered = offers(sandbox, words);
    for word in some {
        assert!(offered.iter().any(|offered| offered == word), "{words:?} without {word}: {offered:?}");
    }
    for word in none {
        assert!(!offered.iter().any(|offered| offered == word), "{words:?} with {word}: {offered:?}");
    }
}

#[test]
fn commands_options_and_values_of_everything_are_offered() {
    let sandbox = Sandbox::new();
    let all = ["login", "logout", "org", "ai", "info", "help", "plugin", "config", "doctor", "completion"];
    assert_offers(&sandbox, &[""], &all, &["__complete", "__describe"]);
    assert_eq!(offers(&sandbox, &["log"]), ["login", "logout"]);
    assert_offers(&sandbox, &["org", ""], &["show", "list", "switch", "clear"], &["current", "login"]);
    assert_offers(&sandbox, &["ai", "--show"], &["--show-thinking", "--show-tools"], &["--headless"]);
    let modes = ["basic", "default", "full"];
    assert_offers(&sandbox, &["ai", "--approval-mode", ""], &modes, &["sessions"]);
    assert_offers(&sandbox, &["ai", "approval", "explain", "--mode", ""], &modes, &[]);
    assert_offers(
        &sandbox,
        &["ai", "approval", "explain", "--tool", "edit"],
        &["edit_file_local"],
        &["read_file_local"],
    );
    assert_offers(&sandbox, &["plugin", ""], &["install", "lock", "sync"], &["switch"]);
    assert_offers(&sandbox, &["plugin", "info", ""], &["ai", "auth", "org"], &["install"]);
    assert_offers(&sandbox, &["config", "set", "auth_"], &["auth_domain"], &["theme"]);
    assert_offers(&sandbox, &["help", ""], &["org", "plugin"], &[]);
    assert_offers(&sandbox, &["help", "org", ""], &["switch"], &["--json"]);
    assert_offers(&sandbox, &["completion", ""], &["bash", "zsh", "fish"], &[]);
    fs::write(sandbox.home().join("hello-1.0.0.tar.gz"), "").unwrap();
    let place = format!("{}/hel", sandbox.home().display());
    let offered = offers(&sandbox, &["plugin", "install", &place]);
    assert_eq!(offered, [format!("{}/hello-1.0.0.tar.gz", sandbox.home().display())]);
}

#[test]
fn a_plugin_comes_and_goes_without_another_script() {
    let sandbox = Sandbox::new();
    assert_offers(&sandbox, &["he"], &["help"], &["hello"]);
    let dir = sandbox.install("hello");
    assert_offers(&sandbox, &["he"], &["help", "hello"], &[]);
    assert_offers(&sandbox, &["hello", "--"], &["--help"], &[]);
    assert_offers(&sandbox, &["plugin", "remove", ""], &["hello"], &[]);
    sandbox.configure("[plugins.hello]\nenabled = false\n");
    assert_offers(&sandbox, &["he"], &["help"], &["hello"]);
    sandbox.configure("");
    // A tree that was changed on disk is not believed, and costs the others nothing.
    fs::write(dir.join("cli.json"), "{}").unwrap();
    assert_offers(&sandbox, &["hello", ""], &[], &["switch"]);
    assert_offers(&sandbox, &["org", ""], &["switch"], &[]);
    fs::remove_dir_all(dir.parent().unwrap()).unwrap();
    assert_offers(&sandbox, &["he"], &["help"], &["hello"]);
}

#[test]
fn nonsense_is_answered_with_nothing() {
    let sandbox = Sandbox::new();
    for line in ["__complete", "__complete tcsh -- seqera", "__complete bash", "__complete bash --"] {
        let run = sandbox.seqera(line).fails(2, "__complete SHELL");
        assert_eq!(run.stdout, "");
    }
    assert_eq!(offers(&sandbox, &["no-such-command", ""]).len(), offers(&sandbox, &[""]).len());
    let _own = sandbox.seqera("completion tcsh").fails(2, "possible values");
}

/// What a shell itself offers, after it read the script. Without the shell, `None`.
fn shell(sandbox: &Sandbox, shell: &str, script: &str) -> Option<String> {
    if !has(shell) {
        return None;
    }
    let file = sandbox.root().join(format!("script.{shell}"));
    fs::write(&file, sandbox.seqera(&format!("completion {shell}")).success().stdout).unwrap();
    let seqera = sandbox.command(["--version"]);
    let bin = std::path::Path::new(seqera.get_program()).parent().unwrap().display().to_string();
    let mut command = Command::new(shell);
    command.env_clear();
    for (name, value) in seqera.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    command.env("PATH", format!("{bin}:{}", std::env::var("PATH").unwrap_or_default()));
    command.args(["-c", &script.replace("SCRIPT", &file.display().to_string())]).current_dir(sandbox.home());
    Some(sandbox.run(command).success().stdout)
}

#[test]
fn bash_offers_it() {
    let sandbox = Sandbox::new();
    let _dir = sandbox.install("hello");
    let script = "source SCRIPT; COMP_WORDS=(seqera org sw); COMP_CWORD=2; COMP_TYPE=9; \
                  _clap_complete_seqera seqera sw org; printf '%s\\n' \"${COMPREPLY[@]}\"; \
                  COMP_WORDS=(seqera hel); COMP_CWORD=1; _clap_complete_seqera seqera hel seqera; \
                  printf '%s\\n' \"${COMPREPLY[@]}\"; complete -p seqera";
    let said = shell(&sandbox, "bash", script).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[..3], ["switch", "help", "hello"], "{said}");
    assert!(lines[3].contains("_clap_complete_seqera seqera"), "{said}");
    // A configuration that is wrong says nothing into the line that is being written.
    sandbox.configure("a = = 1\n");
    let quiet = format!("{{ {script}; }} 2>&1");
    let said = shell(&sandbox, "bash", &quiet).unwrap();
    assert!(!said.contains("error"), "{said}");
}

#[test]
fn fish_offers_it() {
    let sandbox = Sandbox::new();
    let _dir = sandbox.install("hello");
    let script = "source SCRIPT; complete -C 'seqera org sw'; complete -C 'seqera hel'";
    let Some(said) = shell(&sandbox, "fish", script) else { return };
    assert!(said.starts_with("switch\t") && said.contains("\nhello\tGreet somebody"), "{said}");
}

#[test]
fn zsh_offers_it() {
    let sandbox = Sandbox::new();
    let _dir = sandbox.install("hello");
    // `_describe` is zsh's own, and needs a line editor: what it would be told is printed here.
    let script = "compdef() { print compdef $@ }; _describe() { print -l $other }; source SCRIPT; \
                  words=(seqera org sw); CURRENT=3; _clap_dynamic_completer_seqera; \
                  words=(seqera hel); CURRENT=2; _clap_dynamic_completer_seqera";
    let Some(said) = shell(&sandbox, "zsh", script) else { return };
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "compdef _clap_dynamic_completer_seqera seqera");
    assert!(
        lines[1].starts_with("switch:") && lines.iter().any(|line| line.starts_with("hello:Greet somebody")),
        "{said}"
    );
    let first = sandbox.seqera("completion zsh").success().stdout;
    assert!(first.starts_with("#compdef seqera\n"), "{first}");
}
