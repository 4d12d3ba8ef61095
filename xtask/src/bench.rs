//! `cargo xtask bench`
use crate::Outcome;

pub(crate) fn run(_check: bool) -> Outcome<u8> {
    Err("not yet".to_owned())
}
