//! Opens the person's browser.

use std::process::{Command, Stdio};

use url::Url;

use crate::env_token;

/// Tries to show `url` in a browser; `false` when there is none to show it in.
///
/// `BROWSER` names one, else the desktop's opener is asked, if there is a desktop. Never a shell, never a browser in
/// the terminal: it would take the terminal from us.
pub(crate) fn open(url: &Url) -> bool {
    let named = std::env::var_os("BROWSER").filter(|name| !name.is_empty());
    if let Some(name) = named {
        let mut command = Command::new(name);
        command.arg(url.as_str());
        return start(command);
    }
    has_desktop() && open::commands(url.as_str()).into_iter().any(start)
}

fn has_desktop() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")
}

fn start(mut command: Command) -> bool {
    for variable in env_token::VARIABLES {
        command.env_remove(variable);
    }
    let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = started else { return false };
    // Somebody has to wait for it, or it stays behind as a zombie.
    std::thread::spawn(move || drop(child.wait()));
    true
}
