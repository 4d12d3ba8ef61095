//! Whether a variable moves the directory of the user's plugins.

use std::ffi::OsString;
#[cfg(unix)]
use std::path::{Path, PathBuf};

/// The variable that moves it; `None` when it lies where it lies for this user without any.
pub fn by_variable() -> Option<&'static str> {
    if variable("SEQERA_PLUGINS_DIR").is_some() {
        return Some("SEQERA_PLUGINS_DIR");
    }
    by_home()
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// What the system says of the user counts, not what his shell says. Users that no file of the system knows, but some
/// server, have to be believed.
#[cfg(unix)]
fn by_home() -> Option<&'static str> {
    let home = variable("HOME").map(PathBuf::from);
    let user = rustix::process::getuid().as_raw();
    let entered = std::fs::read_to_string("/etc/passwd").map(|text| homes(&text, user)).unwrap_or_default();
    if let Some(home) = &home
        && !entered.is_empty()
        && !entered.iter().any(|entered| is_same(home, entered))
    {
        return Some("HOME");
    }
    let home = home.or_else(|| entered.first().cloned())?;
    let data = PathBuf::from(variable("XDG_DATA_HOME").filter(|_| cfg!(not(target_os = "macos")))?);
    // A relative one counts nowhere.
    let is_moved = data.is_absolute() && !is_same(&data, &home.join(".local/share"));
    is_moved.then_some("XDG_DATA_HOME")
}

#[cfg(not(unix))]
fn by_home() -> Option<&'static str> {
    None
}

/// The home directories of a user in the text of `/etc/passwd`.
#[cfg(unix)]
fn homes(text: &str, user: u32) -> Vec<PathBuf> {
    let entries = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let own = entries.filter(|fields| fields.get(2).and_then(|id| id.parse().ok()) == Some(user));
    own.filter_map(|fields| fields.get(5).map(PathBuf::from)).collect()
}

#[cfg(unix)]
fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    real(one) == real(other)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn homes_are_those_of_the_user() {
        let text =
            "root:x:0:0:root:/root:/bin/sh\nbroken\nme:x:10:10::/home/me:/bin/sh\ntoo:x:10:10::/home/too:\n";
        assert_eq!(homes(text, 10), [PathBuf::from("/home/me"), PathBuf::from("/home/too")]);
        assert!(homes(text, 1).is_empty());
    }
}
