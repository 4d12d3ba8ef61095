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
            if let Some(enabled) = text(layer, plugin, "enabled")? {
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

    /// Whether a version, and a library, could meet all demands.
    ///
    /// The lowest version that does, if any does, is 0.0.0, one that a demand names, or the next one behind that.
    pub fn can_be_met(&self) -> bool {
        let digests =
            self.digests.iter().all(|rule| Some(&rule.value) == self.digests.first().map(|rule| &rule.value));
        let named = self.versions.iter().flat_map(|rule| &rule.value.comparators);
        let behind = named.flat_map(|named| {
            let (major, minor, patch) = (named.major, named.minor.unwrap_or(0), named.patch.unwrap_or(0));
            let own = Version { pre: named.pre.clone(), ..Version::new(major, minor, patch) };
            let next = [
                (major, minor, patch),
                (major, minor, patch.saturating_add(1)),
                (major, minor.saturating_add(1), 0),
                (major.saturating_add(1), 0, 0),
            ];
            next.map(|(major, minor, patch)| Version::new(major, minor, patch)).into_iter().chain([own])
        });
        let meets_all = |version: &Version| self.versions.iter().all(|rule| rule.value.matches(version));
        digests && behind.chain([Version::new(0, 0, 0)]).any(|version| meets_all(&version))
    }

    /// All places that demand something, for errors: `version =1.2.0 (FILE:LINE)`.
    pub fn describe(&self) -> Vec<String> {
        let versions = self.versions.iter().map(|rule| format!("version {} ({})", rule.value, rule.place));
        let digests =
            self.digests.iter().map(|rule| format!("sha256 {} ({})", short(&rule.value), rule.place));
        versions.chain(digests).collect()
    }
}

/// What a file says about a plugin, as text. A list, or a table, is no demand that anybody could meet, and not one to
/// overlook.
fn text(layer: &Layer, plugin: &str, key: &str) -> Result<Option<Rule<String>>> {
    let keys = ["plugins", plugin, key];
    match (layer.text(&keys), layer.find(&keys)) {
        (None, Some(value)) => Err(wrong(&layer.place(&value.span()), &format!("{key} is one value"))),
        (rule, _) => Ok(rule),
    }
}

fn version(layer: &Layer, plugin: &str) -> Result<Option<Rule<VersionReq>>> {
    let Some(rule) = text(layer, plugin, "version")? else {
        return Ok(None);
    };
    let value = requirement(&rule.value).map_err(|problem| {
        wrong(&rule.place, &format!("`{}` is no version requirement: {problem}", rule.value))
    })?;
    Ok(Some(Rule { value, place: rule.place }))
}

/// A digest for this platform, or a table of them by target.
fn digest(layer: &Layer, plugin: &str) -> Result<Option<Rule<String>>> {
    let Some(value) = layer.find(&["plugins", plugin, "sha256"]) else {
        return Ok(None);
    };
    let DeValue::Table(targets) = value.get_ref() else {
        let rule = text(layer, plugin, "sha256")?;
        return rule.map(hexadecimal).transpose();
    };
    let mut own = None;
    for (target, value) in targets {
        let place = layer.place(&value.span());
        let value = value.get_ref().as_str().ok_or_else(|| wrong(&place, NO_DIGEST))?;
        let rule = hexadecimal(Rule { value: value.to_owned(), place })?;
        if target.get_ref() == crate::TARGET {
            own = Some(rule);
        }
    }
    Ok(own)
}

const NO_DIGEST: &str = "sha256 is 64 hexadecimal digits";

fn hexadecimal(mut rule: Rule<String>) -> Result<Rule<String>> {
    rule.value.make_ascii_lowercase();
    let is_one = rule.value.len() == 64 && rule.value.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_one { Ok(rule) } else { Err(wrong(&rule.place, NO_DIGEST)) }
}

fn wrong(place: &str, what: &str) -> Error {
    Error::new(Code::Config, format!("{place} is wrong")).because(what)
}

/// Reads a requirement on a version. To semver `x` is any version, and here it is somebody's mistake.
///
/// # Errors
/// Why it is none.
pub fn requirement(text: &str) -> Result<VersionReq, String> {
    let requirement = VersionReq::parse(text).map_err(|error| error.to_string())?;
    if requirement == VersionReq::STAR && text.trim() != "*" {
        return Err("any version is written *".to_owned());
    }
    Ok(requirement)
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
    fn demands_that_contradict_each_other_are_known() {
        let can_be_met = |one: &str, other: &str| {
            let file = |version: &str| format!("[plugins.org]\nversion = \"{version}\"");
            pins(&[&file(one), &file(other)]).unwrap().can_be_met()
        };
        for (one, other) in [
            (">=0.3, <0.4", "=0.3.5"),
            (">1.2", "<2"),
            (">1", "<3"),
            ("^1.2", ">1.2.3"),
            ("<1", "*"),
            ("~1.2.3", ">=1.2.9"),
            (">=1.0.0-rc.1", "=1.0.0-rc.1"),
            ("<=0", "<1"),
        ] {
            assert!(can_be_met(one, other) && can_be_met(other, one), "{one} {other}");
        }
        for (one, other) in
            [(">=0.3, <0.4", "=0.4.0"), ("=1.0.0", "=1.0.1"), ("^1", "^2"), (">1.2", "<1.3"), (">1", "<2")]
        {
            assert!(!can_be_met(one, other) && !can_be_met(other, one), "{one} {other}");
        }
        let digest = |digit: &str| format!("[plugins.org]\nsha256 = \"{}\"", digit.repeat(64));
        assert!(!pins(&[&digest("a"), &digest("b")]).unwrap().can_be_met());
        assert!(pins(&[&digest("a"), &digest("a")]).unwrap().can_be_met() && pins(&[]).unwrap().can_be_met());
    }

    #[test]
    fn a_pre_release_has_to_be_named() {
        let beta = Version::parse("2.0.0-beta.1").unwrap();
        assert!(!pins(&[]).unwrap().accepts(&beta));
        assert!(pins(&["[plugins.org]\nversion = \"=2.0.0-beta.1\""]).unwrap().accepts(&beta));
    }

    #[test]
    fn nonsense_is_named_with_its_line() {
        for text in [
            "version = \"one\"",
            "version = \"x\"",
            "version = [\"1\"]",
            "sha256 = \"12\"",
            "sha256 = [\"12\"]",
            "sha256.some-target = \"12\"",
            "sha256.some-target = 12",
            "enabled = \"no\"",
            "enabled = [false]",
        ] {
            let error = pins(&[&format!("[plugins.org]\n{text}")]).unwrap_err();
            assert!(error.message.starts_with("0.toml:2 "), "{error}");
        }
    }
}
