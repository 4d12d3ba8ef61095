//! A string that cannot print itself.

use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

use zeroize::Zeroizing;

const MASK: &str = "[secret]";
/// What is shorter is in every other word.
const SHORTEST: usize = 8;
/// The values that the log must not show; there only while something is logged.
static KNOWN: OnceLock<Mutex<Vec<Zeroizing<String>>>> = OnceLock::new();

/// From now on remembers every secret, so that the log can be kept clean of it.
pub(crate) fn remember_all() {
    let _from_now_on = KNOWN.get_or_init(Mutex::default);
}

fn remember(value: &str) {
    let Some(known) = KNOWN.get().filter(|_| value.len() >= SHORTEST) else { return };
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if !known.iter().any(|other| other.as_str() == value) {
        known.push(Zeroizing::new(value.to_owned()));
    }
}

/// A line of the log without the secrets that are known.
pub(crate) fn masked(mut line: String) -> String {
    if let Some(known) = KNOWN.get() {
        for value in known.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if line.contains(value.as_str()) {
                line = line.replace(value.as_str(), MASK);
            }
        }
    }
    line
}

/// A secret: it prints as `[secret]` and is overwritten when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a secret in.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        let value = Zeroizing::new(value.into());
        remember(&value);
        Self(value)
    }

    /// Lets the secret out. Each use is a place to look at in a review.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `true` when there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}
