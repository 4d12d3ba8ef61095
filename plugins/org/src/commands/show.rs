//! `seqera org show`

use clap::Args;
use seqera_plugin_api::{Host, Result, out, printable, status};
use serde_json::json;

use crate::selection::Selections;

// No doc comment: `org` flattens these arguments and would take it for its own.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Uses no network: what is shown is what the next request will be billed to.
pub(crate) fn run(host: &Host, args: &ShowArgs) -> Result<()> {
    let selected = Selections::of_session(host)?.current();
    if args.json {
        return host.output().json(&json!({ "organization": selected }));
    }
    let Some(organization) = selected else {
        status!(host, "No organization is selected. Choose one with `seqera org switch`.");
        return Ok(());
    };
    out!(host, "Organization: {}", printable(&organization.org_name))?;
    out!(host, "ID: {}", printable(&organization.org_id))?;
    match &organization.org_type {
        Some(kind) => out!(host, "Type: {}", printable(kind)),
        None => Ok(()),
    }
}
