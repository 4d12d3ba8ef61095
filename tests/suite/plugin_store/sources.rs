//! What the user names as a source: addresses that are not asked, secrets in addresses, names and what lies nearby.

use std::fs;
use std::path::Path;

use seqera_tests::sandbox::copy_tree;
use serde_json::Value;

use super::file_server::FileServer;
use super::publisher::World;

#[test]
fn an_address_that_is_not_asked_is_wrong_usage_and_never_repeats_a_password() {
    let world = World::new();
    for (address, says) in [
        ("http://plugins.example/x.tar.gz", "plugins come over https only"),
        ("http://localhost:x@plugins.example/x.tar.gz", "a name or a password"),
        ("http://127.0.0.1:80@plugins.example/x.tar.gz", "a name or a password"),
        ("https://user:pa55word@plugins.example/x.tar.gz", "a name or a password"),
        ("https://user:pa55word@plugins.example/", "a name or a password"),
        ("https://", "it names no host"),
        ("https:///x.tar.gz", "it names no host"),
        ("https://plugins.example/my plugin.tar.gz", "https://plugins.example/my plugin.tar.gz is not asked"),
    ] {
        let run = world.run(&["install", address, "--yes"]).fails(2, says);
        assert!(run.stderr.contains("hint: Say https://") && !run.stderr.contains("pa55word"), "{run}");
    }
    let index = "https://user:pa55word@plugins.example/";
    let run = world.run(&["install", "hello", "--index", index]).fails(2, "a name or a password");
    assert!(!run.stderr.contains("pa55word"), "{run}");
    let _query = world
        .run(&["install", "hello", "--index", "https://plugins.example/?token=a"])
        .fails(2, "its address has no ?");
    let pinned = world.run(&["pin", "hello@1.0.0", "--source", index]).fails(2, "a name or a password");
    assert!(
        !pinned.stderr.contains("pa55word") && !world.user.config().join("config.toml").exists(),
        "{pinned}"
    );
    world.user.configure(&format!("[indexes]\nacme = \"{index}\"\n"));
    let run = world.run(&["install", "hello", "--index", "acme"]).fails(3, "config.toml:2 is wrong");
    assert!(run.stderr.contains("a name or a password") && !run.stderr.contains("pa55word"), "{run}");
    let the_only_one = world.run(&["install", "hello"]).fails(3, "config.toml:2 is wrong");
    assert!(!the_only_one.stderr.contains("pa55word"), "{the_only_one}");
    world.user.configure(&format!("[indexes]\nacme = \"{index}\"\nother = \"{index}\"\n"));
    let left_out = world.run(&["install", "hello"]).fails(1, "index:acme (");
    assert!(left_out.stderr.contains("is left out") && !left_out.stderr.contains("pa55word"), "{left_out}");
    assert_eq!(holding(world.user.home().join(".local").as_path(), "pa55word"), Vec::<String>::new());
}

/// The files below a directory that hold a text.
fn holding(dir: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for item in fs::read_dir(dir).into_iter().flatten() {
        let path = item.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if String::from_utf8_lossy(&fs::read(&path).unwrap()).contains(text) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn a_server_that_leads_to_an_address_with_a_name_in_it_is_not_followed() {
    let world = World::new();
    let _archive = world.archive("0.3.0");
    let server = FileServer::start(&world.dir.join("packages"));
    let run = world.run(&["install", &format!("{}guised/hello-0.3.0.tar.gz", server.url), "--yes"]);
    let run = run.fails(6, "a name or a password");
    assert!(run.stderr.contains("it leads to http://[secret]@plugins.example/"), "{run}");
}

#[test]
fn addresses_that_servers_write_and_nobody_else_are_followed() {
    let world = World::new();
    world.trust();
    let archive = world.signed("0.3.0");
    fs::rename(&archive, world.dir.join("packages/hello plugin é.tar.gz")).unwrap();
    let index = world.index(&[]);
    let server = FileServer::start(index.as_ref());
    let odd = format!("{}odd/hello%20plugin%20%C3%A9.tar.gz", server.url);
    for source in [["hello", "--index", &server.url].as_slice(), &[&odd]] {
        let _installed = world.run(&[&["install", "--yes"], source].concat()).success();
        world.assert_works("0.3.0");
        let _removed = world.run(&["remove", "hello"]).success();
    }
    let requests = server.requests.lock().unwrap().concat();
    assert!(requests.contains("GET /hello%20plugin%20%C3%A9.tar.gz HTTP"), "{requests}");
    assert!(requests.contains("?name=a%20b%7C%7B%C3%A9%7D HTTP"), "{requests}");
}

#[test]
fn an_address_that_was_signed_for_somebody_is_written_down_nowhere() {
    let world = World::new();
    let _archive = world.archive("0.3.0");
    let server = FileServer::start(&world.dir.join("packages"));
    let address = format!("{}hello-0.3.0.tar.gz?v=1&X-Amz-Signature=5ec4e75ec4e7", server.url);
    let _installed = world.run(&["install", &address, "--yes"]).success();
    let locked = world.run(&["lock"]).success();
    let said = "hello 0.3.0 is locked, and `seqera plugin sync` cannot install it elsewhere";
    assert!(locked.stderr.contains(said) && locked.stderr.contains("[plugins.hello] source"), "{locked}");
    let masked = format!("{}hello-0.3.0.tar.gz?v=1&X-Amz-Signature=[secret]", server.url);
    let info = world.run(&["info", "hello", "--json"]).success();
    let json: Value = serde_json::from_str(&info.stdout).unwrap();
    assert_eq!(json["versions"][0]["receipt"]["source"], masked);
    let shown = world.run(&["info", "hello"]).success();
    assert!(shown.stdout.contains(&masked) && !info.stdout.contains("5ec4e7"), "{shown}");
    let _refused = world.run(&["install", &address.replace("hello-", "gone-"), "--yes"]).fails(6, "404");
    assert_eq!(holding(&world.user.home(), "5ec4e7"), Vec::<String>::new());

    // Who asks again has to say it again, or to have it in the configuration.
    fs::remove_dir_all(world.user.plugins()).unwrap();
    fs::remove_dir_all(world.user.home().join(".cache")).unwrap();
    let _unknown = world.run(&["sync", "--yes"]).fails(2, "cannot be asked again");
    world.user.configure(&format!("[plugins.hello]\nsource = \"{address}\"\n"));
    let _known = world.run(&["sync", "--yes"]).success();
    let known = world.run(&["lock"]).success();
    assert!(!known.stderr.contains("cannot install it elsewhere"), "{known}");
    world.assert_works("0.3.0");
    let demands = format!("[plugins.hello]\nversion = \"=9.9.9\"\nsource = \"{address}\"\n");
    world.user.configure(&demands);
    let explained = world.run(&["explain", "hello"]).success();
    let refused = world.user.seqera("hello").fails(78, "X-Amz-Signature=[secret]");
    let locked = world.run(&["sync", "--locked"]).fails(78, "plugins.lock does not say");
    world.user.configure(&demands.replace("/hello-", "/moved/hello-").replace("version", "#"));
    let moved = world.run(&["sync", "--locked"]).fails(78, "X-Amz-Signature=[secret]");
    for run in [explained, refused, locked, moved] {
        assert!(!format!("{run}").contains("5ec4e7"), "{run}");
    }
    assert_eq!(holding(&world.user.home(), "5ec4e7").len(), 1);
}

#[test]
fn an_address_with_an_ordinary_question_is_written_down_whole_and_asked_again() {
    let world = World::new();
    let _archive = world.archive("0.3.0");
    let server = FileServer::start(&world.dir.join("packages"));
    let question = "keyword=stable&author=me&file=hello-0-3-0-x86_64-unknown-linux-gnu";
    let address = format!("{}hello-0.3.0.tar.gz?{question}", server.url);
    let _installed = world.run(&["install", &address, "--yes"]).success();
    let locked = world.run(&["lock"]).success();
    assert!(!locked.stderr.contains("warning"), "{locked}");
    assert!(fs::read_to_string(world.user.config().join("plugins.lock")).unwrap().contains(&address));
    let _again = world.run(&["upgrade", "hello"]).success();
    fs::remove_dir_all(world.user.plugins()).unwrap();
    fs::remove_dir_all(world.user.home().join(".cache")).unwrap();
    let _followed = world.run(&["sync", "--locked", "--yes"]).success();
    world.assert_works("0.3.0");
}

#[test]
fn a_name_never_means_what_lies_where_somebody_works() {
    let world = World::new();
    world.trust();
    let _package = world.signed("0.4.0");
    let index = world.index(&[]);
    let here = world.user.home().join("hello");
    copy_tree(&seqera_tests::stage::fixtures().join("hello/hello/0.3.0"), &here);
    for name in ["hello", "hello@0.3.0", "hello@*"] {
        let run = world.run(&["install", name, "--yes"]).fails(1, "no index has a plugin `hello`");
        assert!(run.stderr.contains("seqera plugin install ./hello\n"), "{run}");
    }
    world.user.configure(&format!("[indexes]\nacme = \"{index}\"\n"));
    let _from_the_index = world.run(&["install", "hello", "--yes"]).success();
    world.assert_works("0.4.0");
    let _removed = world.run(&["remove", "hello"]).success();
    // A file is none either, and neither is an index, of the configuration, that is not there any more.
    fs::remove_dir_all(&here).unwrap();
    fs::copy(world.archive("0.3.0"), &here).unwrap();
    let _from_the_index = world.run(&["install", "hello", "--yes"]).success();
    world.assert_works("0.4.0");
    world.user.configure("");
    copy_tree(index.as_ref(), &world.user.home().join("acme"));
    let _gone = world.run(&["upgrade", "hello"]).fails(3, "there is no index `acme`");
    let _removed = world.run(&["remove", "hello"]).success();
    let _meant = world.run(&["install", "./hello", "--yes"]).success();
    world.assert_works("0.3.0");
}

#[test]
fn a_version_that_is_none_is_not_any_version() {
    let world = World::new();
    for requirement in ["x", "X", "latest", ""] {
        let named = format!("hello@{requirement}");
        let _none = world.run(&["install", &named]).fails(2, "its version is no requirement");
        let _none = world.run(&["pin", &named]).fails(2, "is no version and no requirement on one");
    }
    let _any = world.run(&["install", "hello@*"]).fails(1, "no index has a plugin `hello`");
    world.user.configure("[plugins.org]\nversion = \"x\"\n");
    let _wrong = world.user.seqera("org --help").fails(3, "config.toml:2 is wrong");
}

#[test]
fn what_is_not_found_says_where_it_was_looked_for() {
    let world = World::new();
    world.trust();
    let _package = world.signed("0.3.0");
    let index = world.index(&[]);
    let _nothing = world.run(&["install", "path:"]).fails(2, "`path:` names nothing");
    let run = world.run(&["install", "org", "--index", &index]).fails(1, "it offers hello");
    assert!(run.stderr.contains(" has no org that may be installed"), "{run}");
    world.user.configure(&format!("[indexes]\nacme = \"{index}\"\n"));
    let run = world.run(&["install", "nope"]).fails(1, "no index has a plugin `nope`");
    assert!(
        run.stderr.contains("it is not in index:acme (") && run.stderr.contains("config.toml:2)"),
        "{run}"
    );
    let _bundled = world.run(&["install", "org"]).fails(1, "org came with seqera: it is there already.");
}
