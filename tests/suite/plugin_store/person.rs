//! Installing with a person at a terminal: the question, the answers, the progress.

use super::file_server::FileServer;
use super::publisher::World;
use crate::terminal::Terminal;

/// The question on a terminal.
fn asked(world: &World, source: &str) -> Terminal {
    let terminal = Terminal::run(&world.user, &["plugin", "install", source]);
    for said in ["hello 0.3.0: Greet somebody", "publisher: somebody else", "not signed", "commands: hello"] {
        terminal.wait_for(said);
    }
    terminal.wait_for("A plugin runs with all your rights.");
    terminal.wait_for("Install it? [y/N] ");
    terminal
}

#[test]
fn nothing_but_a_yes_installs() {
    let world = World::new();
    let archive = world.archive("0.3.0");
    for answer in ["", "n", "of course"] {
        let mut terminal = asked(&world, &archive);
        terminal.type_line(answer);
        terminal.wait_for("nothing was installed");
        assert_eq!(terminal.end(), 10, "{answer}");
        let _gone = world.user.seqera("hello").fails(127, "there is no command");
    }
    let mut terminal = asked(&world, &archive);
    terminal.type_line("Yes");
    terminal.wait_for("hello 0.3.0 was installed");
    assert_eq!(terminal.end(), 0);
    world.assert_works("0.3.0");
}

#[test]
fn ctrl_c_at_the_question_ends_it_and_leaves_nothing() {
    let world = World::new();
    let mut terminal = asked(&world, &world.archive("0.3.0"));
    terminal.keys.write_all(b"\x03").unwrap();
    assert_eq!(terminal.end(), 130);
    let _gone = world.user.seqera("hello").fails(127, "there is no command");
    let _next = world.run(&["install", &world.archive("0.3.0"), "--yes"]).success();
    world.assert_works("0.3.0");
}

#[test]
fn a_download_shows_how_far_it_is() {
    let world = World::new();
    let _archive = world.archive("0.3.0");
    let server = FileServer::start(&world.dir.join("packages"));
    let address = format!("{}slow/hello-0.3.0.tar.gz", server.url);
    let mut terminal = Terminal::run(&world.user, &["plugin", "install", &address]);
    terminal.wait_for("Downloading hello-0.3.0.tar.gz  ");
    terminal.wait_for(" %)");
    // It is wiped away before the question.
    terminal.wait_for("\r\x1b[K");
    terminal.wait_for("Install it? [y/N] ");
    terminal.type_line("y");
    terminal.wait_for("hello 0.3.0 was installed");
    assert_eq!(terminal.end(), 0);
    world.assert_works("0.3.0");

    let again = world.run(&["install", &address, "--force", "--yes"]).success();
    assert!(!again.stderr.contains("Downloading"), "nobody sees it: {again}");
}
