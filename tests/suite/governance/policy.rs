//! The admin's policy, from outside: a private `/etc`, real packages, the real program.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

use seqera_tests::sandbox::{Run, Sandbox, copy_tree};
use serde_json::Value;

use crate::emulator;
use crate::plugin_store::publisher::World;

/// A publisher and a user of a machine with an admin; `None` where nobody can be one.
fn world() -> Option<World> {
    Some(World::of(Sandbox::new().with_admin()?))
}

fn policy(world: &World, rules: &str) {
    world.user.etc().write("policy.toml", &format!("policy = 1\n{rules}"));
}

fn explain(sandbox: &Sandbox, plugin: &str) -> Value {
    let run = sandbox.run(sandbox.command(["plugin", "explain", plugin, "--json"])).success();
    serde_json::from_str(&run.stdout).unwrap()
}

/// The rules that were not met, as `RULE (PLACE)`.
fn unmet(explanation: &Value) -> Vec<String> {
    let versions = explanation["versions"].as_array().unwrap();
    let rules = versions.iter().flat_map(|version| version["rules"].as_array().unwrap());
    explanation["rules"]
        .as_array()
        .unwrap()
        .iter()
        .chain(rules)
        .filter(|rule| rule["met"] == false)
        .map(|rule| format!("{} ({})", rule["rule"].as_str().unwrap(), rule["place"].as_str().unwrap()))
        .collect()
}

fn hello(world: &World) -> Run {
    world.user.seqera("hello you")
}

/// With `hello` installed, unsigned, before there is a policy.
fn with_hello() -> Option<World> {
    let world = world()?;
    let _installed = world.run(&["install", &world.archive("0.3.0"), "--yes"]).success();
    Some(world)
}

#[test]
fn only_what_the_list_names_runs_and_is_installed() {
    let Some(world) = with_hello() else { return };
    policy(
        &world,
        "contact = \"it@acme.example\"\n[allow]\nplugins = [\"auth\", \"org\"]\nreason = \"not reviewed\"\n",
    );
    let refused = hello(&world).fails(77, "the policy of this machine does not allow the plugin hello");
    for said in ["/etc/seqera/policy.toml:4", "your admin says: not reviewed", "Ask it@acme.example."] {
        assert!(refused.stderr.contains(said), "{refused}");
    }
    let audit = fs::read_to_string(world.user.home().join(".local/state/seqera/audit.jsonl")).unwrap();
    let last: Value = serde_json::from_str(audit.lines().last().unwrap()).unwrap();
    assert_eq!((&last["event"], &last["plugin"]), (&"policy-refused".into(), &"hello".into()));
    assert!(last["rule"].as_str().unwrap().contains("policy.toml:4"), "{last}");
    let again = world.run(&["install", &world.archive("0.3.1"), "--yes"]);
    let _refused = again.fails(77, "Nothing was installed.");
    assert_eq!(world.user.seqera("org --help").success().stderr, "");

    let explained = explain(&world.user, "hello");
    assert_eq!(
        (explained["decision"].as_str(), &explained["refusal"]["code"]),
        (Some("refused"), &77.into())
    );
    assert_eq!(unmet(&explained), ["the policy allows other plugins only (/etc/seqera/policy.toml:4)"]);
    let text = world.user.seqera("plugin explain hello").success().stdout;
    assert!(text.starts_with("hello may not run\n"), "{text}");
    assert!(text.contains("✗ the policy allows other plugins only  (/etc/seqera/policy.toml:4)"), "{text}");

    policy(&world, "[allow]\nplugins = [\"hello\"]\n");
    assert_eq!(hello(&world).success().stdout, "Hello, you\n");
    assert_eq!(explain(&world.user, "hello")["decision"], "used");
    let _other = world.user.seqera("org --help").fails(77, "does not allow the plugin org");
}

#[test]
fn a_plugin_is_switched_off_with_the_reason_that_users_are_told() {
    let Some(world) = with_hello() else { return };
    policy(&world, "[plugins.hello]\nenabled = false\nreason = \"leaks memory; use org\"\n");
    let refused = hello(&world).fails(77, "your admin says: leaks memory; use org");
    assert!(refused.stderr.contains("the policy switches it off (/etc/seqera/policy.toml:3)"), "{refused}");
    assert!(!refused.stderr.contains("plugin enable"), "{refused}");
    let _still = world.run(&["enable", "hello"]);
    let _refused = hello(&world).fails(77, "switches it off");
}

#[test]
fn a_pin_of_the_policy_is_intersected_with_that_of_the_user() {
    let Some(world) = with_hello() else { return };
    policy(&world, "[plugins.hello]\nversion = \">=0.4\"\n");
    world.user.configure("[plugins.hello]\nversion = \"<0.4\"\n");
    let refused = hello(&world).fails(78, "no installed hello is the one that is pinned");
    for said in [".config/seqera/config.toml:2", "/etc/seqera/policy.toml:3", "Ask your admin."] {
        assert!(refused.stderr.contains(said), "{said}: {refused}");
    }
    let _refused =
        world.run(&["install", &world.archive("0.4.0"), "--yes"]).fails(78, "/etc/seqera/policy.toml:3");
    world.user.configure("");
    let _installed = world.run(&["install", &world.archive("0.4.0"), "--yes"]).success();
    world.assert_works("0.4.0");
    let explained = explain(&world.user, "hello");
    assert_eq!(unmet(&explained), ["version >=0.4 (/etc/seqera/policy.toml:3)"]);
    assert_eq!(explained["versions"][0]["state"], "used", "{explained:#}");
}

#[test]
fn what_has_to_be_signed_is_checked_at_install_and_at_every_load() {
    let Some(world) = with_hello() else { return };
    world.trust();
    policy(&world, "[allow]\nrequire = \"signed\"\n");
    let _refused =
        hello(&world).fails(77, "it has to be signed, and nobody signed it (/etc/seqera/policy.toml:3)");
    let _refused = world.run(&["install", &world.archive("0.3.1"), "--yes"]).fails(77, "it has to be signed");
    let _installed = world.run(&["install", &world.signed("0.3.2"), "--yes"]).success();
    world.assert_works("0.3.2");

    let manifest = world.user.plugins().join("hello/0.3.2/plugin.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("0.3.2\"", "0.3.2\" ")).unwrap();
    let _refused = hello(&world).fails(77, "it has to be signed, and");
}

#[test]
fn the_keys_of_the_policy_take_the_place_of_those_of_the_user() {
    let Some(world) = world() else { return };
    world.trust();
    let own = world.key();
    let stranger = World::new();
    policy(&world, &format!("[allow]\nrequire = \"signed\"\nkeys = [\"{}\"]\n", stranger.key()));
    let signed = world.signed("0.3.0");
    let _refused = world.run(&["install", &signed, "--yes"]).fails(77, "key");
    let told = world.run(&["trust", "add", &own]);
    assert!(told.stderr.contains("/etc/seqera/policy.toml:4"), "{told}");
    policy(&world, &format!("[allow]\nrequire = \"signed\"\nkeys = [\"{own}\"]\n"));
    let _installed = world.run(&["install", &signed, "--yes"]).success();
    let _works = hello(&world).success();
    policy(&world, &format!("[allow]\nrequire = \"signed\"\nkeys = [\"{}\"]\n", stranger.key()));
    let _refused = hello(&world).fails(77, "it has to be signed, and");
}

#[test]
fn a_digest_may_be_required() {
    let Some(world) = with_hello() else { return };
    policy(&world, "[allow]\nrequire = \"pinned\"\n");
    let _refused = hello(&world).fails(77, "the policy has to name its sha256 (/etc/seqera/policy.toml:3)");
    let json = world.run(&["info", "hello", "--json"]).success().stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    let artifacts = json["versions"][0]["artifacts"].as_object().unwrap();
    let sha256 = artifacts.values().next().unwrap()["sha256"].as_str().unwrap();
    let pinned =
        |sha256: &str| format!("[allow]\nrequire = \"pinned\"\n[plugins.hello]\nsha256 = \"{sha256}\"\n");
    policy(&world, &pinned(sha256));
    let _works = hello(&world).success();
    let elsewhere = format!("[allow]\nrequire = \"pinned\"\n[plugins.hello.sha256]\nsparc = \"{sha256}\"\n");
    policy(&world, &elsewhere);
    let _refused = hello(&world).fails(77, "the policy has to name its sha256 (/etc/seqera/policy.toml:3)");
    policy(&world, &pinned(&"0".repeat(64)));
    let _refused = hello(&world).fails(78, "/etc/seqera/policy.toml:5");
}

#[test]
fn plugins_come_only_from_where_the_policy_says() {
    let Some(world) = world() else { return };
    world.trust();
    let elsewhere = world.user.root().join("elsewhere.tar.gz");
    fs::rename(world.archive("0.3.0"), &elsewhere).unwrap();
    let elsewhere = elsewhere.display().to_string();
    let _installed = world.run(&["install", &elsewhere, "--yes"]).success();
    let _packed = world.signed("0.4.0");
    let index = world.index(&[]);
    policy(&world, &format!("[indexes]\nacme = \"{index}\"\n[allow]\nsources = [\"index:acme\"]\n"));
    let _refused = hello(&world).fails(77, "/etc/seqera/policy.toml:5");
    let _refused = world.run(&["install", &elsewhere, "--yes"]).fails(77, "it comes from ");
    let _installed = world.run(&["install", "hello", "--yes"]).success();
    world.assert_works("0.4.0");
}

#[test]
fn plugins_under_development_and_other_directories_are_forbidden_when_it_says_so() {
    let Some(world) = with_hello() else { return };
    let library = world.library("0.9.0");
    let _linked = world.run(&["link", &library]).success();
    let _works = hello(&world).success();
    policy(&world, "[allow]\nlinks = false\nplugins_dir = false\n");
    world.assert_works("0.3.0");
    let _refused = world.run(&["link", &library]).fails(77, "forbids plugins under development");
    let _refused = world.run(&["test", &library]).fails(77, "/etc/seqera/policy.toml:3");
    // Wherever a user can put plugins of his own, with one that looks as it should.
    let elsewhere = world.user.root().join("elsewhere");
    copy_tree(&world.user.plugins(), &elsewhere.join(".local/share/seqera/plugins"));
    for (name, value) in [
        ("SEQERA_PLUGINS_DIR", world.user.plugins()),
        ("XDG_DATA_HOME", elsewhere.join(".local/share")),
        ("HOME", elsewhere.clone()),
    ] {
        let run = |rules: &str| {
            policy(&world, rules);
            let mut moved = world.user.command(["hello", "you"]);
            moved.env(name, &value);
            world.user.run(moved)
        };
        let _works = run("[allow]\nlinks = false\n").success();
        let rule = format!("{name} names another directory for plugins (/etc/seqera/policy.toml:4)");
        let _refused = run("[allow]\nlinks = false\nplugins_dir = false\n").fails(77, &rule);
    }
    let mut same = world.user.command(["hello", "you"]);
    same.env("XDG_DATA_HOME", world.user.home().join(".local/share"));
    let _works = world.user.run(same).success();
}

#[test]
fn tokens_go_only_to_the_plugins_that_the_policy_names() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    let Some(sandbox) = sandbox.with_admin() else { return };
    sandbox.etc().write(
        "policy.toml",
        "policy = 1\n[tokens.platform]\nplugins = [\"ai\"]\nreason = \"billing is ours\"\n",
    );
    let refused = sandbox.seqera("org list").fails(77, "the plugin org");
    assert!(refused.stderr.contains("your admin says: billing is ours"), "{refused}");
    assert!(refused.stderr.contains("/etc/seqera/policy.toml:2"), "{refused}");
    let audit = fs::read_to_string(sandbox.home().join(".local/state/seqera/audit.jsonl")).unwrap();
    assert!(audit.contains("\"decision\":\"denied\"") && audit.contains("policy.toml:2"), "{audit}");
    assert!(!audit.contains(&emulator.access_token));
    let explained = explain(&sandbox, "org");
    assert_eq!(explained["versions"][0]["capabilities"][0]["granted"], false, "{explained:#}");

    sandbox.etc().write("policy.toml", "policy = 1\n[tokens.platform]\nplugins = [\"org\"]\n");
    let _works = sandbox.seqera("org list").success();
}

#[test]
fn a_policy_that_others_may_write_or_nobody_understands_stops_plugins_and_nothing_else() {
    let Some(world) = with_hello() else { return };
    let path = world.user.etc().seqera().join("policy.toml");
    let set = |owner: u32, mode: u32, dir_mode: u32| {
        chown(&path, Some(owner), None).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(dir_mode)).unwrap();
    };
    policy(&world, "");
    let _works = hello(&world).success();
    let another = world.archive("0.3.1");
    for (owner, mode, dir_mode, says) in [
        (0, 0o646, 0o755, "others than root may write to /etc/seqera/policy.toml"),
        (0, 0o664, 0o755, "others than root may write to /etc/seqera/policy.toml"),
        (1000, 0o644, 0o755, "belongs to the user 1000"),
        (0, 0o644, 0o777, "others than root may write to /etc/seqera "),
    ] {
        set(owner, mode, dir_mode);
        let refused = hello(&world).fails(78, says);
        assert!(refused.stderr.contains("so no plugin runs"), "{refused}");
        let _refused = world.run(&["install", &another, "--yes"]).fails(78, says);
        for built_in in ["--version", "help", "plugin list", "config show", "completion bash"] {
            let _works = world.user.seqera(built_in).success();
        }
        let _said = world.user.seqera("plugin explain hello").fails(78, says);
    }
    set(0, 0o644, 0o755);
    let _works = hello(&world).success();
    for (rules, line) in [
        ("[allow]\nplugin = [\"org\"]\n", 3),
        ("[allow]\nrequire = \"sigend\"\n", 3),
        ("[allow]\nkeys = [\"RWnonsense\"]\n", 3),
        ("[plugins.org]\nversion = \"one\"\n", 3),
        ("[allow]\nsources = [\"index:nowhere\"]\n", 3),
        ("[allow]\nsources = [\"\"]\n", 3),
        ("[allow]\nsources = [\"path:packages\"]\n", 3),
        ("[allow]\nsources = [\"https://\"]\n", 3),
        ("[allow]\nsources = [\"https:///packages\"]\n", 3),
        ("[indexes]\nacme = \"packages\"\n", 3),
        ("[plugins.Hello]\nenabled = false\n", 2),
        ("[whatever]\n", 2),
        ("[allow\n", 2),
    ] {
        policy(&world, rules);
        let _refused = hello(&world).fails(3, &format!("/etc/seqera/policy.toml:{line} is wrong"));
    }
    world.user.etc().write("policy.toml", "policy = 2\n");
    let _refused = hello(&world).fails(3, "another seqera is needed");
}

#[test]
fn no_variable_and_no_file_of_the_user_moves_or_loosens_it() {
    let Some(world) = with_hello() else { return };
    policy(&world, "[allow]\nplugins = []\n");
    world.user.configure("[allow]\nplugins = [\"hello\"]\n[plugins.hello]\nenabled = true\n");
    for name in
        ["SEQERA_CONFIG_DIR", "SEQERA_POLICY", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "SEQERA_PLUGINS_DIR"]
    {
        let mut command = world.user.command(["plugin", "run", "hello", "--", "hello"]);
        command.env(name, world.user.plugins().display().to_string());
        let run = world.user.run(command);
        assert!(matches!(run.code, 77) || name == "SEQERA_PLUGINS_DIR" && run.code != 0, "{name}: {run}");
    }
}

#[test]
fn what_was_remembered_counts_only_where_the_policy_lets_it() {
    let Some(world) = with_hello() else { return };
    let digests = world.user.home().join(".cache/seqera/digests.json");
    let forge = || {
        let _remembered = hello(&world);
        let text = fs::read_to_string(&digests).unwrap();
        let known: Value = serde_json::from_str(&text).unwrap();
        let path = known.as_object().unwrap().keys().find(|path| path.contains("hello")).unwrap();
        let real = known[path][1].as_str().unwrap();
        fs::write(&digests, text.replace(real, &"0".repeat(64))).unwrap();
    };
    policy(&world, "");
    forge();
    let _believed = hello(&world).fails(78, "was changed");
    fs::remove_file(&digests).unwrap();
    forge();
    policy(&world, "[allow]\nverify = \"always\"\n");
    let _computed = hello(&world).success();

    // Where the rules are about digests, the policy has to say that remembering is enough.
    fs::remove_file(&digests).unwrap();
    policy(&world, "");
    forge();
    let text = fs::read_to_string(world.user.plugins().join("hello/0.3.0/plugin.toml")).unwrap();
    let sha256 = text.lines().find_map(|line| line.strip_prefix("sha256 = ")).unwrap();
    let pin = format!("[plugins.hello]\nsha256 = {sha256}\n");
    policy(&world, &pin);
    let _computed = hello(&world).success();
    policy(&world, &format!("[allow]\nverify = \"on-change\"\n{pin}"));
    let _believed = hello(&world).fails(78, "was changed");
}

/// The index lies where users write: it must not make a plugin of theirs one that came with seqera.
#[test]
fn an_index_that_was_forged_is_not_believed_under_a_policy() {
    let Some(world) = with_hello() else { return };
    let _indexed = hello(&world).success();
    let index = world.user.home().join(".cache/seqera/plugin-index.jsonl");
    let text = fs::read_to_string(&index).unwrap();
    let is_its = |line: &&str| line.contains("\"origin\":\"user\"") && line.contains("hello");
    let line = text.lines().find(is_its).unwrap();
    // As long as before: the index says where each of them begins.
    let forged = line.replace("\"origin\":\"user\"", "\"origin\":\"bundled\"");
    let forged = forged.replacen("Greet somebody", "Greet someb", 1);
    assert_eq!(forged.len(), line.len());
    let forged = text.replace(line, &forged);
    let origin = || {
        fs::write(&index, &forged).unwrap();
        let list = world.run(&["list", "--json"]).success().stdout;
        let list: Value = serde_json::from_str(&list).unwrap();
        let row = list["plugins"].as_array().unwrap().iter().find(|row| row["name"] == "hello").unwrap();
        row["source"].as_str().unwrap().to_owned()
    };
    assert_eq!(origin(), "bundled", "without a policy it is a cache like any other");
    policy(&world, "[allow]\nrequire = \"signed\"\n");
    assert_eq!(origin(), "user");
    fs::write(&index, &forged).unwrap();
    let _refused = hello(&world).fails(77, "/etc/seqera/policy.toml:3");
}

#[test]
fn the_assistant_runs_no_command_that_the_policy_denies() {
    let Some(sandbox) = Sandbox::new().with_admin() else { return };
    sandbox.etc().write("policy.toml", "policy = 1\n[approval]\ndeny = [\"curl *\"]\nask = [\"ls *\"]\n");
    let decision = |mode: &str, command: &[&str]| {
        let words = ["ai", "approval", "explain", "--json", "--mode", mode, "--"];
        let run = sandbox.run(sandbox.command(words.iter().chain(command))).success();
        serde_json::from_str::<Value>(&run.stdout).unwrap()["decision"].as_str().unwrap().to_owned()
    };
    assert_eq!(decision("full", &["curl https://a.example"]), "blocked");
    assert_eq!(decision("full", &["ls -l"]), "prompt");
    assert_eq!(decision("full", &["pwd"]), "auto");
}

#[test]
fn the_doctor_knows_the_policy() {
    let Some(world) = with_hello() else { return };
    let findings = || {
        let run = world.user.seqera("doctor --json");
        let json: Value = serde_json::from_str(&run.stdout).unwrap();
        let rows = json["findings"].as_array().unwrap().clone();
        rows.iter()
            .map(|row| format!("{} {}: {}", row["level"], row["subject"], row["text"]).replace('"', ""))
            .collect::<Vec<_>>()
    };
    let has = |findings: &[String], text: &str| findings.iter().any(|line| line.starts_with(text));
    policy(&world, "[allow]\nplugins = [\"auth\", \"org\", \"ai\"]\n");
    let said = findings();
    assert!(has(&said, "ok policy: /etc/seqera/policy.toml was read"), "{said:#?}");
    // As the admin wants it is no problem.
    assert!(has(&said, "warning plugin hello: the policy of this machine does not allow"), "{said:#?}");
    policy(&world, "[allow]\nsources = [\"/opt/plugins\"]\n");
    let said = findings();
    let unfounded = "warning policy: `sources` believes what users can write, without `require` (/etc/seqera/policy.toml:3)";
    assert!(has(&said, unfounded), "{said:#?}");
    policy(&world, "[allow]\nrequire = \"signed\"\nsources = [\"/opt/plugins\"]\n");
    let said = findings();
    assert!(!has(&said, "warning policy"), "{said:#?}");
    policy(&world, "[allow]\nplugin = []\n");
    let said = findings();
    assert!(has(&said, "problem policy: /etc/seqera/policy.toml:3 is wrong"), "{said:#?}");
    assert!(has(&said, "ok plugin hello 0.3.0 (user): whole, and used"), "{said:#?}");
}
