//! Who an account is, for people and as a key.

use seqera_plugin_api::printable;
use serde::{Deserialize, Serialize};

/// An account of the Platform.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    /// Stable: `sub` of the sign-in, or the user name of user-info.
    pub(crate) id: String,
    /// For people.
    #[serde(default)]
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) email: Option<String>,
}

impl Account {
    /// The best there is to call it.
    pub(crate) fn title(&self) -> String {
        printable(self.name.as_deref().or(self.email.as_deref()).unwrap_or(&self.id)).into_owned()
    }
}
