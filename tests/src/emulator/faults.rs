//! What goes wrong on request.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// A fault: the next `times` requests of a route misbehave.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Fault {
    /// The route: `discovery jwks authorize token device revocation userinfo root service-info user-info organizations credits
    /// skills sessions history messages events tool-results expire`.
    pub route: String,
    /// For `token`: the grant type.
    pub grant: Option<String>,
    /// How many requests of the route go well first.
    pub skip: u32,
    /// How often.
    pub times: u32,
    /// `before`: the server does nothing; `after`: it does its work, and the answer is replaced; `stream`: the event
    /// stream begins well.
    pub phase: String,
    /// `status` `drop` `hang` `delay` `html` `malformed` `redirect`, and for `events`: `cut` (abrupt),
    /// `end` (clean) and `stall` (nothing more comes).
    pub action: String,
    /// For `status`.
    pub status: u16,
    /// For `status`.
    pub body: String,
    /// For `status`: what is said in `WWW-Authenticate`, when not the usual.
    pub challenge: String,
    /// For `delay`, in milliseconds.
    pub ms: u64,
    /// For `cut` and `end`: after how many events.
    pub after_events: usize,
    /// For `redirect`.
    pub location: String,
}

impl Default for Fault {
    fn default() -> Self {
        Self {
            route: String::new(),
            grant: None,
            skip: 0,
            times: 1,
            phase: "before".to_owned(),
            action: "status".to_owned(),
            status: 503,
            body: String::new(),
            challenge: String::new(),
            ms: 0,
            after_events: 0,
            location: String::new(),
        }
    }
}

impl Fault {
    /// A fault of a route.
    #[must_use]
    pub fn new(route: &str, action: &str) -> Self {
        Self { route: route.to_owned(), action: action.to_owned(), ..Self::default() }
    }

    /// An answer with a status and nothing else of use.
    #[must_use]
    pub fn status(route: &str, status: u16) -> Self {
        Self { status, ..Self::new(route, "status") }
    }

    /// So often.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// Only after so many requests that go well.
    #[must_use]
    pub fn skip(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    /// An event stream that breaks off (`cut`), just ends (`end`) or goes silent (`stall`) after so many events.
    #[must_use]
    pub fn stream(action: &str, after_events: usize) -> Self {
        Self { phase: "stream".to_owned(), after_events, ..Self::new("events", action) }
    }

    /// After the server did its work.
    #[must_use]
    pub fn after(self) -> Self {
        Self { phase: "after".to_owned(), ..self }
    }
}

/// The faults that wait.
#[derive(Default)]
pub(super) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(super) fn add(&self, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The fault of this request, if it has one; uses it up.
    pub(super) fn take(&self, route: &str, phase: &str, grant: &str) -> Option<Fault> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let concerns = |fault: &Fault| {
            fault.route == route
                && fault.phase == phase
                && fault.grant.as_ref().is_none_or(|wanted| wanted == grant)
        };
        let at = faults.iter().position(|fault| concerns(fault) && fault.skip == 0);
        for fault in faults.iter_mut().filter(|fault| concerns(fault)) {
            fault.skip = fault.skip.saturating_sub(1);
        }
        let at = at?;
        let fault = faults[at].clone();
        faults[at].times = faults[at].times.saturating_sub(1);
        if faults[at].times == 0 {
            faults.remove(at);
        }
        Some(fault)
    }
}
