//! A team's own service: JSON in, JSON out, frozen for ever.

use crate::error::Result;

/// A service whose methods take and give JSON.
pub trait JsonService: Send + Sync {
    /// Its methods and their schemas, as JSON.
    fn describe(&self) -> String;

    /// Calls a method.
    ///
    /// # Errors
    /// `Usage` for an unknown method, and whatever the method fails with.
    fn call(&self, method: &str, payload: &[u8]) -> Result<Vec<u8>>;
}
