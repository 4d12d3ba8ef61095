//! Somebody who is not signed in can do it before the conversation begins.

use std::process::Command;

use seqera_plugin_api::service::SessionState;
use seqera_plugin_api::{Error, ErrorKind, Host, Result};

use super::typed;
use crate::driver::Stop;

/// Goes on when somebody is signed in, now at the latest.
///
/// # Errors
/// `SignInNeeded` when they do not want to, and what the sign-in ended with, which has said why.
pub(super) fn ensure(host: &Host, stop: &Stop) -> Result<()> {
    let session = host.token_provider()?.session(false)?;
    if session.state.is_usable() {
        return Ok(());
    }
    let (question, what) = match session.state {
        SessionState::SignedOut => ("You are not signed in. Sign in now (Y/n)? ", "you are not signed in"),
        _ => ("Your session has ended. Sign in now (Y/n)? ", "your session has ended"),
    };
    let answer = typed::line(host, stop, question)?;
    let is_yes = answer.is_some_and(|answer| matches!(answer.trim(), "" | "y" | "Y" | "yes"));
    if !is_yes {
        return Err(
            Error::new(ErrorKind::SignInNeeded, what).hint("Run `seqera login`, or set SEQERA_ACCESS_TOKEN.")
        );
    }
    sign_in()
}

/// As if they had typed it: the same program, on the same terminal.
fn sign_in() -> Result<()> {
    let failed = |error: &std::io::Error| {
        Error::new(ErrorKind::SignInNeeded, "`seqera login` cannot be started")
            .caused_by(error)
            .hint("Run `seqera login`.")
    };
    let program = std::env::current_exe().map_err(|error| failed(&error))?;
    let status = Command::new(program).arg("login").status().map_err(|error| failed(&error))?;
    if status.success() {
        return Ok(());
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Err(Error::silent(code.unwrap_or(ErrorKind::SignInNeeded.code())))
}
