//! The steps of an installation, in order. Each leaves the plugins that were there before as they were.

use crate::error::Result;

/// What was done last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nobody else installs now.
    Locked,
    /// The package was copied or downloaded into a directory of its own.
    Fetched,
    /// It was unpacked there.
    Unpacked,
    /// Signature, manifest and permission were checked.
    Admitted,
    /// Digests and library were checked, from their bytes.
    Checked,
    /// The library said what it is.
    Probed,
    /// The user agreed.
    Consented,
    /// Everything that will be there lies together, the receipt too.
    Assembled,
    /// The grant was recorded.
    Granted,
    /// It has its place.
    Placed,
    /// The lock, if there is one, names it.
    Recorded,
}

/// Tells that a step was done. A debug build can be made to stop here, as if the power went (`kill:STEP`) or the
/// disk was full (`fail:STEP`): this is how the suites prove that no step leaves half a plugin.
///
/// # Errors
/// Only when a test wishes.
#[cfg(debug_assertions)]
pub fn reached(step: Step) -> Result<()> {
    use crate::error::{Code, Error};
    let wish = std::env::var("SEQERA_TEST_INSTALL").unwrap_or_default();
    let name = format!("{step:?}").to_lowercase();
    match wish.split_once(':') {
        Some(("kill", wished)) if wished == name => std::process::abort(),
        Some(("fail", wished)) if wished == name => {
            Err(Error::new(Code::Failed, format!("a test made the installation fail after `{name}`")))
        }
        _ => Ok(()),
    }
}

/// See the other one.
///
/// # Errors
/// Never.
#[cfg(not(debug_assertions))]
#[allow(clippy::unnecessary_wraps, reason = "the signature is that of the debug build")]
pub fn reached(_step: Step) -> Result<()> {
    Ok(())
}
