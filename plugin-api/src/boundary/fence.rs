//! The panic fence: a panic of the plugin becomes an error that says where, and never crosses the boundary.
//!
//! It stands inside the plugin because it cannot stand anywhere else: a host cannot catch what another copy of the
//! standard library throws.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Once, OnceLock};

use crate::error::{Error, ErrorKind, Result};

thread_local! {
    /// How many fences the current thread is inside of.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// Where the last panic inside a fence happened, `file:line`.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Name and version of the plugin that this library is, for errors. One library is one plugin.
static LABEL: OnceLock<String> = OnceLock::new();

/// Says who it is that crashes.
pub(super) fn name_plugin(label: String) {
    let _the_same_each_time = LABEL.set(label);
}

/// What a formatted print macro of std panics with when the reader went away.
const CLOSED_STDOUT: &str = "failed printing to stdout";

/// Runs `work`; a panic becomes `Crashed`, or a silent 141 when it only says that nobody reads any more.
pub(super) fn fenced<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    install_hook();
    DEPTH.set(DEPTH.get() + 1);
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    DEPTH.set(DEPTH.get() - 1);
    outcome.unwrap_or_else(|payload| Err(crashed(payload.as_ref())))
}

fn crashed(payload: &(dyn Any + Send)) -> Error {
    let plugin = LABEL.get().map_or("", String::as_str);
    let place = PLACE.take().unwrap_or_else(|| "an unknown place".to_owned());
    if payload.downcast_ref::<String>().is_some_and(|text| text.starts_with(CLOSED_STDOUT)) {
        return Error::silent(ErrorKind::ClosedPipe.code());
    }
    let error = Error::new(ErrorKind::Crashed, format!("the plugin {plugin} crashed at {place}"))
        .hint("This is a defect of the plugin; please report it with the line above.");
    // Only a literal is shown: a formatted message may carry whatever the plugin was working on, a token included.
    match payload.downcast_ref::<&'static str>() {
        Some(literal) => error.because(literal),
        None => error,
    }
}

/// Keeps panics inside a fence quiet. Of all others (threads of the plugin's own) the place is said, and the message only
/// when it is a literal: a formatted one may carry whatever the thread was working on, a token included.
fn install_hook() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if DEPTH.get() == 0 && info.payload().is::<&'static str>() {
                previous(info);
            } else if DEPTH.get() == 0 {
                let plugin = LABEL.get().map_or("a plugin", String::as_str);
                let place = info.location().map(ToString::to_string).unwrap_or_default();
                let line =
                    format!("a thread of {plugin} panicked at {place}; its message may hold a secret\n");
                let _nobody_reads = io::stderr().write_all(line.as_bytes());
            } else {
                PLACE.set(info.location().map(|place| format!("{}:{}", place.file(), place.line())));
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_that_names_plugin_and_place() {
        let error = {
            name_plugin("demo 1.0.0".to_owned());
            fenced(|| -> Result<()> { panic!("a literal") }).unwrap_err()
        };
        assert_eq!(error.kind(), ErrorKind::Crashed);
        assert!(error.message().contains("demo 1.0.0") && error.message().contains("fence.rs:"), "{error}");
        assert_eq!(error.causes(), ["a literal"]);
    }

    #[test]
    fn a_formatted_message_is_not_shown() {
        let token = "s3cret";
        let error = fenced(|| -> Result<()> { panic!("token {token}") }).unwrap_err();
        assert!(!error.to_string().contains(token));
    }
}
