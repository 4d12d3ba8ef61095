//! Plugins that come and go, misbehave, are pinned, or are not what they say.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use seqera_tests::sandbox::{Sandbox, copy_tree, finished, signal};
use seqera_tests::stage;

use crate::emulator;

pub(crate) fn sha256(path: &Path) -> String {
    let output = std::process::Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8_lossy(&output.stdout).split(' ').next().unwrap().to_owned()
}

pub(crate) fn library(dir: &Path) -> std::path::PathBuf {
    fs::read_dir(dir)
        .unwrap()
        .map(|item| item.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "so"))
        .unwrap()
}

/// Rewrites the manifest of a plugin.
pub(crate) fn edit_manifest(dir: &Path, edit: impl FnOnce(String) -> String) {
    let path = dir.join("plugin.toml");
    fs::write(&path, edit(fs::read_to_string(&path).unwrap())).unwrap();
}

#[test]
fn a_plugin_that_the_tree_does_not_know_comes_and_goes() {
    let sandbox = Sandbox::new();
    let _unknown = sandbox.seqera("hello").fails(127, "there is no command `hello`");
    let dir = sandbox.install("hello");
    assert_eq!(sandbox.seqera("hello you").success().stdout, "Hello, you\n");
    assert_eq!(sandbox.seqera("hi").success().stdout, "Hello, world\n");
    assert!(sandbox.seqera("help").success().stdout.contains("Greet somebody"));
    fs::remove_dir_all(dir.parent().unwrap()).unwrap();
    let _gone = sandbox.seqera("hello").fails(127, "there is no command `hello`");
    assert!(!sandbox.seqera("help").success().stdout.contains("Greet somebody"));
}

#[test]
fn a_directory_of_its_own_replaces_that_of_the_user() {
    let sandbox = Sandbox::new();
    let elsewhere = sandbox.root().join("elsewhere");
    copy_tree(&stage::fixtures().join("hello"), &elsewhere);
    let sandbox = sandbox.with("SEQERA_PLUGINS_DIR", elsewhere.display());
    assert_eq!(sandbox.seqera("hello").success().stdout, "Hello, world\n");
}

#[test]
fn a_crash_names_plugin_and_place() {
    for (fault, place) in [("new", "src/lib.rs:"), ("run", "src/lib.rs:"), ("drop", "src/lib.rs:")] {
        let sandbox = Sandbox::new().with("SEQERA_FIXTURE_FAULT", fault);
        let _dir = sandbox.install("fault");
        let run = sandbox.seqera("fault").fails(70, "the plugin fault 1.0.0 crashed at ");
        assert!(run.stderr.contains(place) && run.stderr.contains(&format!("in {fault}")), "{run}");
        assert!(!run.stderr.contains("panicked"), "{run}");
    }
}

#[test]
fn a_crash_in_the_root_module_names_the_plugin() {
    let sandbox = Sandbox::new();
    let dir = sandbox.install("hello");
    let raw = stage::fixtures().join("raw/libpanics-at-load.so");
    replace_library(&dir, &raw);
    let run = sandbox.seqera("hello").fails(70, "the plugin hello 0.3.0 crashed");
    assert!(run.stderr.contains("while it was loaded"), "{run}");
    let other = sandbox.seqera("org --help").success();
    assert!(other.stdout.contains("Usage"));
}

/// Puts another file in the place of the library, with its digest in the manifest.
pub(crate) fn replace_library(dir: &Path, with: &Path) {
    let library = library(dir);
    let before = sha256(&library);
    fs::copy(with, &library).unwrap();
    let after = sha256(&library);
    edit_manifest(dir, |text| text.replace(&before, &after));
}

#[test]
fn what_is_no_plugin_says_why_and_is_126() {
    let text = b"this is no library".to_vec();
    let hello = fs::read(library(&stage::fixtures().join("hello/hello/0.3.0"))).unwrap();
    let mut foreign = hello.clone();
    foreign[18] = 0xB7; // EM_AARCH64
    let libc = ["/lib/x86_64-linux-gnu/libm.so.6", "/lib64/libm.so.6", "/usr/lib/libm.so.6"]
        .iter()
        .find_map(|path| fs::read(path).ok())
        .unwrap();
    for (bytes, says) in [
        (text, "it is not a library for this system"),
        (hello[..64 * 1024].to_vec(), "it is truncated"),
        (foreign, "another processor"),
        (libc, "it exports no entry symbol"),
    ] {
        let sandbox = Sandbox::new();
        let dir = sandbox.install("hello");
        let file = sandbox.root().join("replacement");
        fs::write(&file, bytes).unwrap();
        replace_library(&dir, &file);
        let _refused = sandbox.seqera("hello").fails(126, says);
        let _others_work = sandbox.seqera("org --help").success();
    }
}

#[test]
fn a_circle_and_an_undeclared_service_are_errors() {
    let sandbox = Sandbox::new().with("SEQERA_FIXTURE_FAULT", "circle");
    let _dir = sandbox.install("fault");
    let _circle = sandbox.seqera("fault").fails(69, "plugins need each other to start: fault -> fault");
    let sandbox = sandbox.without("SEQERA_FIXTURE_FAULT");
    let _undeclared = sandbox.seqera("fault undeclared").fails(77, "uses organization@1 without saying so");
}

#[test]
fn errors_exits_and_partial_lines_of_a_plugin_arrive() {
    let sandbox = Sandbox::new();
    let _dir = sandbox.install("fault");
    let run = sandbox
        .seqera("fault error")
        .fails(5, "error: nobody[2J answers\n  because no cable\nhint: Plug it in.\n");
    assert_eq!(run.stdout, "");
    assert_eq!(sandbox.seqera("fault exit").code, 42);
    assert_eq!(sandbox.seqera("fault partial").success().stdout, "partial");
}

#[test]
fn signals_end_a_command_with_128_plus_their_number() {
    let sandbox = Sandbox::new();
    let _dir = sandbox.install("fault");
    for (action, name, code, says) in [
        ("wait", "INT", 130, ""),
        ("wait", "TERM", 143, ""),
        ("wait", "HUP", 129, ""),
        ("wait-politely", "INT", 130, "got 2"),
        ("wait-politely", "TERM", 143, "got 15"),
    ] {
        let mut command = sandbox.command(["fault", action]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = [0; 8];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut line).unwrap();
        signal(child.id(), name);
        let output = child.wait_with_output().unwrap();
        let run = finished(output.status, &output.stdout, &output.stderr);
        assert_eq!(run.code, code, "{action} {name}: {run}");
        assert!(run.stdout.contains(says), "{run}");
    }
}

#[test]
fn a_flipped_byte_is_78_and_the_library_is_not_loaded() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with_own_installation();
    let _works = sandbox.seqera("org --help").success();
    let library = library(&sandbox.bundled().join("org").join(env!("CARGO_PKG_VERSION")));
    let mut bytes = fs::read(&library).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&library, bytes).unwrap();
    let run = sandbox.seqera("org").fails(78, "was changed on disk");
    assert!(run.stderr.contains("It was not opened."), "{run}");
    let _others_work = sandbox.seqera("auth --help").success();
}

#[test]
fn the_digest_file_decides_what_is_bundled() {
    let sandbox = Sandbox::new().with_own_installation();
    copy_tree(&stage::fixtures().join("hello"), &sandbox.bundled());
    let run = sandbox.seqera("hello").fails(127, "is not the one that came with seqera");
    assert!(run.stderr.contains("SHA256SUMS"), "{run}");
}

#[test]
fn a_higher_auth_in_the_users_directory_does_not_take_over() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    let dir = sandbox.install("fixture");
    let auth = sandbox.plugins().join("auth/99.0.0");
    fs::create_dir_all(auth.parent().unwrap()).unwrap();
    fs::rename(&dir, &auth).unwrap();
    edit_manifest(&auth, |text| {
        text.replace("name = \"fixture\"\nversion = \"1.0.0\"", "name = \"auth\"\nversion = \"99.0.0\"")
            .replace("name = \"fixture\"", "name = \"login\"")
    });
    let _list = sandbox.seqera("org list").success();
    let asked: Vec<_> =
        emulator.requests().into_iter().filter(|entry| entry.path == "/v1/cli/organizations").collect();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].status, 200, "the bearer of the bundled auth is what was sent");
    let json: serde_json::Value =
        serde_json::from_str(&sandbox.seqera("plugin list --json").success().stdout).unwrap();
    let states: Vec<_> = json["plugins"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["name"] == "auth")
        .map(|row| (row["version"].as_str().unwrap().to_owned(), row["state"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(
        states,
        [
            (env!("CARGO_PKG_VERSION").to_owned(), "used".to_owned()),
            ("99.0.0".to_owned(), "not used".to_owned())
        ]
    );
}

#[test]
fn without_a_provider_org_list_is_69_and_with_a_configured_one_its_bearer_is_sent() {
    let emulator = emulator();
    let sandbox =
        Sandbox::on(&emulator).with_own_installation().with("SEQERA_FIXTURE_BEARER", &emulator.access_token);
    let _dir = sandbox.install("fixture");
    sandbox.configure("[services]\ntoken-provider = \"fixture\"\n");
    let _list = sandbox.seqera("org list").success();
    let sent = emulator.requests().pop().unwrap();
    assert_eq!((sent.path.as_str(), sent.status), ("/v1/cli/organizations", 200));

    sandbox.configure("");
    fs::remove_dir_all(sandbox.bundled().join("auth")).unwrap();
    let run = sandbox.seqera("org list").fails(69, "no plugin provides token-provider@1");
    assert!(run.stderr.contains("hint: "), "{run}");
    assert_eq!(emulator.requests().len(), 1, "nothing more was sent");
}

#[test]
fn a_plugin_of_another_compiler_works_with_host_and_auth() {
    if !stage::fixtures().join("org-nightly").exists() {
        return;
    }
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    let dir = sandbox.install("org-nightly");
    let digest = sha256(&library(&dir));
    sandbox.configure(&format!("[plugins.org]\nsha256 = \"{digest}\"\n"));
    let list = sandbox.seqera("org list").success();
    assert!(list.stdout.contains("Genomics Core"), "{list}");
    let rows: serde_json::Value =
        serde_json::from_str(&sandbox.seqera("plugin list --json").success().stdout).unwrap();
    let used = rows["plugins"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["name"] == "org" && row["state"] == "used")
        .unwrap();
    assert_eq!(used["source"], "user", "the nightly one is what ran");
}

#[test]
fn pins_are_honoured_and_name_file_and_line() {
    let sandbox = Sandbox::new();
    let dir = sandbox.install("hello");
    let digest = sha256(&library(&dir));
    let config = sandbox.config().join("config.toml");
    for good in [
        "[plugins.hello]\nversion = \"^0.3\"".to_owned(),
        format!("[plugins.hello]\nsha256 = \"{digest}\""),
        format!("[plugins.hello.sha256]\nx86_64-unknown-linux-gnu = \"{digest}\""),
        "[plugins.hello]\nenabled = true".to_owned(),
    ] {
        sandbox.configure(&good);
        assert_eq!(sandbox.seqera("hello").success().stdout, "Hello, world\n");
    }
    for (bad, line) in [
        ("[plugins.hello]\nversion = \"=0.4.0\"".to_owned(), 2),
        (format!("\n[plugins.hello]\nsha256 = \"{}\"", "0".repeat(64)), 3),
        ("[plugins.hello]\nenabled = false".to_owned(), 2),
    ] {
        sandbox.configure(&bad);
        let run = sandbox.seqera("hello").fails(78, &format!("{}:{line}", config.display()));
        assert!(run.stderr.contains("hint: "), "{run}");
        let _others_work = sandbox.seqera("org --help").success();
    }
    let _pinned_core = {
        sandbox.configure("[plugins.org]\nversion = \"=9.9.9\"");
        sandbox.seqera("org").fails(78, ":2")
    };
}

#[test]
fn two_plugins_with_one_command_run_neither_until_one_is_named() {
    let sandbox = Sandbox::new();
    let dir = sandbox.install("hello");
    let other = sandbox.plugins().join("hello2/0.3.0");
    copy_tree(&dir, &other);
    edit_manifest(&other, |text| text.replacen("name = \"hello\"", "name = \"hello2\"", 1));
    let run = sandbox.seqera("hello").fails(3, "`hello` is a command of 2 plugins");
    assert!(run.stderr.contains("[commands] hello = "), "{run}");
    assert!(run.stderr.contains("seqera plugin run hello -- "), "{run}");
    for name in ["hello", "hello2"] {
        assert_eq!(sandbox.seqera(&format!("plugin run {name} -- you")).success().stdout, "Hello, you\n");
    }
    sandbox.configure("[commands]\nhello = \"hello2\"\n");
    assert_eq!(sandbox.seqera("hello").success().stdout, "Hello, world\n");
    sandbox.configure("[commands]\nhello = \"nobody\"\n");
    let _nobody = sandbox.seqera("hello").fails(3, "config.toml:2");
}

#[test]
fn a_plugin_is_run_by_name_with_its_exit_code() {
    let sandbox = Sandbox::new();
    let _dir = sandbox.install("fault");
    assert_eq!(sandbox.seqera("plugin run fault -- exit").code, 42);
    let _status = sandbox.seqera("plugin run auth -- auth status").fails(4, "");
    let run = sandbox.seqera("plugin run auth").fails(2, "has 4 commands");
    assert!(run.stderr.contains("seqera plugin run auth -- login"), "{run}");
    let _none = sandbox.seqera("plugin run nobody").fails(1, "there is no plugin nobody");
}

#[test]
fn a_users_plugin_cannot_take_a_word_of_a_bundled_one() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let dir = sandbox.install("hello");
    edit_manifest(&dir, |text| {
        text.replace("[[command]]\nname = \"hello\"", "[[command]]\nname = \"login\"")
    });
    let run = sandbox.login().success();
    assert!(run.stderr.contains("[Login] ✓ Authentication successful!"), "{run}");
}

#[test]
fn broken_and_newer_manifests_are_skipped_and_named() {
    for (text, says) in [
        ("manifest = 1\n[plugin", "its plugin.toml is wrong"),
        ("manifest = 99\n", "a newer seqera is needed"),
        (
            "manifest = 1\n[plugin]\nname = \"Bad Name\"\nversion = \"1.0.0\"\n[compat]\nabi = \"1.0.0\"\n[artifact]\n[cli]\nfile=\"cli.json\"\nsha256=\"\"\n",
            "is not a name for a plugin",
        ),
    ] {
        let sandbox = Sandbox::new();
        let dir = sandbox.install("hello");
        fs::write(dir.join("plugin.toml"), text).unwrap();
        let _named = sandbox.seqera("hello").fails(127, says);
        let list = sandbox.seqera("plugin list").success();
        assert!(list.stderr.contains(says), "{list}");
        let _others_work = sandbox.seqera("org --help").success();
    }
}

#[test]
fn a_plugins_directory_that_is_none_is_named_and_the_rest_works() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.plugins().parent().unwrap()).unwrap();
    fs::write(sandbox.plugins(), "a file").unwrap();
    let _named = sandbox.seqera("hello").fails(127, "it cannot be read");
    let _others_work = sandbox.seqera("org --help").success();
}

#[test]
fn without_any_plugins_the_program_says_so() {
    let sandbox = Sandbox::new().with_own_installation();
    fs::remove_dir_all(sandbox.bundled()).unwrap();
    let _help = sandbox.seqera("help").success();
    let run = sandbox.seqera("login").fails(127, "no plugins were found");
    assert!(run.stderr.contains("install it again"), "{run}");
}

#[test]
fn the_index_is_a_cache_and_never_an_error() {
    let sandbox = Sandbox::new();
    let _dir = sandbox.install("hello");
    let _made = sandbox.seqera("hello").success();
    let index = sandbox.home().join(".cache/seqera/plugin-index.jsonl");
    let good = fs::read_to_string(&index).unwrap();
    for text in ["", "nonsense", "{}\n{}\n", &good[..good.len() / 2], &good.replace("\"hello\"", "\"hallo\"")]
    {
        fs::write(&index, text).unwrap();
        assert_eq!(sandbox.seqera("hello").success().stdout, "Hello, world\n", "{text:.40}");
    }
    fs::remove_dir_all(sandbox.home().join(".cache")).unwrap();
    fs::write(sandbox.home().join(".cache"), "not a directory").unwrap();
    assert_eq!(sandbox.seqera("hello").success().stdout, "Hello, world\n");
}

#[test]
fn an_argument_need_not_be_text() {
    use std::os::unix::ffi::OsStrExt;
    let sandbox = Sandbox::new();
    let _dir = sandbox.install("hello");
    let odd = std::ffi::OsStr::from_bytes(b"\xff\xfe");
    let run = sandbox.run(sandbox.command([std::ffi::OsStr::new("hello"), odd]));
    let _refused = run.fails(2, "invalid UTF-8");
    let _unknown = sandbox.run(sandbox.command([odd])).fails(127, "there is no command");
}
