//! The steps of an installation, and those of a removal, in order. Each leaves the plugins that were there before as
//! they were, or does what is left to do when it is said again.

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
    /// The grants of a plugin of which the last version is removed were taken back.
    Revoked,
    /// A version that is removed lies in the trash.
    Trashed,
    /// A version that is removed is gone, and the directory of its name with the last one.
    TakenAway,
    /// The lock, if there is one, names it no more.
    Forgotten,
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
        Some(("kill", wished)) if wished == name => die(),
        Some(("fail", wished)) if wished == name => {
            Err(Error::new(Code::Failed, format!("a test made the installation fail after `{name}`")))
        }
        _ => Ok(()),
    }
}

/// As whoever is killed, and has no time for anything.
#[cfg(debug_assertions)]
fn die() -> ! {
    #[cfg(unix)]
    let _dead = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort()
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
