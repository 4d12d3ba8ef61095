//! What the files demand of a plugin. Demands are intersected, never overridden.

use semver::{Comparator, Op, Version, VersionReq};
use toml::de::DeValue;

use super::Layer;
use crate::error::{Code, Error, Result};

/// A value and the line that sets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule<T> {
    /// The value.
    pub value: T,
    /// `FILE:LINE`
    pub place: String,
}

/// What `[plugins.NAME]` may say.
pub const PLUGIN_KEYS: &[&str] = &["version", "sha256", "enabled", "source"];

/// All demands on one plugin.
#[derive(Debug, Clone, Default)]
pub struct Pins {
    /// Requirements on its version: all must hold.
    pub versions: Vec<Rule<VersionReq>>,
    /// SHA-256 of its library for this target, lower-case hex: all must be the same.
    pub digests: Vec<Rule<String>>,
    /// Set where it is switched off.
    pub disabled: Option<String>,
    /// Set where `plugins.lock` names it; then version and digest are among those above.
    pub locked: Option<String>,
}

impl Pins {
    /// What these files demand of a plugin.
    ///
    /// # Errors
    /// `Config`: a demand that makes no sense, with file and line.
    pub fn of<'a>(plugin: &str, layers: impl IntoIterator<Item = &'a Layer>) -> Result<Self> {
        let mut pins = Self::default();
        for layer in layers {
            pins.versions.extend(version(layer, plugin)?);
            pins.digests.extend(digest(layer, plugin)?);
            if let Some(enabled) = layer.text(&["plugins", plugin, "enabled"]) {
                match enabled.value.as_str() {
                    "true" => {}
                    "false" => pins.disabled = Some(enabled.place),
                    other => {
                        return Err(wrong(&enabled.place, &format!("enabled is true or false, not {other}")));
                    }
                }
            }
        }
        Ok(pins)
    }

    /// `true` when nothing is demanded.
    pub fn is_empty(&self) -> bool {
        self.versions.is_empty() && self.digests.is_empty() && self.disabled.is_none()
    }

    /// Whether a version meets all requirements. Without any, a pre-release does not: it has to be named.
    pub fn accepts(&self, version: &Version) -> bool {
        if self.versions.is_empty() {
            return VersionReq::STAR.matches(version);
        }
        self.versions.iter().all(|rule| rule.value.matches(version))
    }

    /// All places that demand something, for errors: `version =1.2.0 (FILE:LINE)`.
    pub fn describe(&self) -> Vec<String> {
        let versions = self.versions.iter().map(|rule| format!("version {} ({})", rule.value, rule.place));
        let digests =
            self.digests.iter().map(|rule| format!("sha256 {} ({})", short(&rule.value), rule.place));
        versions.chain(digests).collect()
    }
}

fn version(layer: &Layer, plugin: &str) -> Result<Option<Rule<VersionReq>>> {
    let Some(rule) = layer.text(&["plugins", plugin, "version"]) else {
        return Ok(None);
    };
    let value = VersionReq::parse(&rule.value).map_err(|error| {
        wrong(&rule.place, &format!("`{}` is no version requirement: {error}", rule.value))
    })?;
    Ok(Some(Rule { value, place: rule.place }))
}

/// A digest for this platform, or a table of them by target.
fn digest(layer: &Layer, plugin: &str) -> Result<Option<Rule<String>>> {
    let Some(value) = layer.find(&["plugins", plugin, "sha256"]) else {
        return Ok(None);
    };
    let rule = match value.get_ref() {
        DeValue::Table(_) => layer.text(&["plugins", plugin, "sha256", crate::TARGET]),
        _ => layer.text(&["plugins", plugin, "sha256"]),
    };
    let Some(mut rule) = rule else { return Ok(None) };
    rule.value.make_ascii_lowercase();
    if rule.value.len() == 64 && rule.value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(Some(rule))
    } else {
        Err(wrong(&rule.place, "sha256 is 64 hexadecimal digits"))
    }
}

fn wrong(place: &str, what: &str) -> Error {
    Error::new(Code::Config, format!("{place} is wrong")).because(what)
}

/// This version and no other.
pub fn exactly(version: &Version) -> VersionReq {
    VersionReq {
        comparators: vec![Comparator {
            op: Op::Exact,
            major: version.major,
            minor: Some(version.minor),
            patch: Some(version.patch),
            pre: version.pre.clone(),
        }],
    }
}

fn short(digest: &str) -> String {
    match digest.get(..12) {
        Some(begin) => format!("{begin}…"),
        None => digest.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn pins(files: &[&str]) -> Result<Pins> {
        let layers: Vec<Layer> = files
            .iter()
            .enumerate()
            .map(|(i, text)| Layer::parse(Path::new(&format!("{i}.toml")), (*text).to_owned()).unwrap())
            .collect();
        Pins::of("org", &layers)
    }

    #[test]
    fn requirements_are_intersected() {
        let pins =
            pins(&["[plugins.org]\nversion = \">=1.2\"", "[plugins.org]\nversion = \"<1.4\""]).unwrap();
        let accepted = |text| pins.accepts(&Version::parse(text).unwrap());
        assert!(accepted("1.3.0"));
        assert!(!accepted("1.4.0") && !accepted("1.1.9"));
        assert_eq!(pins.describe(), ["version >=1.2 (0.toml:2)", "version <1.4 (1.toml:2)"]);
    }

    #[test]
    fn a_pre_release_has_to_be_named() {
        let beta = Version::parse("2.0.0-beta.1").unwrap();
        assert!(!pins(&[]).unwrap().accepts(&beta));
        assert!(pins(&["[plugins.org]\nversion = \"=2.0.0-beta.1\""]).unwrap().accepts(&beta));
    }

    #[test]
    fn nonsense_is_named_with_its_line() {
        for text in ["version = \"one\"", "sha256 = \"12\"", "enabled = \"no\""] {
            let error = pins(&[&format!("[plugins.org]\n{text}")]).unwrap_err();
            assert!(error.message.starts_with("0.toml:2 "), "{error}");
        }
    }
}
