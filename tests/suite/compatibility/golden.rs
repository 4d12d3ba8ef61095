//! Plugins that were built and packaged in the past (`cargo xtask golden`, `tests/golden`): what was published once works
//! with the host of today, and with the plugins of today on either side of it.

use std::fs;
use std::path::{Path, PathBuf};

use seqera_tests::sandbox::Sandbox;
use seqera_tests::stage;

use crate::emulator;
use crate::plugins::{library, sha256};

/// The fixtures of this plugin of the past, one of each state that has it.
pub(super) fn kept(plugin: &str) -> Vec<String> {
    let golden = stage::fixtures().join("golden");
    let states = fs::read_dir(&golden).unwrap().map(|item| item.unwrap().file_name().into_string().unwrap());
    let mut fixtures: Vec<String> = states
        .filter(|state| golden.join(state).join(plugin).is_dir())
        .map(|state| format!("golden/{state}/{plugin}"))
        .collect();
    fixtures.sort();
    assert!(!fixtures.is_empty(), "no state has {plugin}");
    fixtures
}

fn archive(fixture: &str) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    workspace.join("tests").join(fixture).with_extension("tar.gz")
}

/// Host, provider of tokens and consumer: what is built now, what the next minor version of the contract would be, and
/// what was built in the past. Between them is `auth` of today.
#[test]
fn an_organization_is_listed_whoever_is_older() {
    let emulator = emulator();
    for host in ["now", "next"] {
        for provider in kept("fixture").into_iter().chain(["fixture".to_owned()]) {
            for consumer in kept("org").into_iter().chain(["bundled".to_owned()]) {
                let sandbox = Sandbox::on(&emulator).with("SEQERA_FIXTURE_BEARER", &emulator.access_token);
                let sandbox = if host == "next" { with_next_host(sandbox) } else { sandbox };
                let _provider = sandbox.install(&provider);
                let mut config = "[services]\ntoken-provider = \"fixture\"\n".to_owned();
                if consumer != "bundled" {
                    // Only a pin puts a user's plugin before one that came with the program.
                    let org = sandbox.install(&consumer);
                    config += &format!("[plugins.org]\nsha256 = \"{}\"\n", sha256(&library(&org)));
                }
                sandbox.configure(&config);
                emulator.forget_requests();
                let list = sandbox.seqera("org list");
                assert_eq!(list.code, 0, "host {host}, provider {provider}, consumer {consumer}: {list}");
                assert!(list.stdout.contains("Genomics Core"), "{host} {provider} {consumer}: {list}");
                let sent = emulator.requests().pop().unwrap();
                assert_eq!((sent.path.as_str(), sent.status), ("/v1/cli/organizations", 200));
                let info = sandbox.seqera("plugin info org").stdout;
                assert_eq!(info.contains("user"), consumer != "bundled", "{info}");
            }
        }
    }
}

/// The installation, with the host of the next minor version of the contract in it.
fn with_next_host(sandbox: Sandbox) -> Sandbox {
    let own = sandbox.root().join("next");
    fs::create_dir_all(own.join("bin")).unwrap();
    let program = own.join("bin/seqera");
    fs::copy(stage::installation().with_file_name("next").join("bin/seqera"), &program).unwrap();
    std::os::unix::fs::symlink(stage::installation().join("lib"), own.join("lib")).unwrap();
    sandbox.with_program(&program)
}

#[test]
fn packages_of_every_state_are_installed_tried_out_and_run() {
    for (plugin, words, says) in
        [("fixture", "fixture", "fixture\n"), ("org", "org --help", "Usage: seqera org")]
    {
        for fixture in kept(plugin) {
            let sandbox = Sandbox::new();
            let line = format!("plugin install {} --yes", archive(&fixture).display());
            let installed = sandbox.seqera(&line).success();
            assert!(installed.stderr.contains("was installed"), "{installed}");
            let verified = sandbox.seqera(&format!("plugin verify {plugin}")).success();
            assert!(verified.stdout.contains("ok "), "{verified}");
            let run = sandbox.seqera(words).success();
            assert!(run.stdout.contains(says), "{run}");
        }
    }
}
