//! Where a plugin comes from: what the user typed, or a file says, and what that source has to offer.

use std::path::{Path, PathBuf};

use semver::{Version, VersionReq};

use super::address::{self, is_address, shown};
use super::index::{INDEX_FILE, Index, Location, Offer};
use super::store::Store;
use crate::config::{Rule, exactly, requirement};
use crate::discovery::Origin;
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
        let requirement = version.map_or(Ok(VersionReq::STAR), |text| match Version::parse(text) {
            Ok(version) => Ok(exactly(&version)),
            Err(_) => requirement(text),
        });
        let requirement =
            requirement.map_err(|problem| wrong(format!("its version is no requirement: {problem}")))?;
        Ok(Self { name: name.to_owned(), requirement })
    }
}

impl Source {
    /// Reads what the user typed, or what a receipt or the configuration says.
    ///
    /// A name is that of a plugin of an index, whatever lies in the directory where somebody happens to work: that may be
    /// somebody else's.
    ///
    /// # Errors
    /// `Usage`: it is nothing that can be installed.
    pub fn parse(text: &str, index: Option<&str>, store: &Store) -> Result<Self> {
        if let Some(index) = index {
            return Ok(Self::Index(place(index, store)?, Some(Wanted::parse(text)?)));
        }
        if text.starts_with("index:") {
            return Ok(Self::Index(place(text, store)?, None));
        }
        if is_address(text) {
            may_be_asked(text)?;
            let is_index = text.ends_with('/') || text.ends_with(INDEX_FILE);
            return Ok(if is_index {
                Self::Index(place(text, store)?, None)
            } else {
                Self::Url(text.to_owned())
            });
        }
        let is_name = is_plugin_name(text.split('@').next().unwrap_or(text));
        if is_name && !text.contains(['/', '\\']) {
            return Wanted::parse(text).map(Self::Named);
        }
        let path = PathBuf::from(text.strip_prefix("path:").unwrap_or(text));
        if path.as_os_str().is_empty() {
            return Err(Error::new(Code::Usage, format!("`{text}` names nothing that could be installed")));
        }
        let path = std::path::absolute(&path).unwrap_or(path);
        if path.is_file() && !path.ends_with(INDEX_FILE) {
            return Ok(Self::Archive(path));
        }
        if path.join(INDEX_FILE).is_file() || path.ends_with(INDEX_FILE) {
            return Ok(Self::Index(place(text, store)?, None));
        }
        if path.is_dir() {
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
            Self::Kept(_, label) => label.clone(),
            Self::Url(url) => shown(url).into_owned(),
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
        return place_by_name(name, rule);
    }
    let is_meant_by_name = text != name || !Path::new(name).exists();
    if is_plugin_name(name) && is_meant_by_name {
        return Err(Error::new(Code::Config, format!("there is no index `{name}`"))
            .hint(format!("Say where it is: seqera config set indexes.{name} ADDRESS")));
    }
    if is_address(name) {
        index_may_be_asked(name)?;
    }
    let location = Location::parse(name);
    let label =
        match indexes.into_iter().find(|(_, rule)| Location::parse(&beside_its_file(rule)) == location) {
            Some((name, _)) => format!("index:{name}"),
            None => format!("index:{location}"),
        };
    Ok(Place { location, label })
}

/// An index that the configuration names.
fn place_by_name(name: &str, rule: &Rule<String>) -> Result<Place> {
    let text = beside_its_file(rule);
    if is_address(&text) {
        index_may_be_asked(&text).map_err(|error| {
            let wrong = Error::new(Code::Config, format!("{} is wrong", rule.place));
            Error { hints: error.hints.clone(), ..wrong.because(error) }
        })?;
    }
    Ok(Place { location: Location::parse(&text), label: format!("index:{name}") })
}

/// Whether a plugin may come from an address.
///
/// # Errors
/// `Usage`, with what else to do.
pub fn may_be_asked(text: &str) -> Result<()> {
    if address::is_incomplete(text) {
        return Err(Error::new(Code::Usage, format!("{text} cannot be asked again"))
            .because("something in the address was as good as a password, and was not written down")
            .hint("Say the address again: seqera plugin install ADDRESS"));
    }
    address::check(text).map_err(|problem| {
        Error::new(Code::Usage, format!("{} is not asked", shown(text)))
            .because(problem)
            .hint("Say https://HOST/PATH, or download it yourself and install the file.")
    })
}

fn index_may_be_asked(text: &str) -> Result<()> {
    may_be_asked(text)?;
    if text.contains(['?', '#']) {
        return Err(Error::new(Code::Usage, format!("{} is no index", shown(text)))
            .because("an index is a directory on a web server: its address has no ? and no #"));
    }
    Ok(())
}

/// What a source has to offer.
pub enum Resolved {
    /// A package that lies or has to be fetched somewhere, and what it has to hold.
    Package(Source, Option<Wanted>),
    /// A version in an index.
    Offer(Place, Box<Offer>),
}

/// Finds the version that is meant; `accepts` is what pins say about a version of a plugin, and with `is_remembered` no
/// older index than this will be taken.
///
/// # Errors
/// Those of the index; `Failed` when it has no such version.
pub fn resolve(
    store: &Store,
    source: &Source,
    is_remembered: bool,
    accepts: impl Fn(&str, &Version) -> bool,
) -> Result<Resolved> {
    match source {
        Source::Index(place, wanted) => {
            let index = Index::open(store, &place.location, is_remembered)?;
            let offer = choose(store, &index, place, wanted.as_ref(), accepts)?;
            Ok(Resolved::Offer(place.clone(), Box::new(offer)))
        }
        Source::Named(wanted) if store.config().plugin_source(&wanted.name).is_some() => {
            match configured(store, &wanted.name)?.unwrap_or_else(|| source.clone()).narrowed(wanted.clone())
            {
                index @ Source::Index(..) => resolve(store, &index, is_remembered, accepts),
                package => Ok(Resolved::Package(package, Some(wanted.clone()))),
            }
        }
        Source::Named(wanted) => {
            let (place, index) = find(store, wanted, is_remembered)?;
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
    let what = if wanted.requirement == VersionReq::STAR {
        wanted.name.clone()
    } else {
        format!("{} {}", wanted.name, wanted.requirement)
    };
    let error = Error::new(Code::Failed, format!("{} has no {what} that may be installed", place.label));
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
fn find(store: &Store, wanted: &Wanted, is_remembered: bool) -> Result<(Place, Index)> {
    let indexes = store.config().indexes();
    if indexes.is_empty() {
        let error = nowhere(store, wanted, "no index is configured that it could be looked up in".to_owned());
        return Err(error.hint(
            "Say where one is: seqera config set indexes.NAME ADDRESS, or --index ADDRESS for this time.",
        ));
    }
    let is_only = indexes.len() == 1;
    let (mut found, mut asked) = (Vec::new(), Vec::new());
    for (name, rule) in indexes {
        let label = format!("index:{name}");
        let opened = place_by_name(&name, &rule)
            .and_then(|place| Ok((Index::open(store, &place.location, is_remembered)?, place)));
        match opened {
            Ok((index, place)) if index.names().contains(&wanted.name.as_str()) => found.push((place, index)),
            Ok(_) => asked.push(format!("{label} ({})", rule.place)),
            Err(error) if is_only => return Err(error),
            Err(error) => output::warning(&format!("{label} ({}) is left out: {error}", rule.place)),
        }
    }
    match (found.pop(), found.pop()) {
        (Some(one), None) => Ok(one),
        (Some((one, _)), Some((other, _))) => Err(Error::new(
            Code::Config,
            format!("{} is in two indexes: {} and {}", wanted.name, other.label, one.label),
        )
        .hint(format!("Say which: seqera plugin install {} --index NAME", wanted.name))),
        (None, _) if asked.is_empty() => Err(nowhere(store, wanted, "no index could be read".to_owned())),
        (None, _) => Err(nowhere(store, wanted, format!("it is not in {}", asked.join(", ")))),
    }
}

/// No index has a plugin; perhaps something else was meant.
fn nowhere(store: &Store, wanted: &Wanted, problem: String) -> Error {
    let name = &wanted.name;
    let error = Error::new(Code::Failed, format!("no index has a plugin `{name}`")).because(problem);
    let (entries, _) = store.catalog().all();
    if entries.iter().any(|entry| entry.name() == name && entry.origin == Origin::Bundled) {
        return error.hint(format!("{name} came with seqera: it is there already."));
    }
    if Path::new(name).exists() {
        return error.hint(format!("If you mean what lies here: seqera plugin install ./{name}"));
    }
    error
}
