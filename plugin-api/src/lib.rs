//! What the author of a `seqera` plugin uses.
//!
//! A plugin is a Rust struct, a clap derive and one macro:
//!
//! ```no_run
//! use seqera_plugin_api::{Exit, Host, Invocation, Manifest, Plugin, Result, export_plugin, manifest, out};
//!
//! /// Say hello
//! #[derive(clap::Parser)]
//! #[command(name = "hello")]
//! struct HelloArgs {
//!     /// Whom to greet
//!     #[arg(default_value = "world")]
//!     name: String,
//! }
//!
//! struct Hello {
//!     host: Host,
//! }
//!
//! impl Plugin for Hello {
//!     fn manifest() -> Manifest {
//!         manifest!("hello").command::<HelloArgs>()
//!     }
//!
//!     fn new(host: Host) -> Result<Self> {
//!         Ok(Self { host })
//!     }
//!
//!     fn run(&self, invocation: &Invocation) -> Result<Exit> {
//!         let args: HelloArgs = invocation.parse(&self.host)?;
//!         out!(self.host, "Hello, {}", args.name)?;
//!         Ok(Exit::SUCCESS)
//!     }
//! }
//!
//! export_plugin!(Hello);
//! # fn main() {}
//! ```
//!
//! # Who gives what
//!
//! A plugin gives commands and services ([`Plugin`], [`Manifest`]); the host lends services of other plugins,
//! settings, facts, the output door and cancellation ([`Host`]). Both sides are plain Rust: the stable binary
//! interface below it is made in this crate and named by no plugin.
//!
//! # Stability
//!
//! The crate follows semver for its Rust interface. What a *built* plugin relies on is the ABI of
//! `seqera-plugin-abi`, which has a version of its own: a host loads every plugin of the same ABI major version,
//! older or newer.
#![deny(missing_docs)]

#[doc(hidden)]
pub mod boundary;
mod error;
mod host;
mod http;
mod manifest;
pub mod output;
mod plugin;
pub mod private_file;
mod secret;
pub mod service;
#[cfg(feature = "testing")]
pub mod testing;

pub use error::{Error, ErrorKind, Result};
pub use host::{CancelGuard, Host, Paths, Product, Setting, Terminal};
pub use http::{Http, RequestBuilder, Response};
pub use manifest::Manifest;
pub use output::{Output, printable};
pub use plugin::{Exit, Invocation, Plugin};
pub use secret::Secret;

/// Exports a plugin. One a library.
#[macro_export]
macro_rules! export_plugin {
    ($plugin:ty) => {
        $crate::boundary::export::export_root_module!($crate::boundary::export::root_module::<$plugin>);
    };
}
