//! The published schemas accept what the product writes and the documents show, and refuse what it would not understand.

use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use seqera_tests::stage;
use serde_json::Value;

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

#[test]
fn a_configuration() {
    let schema = schema("config");
    let shown = shown("config.toml");
    assert!(shown.len() >= 2, "the documents show configurations");
    shown.iter().for_each(|text| accepts(&schema, text));
    accepts(&schema, "");
    let digest = "9F".repeat(32);
    for text in [
        "[plugins.org]\nversion = \"=1.2.0\"\nenabled = true\nsource = \"https://plugins.acme.example/\"\n",
        &format!("[plugins.org]\nsha256 = \"{digest}\"\n"),
        &format!("[plugins.org.sha256]\naarch64-apple-darwin = \"{digest}\"\n"),
        "[commands]\nrun = \"pipelines\"\n[services]\ntoken-provider = \"auth\"\n[indexes]\nacme = \"/srv/x\"\n",
        "ai_read_max_lines = 10\nbrowser_auto_open = false\n",
    ] {
        accepts(&schema, text);
    }
    for text in [
        "backend-url = \"https://a.example\"\n",
        "approval_mode = \"all\"\n",
        "auth_redirect_port = \"many\"\n",
        "[plugins.org]\nverison = \"=1.2.0\"\n",
        "[plugins.org]\nsha256 = \"12\"\n",
        "[plugins.Org]\nenabled = true\n",
        "[commands]\nrun = [\"a\", \"b\"]\n",
    ] {
        refuses(&schema, text);
    }
}

#[test]
fn a_manifest() {
    let schema = schema("manifest");
    let mut manifests = find(&stage::installation().join("lib"), "plugin.toml");
    manifests.extend(find(stage::fixtures(), "plugin.toml"));
    assert!(manifests.len() > 10, "{manifests:?}");
    for path in &manifests {
        accepts(&schema, &fs::read_to_string(path).unwrap());
    }
    let good = fs::read_to_string(&manifests[0]).unwrap();
    accepts(&schema, &format!("{good}\n[of-the-future]\nx = 1\n"));
    let digest = good.split('"').find(|part| part.len() == 64).unwrap();
    for (from, to) in [
        ("manifest = 1", "manifest = 2"),
        (digest, "12"),
        ("file = \"cli.json\"", "file = \"../cli.json\""),
        ("abi = \"1", "abi = \"one"),
    ] {
        assert!(good.contains(from), "{from}");
        refuses(&schema, &good.replace(from, to));
    }
}

#[test]
fn a_policy() {
    let schema = schema("policy");
    let shown = shown("policy.toml");
    assert!(shown.len() >= 2, "the documents show policies");
    shown.iter().for_each(|text| accepts(&schema, text));
    accepts(&schema, "policy = 1\n");
    for text in [
        "",
        "policy = 2\n",
        "policy = 1\n[allow]\nplugin = [\"org\"]\n",
        "policy = 1\n[allow]\nrequire = \"sigend\"\n",
        "policy = 1\n[plugins.Org]\nenabled = false\n",
        "policy = 1\n[tokens.platform]\nreason = \"no\"\n",
    ] {
        refuses(&schema, text);
    }
}
