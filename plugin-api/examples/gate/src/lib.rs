//! `seqera gate`: ends with 11 when too few credits are left.

use seqera_plugin_api::{
    Error, ErrorKind, Exit, Host, Invocation, Manifest, Plugin, Result, export_plugin, manifest, status,
};
use serde::Deserialize;

/// The service that is asked, and the version of it that this plugin was written for.
const CREDITS: (&str, u32) = ("acme-credits", 1);

/// Stop a script when too few credits are left
#[derive(clap::Parser)]
#[command(name = "gate")]
struct GateArgs {
    /// How many credits have to be left
    #[arg(long, value_name = "CREDITS")]
    at_least: f64,
    /// Of this organization
    #[arg(long, value_name = "ID")]
    organization: Option<String>,
}

/// What this plugin reads of the answer; whatever else is in it is ignored.
#[derive(Deserialize)]
struct Balance {
    left: f64,
}

struct Gate {
    host: Host,
}

impl Plugin for Gate {
    fn manifest() -> Manifest {
        manifest!("gate").publisher("acme").command::<GateArgs>().requires(CREDITS.0, CREDITS.1)
    }

    fn new(host: Host) -> Result<Self> {
        Ok(Self { host })
    }

    fn run(&self, invocation: &Invocation) -> Result<Exit> {
        let args: GateArgs = invocation.parse(&self.host)?;
        // The provider is loaded here, not before: `seqera gate --help` needs neither it nor a sign-in.
        let credits = self.host.json_service(CREDITS.0, CREDITS.1)?;
        let request = serde_json::json!({ "organization": args.organization });
        let answer = credits.call("balance", request.to_string().as_bytes())?;
        let balance: Balance = serde_json::from_slice(&answer).map_err(|error| {
            Error::new(ErrorKind::UnexpectedAnswer, "acme-credits answers something unexpected")
                .because(error)
        })?;
        if balance.left < args.at_least {
            let message = format!("{} credits are left, {} are needed", balance.left, args.at_least);
            return Err(Error::new(ErrorKind::QuotaExhausted, message));
        }
        status!(self.host, "{} credits are left", balance.left);
        Ok(Exit::SUCCESS)
    }
}

export_plugin!(Gate);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use seqera_plugin_api::service::{JsonService, Service};
    use seqera_plugin_api::testing::FakeHost;

    use super::*;

    /// Somebody who provides the service, for once.
    struct Fixed(&'static str);

    impl JsonService for Fixed {
        fn describe(&self) -> String {
            "{}".to_owned()
        }

        fn call(&self, method: &str, _payload: &[u8]) -> Result<Vec<u8>> {
            assert_eq!(method, "balance");
            Ok(self.0.as_bytes().to_vec())
        }
    }

    fn gate(answer: &'static str) -> Result<Exit> {
        let fake = FakeHost::new().service(CREDITS.0, Service::Json(Arc::new(Fixed(answer))));
        Gate::new(fake.host())?.run(&Invocation::new("gate", ["--at-least", "10"]))
    }

    #[test]
    fn it_opens_and_closes() {
        assert_eq!(gate(r#"{"left": 10, "later": "more"}"#), Ok(Exit::SUCCESS));
        assert_eq!(gate(r#"{"left": 9.5}"#).unwrap_err().kind(), ErrorKind::QuotaExhausted);
        assert_eq!(gate("nonsense").unwrap_err().kind(), ErrorKind::UnexpectedAnswer);
    }
}
