//! One fault of a plugin after the other: each gives one clear error with the right code, and everything else goes on
//! working.
//!
//! | fault | at each load | at installation |
//! | --- | --- | --- |
//! | reordered or retyped record, other major | `a_contract_of_another_shape_is_126` | `plugin_store::hostile` |
//! | plain library, truncated, other processor, newer glibc | `what_is_no_library_of_this_machine_is_126` | `plugin_store::hostile` |
//! | flipped byte, swapped manifest | `a_flipped_byte_and_a_swapped_manifest_are_78` | `plugin_store::hostile` |
//! | wrong signature | `governance::policy`, where one is required | `plugin_store::hostile` |
//! | panic in root module, `new`, `run`, `drop` | `a_panic_…` | `plugin_store::hostile` |
//! | built with `panic = "abort"` | `a_plugin_built_without_unwinding_is_named_when_it_panics` | `plugin_store::hostile` |
//! | `exit`, `abort`, escaped panic | `a_plugin_that_ends_the_process_is_named` | `plugin_store::hostile` |
//! | hang at load, in `new`, `run`, `drop` | `a_plugin_that_hangs_is_left_by_a_signal_at_once` | `plugin_store::hostile` |
//! | huge archive, `../`, links in it | not loaded | `plugin_store::hostile` |
//! | pipe, device, endless file in the place of one | `a_file_that_is_none_stops_nobody` | the same |
//! | other compiler, other allocator, skewed contracts | `compatibility` | `compatibility` |
//! | closed pipe, partial line | `cli`, `plugins` | `plugin_store::conformance` |
//! | argument that is no text, threads | below | |

use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use seqera_tests::sandbox::{Run, Sandbox, Watchdog, finished, signal};
use seqera_tests::stage;

use crate::plugins::{edit_manifest, library, replace_library};
use crate::session::expired;

/// One error, which says all of this, and one line of reason at least.
#[track_caller]
fn is_one_error(run: &Run, says: &[&str]) {
    assert_eq!(run.stderr.matches("error: ").count(), 1, "{run}");
    for part in says {
        assert!(run.stderr.contains(part), "it does not say {part:?}: {run}");
    }
    let longest = run.stderr.lines().map(str::len).max().unwrap_or_default();
    assert!(longest < 400, "a line for people has {longest} characters: {run}");
}

/// Whatever is wrong with one plugin: those that came with the program, and others of the user, work.
#[track_caller]
fn others_work(sandbox: &Sandbox) {
    let _org = sandbox.seqera("org --help").success();
    let _auth = sandbox.seqera("auth --help").success();
    let hello = sandbox.install("hello");
    assert_eq!(sandbox.seqera("hello").success().stdout, "Hello, world\n");
    fs::remove_dir_all(hello.parent().unwrap()).unwrap();
}

/// A sandbox with the plugin `bare`, its library replaced by a raw one.
fn with_raw(name: &str) -> (Sandbox, PathBuf) {
    let sandbox = Sandbox::new();
    let dir = sandbox.install("bare");
    replace_library(&dir, &stage::fixtures().join(format!("raw/lib{name}.so")));
    (sandbox, dir)
}

/// A sandbox with the plugin `bare`, its library edited.
fn with_edited(edit: impl FnOnce(&mut Vec<u8>)) -> Sandbox {
    let sandbox = Sandbox::new();
    let dir = sandbox.install("bare");
    let mut bytes = fs::read(library(&dir)).unwrap();
    edit(&mut bytes);
    let file = sandbox.root().join("replacement");
    fs::write(&file, bytes).unwrap();
    replace_library(&dir, &file);
    sandbox
}

#[test]
fn without_a_fault_the_plugin_without_sdk_works() {
    let sandbox = Sandbox::new();
    let _dir = sandbox.install("bare");
    assert_eq!(sandbox.seqera("bare").success().stdout, "bare\n");
}

#[test]
fn a_contract_of_another_shape_is_126() {
    for (shape, says) in [
        ("reordered", "differs from that of seqera: Session, field `issuer` expected, `profile` found\n"),
        ("retyped", "differs from that of seqera: TokenRequest.min_ttl_seconds, u64 expected, u32 found\n"),
        ("major", "it was built for plugin ABI 2.0.0; this seqera speaks 1."),
    ] {
        let (sandbox, _dir) = with_raw(shape);
        let run = sandbox.seqera("bare").fails(126, "the plugin bare 1.0.0 cannot be loaded");
        is_one_error(&run, &[says, "hint: Install a version of bare for this seqera."]);
        assert!(run.stdout.is_empty(), "{run}");
        others_work(&sandbox);
    }
}

#[test]
fn what_is_no_library_of_this_machine_is_126() {
    let libc = ["/lib/x86_64-linux-gnu/libm.so.6", "/lib64/libm.so.6", "/usr/lib/libm.so.6"]
        .iter()
        .find_map(|path| fs::read(path).ok())
        .unwrap();
    const EM_AARCH64: u8 = 0xB7;
    type Edit = Box<dyn FnOnce(&mut Vec<u8>)>;
    let cases: [(&str, Edit); 6] = [
        ("it exports no entry symbol", Box::new(move |bytes| *bytes = libc)),
        ("it is truncated", Box::new(|bytes| bytes.truncate(64 * 1024))),
        ("it is truncated", Box::new(|bytes| bytes.truncate(64))),
        ("it is not a library for this system", Box::new(|bytes| bytes.clear())),
        ("another processor", Box::new(|bytes| bytes[18] = EM_AARCH64)),
        ("GLIBC_2.99", Box::new(|bytes| needs_a_newer_glibc(bytes))),
    ];
    for (says, edit) in cases {
        let sandbox = with_edited(edit);
        let run = sandbox.seqera("bare").fails(126, "the plugin bare 1.0.0 cannot be loaded");
        is_one_error(&run, &[says]);
        others_work(&sandbox);
    }
}

/// Renames the newest version of glibc that a library needs.
fn needs_a_newer_glibc(bytes: &mut [u8]) {
    let needed = [&b"GLIBC_2.34\0"[..], b"GLIBC_2.33\0", b"GLIBC_2.32\0", b"GLIBC_2.28\0"];
    let at = needed
        .iter()
        .find_map(|name| bytes.windows(name.len()).position(|window| window == *name))
        .expect("a version of glibc");
    bytes[at..at + 10].copy_from_slice(b"GLIBC_2.99");
}

#[test]
fn a_flipped_byte_and_a_swapped_manifest_are_78() {
    let sandbox = Sandbox::new();
    let dir = sandbox.install("bare");
    let path = library(&dir);
    let good = fs::read(&path).unwrap();
    for at in [good.len() / 7, good.len() / 2, good.len() - 1] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        let run = sandbox.seqera("bare").fails(78, "the library of bare 1.0.0 was changed on disk");
        is_one_error(&run, &["its manifest says", "hint: It was not opened."]);
    }
    fs::write(&path, good).unwrap();
    let _good_again = sandbox.seqera("bare").success();

    // The manifest of another plugin: it names another file, another digest, another place.
    let hello = sandbox.install("hello");
    fs::copy(hello.join("plugin.toml"), dir.join("plugin.toml")).unwrap();
    let _not_there =
        sandbox.seqera("bare").fails(127, "its manifest says hello 0.3.0, its directory something");
    // The same with the name and the file of this one: its digest is that of the other library.
    edit_manifest(&dir, |text| {
        let text =
            text.replace("name = \"hello\"\nversion = \"0.3.0\"", "name = \"bare\"\nversion = \"1.0.0\"");
        text.replace("libseqera_plugin_hello.so", "libseqera_fixture_bare.so")
            .replace("\"hello\"", "\"bare\"")
    });
    let run = sandbox.seqera("bare").fails(78, "the library of bare 1.0.0 was changed on disk");
    is_one_error(&run, &["its manifest says"]);
    assert_eq!(sandbox.seqera("hello").success().stdout, "Hello, world\n");
}

#[test]
fn a_panic_inside_the_fence_is_70_with_plugin_and_place() {
    for fault in ["new", "run", "drop", "provide"] {
        let sandbox = Sandbox::new().with("SEQERA_FIXTURE_FAULT", fault);
        let _dir = sandbox.install("fault");
        let run = sandbox.seqera("fault ask");
        let run = if fault == "drop" { sandbox.seqera("fault") } else { run };
        let run = run.fails(70, "the plugin fault 1.0.0 crashed at tests/fixtures/plugins/fault/src/lib.rs:");
        is_one_error(&run, &[&format!("because in {fault}"), "hint: This is a defect of the plugin"]);
        assert!(!run.stderr.contains("panicked"), "{run}");
        others_work(&sandbox);
    }
}

#[test]
fn a_panic_in_the_root_module_is_70() {
    let (sandbox, _dir) = with_raw("panics-at-load");
    let run = sandbox.seqera("bare").fails(70, "the plugin bare 1.0.0 crashed");
    is_one_error(&run, &["while it was loaded"]);
    others_work(&sandbox);
}

/// Nobody can give such a process another end; but the last thing it says is who it was.
#[test]
fn a_plugin_that_ends_the_process_is_named() {
    for (fault, code) in [
        ("new-exit", 42),
        ("run-exit", 42),
        ("run-exit-in-thread", 42),
        ("drop-exit", 42),
        ("run-panic", 1),
        ("new-panic", 134),
        ("drop-panic", 1),
        ("run-abort", 134),
        ("new-abort", 134),
    ] {
        let sandbox = Sandbox::new().with("SEQERA_FIXTURE_FAULT", fault);
        let _dir = sandbox.install("bare");
        let run = sandbox.seqera("bare").fails(code, "error: the plugin bare 1.0.0 ended seqera before");
        is_one_error(&run, &["because it called exit or abort", "hint: This is a defect of the plugin"]);
        assert!(
            run.stderr.trim_end().ends_with("report it to its publisher."),
            "{fault}: the last words: {run}"
        );
        others_work(&sandbox.without("SEQERA_FIXTURE_FAULT"));
    }
    let sandbox = Sandbox::new();
    let _dir = sandbox.install("fault");
    let _with_the_sdk = sandbox.seqera("fault exit").fails(42, "the plugin fault 1.0.0 ended seqera before");
}

#[test]
fn a_plugin_built_without_unwinding_is_named_when_it_panics() {
    let (sandbox, _dir) = with_raw("panic-abort");
    assert_eq!(sandbox.seqera("bare").success().stdout, "bare\n", "it works as long as it does not panic");
    let sandbox = sandbox.with("SEQERA_FIXTURE_FAULT", "run-panic");
    let run = sandbox.seqera("bare").fails(134, "the plugin bare 1.0.0 ended seqera before");
    assert!(run.stderr.contains("bare/src/lib.rs:"), "{run}");
    others_work(&sandbox);
}

#[test]
fn a_command_that_ended_well_has_no_last_words() {
    let sandbox = Sandbox::new();
    let _dir = sandbox.install("bare");
    assert_eq!(sandbox.seqera("bare").success().stderr, "");
    assert_eq!(sandbox.seqera("org --no-such-flag").code, 2);
    assert!(!sandbox.seqera("org --no-such-flag").stderr.contains("ended seqera"));
}

#[test]
fn a_plugin_that_hangs_is_left_by_a_signal_at_once() {
    for fault in ["hang-at-load", "new-hang", "run-hang", "drop-hang"] {
        let sandbox = Sandbox::new().with("SEQERA_FIXTURE_FAULT", fault);
        let _dir = sandbox.install("bare");
        let mut child =
            sandbox.command(["bare"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let watchdog = Watchdog::new(child.id(), Duration::from_secs(30));
        if fault == "drop-hang" {
            let mut said = [0; 5];
            child.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
        }
        std::thread::sleep(Duration::from_millis(700));
        let started = Instant::now();
        signal(child.id(), "INT");
        let output = child.wait_with_output().unwrap();
        watchdog.stop();
        let run = finished(output.status, &output.stdout, &output.stderr);
        assert_eq!(run.code, 130, "{fault}: {run}");
        assert!(started.elapsed() < Duration::from_secs(4), "{fault}");
        others_work(&sandbox.without("SEQERA_FIXTURE_FAULT"));
    }
}

#[test]
fn an_argument_that_is_no_text_reaches_the_plugin_and_is_its_to_refuse() {
    let odd = std::ffi::OsStr::from_bytes(b"\xff\xfe");
    let sandbox = Sandbox::new();
    let _bare = sandbox.install("bare");
    let run = sandbox.run(sandbox.command([std::ffi::OsStr::new("bare"), odd]));
    assert_eq!(run.success().stdout, "bare\n", "one that takes anything takes this too");
    let _hello = sandbox.install("hello");
    let run = sandbox.run(sandbox.command([std::ffi::OsStr::new("hello"), odd]));
    let _refused = run.fails(2, "invalid UTF-8");
}

#[test]
fn four_threads_on_one_provider_get_one_token_from_one_renewal() {
    let (emulator, sandbox) = expired();
    let _dir = sandbox.install("fault");
    emulator.forget_requests();
    let run = sandbox.seqera("fault threads").success();
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 100, "{run}");
    let (token, masked) = lines[0].split_once(' ').unwrap();
    assert!(!token.is_empty() && !masked.contains(token), "{run}");
    assert!(lines.iter().all(|line| *line == lines[0]), "all threads get the same: {run}");
    let renewals =
        emulator.requests().iter().filter(|entry| Path::new(&entry.path).ends_with("token")).count();
    assert_eq!(renewals, 1, "one renewal for all");
}

/// Runs a command that may hang.
fn ending(sandbox: &Sandbox, line: &str) -> Run {
    let mut command = sandbox.command(line.split(' '));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let watchdog = Watchdog::new(child.id(), Duration::from_secs(30));
    let output = child.wait_with_output().unwrap();
    watchdog.stop();
    finished(output.status, &output.stdout, &output.stderr)
}

/// Puts a pipe that nobody writes into in the place of a file.
fn pipe(path: &Path) {
    let _was_none = fs::remove_file(path);
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_file_that_is_none_stops_nobody() {
    let sandbox = Sandbox::new();
    let hello = sandbox.install("hello");
    let odd = sandbox.plugins().join("odd/1.0.0");
    fs::create_dir_all(&odd).unwrap();
    let manifest = odd.join("plugin.toml");
    type Put = fn(&Path);
    let odd_ones: [(Put, &str); 4] = [
        (pipe, "it is not a regular file"),
        (|path| std::os::unix::fs::symlink("/dev/zero", path).unwrap(), "it is not a regular file"),
        (|path| fs::create_dir(path).unwrap(), "it is not a regular file"),
        (|path| fs::File::create(path).unwrap().set_len(8 << 30).unwrap(), "it is larger than 1048576 bytes"),
    ];
    for (put, says) in odd_ones {
        let _was_none = fs::remove_file(&manifest).or_else(|_| fs::remove_dir(&manifest));
        put(&manifest);
        let _odd = ending(&sandbox, "odd").fails(127, &format!("its plugin.toml cannot be read: {says}"));
        let _others = ending(&sandbox, "org --help").success();
        let _help = ending(&sandbox, "help").success();
        let listed = ending(&sandbox, "plugin list").success();
        assert!(listed.stdout.contains(says) || listed.stderr.contains(says), "{listed}");
        assert_eq!(ending(&sandbox, "hello you").success().stdout, "Hello, you\n");
    }
    fs::remove_dir_all(odd.parent().unwrap()).unwrap();

    pipe(&hello.join("receipt.toml"));
    for line in ["plugin info hello", "plugin verify hello", "plugin explain hello", "hello"] {
        let _as_without_it = ending(&sandbox, line).success();
    }
    for name in ["plugin-index.jsonl", "digests.json"] {
        pipe(&sandbox.home().join(".cache/seqera").join(name));
        let _only_a_cache = ending(&sandbox, "hello").success();
    }
    let _made = fs::create_dir(sandbox.home().join("index"));
    pipe(&sandbox.home().join("index/index.json"));
    let _index = ending(&sandbox, "plugin install hello --index index")
        .fails(1, "index.json: it is not a regular file");
    let library = hello.join("libseqera_plugin_hello.so");
    pipe(&library);
    let _not_whole = ending(&sandbox, "hello").fails(126, "it is not a regular file");
    let _not_whole = ending(&sandbox, "plugin verify hello").fails(78, "is not whole");
    let explained = ending(&sandbox, "plugin explain hello").success();
    assert!(explained.stdout.contains("hello may not run"), "{explained}");
}
