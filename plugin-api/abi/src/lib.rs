//! The binary contract between the `seqera` host and its plugins, and the only crate that names abi_stable.
//!
//! # Architecture
//!
//! A plugin is a library with one exported symbol: the header of a root module ([`PluginModule`]). Behind it are
//! trait objects: the host calls a [`Plugin`], the plugin calls its [`Host`], and plugins call each other through
//! a [`Service`]. [`LoadGate`] decides whether a library may take part. [`description`] is what a plugin says
//! about itself, as data that lies beside the library on disk.
//!
//! # Rules
//!
//! - [`ABI_VERSION`] is a version of its own. Minor versions only append; a host and all plugins of one major
//!   version work together, whichever is older.
//! - Methods are appended, with a default body, behind the attribute `last_prefix_field`, which never moves.
//!   A default body runs when the object is older than the caller.
//! - Records are frozen: their fields never change. Each has `ext`, pairs for what comes later, and readers ignore
//!   names they do not know.
//! - [`Service`] is non-exhaustive: a kind that a host does not know passes through it untouched.
//! - Calls block, and may come from any thread. No future, no runtime, no `dyn Error` crosses.
//! - No panic crosses: the SDK catches it inside the plugin. Libraries are never closed.
//! - Whoever made a value frees it; the containers of abi_stable carry their own deallocation.
#![allow(
    unsafe_code,
    reason = "one of the two addresses of unsafe code: the load gate and generated vtables"
)]
#![allow(non_local_definitions, non_camel_case_types, reason = "abi_stable's derives expand to them")]
#![deny(missing_docs)]

#[cfg(test)]
mod append_only;
pub mod description;
mod error;
#[doc(hidden)]
pub mod export;
mod gate;
mod host;
#[cfg(test)]
mod layout_snapshot;
mod module;
pub mod service;

pub use abi_stable::sabi_trait::TD_Opaque;
pub use abi_stable::std_types::{RBox, RErr, ROk, ROption, RResult, RSlice, RStr, RString, RVec, Tuple2};

pub use error::{ErrorCode, Extension, PluginError};
pub use gate::{ENTRY_SYMBOL, GateError, LibraryHeader, LoadGate};
pub use host::{
    CancelCallback, CancelCallback_TO, CancelCallbackBox, Host, Host_TO, HostBox, LogRecord, OutputFacts,
    Setting,
};
pub use module::{Invocation, Plugin, Plugin_TO, PluginBox, PluginModule, PluginModule_Ref};
pub use service::{Consumer, Service, Service_NE};

/// The version of this contract, which is neither the product's nor a plugin's.
pub const ABI_VERSION: &str = env!("CARGO_PKG_VERSION");
