//! Plugins that others than the user could have put where they lie.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use seqera_tests::admin;
use seqera_tests::sandbox::Sandbox;
use serde_json::Value;

use super::publisher::World;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[track_caller]
fn is_refused(sandbox: &Sandbox, says: &str, path: &Path) {
    let run = sandbox.seqera("hello").fails(77, "the plugin hello 0.3.0 is not loaded: ");
    assert!(run.stderr.contains(says) && run.stderr.contains(&path.display().to_string()), "{run}");
    assert_eq!(run.stdout, "");
    let explained = sandbox.seqera("plugin explain hello --json").success().stdout;
    let explained: Value = serde_json::from_str(&explained).unwrap();
    assert_eq!((&explained["decision"], &explained["refusal"]["code"]), (&"refused".into(), &77.into()));
}

#[test]
fn what_every_user_may_write_is_not_loaded() {
    let sandbox = Sandbox::new();
    let dir = sandbox.install("hello");
    let parent = dir.parent().unwrap().to_owned();
    let library = dir.join("libseqera_plugin_hello.so");
    for path in [dir.join("plugin.toml"), dir.join("cli.json"), library, dir, parent, sandbox.plugins()] {
        let before = fs::metadata(&path).unwrap().permissions();
        set_mode(&path, before.mode() | 0o002);
        is_refused(&sandbox, "every user may write to", &path);
        let hint = format!("hint: chmod o-w {}\n", path.display());
        assert!(sandbox.seqera("hello").stderr.contains(&hint), "{hint}");
        let verified = sandbox.seqera("plugin verify hello").fails(77, "every user may write to");
        assert_eq!(verified.stdout, "WRONG   hello 0.3.0\n");
        fs::set_permissions(&path, before).unwrap();
        assert_eq!(sandbox.seqera("hello").success().stdout, "Hello, world\n");
    }
}

/// Only root can give files away.
#[test]
fn what_belongs_to_another_user_or_to_a_group_of_others_is_not_loaded() {
    if !admin::is_possible() {
        return;
    }
    let sandbox = Sandbox::new();
    let dir = sandbox.install("hello");
    let parent = dir.parent().unwrap().to_owned();
    let library = dir.join("libseqera_plugin_hello.so");
    for path in [dir.join("plugin.toml"), dir.join("cli.json"), library, dir, parent, sandbox.plugins()] {
        chown(&path, Some(1234), None).unwrap();
        is_refused(&sandbox, "belongs to another user (1234)", &path);
        let said = sandbox.seqera("hello").stderr;
        assert_eq!(said.contains("hint: Remove it"), path.is_file(), "{said}");
        assert_eq!(said.contains("hint: Run seqera as that user, or set HOME"), path.is_dir(), "{said}");
        chown(&path, Some(0), Some(1234)).unwrap();
        let before = fs::metadata(&path).unwrap().permissions();
        assert_eq!(sandbox.seqera("hello").success().stdout, "Hello, world\n", "a group that may read");
        set_mode(&path, before.mode() | 0o020);
        is_refused(&sandbox, "a group that is not yours (1234) may write to", &path);
        chown(&path, None, Some(0)).unwrap();
        assert_eq!(sandbox.seqera("hello").success().stdout, "Hello, world\n", "the own group may write");
        fs::set_permissions(&path, before).unwrap();
    }
}

/// Root, with the HOME of a user: nothing in it is to be removed.
#[test]
fn a_plugins_directory_of_another_user_is_left_alone() {
    if !admin::is_possible() {
        return;
    }
    let sandbox = Sandbox::new();
    let _hello = sandbox.install("hello");
    let given = std::process::Command::new("chown").args(["-R", "1234:1234"]).arg(sandbox.home()).status();
    assert!(given.unwrap().success());
    is_refused(&sandbox, "belongs to another user (1234)", &sandbox.plugins());
    let said = sandbox.seqera("hello").stderr;
    assert!(said.contains("set HOME or SEQERA_PLUGINS_DIR") && !said.contains("Remove"), "{said}");
}

/// What is installed runs, whatever the mask was, and whatever group a later run has.
#[test]
fn what_is_installed_under_an_open_mask_is_loaded() {
    let world = World::new();
    let (archive, library) = (world.archive("0.3.0"), world.library("0.3.0"));
    for line in [["install", &archive, "--yes"].as_slice(), &["link", &library]] {
        let mut command = world.user.beside(Path::new("sh"));
        command.args(["-c", "umask 000; exec \"$0\" plugin \"$@\""]).arg(world.user.program()).args(line);
        let _there = world.user.run(command).success();
        let _verified = world.run(&["verify", "hello"]).success();
        assert_eq!(world.user.seqera("hello you").success().stdout, "Hello, you\n", "{line:?}");
    }
}

/// Only root can take other groups.
#[test]
fn a_project_directory_of_a_group_that_the_user_is_in_is_loaded_from() {
    if !admin::is_possible() {
        return;
    }
    let world = World::new();
    let archive = world.archive("0.3.0");
    fs::create_dir_all(world.user.plugins()).unwrap();
    chown(world.user.plugins(), None, Some(4321)).unwrap();
    set_mode(&world.user.plugins(), 0o2775);
    let member = |groups: &[&str], line: &str| {
        let mut command = world.user.beside(Path::new("setpriv"));
        command.args(groups).args(["sh", "-c", "umask 002; exec \"$0\" \"$@\""]).arg(world.user.program());
        command.args(line.split(' '));
        world.user.run(command)
    };
    let _installed = member(&["--groups=4321"], &format!("plugin install {archive} --yes")).success();
    assert_eq!(member(&["--groups=4321"], "hello you").success().stdout, "Hello, you\n");
    assert_eq!(member(&["--regid=4321", "--clear-groups"], "hello you").success().stdout, "Hello, you\n");
    let stranger = member(&["--clear-groups"], "plugin verify hello");
    let _told = stranger.fails(77, "a group that is not yours (4321) may write to");
    // Only the directory that was there may be written by the group.
    set_mode(&world.user.plugins(), 0o2755);
    assert_eq!(member(&["--clear-groups"], "hello you").success().stdout, "Hello, you\n");
}

/// Software that an account of its own installed for everybody, plugins included.
#[test]
fn what_belongs_to_the_owner_of_the_program_is_loaded() {
    if !admin::is_possible() {
        return;
    }
    let sandbox = Sandbox::new().with_own_installation();
    let installation = sandbox.root().join("installation");
    let status = std::process::Command::new("chown").args(["-R", "1234:1234"]).arg(&installation).status();
    assert!(status.unwrap().success());
    let _works = sandbox.seqera("org --help").success();
}

#[test]
fn a_directory_that_is_another_one_everywhere_is_refused() {
    let sandbox = Sandbox::new();
    let _hello = sandbox.install("hello");
    // A repository that was cloned, with everything in it.
    let clone = sandbox.home().join("clone");
    fs::create_dir(&clone).unwrap();
    fs::rename(sandbox.plugins(), clone.join("plugins")).unwrap();
    fs::write(clone.join("config.toml"), "backend_url = \"https://evil.example\"\n").unwrap();
    for (name, value) in [("SEQERA_PLUGINS_DIR", "./plugins"), ("SEQERA_CONFIG_DIR", ".")] {
        for line in
            ["hello", "org", "plugin list", "plugin trust list", "plugin pin hello@0.3.0", "config show"]
        {
            let mut command = sandbox.command(line.split(' '));
            command.current_dir(&clone).env(name, value);
            let run = sandbox.run(command).fails(3, &format!("{name} is no directory to rely on"));
            assert!(run.stdout.is_empty() && run.stderr.contains("Write the whole path"), "{line}: {run}");
        }
        let mut doctor = sandbox.command(["doctor"]);
        doctor.current_dir(&clone).env(name, value);
        let run = sandbox.run(doctor).fails(3, "");
        assert!(run.stdout.contains(&format!("{name} is no directory to rely on")), "{run}");
        let mut version = sandbox.command(["--version"]);
        version.current_dir(&clone).env(name, value);
        let _unhurt = sandbox.run(version).success();
    }
}
