//! The form of an error for programs: `--json` promises JSON, whatever happens.

use seqera_plugin_api::{Error, ErrorKind, Host, printable};
use serde_json::json;

use crate::authority::Authority;

/// Prints the error as JSON to standard error; what is left of it is the exit code.
pub(super) fn silenced(host: &Host, error: &Error) -> Error {
    if error.is_silent() {
        return error.clone();
    }
    let authority = Authority::configured(host).ok().map(|authority| authority.name());
    let form = json!({ "error": {
        "kind": kind_name(error),
        "message": printable(&error.to_string()),
        "hint": error.hints().first(),
        "host": authority,
    } });
    host.output().status(format_args!("{form}"));
    Error::silent(error.exit_code())
}

/// A name that stays: what the error says of itself, else its family.
pub(super) fn kind_name(error: &Error) -> &str {
    if let Some(kind) = error.detail("kind") {
        return kind;
    }
    match error.kind() {
        ErrorKind::Usage => "Usage",
        ErrorKind::Config => "Configuration",
        ErrorKind::SignInNeeded => "SignInNeeded",
        ErrorKind::Unreachable => "Network",
        ErrorKind::UnexpectedAnswer => "UnexpectedAnswer",
        ErrorKind::Security => "Security",
        ErrorKind::TimedOut => "Timeout",
        ErrorKind::CredentialStore => match error.detail("reason") {
            Some("locked") => "StoreLocked",
            Some("corrupt" | "damaged") => "StoreCorrupt",
            _ => "StoreUnavailable",
        },
        ErrorKind::Denied => "Denied",
        ErrorKind::Interrupted => "Interrupted",
        _ => "Failed",
    }
}
