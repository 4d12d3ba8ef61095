//! `seqera plugin package LIBRARY`

use std::path::{Path, PathBuf};

use clap::Parser;
use serde_json::json;

use crate::config::{Config, Paths};
use crate::error::{Code, Error, Result};
use crate::output;
use crate::plugin_store::package::Package;
use crate::plugin_store::signature::SigningKey;

/// Make a package of a built library, with plugin.toml and cli.json taken from the library itself
///
/// The package is NAME-VERSION.tar.gz. It holds the digest of every library in one manifest, and with --sign a
/// minisign signature of that manifest, so that it can be checked wherever it is copied to.
///
/// Publishers make a key pair once, with --new-key FILE: FILE is the secret key, which stays with them, FILE.pub the
/// public one, which users trust with `seqera plugin trust add`. A key made by minisign serves as well; the password of
/// one that has a password is asked for, or read from SEQERA_SIGNING_PASSWORD.
#[derive(Debug, Parser)]
#[command(name = "package", arg_required_else_help = true)]
pub struct PackageArgs {
    /// The library that cargo built, for this machine
    #[arg(required_unless_present = "new_key")]
    library: Option<PathBuf>,
    /// The same plugin built for another target; may be given several times
    #[arg(long, value_name = "TARGET=FILE", value_parser = artifact)]
    artifact: Vec<(String, PathBuf)>,
    /// Sign the manifest with this secret key
    #[arg(long, value_name = "KEYFILE")]
    sign: Option<PathBuf>,
    /// Where to write the archive
    #[arg(long, short, value_name = "DIRECTORY", default_value = ".")]
    output: PathBuf,
    /// Lay the package out in a plugins directory, as <NAME>/<VERSION>, instead of writing an archive
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "output")]
    into: Option<PathBuf>,
    /// Make a key pair for signing, and nothing else
    #[arg(long, value_name = "FILE", conflicts_with_all = ["library", "artifact", "sign", "output", "into", "dry_run"])]
    new_key: Option<PathBuf>,
    /// Look at the library, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn artifact(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((target, file)) if !target.is_empty() && !file.is_empty() => {
            Ok((target.to_owned(), PathBuf::from(file)))
        }
        _ => Err("write TARGET=FILE, e.g. aarch64-unknown-linux-gnu=target/…/libhello.so".to_owned()),
    }
}

/// # Errors
/// Why the library is no plugin, or a file cannot be written.
pub fn run(args: &PackageArgs) -> Result<()> {
    if let Some(path) = &args.new_key {
        return new_key(path, args);
    }
    let Some(library) = &args.library else {
        return Err(Error::new(Code::Usage, "which library?"));
    };
    if let Some(policy) = Config::read(&Paths::find())?.policy()? {
        policy.allows_development()?;
    }
    let mut package = Package::build(library, &args.artifact)?;
    if let Some(key) = &args.sign {
        package.sign(&SigningKey::read(key)?)?;
    }
    let path = match &args.into {
        Some(root) if args.dry_run => package.directory(root),
        Some(root) => package.lay_out(root)?,
        None if args.dry_run => package.archive(&args.output),
        None => package.write_archive(&args.output)?,
    };
    if args.json {
        let plugin = &package.manifest.plugin;
        let targets: Vec<&String> = package.manifest.artifact.keys().collect();
        let action = if args.dry_run { "would-package" } else { "packaged" };
        let json = json!({
            "version": 1, "action": action, "plugin": plugin.name, "plugin_version": plugin.version.to_string(),
            "path": path, "targets": targets, "is_signed": args.sign.is_some(),
        });
        return output::data(&format!("{json:#}\n"));
    }
    if args.dry_run {
        output::people(&format!("{} would be written\n", output::printable(&path.display().to_string())));
        return Ok(());
    }
    output::data(&format!("{}\n", path.display()))
}

fn new_key(path: &Path, args: &PackageArgs) -> Result<()> {
    let (key, public) = SigningKey::create(path)?;
    if args.json {
        let json = json!({
            "version": 1, "action": "created", "key": key.text(), "id": key.id(), "secret": path, "public": public,
        });
        return output::data(&format!("{json:#}\n"));
    }
    output::people(&format!(
        "The secret key is {}: keep it to yourself. The public key {} is {}; users trust it with\n  \
         seqera plugin trust add {}\n",
        path.display(),
        key.id(),
        public.display(),
        key.text()
    ));
    output::data(&format!("{}\n", key.text()))
}
