//! The admin's policy: `/etc/seqera/policy.toml`. It only tightens, nothing moves it, and where it cannot be trusted or
//! understood no plugin runs; the built-in commands go on working.
//!
//! | room | does |
//! | --- | --- |
//! | `file` | what the file may say, each rule with its line |
//! | `place` | whether anybody but the admin could have written it |
//! | `judge` | what the rules say about one plugin |
//! | `moved` | whether a variable moves the directory of the user's plugins |

mod file;
mod judge;
mod moved;
mod place;

use std::path::Path;

pub use file::Policy;
pub use judge::Subject;

use crate::audit;
use crate::config::Paths;
use crate::error::{Error, Result};

/// A rule that was looked at, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule, in words.
    pub rule: String,
    /// `FILE:LINE`, or `built in`.
    pub place: String,
    /// Whether the plugin meets it.
    pub is_met: bool,
    /// It is a rule of the policy.
    pub is_policy: bool,
}

/// The policy's file.
#[cfg(unix)]
const POLICY: &str = "/etc/seqera/policy.toml";
/// The policy's file.
#[cfg(not(unix))]
const POLICY: &str = r"C:\ProgramData\Seqera\policy.toml";

/// Reads the policy; `None` when there is none, which costs one look.
///
/// # Errors
/// `Mismatch`: somebody but the admin can write it. `Config`: it cannot be read or understood, with file and line.
pub fn read() -> Option<Result<Policy>> {
    let path = Path::new(POLICY);
    place::read(path).map(|text| Policy::parse(path, text?))
}

/// Whether it is the policy that does not allow a plugin.
pub fn is_refusal(error: &Error) -> bool {
    error.details.iter().any(|(name, _)| name == judge::REFUSED)
}

/// Writes the audit when it was the policy that ended a command.
pub fn record(paths: &Paths, error: &Error) {
    let detail = |wanted: &str| error.details.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
    if let (Some(label), Some(rule)) = (detail(judge::REFUSED), detail(judge::RULE)) {
        let (name, version) =
            label.split_once(' ').map_or((label.as_str(), None), |(n, v)| (n, Some(v.to_owned())));
        audit::policy_refused(paths, name, version, rule);
    }
}
