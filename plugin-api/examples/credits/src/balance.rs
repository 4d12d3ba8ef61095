//! What the server says about credits.

use std::fmt;

use seqera_plugin_api::{Error, ErrorKind, Host, Result};
use serde::Deserialize;
use serde_json::json;

/// Credits used and granted.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub(crate) struct Balance {
    used: f64,
    limit: f64,
}

impl Balance {
    /// Asks the backend. The bearer is added by the service behind `Host::http`, and never seen here.
    pub(crate) fn ask(host: &Host, organization: Option<&str>) -> Result<Self> {
        let mut path = "/v1/cli/credits".to_owned();
        if let Some(id) = organization {
            if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
                return Err(Error::new(ErrorKind::Usage, format!("`{id}` is no id of an organization"))
                    .hint("`seqera org list --json` shows the ids."));
            }
            path = format!("{path}?org_id={id}");
        }
        host.http()?.get(&path).send()?.success()?.json()
    }

    pub(crate) fn to_json(self) -> serde_json::Value {
        json!({ "used": self.used, "limit": self.limit, "left": self.left() })
    }

    fn left(self) -> f64 {
        (self.limit - self.used).max(0.0)
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} credits left", self.left(), self.limit)
    }
}
