//! Making, signing, installing and removing packages. Nothing here is on the path of a command.

pub mod durable;
pub mod package;
#[allow(dead_code, reason = "installing, which verifies and signs, lands next")]
pub mod signature;
#[allow(dead_code, reason = "as above")]
pub mod trusted_keys;
