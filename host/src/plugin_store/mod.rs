//! Making, signing, installing and removing packages. Nothing here is on the path of a command.

pub mod admission;
pub mod archive;
pub mod cargo;
pub mod child;
pub mod conformance;
mod consent;
pub mod create;
pub mod download;
pub mod durable;
pub mod index;
pub mod inspect;
pub mod install;
pub mod link;
pub mod package;
pub mod pinning;
pub mod probe;
pub mod publish;
pub mod receipt;
pub mod remove;
pub mod signature;
pub mod source;
pub mod static_check;
mod steps;
pub mod store;
pub mod trusted_keys;
pub mod upgrade;
pub mod verify;
