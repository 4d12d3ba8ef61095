//! A token from the environment: it wins over every stored session, and is never stored.

use seqera_plugin_api::{Error, ErrorKind, Result, Secret};
use sha2::{Digest, Sha256};

/// The variables, the first that is set wins.
pub(crate) const VARIABLES: [&str; 3] = ["SEQERA_ACCESS_TOKEN", "SEQERA_TOKEN", "TOWER_ACCESS_TOKEN"];

/// A token and the variable that holds it.
#[derive(Debug, Clone)]
pub(crate) struct EnvToken {
    pub(crate) variable: &'static str,
    pub(crate) bearer: Secret,
}

impl EnvToken {
    /// The token in charge, if there is one. Blank is unset.
    ///
    /// # Errors
    /// `Config` for one that no HTTP header can carry.
    pub(crate) fn find() -> Result<Option<Self>> {
        for variable in VARIABLES {
            let Some(value) = std::env::var_os(variable) else { continue };
            let text = value.to_str().map(str::trim);
            match text {
                Some("") => {}
                Some(token) if can_be_sent(token) => {
                    return Ok(Some(Self { variable, bearer: Secret::new(token) }));
                }
                _ => {
                    return Err(Error::new(ErrorKind::Config, format!("{variable} does not hold a token"))
                        .because("it has spaces, control characters or letters that no token has")
                        .hint(format!("Set {variable} again, or unset it to use your login.")));
                }
            }
        }
        Ok(None)
    }

    /// The tokens of all variables: those that are not in charge are secrets, too.
    pub(crate) fn all() -> impl Iterator<Item = Secret> {
        let values = VARIABLES.iter().filter_map(|variable| std::env::var(variable).ok());
        values.map(|value| Secret::new(value.trim()))
    }

    /// Where it comes from, as `token-provider` says it.
    pub(crate) fn source(&self) -> String {
        format!("env:{}", self.variable)
    }

    /// What may be written down about it: enough to know it again, too little to use it.
    pub(crate) fn fingerprint(&self) -> String {
        Sha256::digest(self.bearer.expose()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Whether an HTTP header can carry it.
pub(crate) fn can_be_sent(token: &str) -> bool {
    token.chars().all(|c| c.is_ascii_graphic())
}
