//! Decides what the assistant may do by itself, what a person is asked about, and what is refused.
//!
//! Pure: besides the request it looks at names through [`Filesystem`], and at nothing else.

mod dangerous;
mod decision;
mod files;
mod gate;
mod places;
mod request;
mod rules;

pub use dangerous::DANGEROUS;
pub use decision::{
    Danger, Decision, Facts, PathFact, Place, Rule, Run, SearchPath, SessionGrant, approved_by_person,
    visible,
};
pub use files::{Filesystem, Kind, Status, SystemFiles};
pub use places::Places;
pub use request::{Grant, GrantedCommand, Grants, Mode, Request, Tool};
pub use rules::{Pattern, Rules};

/// The `PATH` of a checked command: system directories only, so that a listed name is the system's program.
pub const SYSTEM_PATH: &str = "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin:/opt/homebrew/bin";

/// Judges one use of a tool.
#[must_use]
pub fn decide(request: &Request<'_>, files: &dyn Filesystem) -> Decision {
    let _ = files;
    if request.plan && request.tool.changes_things() {
        let why = format!("plan mode: {} is not available while a plan is made", request.tool.name());
        return Decision::Blocked { rule: Rule::PlanMode, why };
    }
    let facts = Box::new(Facts { shown: visible(request.subject), ..Facts::default() });
    if let Err((rule, why)) = gate::check(request.subject) {
        return Decision::Prompt { rule, why, facts };
    }
    // The engine is not complete: everything is asked about.
    Decision::Prompt { rule: Rule::NotListed, why: "it is not on the list".to_owned(), facts }
}
