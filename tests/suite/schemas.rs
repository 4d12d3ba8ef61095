//! The published schemas accept what the product writes and the documents show, and refuse what it would not understand;
//! and the program itself is asked about each of these texts.

use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use seqera_tests::sandbox::Sandbox;
use seqera_tests::stage;
use serde_json::Value;

use crate::plugin_store::publisher::World;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

pub(crate) fn schema(name: &str) -> Validator {
    let text = fs::read_to_string(repository().join(format!("docs/schemas/{name}.schema.json"))).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
    jsonschema::validator_for(&schema).unwrap()
}

fn problems(validator: &Validator, text: &str) -> Vec<String> {
    let value: Value = toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[track_caller]
pub(crate) fn accepts(validator: &Validator, text: &str) {
    let problems = problems(validator, text);
    assert!(problems.is_empty(), "{problems:#?}\n{text}");
}

#[track_caller]
fn refuses(validator: &Validator, text: &str) {
    assert!(!problems(validator, text).is_empty(), "{text}");
}

/// The blocks of TOML in the documents that are written into a file of this name.
fn shown(file: &str) -> Vec<String> {
    let documents = fs::read_dir(repository().join("docs")).unwrap().map(|item| item.unwrap().path());
    let documents = documents.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    documents.flat_map(|path| blocks(&fs::read_to_string(path).unwrap(), file)).collect()
}

fn blocks(text: &str, file: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let info = line.trim().strip_prefix("```toml file=");
        if info.is_some_and(|info| info.trim().ends_with(&format!("/{file}"))) {
            let block = lines.by_ref().take_while(|line| line.trim() != "```");
            found.push(block.fold(String::new(), |text, line| text + line + "\n"));
        }
    }
    found
}

/// Files of a name below a directory.
fn find(root: &Path, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for item in fs::read_dir(root).into_iter().flatten() {
        let path = item.unwrap().path();
        if path.is_dir() {
            found.extend(find(&path, name));
        } else if path.file_name().is_some_and(|file| file == name) {
            found.push(path);
        }
    }
    found
}

/// The schema and the program are of one opinion about each text.
struct Opinion<'a> {
    schema: Validator,
    /// What the program has to say against a text.
    objections: &'a dyn Fn(&str) -> Vec<String>,
}

impl Opinion<'_> {
    #[track_caller]
    fn accepts(&self, text: &str) {
        accepts(&self.schema, text);
        assert_eq!((self.objections)(text), [""; 0], "{text}");
    }

    #[track_caller]
    fn refuses(&self, text: &str) {
        refuses(&self.schema, text);
        assert!(!(self.objections)(text).is_empty(), "the program has nothing against\n{text}");
    }
}

#[test]
fn a_configuration() {
    // Nobody has to answer.
    let nowhere = "http://127.0.0.1:1";
    let sandbox = Sandbox::new().with("SEQERA_AI_BACKEND_URL", nowhere).with("SEQERA_AUTH_DOMAIN", nowhere);
    let objections = |text: &str| {
        sandbox.configure(text);
        let run = sandbox.seqera("doctor --json");
        let json: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"));
        let rows = json["findings"].as_array().unwrap().iter();
        let rows =
            rows.filter(|row| row["subject"].as_str().unwrap().starts_with("config") && row["level"] != "ok");
        rows.map(|row| row["text"].to_string()).collect()
    };
    let opinion = Opinion { schema: schema("config"), objections: &objections };
    let shown = shown("config.toml");
    assert!(shown.len() >= 2, "the documents show configurations");
    shown.iter().for_each(|text| opinion.accepts(text));
    opinion.accepts("");
    let digest = "9F".repeat(32);
    for text in [
        "[plugins.org]\nversion = \"=1.2.0\"\nenabled = true\nsource = \"https://plugins.acme.example/\"\n",
        &format!("[plugins.org]\nsha256 = \"{digest}\"\n"),
        &format!("[plugins.org.sha256]\naarch64-apple-darwin = \"{digest}\"\n"),
        "[commands]\nrun = \"pipelines\"\n[services]\ntoken-provider = \"auth\"\n[indexes]\nacme = \"/srv/x\"\n",
        "ai_read_max_lines = 10\nbrowser_auto_open = false\n",
    ] {
        opinion.accepts(text);
    }
    for text in [
        "backend-url = \"https://a.example\"\n",
        "approval_mode = \"all\"\n",
        "auth_redirect_port = \"many\"\n",
        "[plugins.org]\nverison = \"=1.2.0\"\n",
        "[plugins.org]\nsha256 = \"12\"\n",
        "[plugins.Org]\nenabled = true\n",
        "[commands]\nrun = [\"a\", \"b\"]\n",
        "[commands]\nrun = \"No Name\"\n",
        "[services]\ntoken-provider = 3\n",
        "[indexes]\nacme = [\"/srv/x\"]\n",
        "browser_auto_open = \"perhaps\"\n",
        "theme = [\"dark\"]\n",
    ] {
        opinion.refuses(text);
    }
}

#[test]
fn a_manifest() {
    let sandbox = Sandbox::new();
    let objections = |text: &str| {
        let _nothing_there = fs::remove_dir_all(sandbox.plugins());
        let value: Value = toml::from_str(text).unwrap();
        let part = |key: &str| value["plugin"][key].as_str().unwrap().to_owned();
        let dir = sandbox.plugins().join(part("name")).join(part("version"));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("plugin.toml"), text).unwrap();
        let list = sandbox.seqera("plugin list --json").success().stdout;
        let list: Value = serde_json::from_str(&list).unwrap();
        let broken = list["broken"].as_array().unwrap().iter();
        broken.map(|broken| broken["problem"].to_string()).collect()
    };
    let opinion = Opinion { schema: schema("manifest"), objections: &objections };
    let mut manifests = find(&stage::installation().join("lib"), "plugin.toml");
    manifests.extend(find(stage::fixtures(), "plugin.toml"));
    assert!(manifests.len() > 10, "{manifests:?}");
    for path in &manifests {
        opinion.accepts(&fs::read_to_string(path).unwrap());
    }
    let good = fs::read_to_string(stage::fixtures().join("hello/hello/0.3.0/plugin.toml")).unwrap();
    opinion.accepts(&format!("{good}\n[of-the-future]\nx = 1\n"));
    let digest = good.split('"').find(|part| part.len() == 64).unwrap();
    for (from, to) in [
        ("manifest = 1", "manifest = 2"),
        ("manifest = 1", "manifest = 0"),
        (digest, "12"),
        ("file = \"cli.json\"", "file = \"../cli.json\""),
        ("file = \"cli.json\"", "file = \"..\""),
        ("abi = \"1", "abi = \"one"),
        ("about = \"Greet", "about = \"\\u001bGreet"),
        ("about = \"Greet", "about = \"\\nGreet"),
        ("publisher = \"", "publisher = \"\\u202e"),
        ("aliases = [\"hi\"]", "aliases = [\"Hi\"]"),
        ("aliases = [\"hi\"]", "aliases = [\"-h\"]"),
        ("aliases = [\"hi\"]", "aliases = [\"__hi\"]"),
        ("aliases = [\"hi\"]", "aliases = [\"\"]"),
        ("audiences = []", "audiences = [\"a b\"]"),
        ("hosts = []", "hosts = [\"\"]"),
        ("[provides]", "[provides]\n\"a b\" = 1"),
    ] {
        assert!(good.contains(from), "{from}");
        opinion.refuses(&good.replace(from, to));
    }
}

#[test]
fn a_lock() {
    let world = World::new();
    world.trust();
    let _installed = world.run(&["install", &world.signed("0.3.0"), "--yes"]).success();
    let _locked = world.run(&["lock"]).success();
    let path = world.user.config().join("plugins.lock");
    let good = fs::read_to_string(&path).unwrap();
    let objections = |text: &str| {
        fs::write(&path, text).unwrap();
        let run = world.run(&["lock", "--dry-run"]);
        if run.code == 3 { vec![run.stderr] } else { Vec::new() }
    };
    let opinion = Opinion { schema: schema("lock"), objections: &objections };
    opinion.accepts(&good);
    opinion.accepts("lock = 1\n");
    opinion.refuses("");
    let part = |key: &str| {
        let line = good.lines().find(|line| line.starts_with(key));
        line.unwrap_or_else(|| panic!("{key}:\n{good}")).to_owned()
    };
    for (from, to) in [
        ("lock = 1".to_owned(), "lock = 2"),
        ("lock = 1".to_owned(), "lock = 0"),
        ("lock = 1".to_owned(), "lock = 1\nmore = 1"),
        (part("name = "), "name = \"Hello\""),
        (part("version = "), "version = \"one\""),
        (part("manifest_sha256 = "), "manifest_sha256 = \"12\""),
        (part("signer = "), "signer = \"me\""),
        (part("abi = "), ""),
        (part("source = "), "source = [\"path:/x\"]"),
    ] {
        assert!(good.contains(&from), "{from}");
        opinion.refuses(&good.replacen(&from, to, 1));
    }
}

#[test]
fn a_policy() {
    let Some(sandbox) = Sandbox::new().with_admin() else { return };
    let objections = |text: &str| {
        sandbox.etc().write("policy.toml", text);
        let run = sandbox.seqera("org --help");
        // What a policy forbids is no objection to the policy.
        if run.code == 3 { vec![run.stderr] } else { Vec::new() }
    };
    let opinion = Opinion { schema: schema("policy"), objections: &objections };
    let shown = shown("policy.toml");
    assert!(shown.len() >= 2, "the documents show policies");
    shown.iter().for_each(|text| opinion.accepts(text));
    opinion.accepts("policy = 1\n");
    for text in [
        "",
        "policy = 2\n",
        "policy = 1\n[allow]\nplugin = [\"org\"]\n",
        "policy = 1\n[allow]\nrequire = \"sigend\"\n",
        "policy = 1\n[plugins.Org]\nenabled = false\n",
        "policy = 1\n[tokens.platform]\nreason = \"no\"\n",
    ] {
        opinion.refuses(text);
    }
}
