//! The root module: what the one exported symbol of a plugin leads to.

use abi_stable::library::RootModule;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::{RBox, RResult, RStr, RString, RVec};
use abi_stable::{StableAbi, package_version_strings, sabi_trait};

use crate::error::{Extension, PluginError};
use crate::host::HostBox;
use crate::service::{Consumer, Service_NE};

/// A plugin as the host holds it.
pub type PluginBox = Plugin_TO<'static, RBox<()>>;

/// The root module of a plugin. A prefix type: fields may be appended, `last_prefix_field` never moves.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginModule_Ref)))]
#[sabi(missing_field(panic))]
pub struct PluginModule {
    /// What the plugin says about itself: [`crate::description::Description`] as JSON.
    pub describe: extern "C" fn() -> RResult<RString, PluginError>,
    /// Makes the plugin.
    #[sabi(last_prefix_field)]
    pub new: extern "C" fn(HostBox) -> RResult<PluginBox, PluginError>,
}

impl RootModule for PluginModule_Ref {
    abi_stable::declare_root_module_statics! {PluginModule_Ref}
    const BASE_NAME: &'static str = "seqera_plugin";
    const NAME: &'static str = "seqera_plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

/// A plugin at work.
#[sabi_trait]
pub trait Plugin: Send + Sync {
    /// Runs a command; answers the exit code.
    fn run(&self, invocation: Invocation) -> RResult<u8, PluginError>;

    /// Hands out a service to `consumer`.
    #[sabi(last_prefix_field)]
    fn provide(&self, name: RStr<'_>, major: u32, consumer: Consumer) -> RResult<Service_NE, PluginError>;
}

/// One call of a command, frozen.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The top-level word, never an alias.
    pub command: RString,
    /// What was typed behind it, in the encoding of `OsStr::as_encoded_bytes`' platform form: bytes on Unix.
    pub arguments: RVec<RVec<u8>>,
    /// Room to grow.
    pub ext: Extension,
}
