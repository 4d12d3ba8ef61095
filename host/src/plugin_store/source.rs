//! Where a plugin comes from, and how its package gets from there into a directory of ours.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use semver::{Version, VersionReq};

use super::archive::{self, LIMITS};
use super::download::{finished, join};
use super::index::{INDEX_FILE, Index, Location, Offer};
use super::package::MANIFEST_FILE;
use super::steps::{Step, reached};
use super::store::Store;
use crate::config::Rule;
use crate::digest;
use crate::discovery::manifest::is_plugin_name;
use crate::error::{Code, Error, Result};
use crate::output;

/// A source as the user named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A package that lies unpacked in a directory.
    Directory(PathBuf),
    /// An archive of this machine.
    Archive(PathBuf),
    /// An archive in the cache, and where it came from.
    Kept(PathBuf, String),
    /// An archive elsewhere.
    Url(String),
    /// A plugin of an index; without a name, the only one that it offers.
    Index(Place, Option<Wanted>),
    /// A plugin of one of the configured indexes.
    Named(Wanted),
}

/// An index, and how receipts and policy call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where it lies.
    pub location: Location,
    /// `index:NAME`
    pub label: String,
}

/// Which plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// Which versions.
    pub requirement: VersionReq,
}

impl Wanted {
    /// Reads `NAME` or `NAME@VERSION`, where a version is one or a requirement on it.
    ///
    /// # Errors
    /// `Usage`: it is neither.
    pub fn parse(text: &str) -> Result<Self> {
        let (name, version) = text.split_once('@').map_or((text, None), |(name, v)| (name, Some(v)));
        let wrong =
            |problem: String| Error::new(Code::Usage, format!("`{text}` is no plugin")).because(problem);
        if !is_plugin_name(name) {
            return Err(wrong(format!("`{name}` is not a name for a plugin")));
        }
        let requirement = version.map_or(Ok(VersionReq::STAR), |version| {
            if Version::parse(version).is_ok() {
                VersionReq::parse(&format!("={version}"))
            } else {
                VersionReq::parse(version)
            }
        });
        let requirement =
            requirement.map_err(|error| wrong(format!("its version is no requirement: {error}")))?;
        Ok(Self { name: name.to_owned(), requirement })
    }
}

impl Source {
    /// Reads what the user typed, or what a receipt or the configuration says.
    ///
    /// # Errors
    /// `Usage`: it is nothing that can be installed.
    pub fn parse(text: &str, index: Option<&str>, store: &Store) -> Result<Self> {
        if let Some(index) = index {
            return Ok(Self::Index(place(index, store)?, Some(Wanted::parse(text)?)));
        }
        if let Some(index) = text.strip_prefix("index:") {
            return Ok(Self::Index(place(index, store)?, None));
        }
        if text.contains("://") {
            let is_index = text.ends_with('/') || text.ends_with(INDEX_FILE);
            return Ok(if is_index {
                Self::Index(place(text, store)?, None)
            } else {
                Self::Url(text.to_owned())
            });
        }
        let path = PathBuf::from(text.strip_prefix("path:").unwrap_or(text));
        let path = std::path::absolute(&path).unwrap_or(path);
        if path.is_file() && !path.ends_with(INDEX_FILE) {
            return Ok(Self::Archive(path));
        }
        if path.join(INDEX_FILE).is_file() || path.ends_with(INDEX_FILE) {
            return Ok(Self::Index(place(text, store)?, None));
        }
        if path.is_dir() && !is_plugin_name(text) || path.join(MANIFEST_FILE).is_file() {
            return Ok(Self::Directory(path));
        }
        if text.contains(['/', '\\']) || text.starts_with("path:") || text.ends_with(".tar.gz") {
            return Err(Error::new(Code::Failed, format!("there is no {}", path.display())));
        }
        Wanted::parse(text).map(Self::Named)
    }

    /// How receipts, the lock and policy call it.
    pub fn label(&self) -> String {
        match self {
            Self::Directory(path) | Self::Archive(path) => format!("path:{}", path.display()),
            Self::Kept(_, label) | Self::Url(label) => label.clone(),
            Self::Index(place, _) => place.label.clone(),
            Self::Named(wanted) => wanted.name.clone(),
        }
    }

    /// The plugin that is meant, where the source names one.
    pub fn plugin(&self) -> Option<&str> {
        match self {
            Self::Index(_, wanted) => wanted.as_ref().map(|wanted| wanted.name.as_str()),
            Self::Named(wanted) => Some(&wanted.name),
            Self::Directory(_) | Self::Archive(_) | Self::Kept(..) | Self::Url(_) => None,
        }
    }

    /// The same source, but for one plugin of it.
    #[must_use]
    pub fn narrowed(self, wanted: Wanted) -> Self {
        match self {
            Self::Index(place, None) => Self::Index(place, Some(wanted)),
            other => other,
        }
    }
}

/// A configured index by its name, or any by where it lies.
fn place(text: &str, store: &Store) -> Result<Place> {
    let indexes = store.config().indexes();
    let name = text.strip_prefix("index:").unwrap_or(text);
    if let Some((name, rule)) = indexes.iter().find(|(known, _)| *known == name) {
        return Ok(Place {
            location: Location::parse(&beside_its_file(rule)),
            label: format!("index:{name}"),
        });
    }
    if is_plugin_name(name) && !Path::new(name).exists() {
        return Err(Error::new(Code::Config, format!("there is no index `{name}`"))
            .hint(format!("Say where it is: seqera config set indexes.{name} ADDRESS")));
    }
    let location = Location::parse(name);
    let label =
        match indexes.into_iter().find(|(_, rule)| Location::parse(&beside_its_file(rule)) == location) {
            Some((name, _)) => format!("index:{name}"),
            None => format!("index:{location}"),
        };
    Ok(Place { location, label })
}

/// A package in a directory of ours, unpacked and not yet trusted.
pub struct Fetched {
    /// `path:/…`, `https://…`, `index:NAME`
    pub label: String,
    /// SHA-256 of the archive, when there was one.
    pub archive_sha256: Option<String>,
    /// What the source says it is.
    pub promised: Option<(String, Version)>,
    /// Where the archive lies now.
    pub archive: Option<PathBuf>,
    /// What was asked for, of a source that holds one package and says nothing about it.
    pub wanted: Option<Wanted>,
}

/// What a source has to offer.
pub enum Resolved {
    /// A package that lies or has to be fetched somewhere, and what it has to hold.
    Package(Source, Option<Wanted>),
    /// A version in an index.
    Offer(Place, Box<Offer>),
}

/// Finds the version that is meant; `accepts` is what pins say about a version of a plugin.
///
/// # Errors
/// Those of the index; `Failed` when it has no such version.
pub fn resolve(store: &Store, source: &Source, accepts: impl Fn(&str, &Version) -> bool) -> Result<Resolved> {
    match source {
        Source::Index(place, wanted) => {
            let index = Index::open(store, &place.location)?;
            let offer = choose(store, &index, place, wanted.as_ref(), accepts)?;
            Ok(Resolved::Offer(place.clone(), Box::new(offer)))
        }
        Source::Named(wanted) if store.config().plugin_source(&wanted.name).is_some() => {
            match configured(store, &wanted.name)?.unwrap_or_else(|| source.clone()).narrowed(wanted.clone())
            {
                index @ Source::Index(..) => resolve(store, &index, accepts),
                package => Ok(Resolved::Package(package, Some(wanted.clone()))),
            }
        }
        Source::Named(wanted) => {
            let (place, index) = find(store, wanted)?;
            let offer = choose(store, &index, &place, Some(wanted), accepts)?;
            Ok(Resolved::Offer(place, Box::new(offer)))
        }
        other => Ok(Resolved::Package(other.clone(), None)),
    }
}

fn choose(
    store: &Store,
    index: &Index,
    place: &Place,
    wanted: Option<&Wanted>,
    accepts: impl Fn(&str, &Version) -> bool,
) -> Result<Offer> {
    let names = index.names();
    let everything = Wanted {
        name: names.first().map_or_else(String::new, |name| (*name).to_owned()),
        requirement: VersionReq::STAR,
    };
    let wanted = match (wanted, names.as_slice()) {
        (Some(wanted), _) => wanted,
        (None, [_one]) => &everything,
        (None, _) => {
            return Err(Error::new(Code::Usage, "which plugin of the index?")
                .because(format!("it offers {}", names.join(", ")))
                .hint(format!("seqera plugin install NAME --index {}", place.location)));
        }
    };
    if let Some(offer) =
        index.best(&wanted.name, &wanted.requirement, |version| accepts(&wanted.name, version))
    {
        return Ok(offer.clone());
    }
    if let Some(offer) = index.best(&wanted.name, &wanted.requirement, |_| true) {
        return Err(pinned_away(store, offer)?);
    }
    let versions: Vec<String> = index
        .plugins
        .iter()
        .filter(|offer| offer.name == wanted.name)
        .map(|offer| offer.version.to_string())
        .collect();
    let error = Error::new(
        Code::Failed,
        format!("{} has no {} {} that may be installed", place.label, wanted.name, wanted.requirement),
    );
    Err(if versions.is_empty() {
        error.because(format!("it offers {}", names.join(", ")))
    } else {
        error.because(format!("it has {}", versions.join(", "))).hint("A pre-release has to be named.")
    })
}

/// There is such a version, and a pin does not leave room for it.
fn pinned_away(store: &Store, offer: &Offer) -> Result<Error> {
    let what = format!("{} {} is not the one that is pinned", offer.name, offer.version);
    let pins = store.config().pins(&offer.name)?.describe();
    let error = pins
        .into_iter()
        .fold(Error::new(Code::Mismatch, what), |error, pin| error.because(format!("pinned: {pin}")));
    Ok(error.hint("Install the version that is pinned, or change the pin."))
}

/// Where the files say that a plugin comes from.
///
/// # Errors
/// `Config`: that is no place.
pub fn configured(store: &Store, plugin: &str) -> Result<Option<Source>> {
    let Some(rule) = store.config().plugin_source(plugin) else { return Ok(None) };
    let wrong =
        |problem: String| Error::new(Code::Config, format!("{} is wrong", rule.place)).because(problem);
    match Source::parse(&beside_its_file(&rule), None, store) {
        Ok(Source::Named(_)) => {
            Err(wrong(format!("source = \"{}\" is no index, archive or directory", rule.value))
                .hint("An index that is named in [indexes] is written index:NAME."))
        }
        Ok(source) => Ok(Some(source)),
        Err(error) => {
            Err(wrong(error.to_string()).hint("An index that is named in [indexes] is written index:NAME."))
        }
    }
}

/// A path in a file is seen from that file. Seen from the directory that somebody happens to work in, it could be
/// theirs who made that directory.
fn beside_its_file(rule: &Rule<String>) -> String {
    let text = rule.value.strip_prefix("path:").unwrap_or(&rule.value);
    let is_place = text.contains("://") || text.starts_with("index:") || Path::new(text).is_absolute();
    let file = rule.place.rsplit_once(':').map_or("", |(file, _)| file);
    match Path::new(file).parent() {
        Some(dir) if !is_place => dir.join(text).display().to_string(),
        _ => rule.value.clone(),
    }
}

/// The one configured index that has a plugin. Two that have it are a trap: whoever offers the higher version would
/// win.
fn find(store: &Store, wanted: &Wanted) -> Result<(Place, Index)> {
    let indexes = store.config().indexes();
    if indexes.is_empty() {
        return Err(Error::new(Code::Failed, format!("`{}` is neither a file nor a directory", wanted.name))
            .because("no index is configured that it could be looked up in")
            .hint(
                "Say where one is: seqera config set indexes.NAME ADDRESS, or --index ADDRESS for this time.",
            ));
    }
    let mut found = Vec::new();
    for (name, rule) in indexes {
        let place =
            Place { location: Location::parse(&beside_its_file(&rule)), label: format!("index:{name}") };
        match Index::open(store, &place.location) {
            Ok(index) if index.names().contains(&wanted.name.as_str()) => found.push((place, index)),
            Ok(_) => {}
            Err(error) => output::warning(&format!("{} ({}) is left out: {error}", place.label, rule.place)),
        }
    }
    match (found.pop(), found.pop()) {
        (Some(one), None) => Ok(one),
        (Some((one, _)), Some((other, _))) => Err(Error::new(
            Code::Config,
            format!("{} is in two indexes: {} and {}", wanted.name, other.label, one.label),
        )
        .hint(format!("Say which: seqera plugin install {} --index NAME", wanted.name))),
        (None, _) => Err(Error::new(Code::Failed, format!("no index has a plugin `{}`", wanted.name))),
    }
}

/// Gets the package into `into`, through `scratch` when it is an archive.
///
/// # Errors
/// It cannot be read or downloaded, is not the archive that the index names, or cannot be unpacked.
pub fn fetch(store: &Store, resolved: &Resolved, scratch: &Path, into: &Path) -> Result<Fetched> {
    match resolved {
        Resolved::Package(Source::Directory(path), wanted) => {
            if !path.join(MANIFEST_FILE).is_file() {
                return Err(Error::new(Code::Failed, format!("{} is no package", path.display()))
                    .because(format!("there is no {MANIFEST_FILE} in it"))
                    .hint("`seqera plugin package LIBRARY` makes a package of a library."));
            }
            archive::copy_directory(path, into, LIMITS)
                .map_err(|problem| refused(&path.display().to_string(), problem))?;
            reached(Step::Fetched)?;
            let label = format!("path:{}", path.display());
            Ok(Fetched { label, archive_sha256: None, promised: None, archive: None, wanted: wanted.clone() })
        }
        Resolved::Package(Source::Archive(path), wanted) => {
            let file =
                File::open(path).map_err(|error| refused(&path.display().to_string(), error.to_string()))?;
            let sha256 = unpack(file, &path.display().to_string(), into, None)?;
            let label = format!("path:{}", path.display());
            Ok(Fetched { wanted: wanted.clone(), ..fetched(label, sha256, path.clone()) })
        }
        Resolved::Package(Source::Kept(path, label), wanted) => {
            let file = File::open(path).map_err(|error| refused(label, error.to_string()))?;
            let sha256 = unpack(file, label, into, None)?;
            Ok(Fetched { wanted: wanted.clone(), ..fetched(label.clone(), sha256, path.clone()) })
        }
        Resolved::Package(Source::Url(url), wanted) => {
            let file = download(store, url, scratch)?;
            let sha256 = unpack(file, url, into, None)?;
            Ok(Fetched { wanted: wanted.clone(), ..fetched(url.clone(), sha256, saved(scratch)) })
        }
        Resolved::Offer(place, offer) => {
            let shown = format!("{} {} of {}", offer.name, offer.version, place.label);
            let (file, archive) = match &place.location {
                Location::Url(base) => {
                    (download(store, &join(base, &offer.archive), scratch)?, saved(scratch))
                }
                Location::Directory(dir) => {
                    let name = Path::new(&offer.archive);
                    if name.components().any(|part| !matches!(part, std::path::Component::Normal(_))) {
                        return Err(refused(&shown, format!("`{}` lies outside the index", offer.archive)));
                    }
                    let path = dir.join(name);
                    (File::open(&path).map_err(|error| refused(&shown, error.to_string()))?, path)
                }
            };
            let sha256 = unpack(file, &shown, into, Some(&offer.sha256))?;
            let promised = Some((offer.name.clone(), offer.version.clone()));
            Ok(Fetched { promised, ..fetched(place.label.clone(), sha256, archive) })
        }
        Resolved::Package(..) => Err(Error::new(Code::Failed, "the source was not resolved")),
    }
}

fn fetched(label: String, sha256: String, archive: PathBuf) -> Fetched {
    Fetched { label, archive_sha256: Some(sha256), promised: None, archive: Some(archive), wanted: None }
}

/// Where a download is saved.
fn saved(scratch: &Path) -> PathBuf {
    scratch.join("download")
}

fn download(store: &Store, url: &str, scratch: &Path) -> Result<File> {
    let path = saved(scratch);
    let failed =
        |error: std::io::Error| Error::new(Code::Failed, format!("cannot save {url}")).because(error);
    let mut file =
        fs::OpenOptions::new().read(true).write(true).create_new(true).open(path).map_err(failed)?;
    store.downloads().to_file(url, &mut file, LIMITS.packed)?;
    finished(file).map_err(failed)
}

/// Unpacks an archive whose digest, if there is one to be met, was compared before.
fn unpack(mut file: File, shown: &str, into: &Path, expected: Option<&str>) -> Result<String> {
    let mut bytes = Vec::new();
    (&mut file)
        .take(LIMITS.packed + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| refused(shown, error.to_string()))?;
    if bytes.len() as u64 > LIMITS.packed {
        return Err(refused(shown, format!("it is larger than {} MB", LIMITS.packed >> 20)));
    }
    reached(Step::Fetched)?;
    let sha256 = digest::of_bytes(&bytes);
    if expected.is_some_and(|expected| !expected.eq_ignore_ascii_case(&sha256)) {
        return Err(Error::new(Code::Mismatch, format!("{shown} is not the archive that the index names"))
            .because(format!("it has sha256 {sha256}"))
            .because(format!("the index says {}", expected.unwrap_or_default()))
            .hint("It was not unpacked."));
    }
    archive::unpack(bytes.as_slice(), into, LIMITS).map_err(|problem| refused(shown, problem))?;
    Ok(sha256)
}

fn refused(shown: &str, problem: String) -> Error {
    Error::new(Code::Failed, format!("{shown} cannot be installed")).because(problem)
}
