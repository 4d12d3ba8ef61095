//! The binary contract between the `seqera` host and its plugins.
pub mod description;

/// The version of this contract, which is neither the product's nor a plugin's.
pub const ABI_VERSION: &str = env!("CARGO_PKG_VERSION");
