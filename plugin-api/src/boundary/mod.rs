//! The binary interface below the Rust one: conversions, adapters and the panic fence. Nothing of it is public but
//! what [`export_plugin!`](crate::export_plugin!) needs.

mod convert;
pub mod export;
mod fence;
mod host;
mod log;
mod service;
