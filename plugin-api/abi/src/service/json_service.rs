//! A team's own service: JSON in, JSON out. This trait is frozen for ever: it gets no new method.

use abi_stable::sabi_trait;
use abi_stable::std_types::{RBox, RResult, RSlice, RStr, RString, RVec};

use crate::error::PluginError;

/// The service as it crosses the boundary.
pub type JsonServiceBox = JsonService_TO<'static, RBox<()>>;

/// A service whose methods take and give JSON.
#[sabi_trait]
pub trait JsonService: Send + Sync {
    /// Its methods and their schemas, as JSON.
    fn describe(&self) -> RString;

    /// Calls a method.
    #[sabi(last_prefix_field)]
    fn call(&self, method: RStr<'_>, payload: RSlice<'_, u8>) -> RResult<RVec<u8>, PluginError>;
}
