//! Packages that are not what they say. Nothing of them is loaded, and nothing of them stays.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use seqera_tests::sandbox::Run;

use super::publisher::{World, replaced};

/// Unpacks an archive, lets `spoil` work on it, and packs it again.
fn respoiled(world: &World, archive: &str, spoil: impl FnOnce(&Path)) -> String {
    let dir = world.dir.join("spoiled");
    let _nothing_there = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    let tar = |arguments: &[&str]| {
        let status = Command::new("tar").args(arguments).current_dir(&dir).status().unwrap();
        assert!(status.success());
    };
    tar(&["xzf", archive]);
    spoil(&dir);
    let mut names: Vec<String> =
        fs::read_dir(&dir).unwrap().map(|item| item.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let out = world.path("spoiled.tar.gz");
    let mut arguments = vec!["czf", out.as_str(), "--"];
    arguments.extend(names.iter().map(String::as_str));
    tar(&arguments);
    out
}

fn edit(path: PathBuf, edit: impl FnOnce(String) -> String) {
    let text = fs::read_to_string(&path).unwrap();
    let edited = edit(text.clone());
    assert_ne!(text, edited, "{}", path.display());
    fs::write(path, edited).unwrap();
}

#[track_caller]
fn refused(world: &World, archive: &str, code: i32, says: &str) -> Run {
    let run = world.run(&["install", archive, "--yes"]).fails(code, says);
    let _gone = world.user.seqera("hello").fails(127, "there is no command");
    run
}

#[test]
fn a_signature_counts_only_for_what_it_was_made_for() {
    let world = World::new();
    let archive = world.signed("0.3.0");
    let run = refused(&world, &archive, 77, "which is not trusted here");
    assert!(run.stderr.contains("seqera plugin trust add"), "{run}");
    world.trust();
    let changed = respoiled(&world, &archive, |dir| {
        edit(dir.join("plugin.toml"), |text| text.replace("Greet somebody", "Greet nobody"));
    });
    let run = refused(&world, &changed, 78, "was changed after signing");
    assert!(run.stderr.contains("It was not opened."), "{run}");
    let garbled = respoiled(&world, &archive, |dir| {
        fs::write(dir.join("plugin.toml.minisig"), "untrusted comment: x\nRW\n").unwrap();
    });
    let _garbled = refused(&world, &garbled, 78, "not a signature of minisign");
    let commented = respoiled(&world, &archive, |dir| {
        edit(dir.join("plugin.toml.minisig"), |text| text.replace("name=hello", "name=other"));
    });
    let _commented = refused(&world, &commented, 78, "signed something else");
    let _good = world.run(&["install", &archive, "--yes"]).success();
    world.assert_works("0.3.0");
    let verify = world.run(&["verify", "hello"]).success();
    assert!(verify.stdout.contains("signed with"), "{verify}");
}

#[test]
fn a_signature_of_another_version_is_for_something_else() {
    let world = World::new();
    world.trust();
    let (one, other) = (world.signed("0.3.0"), world.signed("0.4.0"));
    let mixed = respoiled(&world, &one, |dir| {
        let status = Command::new("tar")
            .args(["xzf", &other, "plugin.toml.minisig"])
            .current_dir(dir)
            .status()
            .unwrap();
        assert!(status.success());
    });
    let _refused = refused(&world, &mixed, 78, "signed something else");
}

#[test]
fn files_that_the_manifest_does_not_name_by_digest_are_refused() {
    let world = World::new();
    let archive = world.archive("0.3.0");
    for (file, says) in
        [("libseqera_plugin_hello.so", "is not the one that was packaged"), ("cli.json", "cli.json of")]
    {
        let flipped = respoiled(&world, &archive, |dir| {
            let mut bytes = fs::read(dir.join(file)).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(dir.join(file), bytes).unwrap();
        });
        let run = refused(&world, &flipped, 78, says);
        assert!(run.stderr.contains("It was not opened."), "{run}");
        let gone = respoiled(&world, &archive, |dir| fs::remove_file(dir.join(file)).unwrap());
        let _gone = refused(&world, &gone, 78, "is not whole");
    }
}

/// Puts another library, or command tree, in and corrects the digests: only looking at what it is helps.
fn consistent(world: &World, archive: &str, file: &str, bytes: &[u8]) -> String {
    respoiled(world, archive, |dir| {
        let sum = |path: PathBuf| {
            let output = Command::new("sha256sum").arg(path).output().unwrap();
            String::from_utf8_lossy(&output.stdout).split(' ').next().unwrap().to_owned()
        };
        let before = sum(dir.join(file));
        fs::write(dir.join(file), bytes).unwrap();
        let after = sum(dir.join(file));
        edit(dir.join("plugin.toml"), |text| text.replace(&before, &after));
    })
}

#[test]
fn a_library_is_looked_at_before_it_is_loaded() {
    let world = World::new();
    let archive = world.archive("0.3.0");
    let good = fs::read(world.library("0.3.0")).unwrap();
    let mut foreign = good.clone();
    foreign[18] = 0xB7;
    let libm = ["/lib/x86_64-linux-gnu/libm.so.6", "/lib64/libm.so.6", "/usr/lib/libm.so.6"]
        .iter()
        .find_map(|path| fs::read(path).ok())
        .unwrap();
    for (bytes, says) in [
        (b"text".to_vec(), "no ELF file"),
        (good[..good.len() / 2].to_vec(), "truncated"),
        (foreign, "another processor"),
        (libm, "exports no entry symbol"),
        // Every need of the C library becomes one that no system has.
        (replaced(&good, b"GLIBC_2.34\0", b"GLIBC_2.99\0"), "it needs glibc 2.99, and this system has 2."),
    ] {
        let spoiled = consistent(&world, &archive, "libseqera_plugin_hello.so", &bytes);
        let _refused = refused(&world, &spoiled, 126, says);
    }
}

#[test]
fn a_library_has_to_say_what_its_manifest_says() {
    let world = World::new();
    let archive = world.archive("0.3.0");
    for (from, to, says) in [
        ("publisher = \"somebody else\"", "publisher = \"seqera\"", "plugin: the library says"),
        ("aliases = [\"hi\"]", "aliases = []", "command: the library says"),
        ("audiences = []", "audiences = [\"platform\"]", "capabilities: the library says"),
        ("version = \"0.3.0\"", "version = \"0.9.0\"", "plugin: the library says"),
    ] {
        let spoiled = respoiled(&world, &archive, |dir| {
            edit(dir.join("plugin.toml"), |text| text.replace(from, to));
        });
        let _refused = refused(&world, &spoiled, 78, says);
    }
    let spoiled = consistent(&world, &archive, "cli.json", b"{\"commands\":[]}");
    let _refused = refused(&world, &spoiled, 78, "cli.json is not the command tree");
}

#[test]
fn a_library_that_crashes_when_it_is_loaded_is_not_installed() {
    let world = World::new();
    let archive = world.archive("0.3.0");
    let raw = seqera_tests::stage::fixtures().join("raw/libpanics-at-load.so");
    let spoiled = consistent(&world, &archive, "libseqera_plugin_hello.so", &fs::read(raw).unwrap());
    let _refused = refused(&world, &spoiled, 126, "failed while it was loaded");
}

#[test]
fn a_plugin_of_the_sdk_survives_the_panic_that_the_probe_wishes_for() {
    let world = World::new();
    let mut command = world.user.command(["__describe", &world.library("0.3.0")]);
    command.env("SEQERA_PLUGIN_SELF_TEST", "panic");
    let _error = world.user.run(command).fails(70, "as the self-test wishes");
}

#[test]
fn a_library_that_does_not_speak_with_this_host_is_not_installed() {
    let world = World::new();
    let archive = world.archive("0.3.0");
    for (raw, says) in [
        ("exits-at-describe", "cannot be loaded here"),
        ("hangs-at-load", "within 10 s"),
        ("fills-the-disk-at-load", "it ended the process that loaded it"),
        ("major", "it was built for plugin ABI"),
        ("reordered", "Session, field `issuer` expected, `profile` found"),
        ("retyped", "TokenRequest.min_ttl_seconds, u64 expected, u32 found"),
        ("panic-abort", "a panic in it would end the whole process"),
    ] {
        let library = seqera_tests::stage::fixtures().join(format!("raw/lib{raw}.so"));
        let spoiled = consistent(&world, &archive, "libseqera_plugin_hello.so", &fs::read(library).unwrap());
        let _refused = refused(&world, &spoiled, 126, says);
    }
}

fn field(process: u32, name: &str) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u32>().ok())
}

/// A process that another one started, found by a word of its command line.
fn child_of(parent: u32, word: &[u8]) -> Option<u32> {
    let processes =
        fs::read_dir("/proc").ok()?.filter_map(|item| item.ok()?.file_name().to_str()?.parse().ok());
    let is_meant = |process: &u32| {
        let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        line.windows(word.len()).any(|window| window == word) && field(*process, "PPid:") == Some(parent)
    };
    processes.into_iter().find(is_meant)
}

#[test]
fn the_probe_sees_nothing_of_the_users_environment_and_leaves_nobody_behind() {
    let world = World::new();
    let archive = world.archive("0.3.0");
    let library = seqera_tests::stage::fixtures().join("raw/libhangs-at-load.so");
    let spoiled = consistent(&world, &archive, "libseqera_plugin_hello.so", &fs::read(library).unwrap());
    let mut command = world.user.command(["plugin", "install", &spoiled, "--yes"]);
    command.env("SEQERA_ACCESS_TOKEN", "of-the-user").current_dir(world.user.home());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    let started = std::time::Instant::now();
    let (probe, left_behind) = loop {
        let probe = child_of(child.id(), b"__describe");
        match probe.and_then(|probe| Some((probe, child_of(probe, b"sleep")?))) {
            Some(found) => break found,
            None => assert!(started.elapsed().as_secs() < 9, "there was no probe"),
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert_eq!(fs::read(format!("/proc/{probe}/environ")).unwrap(), b"");
    let directory = fs::read_link(format!("/proc/{probe}/cwd")).unwrap();
    assert!(!directory.starts_with(world.user.home()), "{}", directory.display());
    let limits = fs::read_to_string(format!("/proc/{probe}/limits")).unwrap();
    let dump = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(dump.split_whitespace().nth(4), Some("0"), "{limits}");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(126));
    let is_alive = || fs::read(format!("/proc/{left_behind}/cmdline")).is_ok_and(|line| !line.is_empty());
    while is_alive() {
        assert!(started.elapsed().as_secs() < 60, "what the library started is left behind");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// Nobody asks any more whether it is done: then it need not go on.
#[test]
fn the_probe_does_not_outlive_whoever_asked() {
    let world = World::new();
    let archive = world.archive("0.3.0");
    let library = seqera_tests::stage::fixtures().join("raw/libhangs-at-load.so");
    let spoiled = consistent(&world, &archive, "libseqera_plugin_hello.so", &fs::read(library).unwrap());
    let mut child = world.user.command(["plugin", "install", &spoiled, "--yes"]).spawn().unwrap();
    let started = std::time::Instant::now();
    let probe = loop {
        // It was confined before it opened the library.
        let probe = child_of(child.id(), b"__describe").filter(|probe| child_of(*probe, b"sleep").is_some());
        if let Some(probe) = probe {
            break probe;
        }
        assert!(started.elapsed().as_secs() < 9, "there was no probe");
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    let left_behind = child_of(probe, b"sleep").unwrap();
    child.kill().unwrap();
    let _killed = child.wait().unwrap();
    while fs::read(format!("/proc/{probe}/cmdline")).is_ok_and(|line| !line.is_empty()) {
        assert!(started.elapsed().as_secs() < 60, "the probe goes on");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    seqera_tests::sandbox::signal(left_behind, "KILL");
}

#[test]
fn archives_with_anything_but_plain_files_are_refused() {
    let world = World::new();
    let archive = world.archive("0.3.0");
    let link = respoiled(&world, &archive, |dir| {
        fs::remove_file(dir.join("cli.json")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.join("cli.json")).unwrap();
    });
    let _link = refused(&world, &link, 1, "is not a regular file");
    let nested = respoiled(&world, &archive, |dir| {
        fs::create_dir(dir.join("more")).unwrap();
    });
    let _nested = refused(&world, &nested, 1, "is not a regular file");

    let escape = world.path("escape.tar.gz");
    let status = Command::new("tar")
        .args(["czf", &escape, "--transform", "s,^,../,", "-P", "key.pub"])
        .current_dir(&world.dir)
        .status()
        .unwrap();
    assert!(status.success());
    let _escape = refused(&world, &escape, 1, "does not lie at the top");
    assert!(!world.user.plugins().join("key.pub").exists());

    let text = world.path("text.tar.gz");
    fs::write(&text, "text").unwrap();
    let _text = refused(&world, &text, 1, "cannot be unpacked");
    let cut = fs::read(&archive).unwrap();
    fs::write(&text, &cut[..cut.len() / 2]).unwrap();
    let _cut = refused(&world, &text, 1, "cannot be unpacked");
}

#[test]
fn an_archive_that_would_fill_the_disk_is_refused() {
    let world = World::new();
    let bomb = world.path("bomb.tar.gz");
    // 600 MB of nothing, as a sparse file that tar packs as zeros.
    let zeros = world.dir.join("zeros");
    fs::File::create(&zeros).unwrap().set_len(600 << 20).unwrap();
    let status = Command::new("tar").args(["czf", &bomb, "zeros"]).current_dir(&world.dir).status().unwrap();
    assert!(status.success());
    assert!(fs::metadata(&bomb).unwrap().len() < 2 << 20);
    let _refused = refused(&world, &bomb, 1, "unpacks to more than 512 MB");
}

/// An entry of 512 MB whose content a reader takes for a name, or for an extended header, packed into one megabyte.
fn headed_by_a_bomb(world: &World, kind: u8) -> String {
    const SIZE: u64 = 512 << 20;
    let mut header = [0; 512];
    for (at, field) in [
        (0, b"././@LongLink".as_slice()),
        (100, b"0000644\0"),
        (124, format!("{SIZE:011o}\0").as_bytes()),
        (148, b"        "),
        (156, &[kind]),
        (257, b"ustar\x0000"),
    ] {
        header[at..at + field.len()].copy_from_slice(field);
    }
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let (plain, packed) = (world.dir.join("bomb"), world.path("bomb.tar.gz"));
    fs::write(&plain, header).unwrap();
    fs::OpenOptions::new().write(true).open(&plain).unwrap().set_len(SIZE).unwrap();
    let packed_file = fs::File::create(&packed).unwrap();
    let status = Command::new("gzip").args(["-1", "-c"]).arg(&plain).stdout(packed_file).status().unwrap();
    assert!(status.success() && fs::metadata(&packed).unwrap().len() < 8 << 20);
    packed
}

#[test]
fn an_archive_that_would_fill_the_memory_is_refused() {
    let world = World::new();
    for kind in [b'L', b'x'] {
        let bomb = headed_by_a_bomb(&world, kind);
        let mut command = world.user.beside(Path::new("/bin/sh"));
        command.args(["-c", "ulimit -v 393216; exec \"$@\"", "sh"]).arg(world.user.program());
        command.args(["plugin", "install", &bomb, "--yes"]);
        let _refused = world.user.run(command).fails(1, "`././@LongLink` in it is not a regular file");
    }
}

#[test]
fn what_is_spoiled_after_installing_is_named_by_verify() {
    let world = World::new();
    world.trust();
    let _installed = world.run(&["install", &world.signed("0.3.0"), "--yes"]).success();
    let place = world.user.plugins().join("hello/0.3.0");
    let good = fs::read_to_string(place.join("plugin.toml")).unwrap();
    fs::write(place.join("plugin.toml"), good.replace("Greet somebody", "Greet nobody")).unwrap();
    let run = world.run(&["verify", "hello"]).fails(78, "was changed after signing");
    assert!(run.stdout.contains("WRONG   hello 0.3.0"), "{run}");
    fs::remove_file(place.join("plugin.toml.minisig")).unwrap();
    let _unsigned = world.run(&["verify", "hello"]).fails(78, "its plugin.toml was changed since");
    fs::write(place.join("plugin.toml"), &good).unwrap();
    let _stripped = world.run(&["verify", "hello"]).fails(78, "is gone");
    let mut library =
        fs::OpenOptions::new().append(true).open(place.join("libseqera_plugin_hello.so")).unwrap();
    library.write_all(b"more").unwrap();
    let json = world.run(&["verify", "hello", "--json"]);
    assert_eq!(json.code, 78);
    assert!(json.stdout.contains("\"ok\": false"), "{json}");
}
