//! What the user lets plugins do: `grants.toml`.
//!
//! A plugin has of its sign-in what its manifest asks for, as far as the user granted it and the admin's policy allows
//! it. A grant belongs to a plugin's name and to whoever vouches for it: the key that signs it, or else the digest of
//! one library. So an upgrade by the same signer that asks for nothing more does not ask again, and another library
//! under the same name starts with nothing.

use std::fmt::{self, Display};
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use seqera_plugin_abi::description::Capabilities;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::audit::{self, Event, Record};
use crate::config::{Paths, line_of, place};
use crate::error::{Code, Error, Result};
use crate::plugin_store::durable;

/// The version of the file that this host writes, and the highest that it reads.
const FORMAT: u32 = 1;

/// Something of the user's sign-in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// Tokens for an audience.
    Audience(String),
    /// The bearer may be sent to this host, besides the configured backend and authority.
    Host(String),
}

impl Capability {
    /// Everything that a manifest asks for.
    pub fn asked(asked: &Capabilities) -> Vec<Self> {
        let audiences = asked.audiences.iter().cloned().map(Self::Audience);
        audiences.chain(asked.hosts.iter().cloned().map(Self::Host)).collect()
    }

    /// `audience` or `host`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Audience(_) => "audience",
            Self::Host(_) => "host",
        }
    }

    /// The audience, or the host.
    pub fn name(&self) -> &str {
        match self {
            Self::Audience(name) | Self::Host(name) => name,
        }
    }

    fn to_pair(&self) -> (Option<String>, Option<String>) {
        match self {
            Self::Audience(name) => (Some(name.clone()), None),
            Self::Host(name) => (None, Some(name.clone())),
        }
    }
}

impl Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Audience(name) => write!(f, "use your sign-in (tokens for `{name}`)"),
            Self::Host(name) => write!(f, "send your sign-in to {name}"),
        }
    }
}

/// Who vouches for a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder<'a> {
    /// The plugin's name.
    pub plugin: &'a str,
    /// Id of the trusted key that signs it, when one does.
    pub signer: Option<&'a str>,
    /// SHA-256 of its library for this target, lower-case hex.
    pub digest: &'a str,
}

/// A grant and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The plugin's name.
    pub plugin: String,
    /// The key whose plugins of that name have it.
    pub signer: Option<String>,
    /// The library that has it, when nobody signs.
    pub digest: Option<String>,
    /// What it may do.
    pub capability: Capability,
    /// When it was given, RFC 3339.
    pub given: String,
    /// `FILE:LINE`
    pub place: String,
}

/// The grants of this user.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    grants: Vec<Grant>,
}

impl Grants {
    /// Reads `grants.toml`; without the file, or without a place for it, nothing is granted.
    ///
    /// # Errors
    /// `Config`: it cannot be read or understood.
    pub fn read(paths: &Paths) -> Result<Self> {
        let Some(path) = file(paths) else { return Ok(Self::default()) };
        read(&path)?.map_or_else(|| Ok(Self::default()), |text| Self::parse(&path, &text))
    }

    /// The grant of a capability.
    pub fn find(&self, holder: &Holder<'_>, capability: &Capability) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.belongs_to(holder) && grant.capability == *capability)
    }

    /// What was not granted of what is asked for.
    pub fn missing(&self, holder: &Holder<'_>, asked: &[Capability]) -> Vec<Capability> {
        asked.iter().filter(|capability| self.find(holder, capability).is_none()).cloned().collect()
    }

    /// All of them, in the order of the file.
    pub fn all(&self) -> &[Grant] {
        &self.grants
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// `Config`: what is wrong with it, with its line.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let wrong = |line: usize, problem: &str| {
            Error::new(Code::Config, format!("{} is wrong", place(path, line)))
                .because(problem)
                .hint("Mend the line, or remove the file: plugins will ask again.")
        };
        let document: Document = toml::from_str(text).map_err(|error| {
            wrong(line_of(text, error.span().map_or(0, |span| span.start)), error.message())
        })?;
        if document.grants > FORMAT {
            return Err(wrong(1, &format!("it has format {}, a newer seqera wrote it", document.grants)));
        }
        let read = |row: Row| {
            let line = line_of(text, row.plugin.span().start);
            let capability = match (row.audience, row.host) {
                (Some(name), None) => Capability::Audience(name),
                (None, Some(name)) => Capability::Host(name),
                _ => return Err(wrong(line, "a grant is for one audience or one host")),
            };
            if row.signer.is_some() == row.digest.is_some() {
                return Err(wrong(line, "a grant belongs to a signer or to a digest"));
            }
            Ok(Grant {
                plugin: row.plugin.into_inner(),
                signer: row.signer,
                digest: row.digest,
                capability,
                given: row.given,
                place: place(path, line),
            })
        };
        Ok(Self { grants: document.grant.into_iter().map(read).collect::<Result<_>>()? })
    }

    fn render(&self) -> Result<String> {
        let rows = self.grants.iter().map(|grant| {
            let (audience, host) = grant.capability.to_pair();
            Row {
                plugin: Spanned::new(0..0, grant.plugin.clone()),
                signer: grant.signer.clone(),
                digest: grant.digest.clone(),
                audience,
                host,
                given: grant.given.clone(),
            }
        });
        let document = Document { grants: FORMAT, grant: rows.collect() };
        toml::to_string(&document)
            .map_err(|error| Error::new(Code::Failed, "cannot write grants").because(error))
    }
}

impl Grant {
    fn belongs_to(&self, holder: &Holder<'_>) -> bool {
        self.plugin == holder.plugin
            && match (&self.signer, &self.digest) {
                (Some(signer), _) => holder.signer == Some(signer.as_str()),
                (None, digest) => digest.as_deref() == Some(holder.digest),
            }
    }
}

/// Writes down what the user agreed to. What is granted already stays as it is.
///
/// # Errors
/// Those of reading and writing the file; `Failed` when there is no directory for it.
pub fn record(paths: &Paths, holder: &Holder<'_>, capabilities: &[Capability]) -> Result<()> {
    let path = file(paths).ok_or_else(no_place)?;
    let added = edit(&path, |text| {
        let mut grants = text.map_or_else(|| Ok(Grants::default()), |text| Grants::parse(&path, &text))?;
        let missing = grants.missing(holder, capabilities);
        if missing.is_empty() {
            return Ok((None, missing));
        }
        let given = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        grants.grants.extend(missing.iter().cloned().map(|capability| Grant {
            plugin: holder.plugin.to_owned(),
            signer: holder.signer.map(str::to_owned),
            digest: holder.signer.is_none().then(|| holder.digest.to_owned()),
            capability,
            given: given.clone(),
            place: String::new(),
        }));
        Ok((Some(grants.render()?), missing))
    })?;
    let record = |capability| Record {
        sha256: Some(holder.digest),
        signer: holder.signer,
        ..of_capability(Event::Granted, holder.plugin, capability)
    };
    audit::write(paths, &added.iter().map(record).collect::<Vec<_>>());
    Ok(())
}

fn of_capability<'a>(event: Event, plugin: &'a str, capability: &'a Capability) -> Record<'a> {
    Record { kind: Some(capability.kind()), name: Some(capability.name()), ..Record::new(event, plugin) }
}

/// Takes grants of a plugin back: all that it has, or those for the audiences and hosts in `names`; answers what was
/// taken.
///
/// # Errors
/// Those of reading and writing the file. `Failed`: it has no grant for one of `names`; then all stay as they are.
pub fn revoke(paths: &Paths, plugin: &str, names: &[String]) -> Result<Vec<Grant>> {
    let Some(path) = file(paths).filter(|path| path.exists()) else {
        return names.first().map_or(Ok(Vec::new()), |name| Err(not_granted(plugin, Some(name))));
    };
    let taken = edit(&path, |text| {
        let grants = text.map_or_else(|| Ok(Grants::default()), |text| Grants::parse(&path, &text))?;
        let is_of = |grant: &Grant, name: &String| grant.plugin == plugin && name == grant.capability.name();
        if let Some(name) = names.iter().find(|name| !grants.grants.iter().any(|grant| is_of(grant, name))) {
            return Err(not_granted(plugin, Some(name)));
        }
        let is_taken = |grant: &Grant| {
            grant.plugin == plugin && (names.is_empty() || names.iter().any(|name| is_of(grant, name)))
        };
        let (taken, kept): (Vec<_>, Vec<_>) = grants.grants.into_iter().partition(is_taken);
        let text = if taken.is_empty() { None } else { Some(Grants { grants: kept }.render()?) };
        Ok((text, taken))
    })?;
    audit::write(paths, &taken.iter().map(revoked).collect::<Vec<_>>());
    Ok(taken)
}

fn revoked(grant: &Grant) -> Record<'_> {
    Record {
        sha256: grant.digest.as_deref(),
        signer: grant.signer.as_deref(),
        ..of_capability(Event::Revoked, &grant.plugin, &grant.capability)
    }
}

/// The error of a grant that is not there to be taken back.
pub fn not_granted(plugin: &str, name: Option<&str>) -> Error {
    let what = name.map(|name| format!(" for {name}")).unwrap_or_default();
    Error::new(Code::Failed, format!("{plugin} has no grant{what}"))
        .hint("Run `seqera plugin grants list` to see what is granted.")
}

fn file(paths: &Paths) -> Option<PathBuf> {
    Some(paths.config.as_ref()?.join("grants.toml"))
}

fn read(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Error::new(Code::Config, format!("cannot read {}", path.display())).because(error)),
    }
}

/// Changes the file: `change` gets its text (`None` when there is none) and answers the new one, or `None` to leave it
/// as it is. Other processes that edit it wait meanwhile; the lock ends with the process, however it ends.
fn edit<T>(path: &Path, change: impl FnOnce(Option<String>) -> Result<(Option<String>, T)>) -> Result<T> {
    let failed = |error: io::Error| {
        Error::new(Code::Failed, format!("cannot write {}", path.display())).because(error)
    };
    create_directory(path.parent().unwrap_or(Path::new("."))).map_err(failed)?;
    let guard = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.with_file_name(".grants.lock"))
        .map_err(failed)?;
    guard.lock().map_err(failed)?;
    let (text, answer) = change(read(path)?)?;
    if let Some(text) = text {
        // A link stays a link: what it points to is replaced.
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        durable::replace(&target, text.as_bytes()).map_err(failed)?;
    }
    Ok(answer)
}

/// Makes a directory that only its owner may look into; an existing one keeps its mode.
pub fn create_directory(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

fn no_place() -> Error {
    Error::new(Code::Failed, "there is no directory for settings")
        .hint("Set HOME, or SEQERA_CONFIG_DIR, to one.")
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    grants: u32,
    #[serde(default)]
    grant: Vec<Row>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    plugin: Spanned<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(default)]
    given: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(dir: &Path) -> Paths {
        Paths { config: Some(dir.to_owned()), ..Paths::default() }
    }

    fn platform() -> Capability {
        Capability::Audience("platform".to_owned())
    }

    #[test]
    fn a_signer_keeps_its_grants_and_a_library_has_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let paths = paths(dir.path());
        let signed = Holder { plugin: "hello", signer: Some("A1"), digest: "one" };
        let plain = Holder { plugin: "hello", signer: None, digest: "one" };
        record(&paths, &signed, &[platform()]).unwrap();
        record(&paths, &plain, &[Capability::Host("a.example".to_owned())]).unwrap();
        let grants = Grants::read(&paths).unwrap();
        assert!(grants.find(&Holder { digest: "two", ..signed }, &platform()).is_some());
        assert!(grants.find(&Holder { signer: Some("B2"), ..signed }, &platform()).is_none());
        assert!(grants.find(&plain, &platform()).is_none());
        assert!(grants.find(&Holder { plugin: "other", ..signed }, &platform()).is_none());
        let host = Capability::Host("a.example".to_owned());
        assert!(grants.find(&plain, &host).is_some());
        assert!(grants.find(&Holder { digest: "two", ..plain }, &host).is_none());
        assert!(grants.all()[0].place.ends_with("grants.toml:4"), "{:?}", grants.all());
    }

    #[test]
    fn what_is_taken_back_is_gone_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let paths = paths(dir.path());
        let holder = Holder { plugin: "hello", signer: None, digest: "one" };
        let host = Capability::Host("a.example".to_owned());
        record(&paths, &holder, &[platform(), host.clone()]).unwrap();
        record(&paths, &holder, &[platform()]).unwrap();
        assert_eq!(Grants::read(&paths).unwrap().all().len(), 2, "the second time changes nothing");
        let names = ["platform".to_owned(), "b.example".to_owned()];
        assert!(revoke(&paths, "hello", &names).unwrap_err().message.contains("b.example"));
        assert_eq!(revoke(&paths, "hello", &names[..1]).unwrap().len(), 1);
        assert_eq!(Grants::read(&paths).unwrap().missing(&holder, &[platform(), host]), [platform()]);
        assert_eq!(revoke(&paths, "other", &[]).unwrap(), []);
        assert_eq!(revoke(&paths, "hello", &[]).unwrap().len(), 1);
        assert_eq!(Grants::read(&paths).unwrap().all(), []);
    }

    #[test]
    fn nonsense_is_named_with_its_line() {
        for (text, line) in [
            ("grants = 1\n[[grant]]\nplugin = \"a\"\ndigest = \"d\"\n", 3),
            ("grants = 1\n[[grant]]\nplugin = \"a\"\naudience = \"x\"\n", 3),
            ("grants = 1\n[[grant]]\nplugin = \"a\"\naudiense = \"x\"\n", 4),
            ("grants = 9\n", 1),
        ] {
            let error = Grants::parse(Path::new("g.toml"), text).unwrap_err();
            assert!(error.message.starts_with(&format!("g.toml:{line} ")), "{error}");
        }
    }
}
