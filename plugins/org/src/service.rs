//! `organization@1`: what other plugins ask.

use seqera_plugin_api::service::{Organization, OrganizationChoice, OrganizationSelection};
use seqera_plugin_api::{Host, Result};

use crate::commands::ask;
use crate::platform;
use crate::selection::{OrganizationRecord, Selections};

pub(crate) struct OrganizationService {
    host: Host,
}

impl OrganizationService {
    pub(crate) fn new(host: Host) -> Self {
        Self { host }
    }
}

impl Organization for OrganizationService {
    fn current(&self) -> Result<Option<OrganizationSelection>> {
        // Whose token the environment holds costs a request, which nobody needs when nothing was ever selected.
        if !Selections::exist(&self.host)? {
            return Ok(None);
        }
        Ok(Selections::of_session(&self.host)?.current().map(selection))
    }

    fn ensure_selected(&self, interactive: bool) -> Result<OrganizationChoice> {
        let mut selections = Selections::of_session(&self.host)?;
        let organizations = platform::organizations(&self.host)?;
        let available = u32::try_from(organizations.len()).unwrap_or(u32::MAX);
        let current = selections.current();
        let still = organizations.iter().find(|organization| {
            current.as_ref().is_some_and(|current| current.org_id == organization.org_id)
        });
        let selected = match (still, organizations.as_slice()) {
            (Some(organization), _) => Some(organization.clone()),
            (None, [only]) => Some(only.clone()),
            (None, [_, ..]) if interactive => ask(&self.host, &organizations, None)?,
            (None, _) => None,
        };
        // One that was selected and is gone must not be billed any more, so it is forgotten.
        match &selected {
            Some(organization) if current.as_ref() != Some(organization) => {
                selections.select(organization.clone())?
            }
            None if current.is_some() => selections.clear()?,
            _ => {}
        }
        Ok(OrganizationChoice { selected: selected.map(selection), available })
    }
}

fn selection(organization: OrganizationRecord) -> OrganizationSelection {
    OrganizationSelection {
        id: organization.org_id,
        name: organization.org_name,
        kind: organization.org_type,
    }
}
