//! `plugins.lock`: exactly which plugins are meant, on every platform. Written by `seqera plugin lock`, `sync`,
//! `install`, `upgrade` and `remove`, and met whenever a plugin is chosen.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use semver::Version;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::pins::exactly;
use super::{Paths, Pins, Rule, line_of, place};
use crate::discovery::manifest::is_plugin_name;
use crate::error::{Code, Error, Result};

/// Its name, in the directory of settings.
const LOCK_FILE: &str = "plugins.lock";
/// The version of the format.
const FORMAT: u32 = 1;
const HEADING: &str =
    "# Exactly which plugins are meant. Written by `seqera plugin lock`, followed by `seqera plugin sync`.\n";

/// One plugin of the lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// `path:/…`, `https://…`, `index:NAME`
    pub source: String,
    /// SHA-256 of `plugin.toml`, lower-case hex: the same on every platform.
    pub manifest_sha256: String,
    /// Id of the key that signed it; it has to be signed with this key from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// The ABI version that it was compiled against.
    pub abi: Version,
    /// SHA-256 of its library by target triple, lower-case hex.
    pub sha256: BTreeMap<String, String>,
}

impl Locked {
    /// `hello 0.3.0`
    pub fn label(&self) -> String {
        format!("{} {}", self.name, self.version)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "lock")]
    _format: u32,
    #[serde(default, rename = "plugin")]
    plugins: Vec<Spanned<Locked>>,
}

#[derive(Serialize)]
struct Written<'a> {
    lock: u32,
    #[serde(rename = "plugin")]
    plugins: &'a [Locked],
}

/// The lock, as it was read.
#[derive(Debug, Clone)]
pub struct Lock {
    plugins: Vec<Rule<Locked>>,
}

impl Lock {
    /// Where it lies, or would lie.
    ///
    /// # Errors
    /// `Config`: there is no directory for settings.
    pub fn path_in(paths: &Paths) -> Result<PathBuf> {
        paths.config.as_ref().map(|dir| dir.join(LOCK_FILE)).ok_or_else(|| {
            Error::new(Code::Config, "there is no directory for settings")
                .hint("Set HOME, or SEQERA_CONFIG_DIR.")
        })
    }

    /// Reads the lock; `None` when there is none.
    pub(super) fn read(paths: &Paths) -> Option<Result<Self>> {
        let path = paths.config.as_ref()?.join(LOCK_FILE);
        match fs::read_to_string(&path) {
            Ok(text) => Some(Self::parse(&path, &text)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
            Err(error) => {
                Some(Err(Error::new(Code::Config, format!("cannot read {}", path.display())).because(error)))
            }
        }
    }

    /// Reads the text of a lock.
    ///
    /// # Errors
    /// `Config`, with the line of what is wrong.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let wrong = |byte: usize, problem: &str| {
            Error::new(Code::Config, format!("{} is wrong", place(path, line_of(text, byte))))
                .because(problem.lines().next().unwrap_or_default())
                .hint("Get the file from where you keep it, or remove it and say: seqera plugin lock")
        };
        #[derive(Deserialize)]
        struct Format {
            lock: Spanned<u32>,
        }
        let of_toml =
            |error: &toml::de::Error| wrong(error.span().map_or(0, |span| span.start), error.message());
        let format: Format = toml::from_str(text).map_err(|error| of_toml(&error))?;
        if *format.lock.get_ref() > FORMAT {
            let problem = format!("it has format {}: a newer seqera is needed", format.lock.get_ref());
            return Err(wrong(format.lock.span().start, &problem));
        }
        if *format.lock.get_ref() == 0 {
            return Err(wrong(format.lock.span().start, "there is no format 0"));
        }
        let document: Document = toml::from_str(text).map_err(|error| of_toml(&error))?;
        let mut plugins: Vec<Rule<Locked>> = Vec::new();
        for spanned in document.plugins {
            let start = spanned.span().start;
            let locked = spanned.into_inner();
            check(&locked).map_err(|problem| wrong(start, &problem))?;
            if plugins.iter().any(|other| other.value.name == locked.name) {
                return Err(wrong(start, &format!("{} is there twice", locked.name)));
            }
            plugins.push(Rule { value: locked, place: place(path, line_of(text, start)) });
        }
        Ok(Self { plugins })
    }

    /// All of it, each with its line.
    pub fn plugins(&self) -> &[Rule<Locked>] {
        &self.plugins
    }

    /// What it says of one plugin.
    pub fn of(&self, plugin: &str) -> Option<&Rule<Locked>> {
        self.plugins.iter().find(|rule| rule.value.name == plugin)
    }

    /// Adds what it demands of a plugin.
    pub(super) fn demand(&self, plugin: &str, pins: &mut Pins) {
        /// In the place of a digest: no library for this platform was there when it was locked.
        const NONE: &str = "none here";
        let Some(Rule { value: locked, place }) = self.of(plugin) else { return };
        let sha256 = locked.sha256.get(crate::TARGET).map_or(NONE, String::as_str);
        pins.versions.push(Rule { value: exactly(&locked.version), place: place.clone() });
        pins.digests.push(Rule { value: sha256.to_owned(), place: place.clone() });
        pins.locked = Some(place.clone());
    }
}

fn check(locked: &Locked) -> Result<(), String> {
    if !is_plugin_name(&locked.name) {
        return Err(format!("`{}` is not a name for a plugin", locked.name));
    }
    let is_id =
        |id: &String| id.len() == 16 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
    if let Some(signer) = locked.signer.as_ref().filter(|signer| !is_id(signer)) {
        return Err(format!("`{signer}` is no id of a key: that is 16 digits of upper-case hexadecimal"));
    }
    let is_digest = |text: &&String| {
        text.len() != 64 || text.bytes().any(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    match locked.sha256.values().chain([&locked.manifest_sha256]).find(is_digest) {
        Some(wrong) => Err(format!("`{wrong}` is no SHA-256: that is 64 digits of lower-case hexadecimal")),
        None => Ok(()),
    }
}

/// The text of a lock of these plugins.
///
/// # Errors
/// `Failed`: never for what was read from manifests.
pub fn text(mut plugins: Vec<Locked>) -> Result<String> {
    plugins.sort_by(|a, b| a.name.cmp(&b.name));
    let text = toml::to_string(&Written { lock: FORMAT, plugins: &plugins })
        .map_err(|error| Error::new(Code::Failed, "cannot write the lock").because(error))?;
    Ok(format!("{HEADING}{text}"))
}

/// The file itself, where the lock is a link to one that is kept elsewhere, as in a repository of settings.
///
/// # Errors
/// The link leads nowhere.
pub fn target(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == ErrorKind::NotFound && !path.is_symlink() => Ok(path.to_owned()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(name: &str) -> Locked {
        Locked {
            name: name.to_owned(),
            version: Version::new(1, 2, 0),
            source: "index:acme".to_owned(),
            manifest_sha256: "a".repeat(64),
            signer: Some("E7620F1842B4E81F".to_owned()),
            abi: Version::new(1, 0, 0),
            sha256: BTreeMap::from([
                (crate::TARGET.to_owned(), "b".repeat(64)),
                ("aarch64-apple-darwin".to_owned(), "c".repeat(64)),
            ]),
        }
    }

    fn parse(text: &str) -> Result<Lock> {
        Lock::parse(Path::new("plugins.lock"), text)
    }

    #[test]
    fn what_is_written_is_read_sorted_and_with_its_lines() {
        let text = text(vec![locked("org"), Locked { signer: None, ..locked("hello") }]).unwrap();
        let lock = parse(&text).unwrap();
        let names: Vec<&str> = lock.plugins().iter().map(|rule| rule.value.name.as_str()).collect();
        assert_eq!(names, ["hello", "org"]);
        assert_eq!(lock.of("org").unwrap().value, locked("org"));
        let line = text.lines().position(|line| line == "[[plugin]]").unwrap() + 1;
        assert_eq!(lock.plugins()[0].place, format!("plugins.lock:{line}"));
        assert_eq!(
            super::text(lock.plugins().iter().map(|rule| rule.value.clone()).collect()).unwrap(),
            text
        );
    }

    #[test]
    fn it_demands_version_and_digest_and_nothing_can_meet_a_digest_that_is_not_there() {
        let lock = parse(&text(vec![locked("org")]).unwrap()).unwrap();
        let mut pins = Pins::default();
        lock.demand("org", &mut pins);
        lock.demand("hello", &mut pins);
        assert!(pins.accepts(&Version::new(1, 2, 0)) && !pins.accepts(&Version::new(1, 2, 1)));
        assert_eq!(pins.digests[0].value, "b".repeat(64));
        let mut elsewhere = locked("org");
        elsewhere.sha256.remove(crate::TARGET);
        let lock = parse(&text(vec![elsewhere]).unwrap()).unwrap();
        let mut pins = Pins::default();
        lock.demand("org", &mut pins);
        assert_eq!(pins.describe()[1], format!("sha256 none here ({})", lock.plugins()[0].place));
    }

    #[test]
    fn nonsense_is_named_with_its_line() {
        let good = text(vec![locked("org")]).unwrap();
        for (text, line, says) in [
            ("", 1, "missing field `lock`"),
            ("lock = 2\nfuture = 1\n", 1, "a newer seqera is needed"),
            ("lock = 1\n\nplugins = 1\n", 3, "unknown field"),
            (&good.replace("name = \"org\"", "name = \"../x\""), 4, "not a name"),
            (&good.replace(&"a".repeat(64), "abc"), 4, "`abc` is no SHA-256"),
            (&good.replace("1.2.0", "one"), 6, "version"),
            (&format!("{good}{}", good.split_once("\n\n").unwrap().1), 15, "twice"),
        ] {
            let error = parse(text).unwrap_err();
            let said = error.to_string();
            assert!(
                said.starts_with(&format!("plugins.lock:{line} is wrong")) && said.contains(says),
                "{said}"
            );
        }
    }
}
