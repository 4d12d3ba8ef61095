//! `organization@1`

use abi_stable::std_types::{RBox, ROption, RResult, RString};
use abi_stable::{StableAbi, sabi_trait};

use crate::error::{Extension, PluginError};

/// The service as it crosses the boundary.
pub type OrganizationBox = Organization_TO<'static, RBox<()>>;

/// Knows the billed organization.
#[sabi_trait]
pub trait Organization: Send + Sync {
    /// The selected one. No network.
    fn current(&self) -> RResult<ROption<OrganizationSelection>, PluginError>;

    /// Checks the selection and makes one when it can.
    #[sabi(last_prefix_field)]
    fn ensure_selected(&self, interactive: bool) -> RResult<OrganizationChoice, PluginError>;
}

/// A selected organization, frozen.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, PartialEq, Eq)]
pub struct OrganizationSelection {
    /// Its id as text.
    pub id: RString,
    /// Its name.
    pub name: RString,
    /// Its type.
    pub kind: ROption<RString>,
    /// Room to grow.
    pub ext: Extension,
}

/// What came of it, frozen.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, PartialEq, Eq)]
pub struct OrganizationChoice {
    /// The selection, if there is one now.
    pub selected: ROption<OrganizationSelection>,
    /// How many organizations there are.
    pub available: u32,
    /// Room to grow.
    pub ext: Extension,
}
