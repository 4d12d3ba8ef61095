//! What the backend is told about where the question comes from.

use std::path::PathBuf;

use seqera_plugin_api::Host;

/// Variables that coding agents set, and what the protocol calls those agents.
const AGENTS: &[(&str, &str)] = &[
    ("CLAUDECODE", "claude_code"),
    ("CODEX_SANDBOX", "codex"),
    ("COPILOT_AGENT", "github_copilot"),
    ("CURSOR_AGENT", "cursor"),
    ("WINDSURF_AGENT", "windsurf"),
    ("AIDER_MODEL", "aider"),
    ("CLINE_ACTIVE", "cline"),
];
/// Variables of automation.
const AUTOMATION: &[&str] = &["CI", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL"];

/// Who calls us (protocol section 6).
pub(crate) fn caller(is_headless: bool) -> &'static str {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let agent = AGENTS.iter().find(|(variable, _)| is_set(variable)).map(|(_, name)| *name);
    agent.unwrap_or_else(|| {
        if is_headless || AUTOMATION.iter().any(|variable| is_set(variable)) {
            "script"
        } else {
            "interactive"
        }
    })
}

/// The workspace: the directory that is configured, or the current one.
pub(crate) fn workspace(host: &Host) -> PathBuf {
    let configured = host.setting("ai_cwd").map(|setting| PathBuf::from(setting.value));
    configured.or_else(|| std::env::current_dir().ok()).unwrap_or_else(|| PathBuf::from("."))
}
