//! Opens the person's browser.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use url::Url;

use crate::env_token;
use crate::sign_in::Surroundings;

/// Browsers that run in the terminal: they would take it from us.
const FOR_THE_TERMINAL: [&str; 9] =
    ["w3m", "lynx", "links", "links2", "elinks", "www-browser", "browsh", "carbonyl", "curl"];
/// Where the desktop's opener looks when the desktop itself names no browser: its own list ends with those for the
/// terminal.
const FOR_THE_SCREEN: &str =
    "x-www-browser:firefox:firefox-esr:chromium:chromium-browser:google-chrome:epiphany:konqueror:falkon";
/// An opener that fails says so soon; one that goes on has handed the address over.
const OPENER_FAILS_WITHIN: Duration = Duration::from_millis(300);

/// Tries to show `url` in a browser; `false` when there is none to show it in.
///
/// `BROWSER` names one, else the desktop's opener is asked, if there is a desktop. The address is one argument; no
/// shell of this system sees it.
pub(crate) fn open(url: &Url, surroundings: &Surroundings) -> bool {
    let browsers = std::env::var("BROWSER").unwrap_or_default();
    if let Some(words) = named(&browsers) {
        return start(with_address(&words, url));
    }
    if surroundings.wsl {
        return on_windows(url).into_iter().any(start);
    }
    surroundings.display && open::commands(url.as_str()).into_iter().any(start)
}

/// The first browser of a list as in `BROWSER` that is not one for the terminal, as words of a command line.
pub(crate) fn named(list: &str) -> Option<Vec<String>> {
    let whole = std::path::Path::new(list);
    let candidates: Vec<Vec<String>> = if whole.is_file() {
        vec![vec![list.to_owned()]]
    } else {
        list.split(if cfg!(windows) { ';' } else { ':' })
            .map(|item| item.split_whitespace().map(str::to_owned).collect())
            .collect()
    };
    candidates.into_iter().find(|words| words.first().is_some_and(|program| !is_for_the_terminal(program)))
}

fn is_for_the_terminal(program: &str) -> bool {
    let name = std::path::Path::new(program).file_stem().unwrap_or_default();
    FOR_THE_TERMINAL.iter().any(|browser| name == *browser)
}

fn with_address(words: &[String], url: &Url) -> Command {
    let mut command = Command::new(words.first().map(String::as_str).unwrap_or_default());
    let arguments = words.get(1..).unwrap_or_default();
    command.args(arguments.iter().map(|word| word.replace("%s", url.as_str())));
    if !arguments.iter().any(|word| word.contains("%s")) {
        command.arg(url.as_str());
    }
    command
}

/// The browser of the Windows around us. Not `explorer.exe`: it loses everything from the first `&` on.
fn on_windows(url: &Url) -> [Command; 3] {
    let mut view = Command::new("wslview");
    view.arg(url.as_str());
    let mut powershell = Command::new("powershell.exe");
    // A quoted string of PowerShell: nothing in it is looked at but the quote, which is doubled.
    let quoted = url.as_str().replace('\'', "''");
    powershell.args(["-NoProfile", "-NonInteractive", "-Command"]).arg(format!("Start-Process '{quoted}'"));
    let mut desktop = Command::new("xdg-open");
    desktop.arg(url.as_str());
    [view, powershell, desktop]
}

fn start(mut command: Command) -> bool {
    for variable in env_token::VARIABLES {
        command.env_remove(variable);
    }
    // What else is in it is for the terminal, and the desktop's opener would follow it.
    if named(&std::env::var("BROWSER").unwrap_or_default()).is_none() {
        command.env("BROWSER", FOR_THE_SCREEN);
    }
    let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = started else { return false };
    let has_failed = fails_at_once(&mut child);
    // Somebody has to wait for it, or it stays behind as a zombie.
    std::thread::spawn(move || drop(child.wait()));
    !has_failed
}

fn fails_at_once(child: &mut Child) -> bool {
    let started = Instant::now();
    while started.elapsed() < OPENER_FAILS_WITHIN {
        match child.try_wait() {
            Ok(Some(status)) => return !status.success(),
            Ok(None) => std::thread::sleep(Duration::from_millis(10)),
            Err(_) => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &str) -> Option<String> {
        named(list).map(|words| words.join(" "))
    }

    #[test]
    fn a_browser_for_the_terminal_is_never_taken() {
        assert_eq!(words("w3m"), None);
        assert_eq!(words("/usr/bin/lynx:www-browser"), None);
        assert_eq!(words(""), None);
        assert_eq!(words("elinks:firefox"), Some("firefox".to_owned()));
        assert_eq!(words("chromium --new-window %s:lynx"), Some("chromium --new-window %s".to_owned()));
    }

    #[test]
    fn the_address_is_one_argument_wherever_it_stands() {
        let url = Url::parse("https://a.example/x?a=1&b=$(touch%20x)").unwrap();
        let arguments = |list: &str| -> Vec<String> {
            let command = with_address(&named(list).unwrap(), &url);
            command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect()
        };
        assert_eq!(arguments("firefox"), [url.as_str()]);
        assert_eq!(arguments("firefox -P work --url=%s"), ["-P", "work", &format!("--url={url}")]);
    }

    #[test]
    fn windows_is_asked_in_order_and_quoted() {
        let url = Url::parse("https://a.example/it's?a=1&b=2").unwrap();
        let [view, powershell, desktop] = on_windows(&url);
        assert_eq!(view.get_program(), "wslview");
        assert_eq!(desktop.get_program(), "xdg-open");
        let last = powershell.get_args().last().unwrap().to_string_lossy().into_owned();
        assert_eq!(last, "Start-Process 'https://a.example/it''s?a=1&b=2'");
    }
}
