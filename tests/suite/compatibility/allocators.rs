//! Every library may bring its own allocator: whoever made a value frees it.

use seqera_tests::sandbox::Sandbox;
use seqera_tests::stage;

use crate::emulator;
use crate::plugins::library;

#[test]
fn a_provider_with_an_allocator_of_its_own_serves_host_and_plugins() {
    let plain = std::fs::read(library(&stage::fixtures().join("fixture/fixture/1.0.0"))).unwrap();
    let other = std::fs::read(library(&stage::fixtures().join("other-allocator/fixture/1.0.0"))).unwrap();
    assert_ne!(plain, other, "the fixture is built in two ways");

    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_FIXTURE_BEARER", &emulator.access_token);
    let _dir = sandbox.install("other-allocator");
    sandbox.configure("[services]\ntoken-provider = \"fixture\"\n");
    assert_eq!(sandbox.seqera("fixture").success().stdout, "fixture\n");
    // auth asks it for a token, org asks auth: strings, records and objects cross in both directions.
    let list = sandbox.seqera("org list").success();
    assert!(list.stdout.contains("Genomics Core"), "{list}");
    let sent = emulator.requests().pop().unwrap();
    assert_eq!((sent.path.as_str(), sent.status), ("/v1/cli/organizations", 200));
}
