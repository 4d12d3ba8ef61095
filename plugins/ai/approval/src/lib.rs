//! Decides what the assistant may do by itself, what a person is asked about, and what is refused.
//!
//! Pure: besides the request it looks at names through [`Filesystem`], and at nothing else.
//!
//! | room | does |
//! | --- | --- |
//! | `gate` | refuses text that hides what it does, before any parser |
//! | `shell` | reads shell text: strictly, and the whole language |
//! | `inspect` | finds every command in it, and what is asked about in every mode |
//! | `allow` | what may run by itself, and that it is run as it was checked |
//! | `paths` | where a path really leads |
//! | `rules` | what policy and flags add |
//! | `decide` | the rules in their order |

mod allow;
mod dangerous;
mod decide;
mod decision;
mod files;
mod gate;
mod inspect;
mod paths;
mod places;
mod request;
mod rules;
mod shell;

pub use dangerous::DANGEROUS;
pub use decide::decide;
pub use decision::{
    Danger, Decision, Facts, PathFact, Place, Rule, Run, SearchPath, SessionGrant, approved_by_person,
    visible,
};
pub use files::{Filesystem, Kind, Status, SystemFiles};
pub use places::Places;
pub use request::{Grant, GrantedCommand, Grants, Mode, Request, Tool};
pub use rules::{Pattern, Rules};
pub use shell::emit::quoted;

/// The `PATH` of a checked command: system directories only, so that a listed name is the system's program.
pub const SYSTEM_PATH: &str = "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin:/opt/homebrew/bin";
