//! `seqera credits`, and the service `acme-credits@1` for plugins that want to know.

mod balance;
mod service;

use std::sync::Arc;

use seqera_plugin_api::service::{Consumer, PLATFORM_HTTP, Service, TOKEN_PROVIDER};
use seqera_plugin_api::{
    Exit, Host, Invocation, Manifest, Plugin, Result, export_plugin, manifest, out, status,
};

use crate::balance::Balance;
use crate::service::{CREDITS, CreditsService};

/// Show the credits that are left
#[derive(clap::Parser)]
#[command(name = "credits")]
struct CreditsArgs {
    /// Of this organization (its id, see `seqera org list --json`); without it, those of the account
    #[arg(long, value_name = "ID")]
    organization: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

struct Credits {
    host: Host,
}

impl Plugin for Credits {
    fn manifest() -> Manifest {
        manifest!("credits")
            .publisher("acme")
            .command::<CreditsArgs>()
            .requires(TOKEN_PROVIDER, 1)
            .requires(PLATFORM_HTTP, 1)
            .token_audience("platform")
            .provides(CREDITS, 1)
    }

    fn new(host: Host) -> Result<Self> {
        Ok(Self { host })
    }

    fn run(&self, invocation: &Invocation) -> Result<Exit> {
        let args: CreditsArgs = invocation.parse(&self.host)?;
        let balance = Balance::ask(&self.host, args.organization.as_deref())?;
        if args.json {
            out!(self.host, "{}", balance.to_json())?;
            return Ok(Exit::SUCCESS);
        }
        // Data goes to standard output, words for people to standard error.
        if let Some(name) = self.host.token_provider()?.session(false)?.account_name {
            status!(self.host, "Signed in as {name}");
        }
        out!(self.host, "{balance}")?;
        Ok(Exit::SUCCESS)
    }

    fn provide(&self, name: &str, major: u32, _consumer: &Consumer) -> Result<Option<Service>> {
        Ok((name == CREDITS && major == 1)
            .then(|| Service::Json(Arc::new(CreditsService { host: self.host.clone() }))))
    }
}

export_plugin!(Credits);

#[cfg(test)]
mod tests {
    use seqera_plugin_api::service::{Session, SessionState};
    use seqera_plugin_api::testing::{FakeHost, FakeHttp, FakeTokenProvider};

    use super::*;

    #[test]
    fn words_go_to_people_and_the_balance_to_standard_output() {
        let server = FakeHttp::new().answer(200, r#"{"used": 1.5, "limit": 20}"#);
        let session = Session {
            state: SessionState::Valid,
            account_name: Some("Ada".to_owned()),
            ..Session::default()
        };
        let fake = FakeHost::new()
            .setting("backend_url", "http://backend.example")
            .service(PLATFORM_HTTP, Service::PlatformHttp(Arc::new(server.clone())))
            .service(TOKEN_PROVIDER, Service::TokenProvider(Arc::new(FakeTokenProvider { session })));
        let plugin = Credits::new(fake.host()).unwrap();
        let exit = plugin.run(&Invocation::new("credits", ["--organization", "7"])).unwrap();
        assert_eq!(exit, Exit::SUCCESS);
        assert_eq!(fake.stdout(), "18.5 of 20 credits left\n");
        assert_eq!(fake.stderr(), "Signed in as Ada\n");
        assert_eq!(server.requests()[0].url, "http://backend.example/v1/cli/credits?org_id=7");
    }
}
