//! The files of settings.

use super::{Finding, values};
use crate::audit;
use crate::config::{Config, PLUGIN_KEYS, Paths, SETTINGS, TABLES};
use crate::error::{Code, Error};

/// The configuration, when it can be read, and what is to be said about it.
pub(super) fn look(paths: &Paths) -> (Option<Config>, Vec<Finding>) {
    let config = match Config::read(paths) {
        Ok(config) => config,
        Err(error) => return (None, vec![Finding::problem("config", &error)]),
    };
    let mut findings = Vec::new();
    for layer in config.files() {
        let shown = layer.path().display().to_string();
        if may_others_write(layer.path()) {
            let error =
                Error::new(Code::Denied, "every user may write to it").hint(format!("chmod o-w {shown}"));
            findings.push(Finding::problem(format!("config {shown}"), &error));
        }
        for rule in layer.keys() {
            let is_known =
                SETTINGS.iter().any(|known| known.key == rule.value) || TABLES.contains(&rule.value.as_str());
            if !is_known {
                let near =
                    SETTINGS.iter().map(|known| (strsim::jaro_winkler(known.key, &rule.value), known.key));
                let near = near.filter(|(likeness, _)| *likeness > 0.85).max_by(|a, b| a.0.total_cmp(&b.0));
                let hint = near.map(|(_, key)| format!("is `{key}` meant?"));
                let text = format!("`{}` is no setting of seqera ({})", rule.value, rule.place);
                findings.push(Finding { hint, ..Finding::warning("config", text) });
            }
        }
        findings.extend(values::look(layer));
        findings.push(Finding::ok("config", format!("{shown} was read")));
    }
    for name in config.plugin_names() {
        let keys = config.files().iter().flat_map(|layer| layer.keys_in("plugins", &name));
        // A pin with a slip of the pen pins nothing.
        for rule in keys.filter(|rule| !PLUGIN_KEYS.contains(&rule.value.as_str())) {
            let text =
                format!("[plugins.{name}] says `{}`, which means nothing ({})", rule.value, rule.place);
            let hint = Some(format!("it may say {}", PLUGIN_KEYS.join(", ")));
            findings.push(Finding { hint, ..Finding::warning("config", text) });
        }
        if let Err(error) = config.pins(&name) {
            findings.push(Finding::problem("config", &error));
        }
    }
    match config.lock() {
        Err(error) => findings.push(Finding::problem("lock", &error)),
        Ok(Some(lock)) => {
            findings.push(Finding::ok(
                "lock",
                format!("plugins.lock was read; it names {}", lock.plugins().len()),
            ));
        }
        Ok(None) => {}
    }
    match config.policy() {
        Err(error) => findings.push(Finding::problem("policy", &error)),
        Ok(Some(policy)) => {
            findings.push(Finding::ok("policy", format!("{} was read", policy.layer().path().display())));
            findings.extend(policy.unfounded_sources().map(|place| {
                let text = format!("`sources` believes what users can write, without `require` ({place})");
                let hint = Some("add require = \"signed\" and keys".to_owned());
                Finding { hint, ..Finding::warning("policy", text) }
            }));
        }
        Ok(None) => {}
    }
    if config.files().is_empty() {
        findings.push(Finding::ok("config", "there is no file; everything is as it comes"));
    }
    findings.extend(audit::place(paths).map(|place| match place {
        Ok(path) => Finding::ok("audit", format!("what plugins got is written to {}", path.display())),
        Err((path, error)) => {
            Finding::warning("audit", format!("{} cannot be written: {error}", path.display()))
        }
    }));
    (Some(config), findings)
}

#[cfg(unix)]
fn may_others_write(path: &std::path::Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    const OTHERS_MAY_WRITE: u32 = 0o002;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & OTHERS_MAY_WRITE != 0)
}

#[cfg(not(unix))]
fn may_others_write(_path: &std::path::Path) -> bool {
    false
}
