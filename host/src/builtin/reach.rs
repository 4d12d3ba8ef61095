//! `seqera __reach URL any|200`: asks a server for the doctor, in a process of its own, because a plugin has to be loaded.

use std::ffi::OsString;
use std::sync::Arc;

use crate::error::{Code, Error, Result};
use crate::plugin_store::download::Downloads;

/// # Errors
/// Why the server does not answer, or not as expected.
pub fn run(arguments: &[OsString]) -> Result<()> {
    const ENOUGH: u64 = 1 << 20;
    let [url, expected] = arguments else {
        return Err(Error::new(Code::Usage, "it takes an address and what is expected"));
    };
    let url = url.to_string_lossy();
    crate::with_broker(|broker| {
        match Downloads::new(Arc::clone(broker)).to_memory(&url, ENOUGH) {
            Ok(_) => Ok(0),
            // It may well have nothing to say at that address: it is there.
            Err(error) if expected == "any" && error.code == Code::Unexpected as u8 => Ok(0),
            Err(error) => Err(error),
        }
    })?;
    Ok(())
}
