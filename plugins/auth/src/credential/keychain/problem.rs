//! Why a keychain cannot be used, in words and as a code.

use std::time::Duration;

use seqera_plugin_api::{Error, ErrorKind, printable};

/// What keeps us from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// No D-Bus session to find it on.
    NoBus,
    /// A D-Bus session without a Secret Service.
    NoService,
    /// It is locked, and nobody unlocked it.
    Locked,
    /// It does not answer.
    TimedOut,
    /// It answers, and refuses.
    Denied,
    /// What it holds is not what was put there.
    Damaged,
    /// Everything else.
    Failed,
}

/// A keychain that cannot be used.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) reason: Reason,
    detail: Option<String>,
}

impl Problem {
    pub(crate) fn new(reason: Reason) -> Self {
        Self { reason, detail: None }
    }

    /// With what the system says about it.
    pub(crate) fn said(reason: Reason, detail: impl std::fmt::Display) -> Self {
        Self { reason, detail: Some(detail.to_string()) }
    }

    pub(crate) fn timed_out(after: Duration) -> Self {
        Self::said(Reason::TimedOut, format!("it did not answer within {} s", after.as_secs_f32()))
    }

    /// For programs.
    pub(crate) fn code(&self) -> &'static str {
        match self.reason {
            Reason::NoBus => "no-bus",
            Reason::NoService => "no-service",
            Reason::Locked => "locked",
            Reason::TimedOut => "timeout",
            Reason::Denied => "denied",
            Reason::Damaged => "damaged",
            Reason::Failed => "failed",
        }
    }

    /// For people.
    pub(crate) fn explain(&self) -> String {
        let what = match self.reason {
            Reason::NoBus => "there is no D-Bus session here",
            Reason::NoService => "no Secret Service runs in this D-Bus session",
            Reason::Locked => "the keychain is locked",
            Reason::TimedOut => "the keychain does not answer",
            Reason::Denied => "the keychain refuses",
            Reason::Damaged => "what the keychain holds makes no sense",
            Reason::Failed => "the keychain failed",
        };
        match &self.detail {
            Some(detail) => format!("{what}: {} ({})", printable(detail), self.code()),
            None => format!("{what} ({})", self.code()),
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::new(ErrorKind::CredentialStore, "the keychain cannot be used")
            .because(problem.explain())
            .hint("Unlock it or start it, or keep the credentials in a file: seqera login --store file")
            .with("reason", problem.code())
    }
}
