//! Errors as they cross the boundary.

use abi_stable::StableAbi;
use abi_stable::std_types::{RString, RVec, Tuple2};

/// Named values for what a record did not foresee. Readers ignore names they do not know.
pub type Extension = RVec<Tuple2<RString, RString>>;

/// Which kind of failure it is: the exit code that the process ends with. A number and not an enum, so that a
/// kind invented later still ends an older host with the right code.
#[repr(transparent)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode(pub u8);

/// A failure of a plugin, frozen.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, PartialEq, Eq)]
pub struct PluginError {
    /// The kind.
    pub code: ErrorCode,
    /// What happened. Empty: everything was said already, only the code is left.
    pub message: RString,
    /// Why, the nearest reason first.
    pub causes: RVec<RString>,
    /// What to try.
    pub hints: RVec<RString>,
    /// Details for programs, e.g. `status`.
    pub ext: Extension,
}

impl PluginError {
    /// A failure with a message and nothing else.
    #[must_use]
    pub fn new(code: u8, message: &str) -> Self {
        Self {
            code: ErrorCode(code),
            message: message.into(),
            causes: RVec::new(),
            hints: RVec::new(),
            ext: RVec::new(),
        }
    }
}
