//! `seqera org switch`

use clap::Args;
use seqera_plugin_api::{Error, ErrorKind, Host, Result, printable, status};

use crate::platform;
use crate::selection::{OrganizationRecord, Selections};

#[derive(Debug, Args)]
pub(crate) struct SwitchArgs {
    /// Name or ID; asked for when it is left out
    organization: Option<String>,
    /// Print the selected organization as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(host: &Host, args: &SwitchArgs) -> Result<()> {
    let mut selections = Selections::of_session(host)?;
    let organizations = platform::organizations(host)?;
    let chosen = match (&args.organization, organizations.as_slice()) {
        (_, []) => {
            return Err(Error::new(ErrorKind::Failed, "your account is in no organization")
                .hint("Ask the owner of an organization for an invitation."));
        }
        (Some(wanted), _) => find(&organizations, wanted)?.clone(),
        (None, [only]) => {
            status!(host, "{} is your only organization.", printable(&only.org_name));
            only.clone()
        }
        (None, _) => match ask(host, &organizations, selections.current().as_ref())? {
            Some(chosen) => chosen,
            None => {
                status!(host, "Cancelled; nothing was changed.");
                return Ok(());
            }
        },
    };
    selections.select(chosen.clone())?;
    status!(host, "[Org] ✓ Organization set: {}", printable(&chosen.org_name));
    status!(host, "Assistant sessions that are running keep theirs until they are started again.");
    if args.json { host.output().json(&serde_json::json!({ "organization": chosen })) } else { Ok(()) }
}

/// By id, then by name, then by name without regard to case if that is unique.
fn find<'a>(organizations: &'a [OrganizationRecord], wanted: &str) -> Result<&'a OrganizationRecord> {
    let exact = |organization: &&OrganizationRecord| organization.org_id == wanted;
    let by_name = |organization: &&OrganizationRecord| organization.org_name == wanted;
    let loosely =
        |organization: &&OrganizationRecord| organization.org_name.to_lowercase() == wanted.to_lowercase();
    if let Some(found) = organizations.iter().find(exact) {
        return Ok(found);
    }
    for rule in [&by_name as &dyn Fn(&&OrganizationRecord) -> bool, &loosely] {
        let found: Vec<&OrganizationRecord> =
            organizations.iter().filter(|organization| rule(organization)).collect();
        match found.as_slice() {
            [] => {}
            [one] => return Ok(one),
            several => {
                let ids: Vec<&str> =
                    several.iter().map(|organization| organization.org_id.as_str()).collect();
                return Err(Error::new(
                    ErrorKind::Failed,
                    format!("several organizations are called {wanted}"),
                )
                .hint(format!("Use an ID: {}", ids.join(", "))));
            }
        }
    }
    let names: Vec<String> = organizations.iter().map(OrganizationRecord::title).collect();
    Err(Error::new(ErrorKind::Failed, format!("you are in no organization called {wanted}"))
        .hint(format!("Yours are: {}", names.join(", "))))
}

/// Asks a person for one of several; `None` when they think better of it.
pub(crate) fn ask(
    host: &Host,
    organizations: &[OrganizationRecord],
    current: Option<&OrganizationRecord>,
) -> Result<Option<OrganizationRecord>> {
    for (number, organization) in organizations.iter().enumerate() {
        let mark = if current.is_some_and(|current| current.org_id == organization.org_id) {
            "  ← current"
        } else {
            ""
        };
        status!(host, "  {}. {}{mark}", number + 1, printable(&organization.title()));
    }
    let question = format!("Choose an organization (1-{}, q to cancel): ", organizations.len());
    loop {
        let Some(answer) = host.output().ask(&question)? else {
            return Err(Error::new(ErrorKind::Failed, "no organization was chosen")
                .because("the input ended before an answer came")
                .hint("Name it: `seqera org switch NAME`."));
        };
        match answer.trim() {
            "q" | "quit" | "cancel" => return Ok(None),
            text => {
                match text.parse::<usize>().ok().and_then(|number| organizations.get(number.checked_sub(1)?))
                {
                    Some(organization) => return Ok(Some(organization.clone())),
                    None => status!(host, "`{}` is not one of the numbers.", printable(text)),
                }
            }
        }
    }
}
