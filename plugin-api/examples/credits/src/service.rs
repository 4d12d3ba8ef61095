//! The service `acme-credits@1`.
//!
//! What it promises is this file. Version 1 may get more methods, and more fields in answers; what is here stays.

use seqera_plugin_api::service::JsonService;
use seqera_plugin_api::{Error, ErrorKind, Host, Result};
use serde::Deserialize;

use crate::balance::Balance;

/// Its name. A name of the team's own in front keeps it apart from those of others.
pub(crate) const CREDITS: &str = "acme-credits";

pub(crate) struct CreditsService {
    pub(crate) host: Host,
}

/// What `balance` takes. Unknown fields are ignored, so that newer callers may say more.
#[derive(Deserialize)]
struct BalanceRequest {
    organization: Option<String>,
}

impl JsonService for CreditsService {
    fn describe(&self) -> String {
        serde_json::json!({
            "methods": {
                "balance": {
                    "about": "Credits of an organization, or of the account",
                    "request": { "organization": "string, optional: an id" },
                    "answer": { "used": "number", "limit": "number", "left": "number" },
                },
            },
        })
        .to_string()
    }

    fn call(&self, method: &str, payload: &[u8]) -> Result<Vec<u8>> {
        match method {
            "balance" => {
                let request: BalanceRequest = serde_json::from_slice(payload).map_err(|error| {
                    Error::new(ErrorKind::Usage, "acme-credits cannot read the request").because(error)
                })?;
                let balance = Balance::ask(&self.host, request.organization.as_deref())?;
                Ok(balance.to_json().to_string().into_bytes())
            }
            _ => Err(Error::new(ErrorKind::Usage, format!("acme-credits has no method `{method}`"))),
        }
    }
}
