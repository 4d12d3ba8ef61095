//! `seqera plugin index DIRECTORY --sign KEYFILE`

use std::path::PathBuf;

use clap::Parser;
use serde_json::json;

use crate::error::Result;
use crate::output;
use crate::plugin_store::publish::{Changes, publish};
use crate::plugin_store::signature::SigningKey;

/// Write the signed index of the packages in a directory, to be served by any web server
///
/// The directory then holds index.json and index.json.minisig beside the archives. Every call raises the serial number:
/// whoever saw an index once takes no older one. What is revoked runs no more, wherever users got it from: what the key that
/// signs this index signed too, and what nobody signed; of everybody when it is a key that the admin's policy names.
#[derive(Debug, Parser)]
#[command(name = "index")]
pub struct IndexArgs {
    /// The directory that holds the archives
    directory: PathBuf,
    /// Sign with this secret key
    #[arg(long, value_name = "KEYFILE")]
    sign: PathBuf,
    /// What the index is called; needed once
    #[arg(long)]
    name: Option<String>,
    /// Withdraw a library or a manifest, by its SHA-256
    #[arg(long, value_name = "SHA256", value_parser = digest)]
    revoke_digest: Vec<String>,
    /// Withdraw everything that a key signed, by the key's id
    #[arg(long, value_name = "KEY-ID", value_parser = key_id)]
    revoke_key: Vec<String>,
    /// Promise to publish it anew within so many days: whoever still gets this one later is warned
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(0..=36500))]
    valid_days: Option<u32>,
    /// Read the packages, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn digest(text: &str) -> Result<String, String> {
    hexadecimal(text, 64).map(|text| text.to_ascii_lowercase())
}

fn key_id(text: &str) -> Result<String, String> {
    hexadecimal(text, 16).map(|text| text.to_ascii_uppercase())
}

fn hexadecimal(text: &str, count: usize) -> Result<&str, String> {
    let is_one = text.len() == count && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_one { Ok(text) } else { Err(format!("it has to be {count} hexadecimal digits")) }
}

/// # Errors
/// An archive in the directory is no package, or the index cannot be written.
pub fn run(args: &IndexArgs) -> Result<()> {
    let changes = Changes {
        name: args.name.as_deref(),
        revoked_digests: &args.revoke_digest,
        revoked_keys: &args.revoke_key,
        valid_days: args.valid_days,
        dry_run: args.dry_run,
    };
    let index = publish(&args.directory, &SigningKey::read(&args.sign)?, &changes)?;
    if args.json {
        let action = if args.dry_run { "would-publish" } else { "published" };
        let json = json!({
            "version": 1, "action": action, "index": index.name, "serial": index.serial, "expires": index.expires,
            "packages": index.plugins.len(), "path": args.directory,
        });
        return output::data(&format!("{json:#}\n"));
    }
    let would = if args.dry_run { "would be written: " } else { "" };
    output::people(&format!(
        "{would}index {} with serial {}: {} packages\n",
        index.name,
        index.serial,
        index.plugins.len()
    ));
    Ok(())
}
