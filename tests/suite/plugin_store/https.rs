//! Downloads over https, with a certificate authority of a company's own.

use seqera_tests::sandbox::Sandbox;

use super::file_server::FileServer;
use super::publisher::World;

/// A world whose user believes the authority of the server, or not; nothing is trusted or installed yet.
fn served(believes: bool) -> (World, FileServer, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let authority = dir.path().join("authority.pem");
    let user = Sandbox::new();
    let user = if believes { user.with("SEQERA_CA_BUNDLE", authority.display()) } else { user };
    let world = World::of(user);
    let _package = world.signed("0.3.0");
    let index = world.index(&[]);
    let server = FileServer::start_encrypted(index.as_ref(), &authority);
    (world, server, dir)
}

#[test]
fn an_archive_and_an_index_come_over_https() {
    let (world, server, _authority) = served(true);
    world.trust();
    let address = format!("{}moved/hello-0.3.0.tar.gz", server.url);
    let _installed = world.run(&["install", &address, "--yes"]).success();
    world.assert_works("0.3.0");
    let _newer = (world.signed("0.4.0"), world.index(&[]));
    let _from_the_index = world.run(&["install", "hello@0.4.0", "--index", &server.url]).success();
    world.assert_works("0.4.0");
    let seen = server.requests.lock().unwrap().join("").to_lowercase();
    assert!(seen.contains("get /index.json.minisig ") && !seen.contains("authorization"), "{seen}");
    // Away from https is nowhere.
    for place in ["away", "guised", "down"] {
        let away = format!("{}{place}/hello-0.3.0.tar.gz", server.url);
        let _insecure = world.run(&["install", &away, "--yes"]).fails(6, "plugins come over https only");
    }
}

#[test]
fn an_authority_that_nobody_named_is_not_believed() {
    let (world, server, _authority) = served(false);
    world.trust();
    let address = format!("{}hello-0.3.0.tar.gz", server.url);
    let run = world.run(&["install", &address, "--yes"]).fails(5, "certificate");
    assert!(run.stderr.contains("SEQERA_CA_BUNDLE"), "{run}");
    let _index = world.run(&["install", "hello", "--index", &server.url, "--yes"]).fails(5, "certificate");
    let _gone = world.user.seqera("hello").fails(127, "there is no command");
    assert_eq!(server.requests.lock().unwrap().len(), 0);
}
