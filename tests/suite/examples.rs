//! The plugins in `plugin-api/examples`, built apart from the workspace, as a team's: they use services of the bundled
//! plugins, and one lends the other a service of its own.

use std::fs;

use seqera_tests::sandbox::Sandbox;

use crate::emulator;

#[test]
fn credits_asks_the_server_as_whoever_is_signed_in() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _dir = sandbox.install("credits");
    let _signed_out = sandbox.seqera("credits").fails(4, "hint: Run `seqera login`");
    let _signed_in = sandbox.login().success();
    emulator.forget_requests();
    let run = sandbox.seqera("credits --organization 1002").success();
    assert_eq!(run.stdout, "18.5 of 20 credits left\n");
    assert_eq!(run.stderr, "Signed in as Alice Example\n");
    let sent = emulator.requests().pop().unwrap();
    assert_eq!((sent.path.as_str(), sent.status), ("/v1/cli/credits", 200));
    let json: serde_json::Value =
        serde_json::from_str(&sandbox.seqera("credits --json").success().stdout).unwrap();
    assert_eq!(json, serde_json::json!({ "used": 1.5, "limit": 20.0, "left": 18.5 }));
    let _no_id = sandbox.seqera("credits --organization a/b").fails(2, "`a/b` is no id of an organization");
}

#[test]
fn gate_asks_the_service_of_credits_and_answers_with_its_exit_code() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    let _gate = sandbox.install("gate");
    let _help = sandbox.seqera("gate --help").success();
    let _nobody = sandbox.seqera("gate --at-least 1").fails(69, "no plugin provides acme-credits@1");
    let credits = sandbox.install("credits");
    let open = sandbox.seqera("gate --at-least 10").success();
    assert_eq!((open.stdout.as_str(), open.stderr.as_str()), ("", "18.5 credits are left\n"));
    let _closed = sandbox.seqera("gate --at-least 19").fails(11, "18.5 credits are left, 19 are needed");
    // What the provider fails with is what the caller ends with.
    let signed_out = Sandbox::on(&emulator);
    let _both = (signed_out.install("gate"), signed_out.install("credits"));
    let _no_session = signed_out.seqera("gate --at-least 1").fails(4, "hint: Run `seqera login`");
    fs::remove_dir_all(credits.parent().unwrap()).unwrap();
    let _gone = sandbox.seqera("gate --at-least 1").fails(69, "no plugin provides acme-credits@1");
}
