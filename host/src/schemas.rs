//! The published schemas say what the code says: the same keys, the same defaults, the same that is required.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use semver::Version;
use seqera_plugin_abi::description::{Capabilities, Requirement};
use serde_json::{Value, json};

use crate::config::{self, CHOICES, Lock, Locked, PLUGIN_KEYS, SETTINGS, TABLES};
use crate::discovery::manifest::{Artifact, Compatibility, File, Identity, Manifest, Word};
use crate::policy::Policy;

fn schema(name: &str) -> Value {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let path = repository.join(format!("docs/schemas/{name}.schema.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Every key of a value that has all of them is in the schema, and the other way.
#[track_caller]
fn same_keys(value: &Value, schema: &Value, place: &str) {
    match value {
        Value::Object(fields) => {
            let each = |key: &str| match schema.get("properties") {
                Some(properties) => properties[key].clone(),
                None => schema["additionalProperties"].clone(),
            };
            if let Some(properties) = schema.get("properties") {
                assert_eq!(keys(value), keys(properties), "{place}");
            }
            for (key, inner) in fields {
                same_keys(inner, &each(key), &format!("{place}.{key}"));
            }
        }
        Value::Array(items) => {
            let item = items.first().unwrap_or_else(|| panic!("{place} is empty"));
            same_keys(item, &schema["items"], &format!("{place}[]"));
        }
        _ => {}
    }
}

/// Takes one key away after the other: what the schema requires, `parse` misses, and nothing else.
fn same_required(whole: &Value, schema: &Value, parse: &dyn Fn(&Value) -> bool) {
    fn walk(whole: &Value, pointer: &str, schema: &Value, parse: &dyn Fn(&Value) -> bool) {
        let value = whole.pointer(pointer).unwrap();
        let Some(fields) = value.as_object() else {
            if value.is_array() {
                walk(whole, &format!("{pointer}/0"), &schema["items"], parse);
            }
            return;
        };
        for key in fields.keys() {
            let inside = match schema.get("properties") {
                Some(properties) => {
                    let required = schema["required"].as_array().cloned().unwrap_or_default();
                    let mut less = whole.clone();
                    less.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(key);
                    let is_required = required.contains(&json!(key));
                    assert_eq!(!parse(&less), is_required, "{pointer}/{key}");
                    &properties[key]
                }
                None => &schema["additionalProperties"],
            };
            walk(whole, &format!("{pointer}/{}", key.replace('/', "~1")), inside, parse);
        }
    }
    assert!(parse(whole));
    walk(whole, "", schema, parse);
}

#[test]
fn the_configuration() {
    let schema = schema("config");
    let properties = &schema["properties"];
    let known: BTreeSet<&str> =
        SETTINGS.iter().map(|known| known.key).chain(TABLES.iter().copied()).collect();
    assert_eq!(keys(properties), known);
    for known in SETTINGS {
        let said = &properties[known.key];
        let default = match &said["default"] {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        assert_eq!(default.as_deref(), known.default, "{}", known.key);
        let kind = match known.default {
            Some("true" | "false") => "boolean",
            Some(number) if number.parse::<u32>().is_ok() => "integer",
            _ => "string",
        };
        assert_eq!(said["type"], kind, "{}", known.key);
        let choices = CHOICES.iter().find(|(key, _)| *key == known.key).map(|(_, choices)| json!(choices));
        assert_eq!(said.get("enum"), choices.as_ref(), "{}", known.key);
        assert!(said["description"].as_str().is_some_and(|text| text.ends_with('.')), "{}", known.key);
    }
    let plugin = &properties["plugins"]["additionalProperties"];
    assert_eq!(keys(&plugin["properties"]), PLUGIN_KEYS.iter().copied().collect());
    assert_eq!(
        (&schema["additionalProperties"], &plugin["additionalProperties"]),
        (&json!(false), &json!(false))
    );
}

#[test]
fn the_manifest() {
    let file = File { file: "cli.json".to_owned(), sha256: "c".repeat(64) };
    let artifact = Artifact {
        file: "liborg.so".to_owned(),
        sha256: "a".repeat(64),
        size: 1,
        glibc: Some("2.34".to_owned()),
    };
    let manifest = Manifest {
        manifest: 1,
        plugin: Identity {
            name: "runs".to_owned(),
            version: Version::new(1, 2, 0),
            about: "About".to_owned(),
            publisher: "somebody".to_owned(),
        },
        compat: Compatibility { abi: Version::new(1, 0, 0) },
        artifact: BTreeMap::from([("x86_64-unknown-linux-gnu".to_owned(), artifact)]),
        commands: vec![Word {
            name: "runs".to_owned(),
            about: "About".to_owned(),
            aliases: vec!["organization".to_owned()],
        }],
        cli: file,
        requires: BTreeMap::from([("http".to_owned(), Requirement { major: 1, optional: true })]),
        provides: BTreeMap::from([("organization".to_owned(), 1)]),
        capabilities: Capabilities {
            audiences: vec!["platform".to_owned()],
            hosts: vec!["a.example".to_owned()],
        },
    };
    let (whole, schema) = (serde_json::to_value(&manifest).unwrap(), schema("manifest"));
    same_keys(&whole, &schema, "manifest");
    let parse = |value: &Value| {
        let text = toml::to_string(value).unwrap();
        Manifest::parse(&text).is_ok()
    };
    same_required(&whole, &schema, &parse);
}

#[test]
fn the_lock() {
    let locked = Locked {
        name: "runs".to_owned(),
        version: Version::new(1, 2, 0),
        source: "index:acme".to_owned(),
        manifest_sha256: "a".repeat(64),
        signer: Some("E7620F1842B4E81F".to_owned()),
        abi: Version::new(1, 0, 0),
        sha256: BTreeMap::from([("x86_64-unknown-linux-gnu".to_owned(), "b".repeat(64))]),
    };
    let text = config::lock::text(vec![locked]).unwrap();
    let whole: Value = toml::from_str(&text).unwrap();
    let schema = schema("lock");
    same_keys(&whole, &schema, "lock");
    let parse =
        |value: &Value| Lock::parse(Path::new("plugins.lock"), &toml::to_string(value).unwrap()).is_ok();
    same_required(&whole, &schema, &|value| parse(value));
}

/// A key that the schema has is understood, and one that it has not is refused: `policy` is required, and so are the
/// plugins of an audience.
#[test]
fn the_policy() {
    let digest = "a".repeat(64);
    let whole = json!({
        "policy": 1,
        "contact": "it@acme.example",
        "allow": {
            "plugins": ["runs"], "require": "signed",
            "keys": ["RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"],
            "sources": ["index:acme"], "links": false, "plugins_dir": false, "hosts": ["a.example"],
            "verify": "always", "reason": "reviewed ones only",
        },
        "plugins": { "runs": {
            "version": "=1.2.0", "sha256": { "x86_64-unknown-linux-gnu": digest }, "enabled": true,
            "source": "index:acme", "reason": "1.3 is under review",
        } },
        "indexes": { "acme": "/srv/plugins" },
        "services": { "token-provider": "tokens" },
        "tokens": { "platform": { "plugins": ["runs"], "reason": "nobody else" } },
        "approval": { "deny": ["curl *"], "ask": ["ls *"] },
    });
    let schema = schema("policy");
    let mut described = schema.clone();
    // Not every table of digests, the one that is shown here.
    described["properties"]["plugins"]["additionalProperties"]["properties"]["sha256"] =
        json!({ "additionalProperties": {} });
    same_keys(&whole, &described, "policy");
    let parse =
        |value: &Value| Policy::parse(Path::new("policy.toml"), toml::to_string(value).unwrap()).is_ok();
    assert!(parse(&whole));
    let mut without_index = whole.clone();
    without_index["allow"]["sources"] = json!(["/srv/plugins"]);
    same_required(&without_index, &described, &parse);
    for table in ["/allow", "/plugins/runs", "/tokens/platform", "/approval", ""] {
        let mut more = whole.clone();
        more.pointer_mut(table).unwrap().as_object_mut().unwrap().insert("keyz".to_owned(), json!("a"));
        assert!(!parse(&more), "{table}");
    }
}
