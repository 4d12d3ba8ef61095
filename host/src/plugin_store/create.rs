//! Writes the crate of a new plugin, from the templates in `host/templates/plugin`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use semver::VersionReq;
use toml::Value;

use crate::discovery::manifest::is_plugin_name;
use crate::error::{Code, Error, Result};

/// The files of a crate, and their templates.
const FILES: [(&str, &str); 5] = [
    ("Cargo.toml", include_str!("../../templates/plugin/Cargo.toml.in")),
    ("README.md", include_str!("../../templates/plugin/README.md.in")),
    (".gitignore", include_str!("../../templates/plugin/gitignore.in")),
    ("src/lib.rs", include_str!("../../templates/plugin/lib.rs.in")),
    ("tests/conformance.rs", include_str!("../../templates/plugin/conformance.rs.in")),
];
/// The crate that every plugin uses.
const SDK: &str = "seqera-plugin-api";

/// Where the SDK comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sdk {
    /// A directory of this machine.
    Path(PathBuf),
    /// A repository, and a tag of it.
    Git(String, Option<String>),
    /// A registry that has it.
    Version(VersionReq),
}

impl Sdk {
    /// Reads a directory (that of the SDK, or of a checkout with it), `URL` or `URL#TAG` of a git repository, or a version.
    ///
    /// # Errors
    /// `Usage`: it is nothing of that.
    pub fn parse(text: &str) -> Result<Self> {
        if text.contains("://") || text.starts_with("git@") {
            let (url, tag) =
                text.split_once('#').map_or((text, None), |(url, tag)| (url, Some(tag.to_owned())));
            return Ok(Self::Git(url.to_owned(), tag));
        }
        if let Some(path) = Self::below(Path::new(text)) {
            return Ok(Self::Path(path));
        }
        let is_path = text.contains(['/', '\\']) || Path::new(text).exists();
        match VersionReq::parse(text) {
            Ok(version) if !is_path => Ok(Self::Version(version)),
            _ => Err(Error::new(Code::Usage, format!("there is no {SDK} in `{text}`")).hint(
                "Name the directory that holds it, the URL of a git repository that does, or a version of it.",
            )),
        }
    }

    /// The SDK of the checkout that `directory` lies in.
    pub fn around(directory: &Path) -> Option<Self> {
        directory.ancestors().find_map(Self::below).map(Self::Path)
    }

    /// The SDK in this directory, or the one of the checkout that it is.
    fn below(directory: &Path) -> Option<PathBuf> {
        let is_sdk = |dir: &Path| {
            let manifest: toml::Table =
                toml::from_str(&fs::read_to_string(dir.join("Cargo.toml")).ok()?).ok()?;
            (manifest.get("package")?.get("name")?.as_str()? == SDK).then(|| dir.canonicalize().ok())?
        };
        is_sdk(directory).or_else(|| is_sdk(&directory.join("plugin-api")))
    }

    /// As a dependency of the crate in `directory`, without braces.
    fn dependency(&self, directory: &Path) -> String {
        let quoted = |text: &str| Value::from(text).to_string();
        match self {
            Self::Path(path) => {
                format!("path = {}", quoted(&relative(&resolved(directory), path).to_string_lossy()))
            }
            Self::Git(url, None) => format!("git = {}", quoted(url)),
            Self::Git(url, Some(tag)) => format!("git = {}, tag = {}", quoted(url), quoted(tag)),
            Self::Version(version) => format!("version = {}", quoted(&version.to_string())),
        }
    }
}

/// Refuses a name that no plugin can have.
///
/// # Errors
/// `Usage`.
pub fn check_name(name: &str) -> Result<()> {
    if is_plugin_name(name) {
        return Ok(());
    }
    Err(Error::new(Code::Usage, format!("`{name}` is not a name for a plugin"))
        .because("a name is made of a-z, 0-9 and -, begins with a letter and has at most 32 of them"))
}

/// A plugin that does not exist yet.
#[derive(Debug)]
pub struct NewPlugin<'a> {
    /// Its name, and the word of its command.
    pub name: &'a str,
    /// Who publishes it.
    pub publisher: Option<&'a str>,
    /// Where its SDK comes from.
    pub sdk: &'a Sdk,
    /// The directory of its crate.
    pub directory: PathBuf,
}

impl NewPlugin<'_> {
    /// Refuses a directory that holds something.
    ///
    /// # Errors
    /// `Failed`.
    pub fn check(&self) -> Result<()> {
        let mut there = match fs::read_dir(&self.directory) {
            Ok(items) => items,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.failed(&error)),
        };
        match there.next() {
            None => Ok(()),
            Some(_) => Err(Error::new(Code::Failed, format!("{} is not empty", self.directory.display()))
                .hint("Name another directory with --into.")),
        }
    }

    /// Its files, and what they hold.
    pub fn files(&self) -> Vec<(&'static str, String)> {
        let crate_name = format!("seqera-plugin-{}", self.name);
        let library = crate_name.replace('-', "_");
        let publisher = match self.publisher {
            Some(name) => format!("\n            .publisher({name:?})"),
            None => "\n            // Users are shown whose it is: .publisher(\"your team\")".to_owned(),
        };
        let file = format!("{}{library}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        let replacements = [
            ("{{name}}", self.name.to_owned()),
            ("{{type}}", type_name(self.name)),
            ("{{sdk}}", self.sdk.dependency(&self.directory)),
            ("{{publisher}}", publisher),
            ("{{file}}", file),
            ("{{library}}", library),
            ("{{crate}}", crate_name),
        ];
        let filled = |template: &str| {
            replacements.iter().fold(template.to_owned(), |text, (name, value)| text.replace(name, value))
        };
        FILES.iter().map(|(path, template)| (*path, filled(template))).collect()
    }

    /// Writes the crate, whole or not at all.
    ///
    /// # Errors
    /// `Failed`: it cannot be written.
    pub fn write(&self) -> Result<()> {
        let parent = self.directory.parent().unwrap_or(Path::new("."));
        let write = || {
            fs::create_dir_all(parent)?;
            let staging = tempfile::Builder::new().prefix(".new-").tempdir_in(parent)?;
            for (path, text) in self.files() {
                let path = staging.path().join(path);
                fs::create_dir_all(path.parent().unwrap_or(staging.path()))?;
                fs::write(path, text)?;
            }
            super::durable::open_to_all(staging.path())?;
            // An empty directory may be there; a system that does not let it be replaced wants it away first.
            let _not_there = fs::remove_dir(&self.directory);
            fs::rename(staging.path(), &self.directory)
        };
        write().map_err(|error: io::Error| self.failed(&error))
    }

    fn failed(&self, error: &io::Error) -> Error {
        Error::new(Code::Failed, format!("cannot write {}", self.directory.display())).because(error)
    }
}

/// `RnaSeq` of `rna-seq`.
fn type_name(name: &str) -> String {
    let upper = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    name.split('-').map(upper).collect()
}

/// A path without links, as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    let real = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    real.and_then(|(above, real)| Some(real.join(path.strip_prefix(above).ok()?)))
        .unwrap_or_else(|| path.to_owned())
}

/// `to` as seen from `from`, if they have more in common than the root; so that both may move together.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let (from_parts, to_parts): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let common = from_parts.iter().zip(&to_parts).take_while(|(a, b)| a == b).count();
    if common < 2 {
        return to.to_owned();
    }
    let up = std::iter::repeat_n(Path::new(".."), from_parts.len() - common).map(Path::as_os_str);
    up.chain(to_parts[common..].iter().map(|part| part.as_os_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_type() {
        assert_eq!((type_name("rna-seq2"), type_name("a--b-")), ("RnaSeq2".to_owned(), "AB".to_owned()));
    }

    #[test]
    fn a_path_is_relative_to_what_lies_near() {
        let relative = |from: &str, to: &str| relative(Path::new(from), Path::new(to)).display().to_string();
        assert_eq!(relative("/home/me/hello", "/home/me/seqera/plugin-api"), "../seqera/plugin-api");
        assert_eq!(relative("/tmp/hello", "/home/me/plugin-api"), "/home/me/plugin-api");
    }

    #[test]
    fn the_sdk_is_spelled_as_cargo_wants_it() {
        let dependency = |text: &str| Sdk::parse(text).unwrap().dependency(Path::new("/x"));
        assert_eq!(dependency("0.1"), "version = \"^0.1\"");
        assert_eq!(dependency("https://git.example/a.git"), "git = \"https://git.example/a.git\"");
        assert_eq!(dependency("git@git.example:a#v1"), "git = \"git@git.example:a\", tag = \"v1\"");
        assert!(Sdk::parse("./nowhere").is_err() && Sdk::parse("not a version").is_err());
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let sdk = Sdk::parse(&here.join("../plugin-api").display().to_string()).unwrap();
        assert_eq!(Sdk::around(here), Some(sdk));
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        let sdk = Sdk::parse("0.1").unwrap();
        let plugin = NewPlugin { name: "x", publisher: Some("A \"B\""), sdk: &sdk, directory: "/x".into() };
        for (path, text) in plugin.files() {
            assert!(!text.contains("{{") && !text.contains("}}"), "{path}");
        }
    }
}
