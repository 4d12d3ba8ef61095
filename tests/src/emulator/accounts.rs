//! Who may sign in, and to which organizations they belong.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// An organization, as `GET /v1/cli/organizations` lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Organization {
    /// A number or text: both are seen in the wild.
    pub org_id: Value,
    /// Its name.
    pub org_name: String,
    /// Its type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_type: Option<String>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Its name; also `sub` of the sign-in.
    pub user_name: String,
    /// First name.
    #[serde(default)]
    pub first_name: String,
    /// Last name.
    #[serde(default)]
    pub last_name: String,
    /// E-mail address.
    #[serde(default)]
    pub email: String,
    /// A personal access token.
    pub access_token: String,
    /// Its organizations.
    #[serde(default)]
    pub organizations: Vec<Organization>,
}

impl Account {
    /// An account with a name and nothing else.
    #[must_use]
    pub fn new(user_name: &str, first_name: &str, last_name: &str) -> Self {
        Self {
            user_name: user_name.to_owned(),
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
            email: format!("{user_name}@example.com"),
            access_token: format!("emulator-pat-{user_name}"),
            organizations: Vec::new(),
        }
    }

    /// Adds an organization.
    #[must_use]
    pub fn organization(mut self, id: u64, name: &str, kind: &str) -> Self {
        self.organizations.push(Organization {
            org_id: json!(id),
            org_name: name.to_owned(),
            org_type: Some(kind.to_owned()),
        });
        self
    }

    /// First and last name.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name).trim().to_owned()
    }
}

/// Those that are there when nobody says otherwise: with two organizations, with one, with none.
#[must_use]
pub(super) fn default_accounts() -> Vec<Account> {
    vec![
        Account::new("alice", "Alice", "Example")
            .organization(1001, "Genomics Core", "academic")
            .organization(1002, "Tutorial Lab", "basic"),
        Account::new("bob", "Bob", "Example").organization(1003, "Bob & Sons", "pro"),
        Account::new("carol", "Carol", "Example"),
    ]
}
