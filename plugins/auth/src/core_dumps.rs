//! No dump of this process: tokens are in its memory. A debugger can be let in with `SEQERA_ALLOW_DUMP=1`.

use std::sync::Once;

/// Says so to the system, once. Where that is not possible nothing is said: it protects, and nothing depends on it.
pub(crate) fn forbid() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        if std::env::var_os("SEQERA_ALLOW_DUMP").is_none_or(|value| value != "1") {
            say();
        }
    });
}

/// On Linux for this process alone: a limit would pass to the commands that the assistant starts.
#[cfg(target_os = "linux")]
fn say() {
    let _as_before = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

#[cfg(all(unix, not(target_os = "linux")))]
fn say() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Core);
    limit.current = Some(0);
    let _as_before = setrlimit(Resource::Core, limit);
}

#[cfg(not(unix))]
fn say() {}
