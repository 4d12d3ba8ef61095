//! Every setting, with its variables and its default: one table.

use super::Layer;

/// A setting that the product knows.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Its key in `config.toml` and in the ABI.
    pub key: &'static str,
    /// Variables that win over the files, in order.
    pub variables: &'static [&'static str],
    /// Variables that the files win over.
    pub late_variables: &'static [&'static str],
    /// Its value when nobody says anything.
    pub default: Option<&'static str>,
}

/// An effective value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its value.
    pub value: String,
    /// `default`, the name of a variable, or `FILE:LINE`.
    pub origin: String,
}

const fn known(
    key: &'static str,
    variables: &'static [&'static str],
    default: Option<&'static str>,
) -> Known {
    Known { key, variables, late_variables: &[], default }
}

/// The table. Names and defaults of the variables are those of the documentation.
pub const SETTINGS: &[Known] = &[
    // Address of the backend that org, ai and info talk to.
    known("backend_url", &["SEQERA_AI_BACKEND_URL"], Some("https://ai-api.seqera.io")),
    // Authority that signs people in (OpenID Connect issuer).
    Known {
        key: "auth_domain",
        variables: &["SEQERA_AUTH_DOMAIN"],
        late_variables: &["SEQERA_PLATFORM_API_URL"],
        default: Some("https://cloud.seqera.io/api"),
    },
    // OAuth client id.
    known("auth_client_id", &["SEQERA_AUTH_CLI_CLIENT_ID"], Some("seqera_ai_cli")),
    // Audience asked for at sign-in.
    known("auth_audience", &["SEQERA_AUTH_AUDIENCE"], Some("platform")),
    // Path of the discovery document below the authority.
    known(
        "auth_configuration_endpoint",
        &["SEQERA_AUTH_CONFIGURATION_ENDPOINT"],
        Some("/.well-known/openid-configuration"),
    ),
    // First port of the sign-in callback.
    known("auth_redirect_port", &["SEQERA_AUTH_REDIRECT_PORT"], Some("53682")),
    // Milliseconds to wait for the browser.
    known("auth_callback_timeout_ms", &["SEQERA_AUTH_CALLBACK_TIMEOUT_MS"], Some("120000")),
    // Whether login opens a browser.
    known("browser_auto_open", &["SEQERA_BROWSER_AUTO_OPEN"], Some("true")),
    // Keep credentials in a file.
    known("no_keychain", &["SEQERA_NO_KEYCHAIN"], Some("false")),
    // `keychain` or `file`; unset: the keychain if it can be used.
    known("credential_store", &["SEQERA_CREDENTIAL_STORE"], None),
    // Profile whose credentials are used.
    known("profile", &["SEQERA_PROFILE"], Some("default")),
    // PEM file of certificate authorities to trust as well.
    known("ca_bundle", &["SEQERA_CA_BUNDLE"], None),
    // Default of `info -o`.
    known("cli_output_format", &["SEQERA_CLI_OUTPUT_FORMAT"], Some("console")),
    // Approval mode of the assistant.
    known("approval_mode", &[], Some("default")),
    // `light` or `dark`.
    known("theme", &["SEQERA_THEME"], None),
    // No motion on the screen.
    known("reduce_motion", &["SEQERA_REDUCE_MOTION"], Some("false")),
    // Workspace of the assistant.
    known("ai_cwd", &["SEQERA_AI_CWD"], None),
    // Days that the assistant keeps a session on this machine; 0 for none at all.
    known("ai_journal_days", &[], Some("90")),
    // Whether messages, patches and authors of the last commits are sent with a new session.
    known("ai_send_commits", &[], Some("false")),
    // Names of variables that look like secrets and are given to the assistant's commands all the same.
    known("ai_pass_environment", &[], None),
    // Seconds that a command of the assistant may run.
    known("ai_command_timeout_seconds", &[], Some("300")),
    // How much of what a command prints the assistant is told, of each stream.
    known("ai_tool_output_max_lines", &["SEQERA_TOOL_OUTPUT_MAX_LINES"], Some("1200")),
    known("ai_tool_output_max_bytes", &["SEQERA_TOOL_OUTPUT_MAX_BYTES"], Some("50000")),
    // How much of a file is read at once, and without a range.
    known("ai_read_max_lines", &["SEQERA_READ_MAX_LINES"], Some("1200")),
    known("ai_read_max_bytes", &["SEQERA_READ_MAX_BYTES"], Some("50000")),
    known("ai_read_line_chars", &["SEQERA_READ_LINE_CHARS"], Some("2000")),
    known("ai_implicit_read_lines", &["SEQERA_IMPLICIT_READ_LINES"], Some("250")),
    // Matches of a search, entries of a listing.
    known("ai_search_max_results", &["SEQERA_SEARCH_MAX_RESULTS"], Some("100")),
    known("ai_list_max_entries", &["SEQERA_LIST_MAX_ENTRIES"], Some("100")),
    // Largest file that is overwritten as a whole.
    known("ai_existing_write_max_lines", &["SEQERA_EXISTING_WRITE_MAX_LINES"], Some("160")),
    known("ai_existing_write_max_chars", &["SEQERA_EXISTING_WRITE_MAX_CHARS"], Some("6000")),
    // Seconds without a byte after which the assistant opens its stream again.
    known("ai_idle_timeout_seconds", &[], Some("90")),
    // Seconds without anything new after which the assistant gives a run up.
    known("ai_reconnect_seconds", &[], Some("120")),
];

/// The values that a setting may have, where they are few.
pub const CHOICES: &[(&str, &[&str])] = &[
    ("credential_store", &["keychain", "file"]),
    ("cli_output_format", &["console", "json"]),
    ("approval_mode", &["basic", "default", "full"]),
    ("theme", &["light", "dark"]),
];

/// Built-in, system, user, environment: the later wins; a late variable stands between default and files.
pub(super) fn resolve(key: &str, layers: &[Layer]) -> Option<Setting> {
    let known = SETTINGS.iter().find(|known| known.key == key);
    let variable = |names: &[&'static str]| {
        names.iter().find_map(|name| {
            let value = std::env::var(name).ok().filter(|value| !value.trim().is_empty())?;
            Some(Setting { value, origin: (*name).to_owned() })
        })
    };
    let files = || {
        let keys: Vec<&str> = key.split('.').collect();
        let rule = layers.iter().find_map(|layer| layer.text(&keys))?;
        Some(Setting { value: rule.value, origin: rule.place })
    };
    known
        .and_then(|known| variable(known.variables))
        .or_else(files)
        .or_else(|| variable(known?.late_variables))
        .or_else(|| Some(Setting { value: known?.default?.to_owned(), origin: "default".to_owned() }))
}
