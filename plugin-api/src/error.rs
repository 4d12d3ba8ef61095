//! Errors that say who must act, what happened, why, and what to try.

use std::fmt;

/// Which kind of failure it is. The number is the exit code of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum ErrorKind {
    /// The command failed.
    Failed = 1,
    /// The command was typed wrongly.
    Usage = 2,
    /// A setting is wrong or missing.
    Config = 3,
    /// Sign-in is needed, has ended, or was declined.
    SignInNeeded = 4,
    /// Server or network cannot be reached. Trying again may help.
    Unreachable = 5,
    /// The server answers, but not with what was expected.
    UnexpectedAnswer = 6,
    /// A security check failed: state, issuer, ID token.
    Security = 7,
    /// Nobody answered in time.
    TimedOut = 8,
    /// The credential store is locked or unusable.
    CredentialStore = 9,
    /// Something needed an approval that nobody could give.
    ApprovalNeeded = 10,
    /// Credits or quota are exhausted.
    QuotaExhausted = 11,
    /// A required service has no provider.
    NoProvider = 69,
    /// A plugin crashed.
    Crashed = 70,
    /// Policy, manifest or grant does not allow it.
    Denied = 77,
    /// Pin, lock or digest mismatch.
    Mismatch = 78,
    /// A plugin cannot be loaded.
    CannotLoad = 126,
    /// A signal asked the command to stop (the exit code is 128 plus its number).
    Interrupted = 130,
    /// The reader of standard output went away.
    ClosedPipe = 141,
}

impl ErrorKind {
    /// Every kind, for tables and tests.
    pub const ALL: &[Self] = &[
        Self::Failed,
        Self::Usage,
        Self::Config,
        Self::SignInNeeded,
        Self::Unreachable,
        Self::UnexpectedAnswer,
        Self::Security,
        Self::TimedOut,
        Self::CredentialStore,
        Self::ApprovalNeeded,
        Self::QuotaExhausted,
        Self::NoProvider,
        Self::Crashed,
        Self::Denied,
        Self::Mismatch,
        Self::CannotLoad,
        Self::Interrupted,
        Self::ClosedPipe,
    ];

    /// The exit code of this kind.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The kind of an exit code; an unknown one is [`ErrorKind::Failed`].
    #[must_use]
    pub fn from_code(code: u8) -> Self {
        Self::ALL.iter().copied().find(|kind| kind.code() == code).unwrap_or(Self::Failed)
    }
}

/// A failure of a command or a service.
///
/// The host prints it once, in one form, and exits with the code of its kind. Never put a secret into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
    details: Vec<(String, String)>,
    /// Set when everything was said already and only the exit code is left.
    silent_code: Option<u8>,
}

impl Error {
    /// A failure of `kind`. The message is a phrase without a final period.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            details: Vec::new(),
            silent_code: None,
        }
    }

    /// Ends the command with `code`; everything that was to be said has been said.
    #[must_use]
    pub fn silent(code: u8) -> Self {
        Self { silent_code: Some(code), ..Self::new(ErrorKind::from_code(code), "") }
    }

    /// Adds a reason, the nearest first.
    #[must_use]
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// Adds an error and all its sources as reasons.
    #[must_use]
    pub fn caused_by(mut self, source: &dyn std::error::Error) -> Self {
        let mut next = Some(source);
        while let Some(error) = next {
            let text = error.to_string();
            if self.causes.last() != Some(&text) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Adds something to try, a full sentence or a command.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds a machine-readable detail that travels with the error, e.g. an HTTP status.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.details.push((name.into(), value.to_string()));
        self
    }

    /// The same with all its texts changed, e.g. to take a secret out of what a server said.
    #[must_use]
    pub fn map_texts(mut self, change: impl Fn(&str) -> String) -> Self {
        let lists = self.causes.iter_mut().chain(&mut self.hints);
        let details = self.details.iter_mut().map(|(_, value)| value);
        for text in lists.chain(details).chain([&mut self.message]) {
            *text = change(text);
        }
        self
    }

    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What happened.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Why, the nearest reason first.
    #[must_use]
    pub fn causes(&self) -> &[String] {
        &self.causes
    }

    /// What to try.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The detail of that name.
    #[must_use]
    pub fn detail(&self, name: &str) -> Option<&str> {
        self.details.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All details.
    #[must_use]
    pub fn details(&self) -> &[(String, String)] {
        &self.details
    }

    /// The exit code that the process ends with.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.silent_code.unwrap_or(self.kind.code())
    }

    /// `true` when nothing is left to be printed.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.silent_code.is_some()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for cause in &self.causes {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// What a command or a service answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;
