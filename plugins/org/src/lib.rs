//! `seqera org`: the organization that is billed.
//!
//! The reference plugin. What to look at, in this order:
//!
//! - [`OrgPlugin`] below: a struct, a manifest made from a clap derive, one `match`;
//! - `commands/`: one command a file, its arguments and what it does side by side;
//! - `platform.rs`: a request to the backend, without a token or an HTTP client of its own;
//! - `selection.rs`: a file of its own, private and written whole;
//! - `service.rs`: a service for other plugins, as an ordinary trait.

mod commands;
mod platform;
mod selection;
mod service;

use std::sync::Arc;

use seqera_plugin_api::service::{Consumer, ORGANIZATION, PLATFORM_HTTP, Service, TOKEN_PROVIDER};
use seqera_plugin_api::{Exit, Host, Invocation, Manifest, Plugin, Result, export_plugin, manifest};

use crate::commands::OrgArgs;
use crate::service::OrganizationService;

/// The plugin.
pub struct OrgPlugin {
    host: Host,
}

impl Plugin for OrgPlugin {
    fn manifest() -> Manifest {
        manifest!("org")
            .publisher("seqera")
            .command::<OrgArgs>()
            .requires(TOKEN_PROVIDER, 1)
            .requires(PLATFORM_HTTP, 1)
            .provides(ORGANIZATION, 1)
            .token_audience("platform")
    }

    fn new(host: Host) -> Result<Self> {
        Ok(Self { host })
    }

    fn run(&self, invocation: &Invocation) -> Result<Exit> {
        let args: OrgArgs = invocation.parse(&self.host)?;
        commands::run(&self.host, args)?;
        Ok(Exit::SUCCESS)
    }

    fn provide(&self, name: &str, major: u32, _consumer: &Consumer) -> Result<Option<Service>> {
        Ok((name == ORGANIZATION && major == 1)
            .then(|| Service::Organization(Arc::new(OrganizationService::new(self.host.clone())))))
    }
}

export_plugin!(OrgPlugin);
