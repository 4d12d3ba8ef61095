//! The organization that is billed.

use seqera_tests::emulator::{Emulator, Fault, Options};
use seqera_tests::sandbox::Sandbox;

use crate::emulator;

/// Signed in as alice, who is in two organizations.
fn alice() -> (Emulator, Sandbox) {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _login = sandbox.login().success();
    emulator.forget_requests();
    (emulator, sandbox)
}

#[test]
fn list_switch_show_clear() {
    let (emulator, sandbox) = alice();
    let list = sandbox.seqera("org list").success();
    assert_eq!(
        list.stdout,
        "Available organizations (2)\n  • Genomics Core (academic)\n  • Tutorial Lab (basic)\n"
    );
    let none = sandbox.seqera("org").success();
    assert!(none.stdout.is_empty() && none.stderr.contains("seqera org switch"), "{none}");
    let mut command = sandbox.command(["org", "switch", "tutorial lab"]);
    let switched = sandbox.run(std::mem::replace(&mut command, sandbox.command(["org"]))).success();
    assert!(switched.stderr.contains("[Org] ✓ Organization set: Tutorial Lab"), "{switched}");
    emulator.forget_requests();
    for line in ["org", "org show", "org info", "org current"] {
        assert_eq!(
            sandbox.seqera(line).success().stdout,
            "Organization: Tutorial Lab\nID: 1002\nType: basic\n"
        );
    }
    assert_eq!(emulator.requests().len(), 0, "no network for a stored selection");
    assert!(sandbox.seqera("org list").success().stdout.contains("Tutorial Lab (basic)  ← current"));
    let json: serde_json::Value =
        serde_json::from_str(&sandbox.seqera("org list --json").success().stdout).unwrap();
    assert_eq!(
        json["organizations"][1],
        serde_json::json!({
            "org_id": "1002", "org_name": "Tutorial Lab", "org_type": "basic", "current": true
        })
    );
    let _cleared = sandbox.seqera("org reset").success();
    assert_eq!(sandbox.seqera("org --json").success().stdout.trim(), "{\n  \"organization\": null\n}");
}

#[test]
fn a_choice_by_id_by_name_and_by_nonsense() {
    let (_emulator, sandbox) = alice();
    let _by_id = sandbox.seqera("org select 1001").success();
    assert!(sandbox.seqera("org").success().stdout.contains("Genomics Core"));
    let run = sandbox.seqera("org change Nowhere").fails(1, "you are in no organization called Nowhere");
    assert!(run.stderr.contains("Yours are: Genomics Core (academic), Tutorial Lab (basic)"), "{run}");
    assert!(sandbox.seqera("org").success().stdout.contains("Genomics Core"), "nothing was changed");
}

#[test]
fn the_prompt_asks_again_can_be_cancelled_and_does_not_take_silence_for_an_answer() {
    let (_emulator, sandbox) = alice();
    let run = sandbox.seqera_with_input("org switch", "7\nx\n2\n").success();
    assert_eq!(run.stderr.matches("is not one of the numbers").count(), 2, "{run}");
    assert!(run.stderr.contains("  1. Genomics Core (academic)\n  2. Tutorial Lab (basic)\n"), "{run}");
    assert!(sandbox.seqera("org").success().stdout.contains("Tutorial Lab"));
    for word in ["q", "quit", "cancel"] {
        let run = sandbox.seqera_with_input("org switch", &format!("{word}\n")).success();
        assert!(run.stderr.contains("Cancelled; nothing was changed."), "{run}");
    }
    let _silence = sandbox.seqera_with_input("org switch", "").fails(1, "no organization was chosen");
    assert!(sandbox.seqera("org").success().stdout.contains("Tutorial Lab"), "nothing was changed");
}

#[test]
fn one_organization_is_taken_and_none_is_an_error() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let login = sandbox.begin_login();
    login.visit_as("bob");
    let _run = login.finish().success();
    let run = sandbox.seqera("org switch").success();
    assert!(run.stderr.contains("Bob & Sons is your only organization."), "{run}");
    let login = sandbox.begin_login();
    login.visit_as("carol");
    let _run = login.finish().success();
    let _none = sandbox.seqera("org switch").fails(1, "your account is in no organization");
    assert!(sandbox.seqera("org list").success().stderr.contains("You may need an invitation"));
}

#[test]
fn a_selection_survives_a_new_login_and_is_never_used_for_somebody_else() {
    let (_emulator, sandbox) = alice();
    let _switched = sandbox.seqera("org switch 1002").success();
    let again = sandbox.login().success();
    assert!(again.stderr.contains("[Login] ✓ Organization set: Tutorial Lab"), "{again}");
    let login = sandbox.begin_login();
    login.visit_as("carol");
    let _run = login.finish().success();
    assert!(sandbox.seqera("org").success().stdout.is_empty(), "carol does not bill alice's organization");
    let back = sandbox.login().success();
    assert!(back.stderr.contains("Tutorial Lab"), "{back}");
}

#[test]
fn with_a_token_of_the_environment_the_account_is_asked_once() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    let _switched = sandbox.seqera("org switch 1001").success();
    emulator.forget_requests();
    assert!(sandbox.seqera("org").success().stdout.contains("Genomics Core"));
    assert_eq!(emulator.requests().len(), 0);
    let sandbox = sandbox.with("SEQERA_ACCESS_TOKEN", "emulator-pat-bob");
    assert!(sandbox.seqera("org").success().stdout.is_empty(), "bob does not bill alice's organization");
}

#[test]
fn a_membership_that_ended_is_forgotten_at_the_next_login() {
    let (emulator, sandbox) = alice();
    let _switched = sandbox.seqera("org switch 1002").success();
    emulator.configure(|options| options.accounts[0].organizations.truncate(1));
    assert!(
        sandbox.seqera("org list").success().stderr.contains("you are no longer a member of Tutorial Lab")
    );
    let run = sandbox.login().success();
    assert!(run.stderr.contains("[Login] ✓ Organization set: Genomics Core"), "{run}");
}

#[test]
fn signed_out_and_unreadable() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _out = sandbox.seqera("org").fails(4, "you are not signed in");
    let _clear = sandbox.seqera("org clear").success();
    let _login = sandbox.login().success();
    std::fs::write(sandbox.config().join("organization.json"), "{").unwrap();
    let _named = sandbox.seqera("org").fails(3, "organization.json cannot be understood");
    std::fs::write(sandbox.config().join("organization.json"), "{\"version\":9,\"selections\":[]}").unwrap();
    let _newer = sandbox.seqera("org switch 1001").fails(3, "written by a newer seqera");
}

#[test]
fn a_slow_or_strange_backend() {
    let emulator = Emulator::start(Options::default()).unwrap();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    for (fault, code, says) in [
        (Fault::new("organizations", "html"), 6, "answers with HTML"),
        (Fault::new("organizations", "malformed"), 6, "not the JSON expected"),
        (Fault::new("organizations", "drop"), 5, "lost the connection"),
        (Fault::status("organizations", 502), 5, "answers 502"),
        (Fault::status("organizations", 401), 4, "rejected the token in SEQERA_ACCESS_TOKEN"),
    ] {
        emulator.fault(fault);
        let _run = sandbox.seqera("org list").fails(code, says);
    }
}
