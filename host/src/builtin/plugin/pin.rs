//! `seqera plugin pin NAME[@VERSION]`

use clap::Parser;
use semver::{Version, VersionReq};
use serde_json::json;
use toml_edit::{InlineTable, Value};

use crate::config::{self, exactly};
use crate::discovery::{Entry, Origin};
use crate::error::{Code, Error, Result};
use crate::output;
use crate::plugin_store::address::is_address;
use crate::plugin_store::pinning::{Changed, Pinning};
use crate::plugin_store::source::may_be_asked;

/// Pin a plugin to a version
///
/// Writes `[plugins.NAME]` of your config.toml and leaves everything else in it as it is. VERSION is one version, or a
/// requirement such as ^1.2; without it the version that is in use is pinned. A pin is checked when the plugin is installed
/// and each time it is loaded, and it is met together with those of your admin: it can only narrow them down.
///
/// A pin on one version of a plugin that came with seqera has its digests too: with them a package of it takes the place of
/// the one that comes with the next seqera.
#[derive(Debug, Parser)]
#[command(name = "pin")]
pub struct PinArgs {
    /// NAME, or NAME@VERSION
    plugin: String,
    /// Pin the digests of its library too; the version has to be installed
    #[arg(long)]
    digest: bool,
    /// Where a missing version comes from: an index, an archive or a directory, as for `plugin install`
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Say what would be pinned, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// # Errors
/// It is no version, nothing is installed that could be pinned, or the file cannot be changed.
pub fn run(args: &PinArgs) -> Result<()> {
    let (name, version) = args
        .plugin
        .split_once('@')
        .map_or((args.plugin.as_str(), None), |(name, version)| (name, Some(version)));
    let mut pinning = Pinning::of(name)?;
    let requirement = match version {
        Some(text) => requirement(text)?,
        None => exactly(in_use(&pinning, name)?.version()),
    };
    let requirement_text = requirement.to_string();
    pinning.set("version", requirement_text.as_str())?;
    let is_one = version.is_none_or(|text| Version::parse(text).is_ok());
    let is_digest = args.digest || (is_one && comes_along(&pinning, &requirement)?);
    if is_digest {
        let entry = installed(&pinning, name, &requirement)?;
        pinning.set("sha256", digests(&entry))?;
    } else {
        // One of another version would only be in the way.
        pinning.remove("sha256");
    }
    if let Some(source) = &args.source {
        if is_address(source) {
            may_be_asked(source)?;
        }
        pinning.set("source", source.as_str())?;
    }
    let changed = pinning.finish(args.dry_run)?;
    let details = json!({ "version": requirement_text, "digest": is_digest, "source": args.source });
    changed.tell("pinned", &details, args.json)?;
    warn(&changed, &requirement_text);
    Ok(())
}

/// Whether it came with seqera, and a version that meets the requirement is here.
fn comes_along(pinning: &Pinning, requirement: &VersionReq) -> Result<bool> {
    let versions = pinning.versions()?;
    Ok(versions.iter().any(|entry| entry.origin == Origin::Bundled)
        && versions.iter().any(|entry| requirement.matches(entry.version())))
}

/// What is pinned and cannot run is worth a word now, and not only when it is needed.
fn warn(changed: &Changed, requirement: &str) {
    match (&changed.used, &changed.problem) {
        (Some(_), _) => {}
        (None, Some(error)) => {
            output::people(&error.render(output::facts().color_stderr).replacen("error:", "warning:", 1))
        }
        (None, None) => output::warning(&format!(
            "no {} is installed yet; `seqera plugin install {}` gets {requirement}",
            changed.name, changed.name
        )),
    }
}

/// One version, or a requirement on it.
fn requirement(text: &str) -> Result<VersionReq> {
    match Version::parse(text) {
        Ok(version) => Ok(exactly(&version)),
        Err(_) => config::requirement(text).map_err(|problem| {
            Error::new(Code::Usage, format!("`{text}` is no version and no requirement on one"))
                .because(problem)
        }),
    }
}

fn in_use(pinning: &Pinning, name: &str) -> Result<Entry> {
    pinning.used()?.ok_or_else(|| {
        Error::new(Code::Failed, format!("there is no plugin {name} whose version could be pinned"))
            .hint(format!("Say which one: seqera plugin pin {name}@VERSION"))
    })
}

/// The version whose digests are pinned: the one in use if it meets the requirement, the highest that does otherwise.
fn installed(pinning: &Pinning, name: &str, requirement: &VersionReq) -> Result<Entry> {
    let mut versions = pinning.versions()?;
    versions.retain(|entry| requirement.matches(entry.version()));
    versions.sort_by(|a, b| a.version().cmp(b.version()));
    let used = pinning.used().ok().flatten().filter(|entry| requirement.matches(entry.version()));
    used.or_else(|| versions.pop()).ok_or_else(|| {
        Error::new(Code::Failed, format!("no {name} {requirement} is installed whose digest could be pinned"))
            .hint(format!("Install it first: seqera plugin install {name}"))
    })
}

/// Of all its targets: the file may be used on other machines too.
fn digests(entry: &Entry) -> Value {
    let mut table = InlineTable::new();
    for (target, artifact) in &entry.manifest.artifact {
        table.insert(target, artifact.sha256.as_str().into());
    }
    Value::InlineTable(table)
}
