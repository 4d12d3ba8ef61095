//! What can be expected of the place where the command runs.

use seqera_plugin_api::Host;

/// Facts that decide how to sign in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own, and none excludes another")]
pub(crate) struct Surroundings {
    /// Over SSH: the browser is on another machine.
    pub(crate) ssh: bool,
    /// In a workspace that somebody else's machine shows: Codespaces, Gitpod and the like.
    pub(crate) remote_workspace: bool,
    pub(crate) container: bool,
    /// Linux inside Windows, whose browser can be started.
    pub(crate) wsl: bool,
    /// A screen that a browser can be shown on.
    pub(crate) display: bool,
    /// A person at a terminal.
    pub(crate) terminal: bool,
    /// `BROWSER` names one that is not a browser for the terminal.
    pub(crate) named_browser: bool,
}

impl Surroundings {
    /// Looks around.
    pub(crate) fn look(host: &Host) -> Self {
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let marks = ["/.dockerenv", "/run/.containerenv"];
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            terminal: host.terminal().is_interactive(),
            container: variable("container").is_some()
                || variable("KUBERNETES_SERVICE_HOST").is_some()
                || marks.iter().any(|mark| std::path::Path::new(mark).exists()),
            ..Self::from_environment(&kernel, cfg!(any(windows, target_os = "macos")), variable)
        }
    }

    /// What variables and the kernel's name say.
    fn from_environment(
        kernel: &str,
        has_desktop_always: bool,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let any = |names: &[&str]| names.iter().any(|name| variable(name).is_some());
        let ssh = any(&["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"]);
        Self {
            ssh,
            remote_workspace: any(&[
                "CODESPACES",
                "GITPOD_WORKSPACE_ID",
                "CLOUD_SHELL",
                "CURSOR_REMOTE",
                "REMOTE_CONTAINERS",
                "C9_USER",
                "JUPYTERHUB_USER",
            ]),
            wsl: any(&["WSL_DISTRO_NAME", "WSL_INTEROP"])
                || kernel.to_ascii_lowercase().contains("microsoft"),
            // Over SSH the desktop of this machine is one that the person does not see.
            display: has_desktop_always && !ssh || any(&["DISPLAY", "WAYLAND_DISPLAY"]),
            named_browser: variable("BROWSER").is_some_and(|list| crate::browser::named(&list).is_some()),
            ..Self::default()
        }
    }

    /// Why no browser can work here; `None` when one can.
    pub(crate) fn why_no_browser(&self) -> Option<&'static str> {
        if self.named_browser {
            return None;
        }
        match () {
            () if self.ssh && !self.display => Some("this is an SSH session"),
            () if self.remote_workspace => Some("this is a remote workspace"),
            () if self.container && !self.display && !self.wsl => Some("this is a container"),
            () if !self.display && !self.wsl => Some("there is no screen here"),
            () if !self.terminal => Some("nobody sits at this terminal"),
            () => None,
        }
    }

    /// Whether the browser is likely to be on another machine.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.ssh || self.remote_workspace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(variables: &[(&str, &str)]) -> Surroundings {
        let look =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Surroundings { terminal: true, ..Surroundings::from_environment("6.1.0-generic", false, look) }
    }

    #[test]
    fn where_a_browser_works() {
        for variables in [
            &[("DISPLAY", ":0")][..],
            &[("WAYLAND_DISPLAY", "wayland-0")],
            &[("WSL_DISTRO_NAME", "Ubuntu")],
            &[("SSH_CONNECTION", "a b c d"), ("DISPLAY", "localhost:10.0")],
            &[("CODESPACES", "true"), ("BROWSER", "/vscode/bin/helpers/browser.sh")],
        ] {
            assert_eq!(at(variables).why_no_browser(), None, "{variables:?}");
        }
        let kernel = Surroundings {
            terminal: true,
            ..Surroundings::from_environment("5.15.0-microsoft-standard-WSL2", false, |_| None)
        };
        assert_eq!(kernel.why_no_browser(), None);
    }

    #[test]
    fn over_ssh_the_desktop_of_the_other_machine_is_out_of_sight() {
        let ssh = |name: &str| (name == "SSH_CONNECTION").then(|| "a b c d".to_owned());
        for (kernel, has_desktop_always) in [("23.5.0", true), ("5.15.0-microsoft-standard-WSL2", false)] {
            let there = Surroundings::from_environment(kernel, has_desktop_always, ssh);
            assert_eq!(there.why_no_browser(), Some("this is an SSH session"), "{kernel}");
        }
    }

    #[test]
    fn where_none_works_and_why() {
        for (variables, why) in [
            (&[("SSH_CONNECTION", "a b c d")][..], "this is an SSH session"),
            (&[("SSH_TTY", "/dev/pts/1"), ("BROWSER", "w3m")], "this is an SSH session"),
            (&[("CODESPACES", "true"), ("DISPLAY", ":0")], "this is a remote workspace"),
            (&[("GITPOD_WORKSPACE_ID", "x")], "this is a remote workspace"),
            (&[], "there is no screen here"),
        ] {
            assert_eq!(at(variables).why_no_browser(), Some(why), "{variables:?}");
        }
        let boxed = Surroundings { container: true, ..at(&[]) };
        assert_eq!(boxed.why_no_browser(), Some("this is a container"));
        let unattended = Surroundings { terminal: false, ..at(&[("DISPLAY", ":0")]) };
        assert_eq!(unattended.why_no_browser(), Some("nobody sits at this terminal"));
    }
}
