//! `seqera org clear`

use clap::Args;
use seqera_plugin_api::{Host, Result, status};

use crate::selection::Selections;

#[derive(Debug, Args)]
pub(crate) struct ClearArgs {}

/// Needs no sign-in: without one, the selections of all accounts are forgotten.
pub(crate) fn run(host: &Host, _args: &ClearArgs) -> Result<()> {
    match Selections::of_session(host) {
        Ok(mut selections) => selections.clear()?,
        Err(_nobody_is_signed_in) => Selections::forget_all(host)?,
    }
    status!(host, "[Org] ✓ Organization selection cleared");
    Ok(())
}
