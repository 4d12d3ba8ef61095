//! `seqera plugin new`: what it writes is built, tested, linked, run, packaged and installed as its README says.

use std::fs;
use std::path::Path;

use seqera_tests::sandbox::{Run, Sandbox};
use serde_json::Value;

use super::apart::{cargo, repository, target};
use crate::emulator;

fn new(sandbox: &Sandbox, arguments: &[&str]) -> Run {
    sandbox.run(sandbox.command(["plugin", "new"].iter().chain(arguments)))
}

#[test]
fn a_new_plugin_builds_tests_and_runs_at_once() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let dir = sandbox.home().join("rna-seq");
    let sdk = repository().join("plugin-api");
    let run =
        new(&sandbox, &["rna-seq", "--sdk", sdk.to_str().unwrap(), "--publisher", "A \"team\""]).success();
    assert!(run.stderr.contains("cargo build && seqera plugin link . && seqera rna-seq"), "{run}");
    let _again = new(&sandbox, &["rna-seq", "--sdk", sdk.to_str().unwrap()]).fails(1, "is not empty");
    // The versions that this machine has; a user's cargo would ask the registry for the newest.
    fs::copy(repository().join("plugin-api/examples/Cargo.lock"), dir.join("Cargo.lock")).unwrap();

    let tested = cargo(&dir, &["test"]).success();
    assert!(tested.stdout.contains("it_behaves_as_every_plugin_does ... ok"), "{tested}");
    assert!(tested.stdout.contains("3 passed"), "{tested}");
    let _built = cargo(&dir, &["build"]).success();
    assert!(!tested.stderr.contains("warning") && !tested.stdout.contains("warning"), "{tested}");
    let _formatted = cargo(&dir, &["fmt", "--check"]).success();

    let mut link = sandbox.command(["plugin", "link", "."]);
    link.current_dir(&dir)
        .env("CARGO_TARGET_DIR", target())
        .env("PATH", Path::new(env!("CARGO")).parent().unwrap());
    let _linked = sandbox.run(link).success();
    let run = sandbox.seqera("rna-seq").success();
    assert_eq!(run.stdout, "Hello, stranger\n");
    assert!(run.stderr.contains("Nobody is signed in"), "{run}");
    let _signed_in = sandbox.login().success();
    assert_eq!(sandbox.seqera("rna-seq").success().stdout, "Hello, Alice Example\n");
    let _unlinked = sandbox.seqera("plugin unlink rna-seq").success();
    let _gone = sandbox.seqera("rna-seq").fails(127, "there is no command");

    let library = target().join("debug/libseqera_plugin_rna_seq.so");
    let package = sandbox.run(sandbox.command(["plugin", "package", library.to_str().unwrap()])).success();
    assert_eq!(package.stdout, "./rna-seq-0.1.0.tar.gz\n");
    let _installed = sandbox.seqera("plugin install ./rna-seq-0.1.0.tar.gz --yes").success();
    let run = sandbox.seqera("rna-seq Bob").success();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("Hello, Bob\n", ""));
    let info = sandbox.seqera("plugin info rna-seq").success();
    assert!(info.stdout.contains("A \"team\""), "{info}");
}

#[test]
fn a_name_has_to_be_free_and_the_sdk_somewhere() {
    let sandbox = Sandbox::new();
    let _hello = sandbox.install("hello");
    let _no_name = new(&sandbox, &["Hello", "--sdk", "0.1"]).fails(2, "`Hello` is not a name for a plugin");
    let _builtin = new(&sandbox, &["plugin", "--sdk", "0.1"]).fails(2, "a command of seqera itself");
    let _bundled = new(&sandbox, &["login", "--sdk", "0.1"]).fails(2, "comes with seqera");
    for name in ["Hello", "plugin", "login"] {
        let run = new(&sandbox, &[name]);
        assert!(run.code == 2 && !run.stderr.contains("SDK"), "the name comes first: {run}");
    }
    let nowhere = new(&sandbox, &["greet"]).fails(2, "where is the SDK, seqera-plugin-api?");
    assert!(
        nowhere.stderr.contains("Clone the repository") && nowhere.stderr.contains("--sdk https://"),
        "{nowhere}"
    );
    let _no_sdk = new(&sandbox, &["greet", "--sdk", "."]).fails(2, "there is no seqera-plugin-api in `.`");
    let dry = new(&sandbox, &["hello", "--sdk", "0.1", "--dry-run"]).success();
    assert!(dry.stderr.contains("hello 0.3.0, which is on this machine, has the word `hello` too"), "{dry}");
    assert!(dry.stderr.contains("hello would be made, with Cargo.toml"), "{dry}");
    assert!(!sandbox.home().join("hello").exists());

    let git = "https://git.example/seqera.git#v1.0.0";
    let json = new(&sandbox, &["greet", "--sdk", git, "--into", "a/b", "--json"]).success().stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((json["action"].as_str(), json["files"].as_array().unwrap().len()), (Some("created"), 5));
    let manifest = fs::read_to_string(sandbox.home().join("a/b/Cargo.toml")).unwrap();
    let sdk = r#"seqera-plugin-api = { git = "https://git.example/seqera.git", tag = "v1.0.0" }"#;
    assert!(manifest.contains(sdk), "{manifest}");
    let library = fs::read_to_string(sandbox.home().join("a/b/src/lib.rs")).unwrap();
    assert!(library.contains("\n            // Users are shown whose it is: .publisher("), "{library}");
}

#[test]
fn inside_a_checkout_the_sdk_is_found() {
    let sandbox = Sandbox::new();
    let checkout = sandbox.home().join("checkout");
    fs::create_dir_all(checkout.join("plugin-api")).unwrap();
    fs::write(checkout.join("plugin-api/Cargo.toml"), "[package]\nname = \"seqera-plugin-api\"\n").unwrap();
    let _made = new(&sandbox, &["greet", "--into", "checkout/plugins/greet"]).success();
    let manifest = fs::read_to_string(checkout.join("plugins/greet/Cargo.toml")).unwrap();
    assert!(manifest.contains(r#"{ path = "../../plugin-api" }"#), "{manifest}");
}
