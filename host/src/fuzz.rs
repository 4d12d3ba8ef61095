//! The readers of untrusted bytes, each with what it promises whatever it reads: for `cargo xtask fuzz` and for nobody
//! else. Nothing of it is in the programs. Each answers whether it took the bytes.
#![allow(clippy::expect_used, reason = "a broken promise has to stop the run")]

use std::fs;
use std::path::Path;

use crate::config::{Config, lock};
use crate::discovery::Origin;
use crate::discovery::manifest::Manifest;
use crate::plugin_store::archive::{self, Limits};
use crate::plugin_store::index::Index;
use crate::plugin_store::receipt::Receipt;
use crate::plugin_store::signature::{self, PublicKey};
use crate::policy::{Policy, Subject};
use crate::sign_in::grants::Grants;

/// `plugin.toml`. What was read and is written again reads the same, and names files beside it only.
///
/// # Panics
/// It does not.
pub fn manifest(bytes: &[u8]) -> bool {
    let Some(manifest) = text(bytes).and_then(|text| Manifest::parse(text).ok()) else { return false };
    let again = toml::to_string(&manifest).expect("what was read can be written");
    assert_eq!(Manifest::parse(&again).as_ref(), Ok(&manifest));
    let files = manifest.artifact.values().map(|artifact| &artifact.file).chain([&manifest.cli.file]);
    for file in files {
        let beside = Path::new("dir").join(file);
        let name = beside.file_name().and_then(|name| name.to_str());
        assert!(name == Some(file) && beside.parent() == Some(Path::new("dir")), "{file:?} lies elsewhere");
    }
    true
}

/// `config.toml`: settings, pins, owners of commands and providers, indexes.
pub fn config(bytes: &[u8]) -> bool {
    let Some(config) = text(bytes).and_then(|text| Config::of_text(text).ok()) else { return false };
    for name in config.plugin_names() {
        let _pins = config.pins(&name);
        let _source = config.plugin_source(&name);
    }
    for word in config.names_in("commands") {
        let _owner = config.command_owner(&word);
    }
    let _setting = config.setting("backend_url");
    let _provider = config.service_provider("token-provider");
    let _indexes = config.indexes();
    true
}

/// `policy.toml`. Every rule has its place in the file, and what one of them refuses has an error that names it.
///
/// # Panics
/// One has not.
pub fn policy(bytes: &[u8]) -> bool {
    let path = Path::new("policy.toml");
    let Some(text) = text(bytes) else { return false };
    let Ok(policy) = Policy::parse(path, text.to_owned()) else { return false };
    let _indexes: Vec<_> = policy.indexes().collect();
    let _told = ["approval.deny", "approval.ask"].map(|key| policy.section(key));
    let nobody = || Err("nobody signed it".to_owned());
    for origin in [Origin::Linked, Origin::Bundled, Origin::User] {
        for source in [None, Some("https://plugins.acme.example.evil/a"), Some("/srv/plugins/../a")] {
            let source = source.map(str::to_owned);
            let subject =
                Subject { name: "hello", label: "hello 1.0.0".to_owned(), origin, source, signer: &nobody };
            let mut findings = policy.judge_name("hello");
            findings.extend(policy.judge(&subject));
            for finding in &findings {
                let line = finding.place.strip_prefix("policy.toml:").and_then(|line| line.parse().ok());
                let is_there = line.is_some_and(|line| (1..=text.lines().count()).contains(&line));
                assert!(is_there && finding.is_policy, "{finding:?}");
            }
            let is_refused = findings.iter().any(|finding| !finding.is_met);
            assert_eq!(policy.refusal(&subject).is_some(), is_refused, "{findings:?}");
        }
    }
    true
}

/// `plugins.lock`. What was read and is written again reads the same.
///
/// # Panics
/// It does not.
pub fn lock(bytes: &[u8]) -> bool {
    let path = Path::new("plugins.lock");
    let Some(lock) = text(bytes).and_then(|text| lock::Lock::parse(path, text).ok()) else { return false };
    let plugins = |lock: &lock::Lock| {
        let mut plugins: Vec<_> = lock.plugins().iter().map(|rule| rule.value.clone()).collect();
        plugins.sort_by(|a, b| a.name.cmp(&b.name));
        plugins
    };
    let again = lock::text(plugins(&lock)).expect("what was read can be written");
    let again = lock::Lock::parse(path, &again).expect("what was written can be read");
    assert_eq!(plugins(&again), plugins(&lock));
    true
}

/// `index.json`. What was read and is written again reads the same.
///
/// # Panics
/// It does not.
pub fn index(bytes: &[u8]) -> bool {
    let Ok(index) = Index::parse(bytes) else { return false };
    let again = serde_json::to_vec(&index).expect("what was read can be written");
    assert_eq!(Index::parse(&again), Ok(index));
    true
}

/// `receipt.toml`. What was read and is written again reads the same.
///
/// # Panics
/// It does not.
pub fn receipt(bytes: &[u8]) -> bool {
    let Some(receipt) = text(bytes).and_then(Receipt::parse) else { return false };
    let again = toml::to_string(&receipt).expect("what was read can be written");
    assert_eq!(Receipt::parse(&again), Some(receipt));
    true
}

/// `grants.toml`
pub fn grants(bytes: &[u8]) -> bool {
    text(bytes).is_some_and(|text| Grants::parse(Path::new("grants.toml"), text).is_ok())
}

/// A `.minisig` file or a public key. No signature counts for a text that nobody signed.
///
/// # Panics
/// One does.
pub fn signature(bytes: &[u8]) -> bool {
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    let Some(text) = text(bytes) else { return false };
    let key = PublicKey::parse(KEY).expect("it is a key");
    let verified = signature::verify(b"signed by nobody", text, &[key]);
    assert!(verified.is_err(), "{verified:?}");
    PublicKey::parse(text).is_ok()
}

/// A package archive. Whatever it holds, only plain files come of it, within the limits and at the top.
///
/// # Panics
/// Something else does, or there is no directory for it.
pub fn archive(bytes: &[u8]) -> bool {
    const LIMITS: Limits = Limits { packed: 1 << 16, unpacked: 1 << 16, files: 4 };
    let outside = tempfile::tempdir().expect("a directory");
    let into = outside.path().join("into");
    fs::create_dir(&into).expect("a directory");
    let outcome = archive::unpack(bytes, &into, LIMITS);
    let there = |dir: &Path| fs::read_dir(dir).expect("it is still there").flatten().collect::<Vec<_>>();
    assert_eq!(there(outside.path()).len(), 1, "something lies outside");
    let files = there(&into);
    assert!(files.len() <= LIMITS.files);
    let size = |file: &fs::DirEntry| {
        let metadata = file.metadata().expect("it can be looked at");
        assert!(metadata.is_file(), "{} is no file", file.path().display());
        metadata.len()
    };
    assert!(files.iter().map(size).sum::<u64>() <= LIMITS.unpacked);
    outcome.is_ok()
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}
