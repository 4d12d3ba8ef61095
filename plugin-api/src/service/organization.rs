//! `organization@1`: the organization that is billed.

use crate::error::Result;

/// Knows the selected organization.
pub trait Organization: Send + Sync {
    /// The selected organization of the signed-in account. No network.
    ///
    /// # Errors
    /// Those of the file that holds it.
    fn current(&self) -> Result<Option<OrganizationSelection>>;

    /// Checks the selection against the organizations of the account and makes one when it can: the only
    /// one, or, when `interactive`, the one that the user picks.
    ///
    /// # Errors
    /// Those of the request; end of input while asking.
    fn ensure_selected(&self, interactive: bool) -> Result<OrganizationChoice>;
}

/// A selected organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationSelection {
    /// Its id, as the server writes it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its type, when the server says one.
    pub kind: Option<String>,
}

/// What came of [`Organization::ensure_selected`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationChoice {
    /// The selection, if there is one now.
    pub selected: Option<OrganizationSelection>,
    /// How many organizations the account has.
    pub available: u32,
}
