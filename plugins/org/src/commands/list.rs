//! `seqera org list`

use clap::Args;
use seqera_plugin_api::{Host, Result, out, printable, status, warning};
use serde_json::{Value, json};

use crate::platform;
use crate::selection::Selections;

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(host: &Host, args: &ListArgs) -> Result<()> {
    let selections = Selections::of_session(host)?;
    let organizations = platform::organizations(host)?;
    let current = selections.current();
    let is_current = |id: &str| current.as_ref().is_some_and(|current| current.org_id == id);
    if let Some(current) = &current
        && !organizations.iter().any(|organization| organization.org_id == current.org_id)
    {
        warning!(host, "you are no longer a member of {}, which is selected", printable(&current.org_name));
    }
    if args.json {
        let list: Vec<Value> = organizations
            .iter()
            .map(|organization| {
                json!({
                    "org_id": organization.org_id,
                    "org_name": organization.org_name,
                    "org_type": organization.org_type,
                    "current": is_current(&organization.org_id),
                })
            })
            .collect();
        return host.output().json(&json!({ "organizations": list }));
    }
    if organizations.is_empty() {
        status!(host, "Your account is in no organization. You may need an invitation.");
        return Ok(());
    }
    out!(host, "Available organizations ({})", organizations.len())?;
    for organization in &organizations {
        let mark = if is_current(&organization.org_id) { "  ← current" } else { "" };
        out!(host, "  • {}{mark}", printable(&organization.title()))?;
    }
    Ok(())
}
