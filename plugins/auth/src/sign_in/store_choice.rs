//! Where the credential will be kept: chosen and tried out before anybody is sent to a browser, so that no sign-in is
//! thrown away.

use std::sync::Arc;

use seqera_plugin_api::{Error, ErrorKind, Host, Result, printable, warning};

use crate::credential::{CredentialStore, Key, Problem, StoreKind};
use crate::session::Sessions;

/// What was asked for on the command line.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StoreWish {
    pub(crate) store: Option<StoreKind>,
    pub(crate) headless: bool,
}

/// A store that works, and whether a file may take its place when it fails later on.
pub(crate) struct Choice {
    pub(crate) store: Arc<dyn CredentialStore>,
    pub(crate) may_fall_back: bool,
}

/// Chooses: the flag, `SEQERA_CREDENTIAL_STORE`, `SEQERA_NO_KEYCHAIN`, what was chosen before, else the keychain if it
/// can be used.
///
/// # Errors
/// `CredentialStore` when the one that was asked for cannot be used; `Config` for a word that names none.
pub(crate) fn choose_store(sessions: &Sessions, key: &Key, wish: StoreWish) -> Result<Choice> {
    let stores = sessions.stores();
    let tried = |kind: StoreKind| -> Result<Choice> {
        let store = stores.open(kind)?;
        store.probe()?;
        Ok(Choice { store, may_fall_back: false })
    };
    if let Some(kind) = wished(sessions.host(), wish)? {
        return tried(kind);
    }
    let before = sessions.index()?.find(key)?.and_then(|record| StoreKind::parse(&record.store));
    if before == Some(StoreKind::File) {
        return tried(StoreKind::File);
    }
    let keychain = stores.keychain();
    match keychain.try_out() {
        Ok(()) => Ok(Choice { store: keychain, may_fall_back: true }),
        Err(problem) => {
            agree_to_a_file(sessions.host(), &problem)?;
            tried(StoreKind::File)
        }
    }
}

fn wished(host: &Host, wish: StoreWish) -> Result<Option<StoreKind>> {
    if wish.store.is_some() {
        return Ok(wish.store);
    }
    if wish.headless {
        return Ok(Some(StoreKind::File));
    }
    if let Some(setting) = host.setting("credential_store") {
        let kind = StoreKind::parse(setting.value.trim()).ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                format!("credential_store is neither keychain nor file: {}", printable(&setting.value)),
            )
            .because(format!("it is set by {}", setting.origin))
        })?;
        return Ok(Some(kind));
    }
    let no_keychain = host.setting("no_keychain").is_some_and(|setting| setting.value.trim() == "true");
    Ok(no_keychain.then_some(StoreKind::File))
}

/// Asks a person; tells a script.
fn agree_to_a_file(host: &Host, problem: &Problem) -> Result<()> {
    let directory = host.paths().config_dir()?.join("credentials");
    if !host.terminal().is_interactive() {
        warning!(
            host,
            "the keychain cannot be used: {}; your credentials are kept in {}, readable only by you",
            problem.explain(),
            directory.display()
        );
        return Ok(());
    }
    warning!(host, "the keychain cannot be used: {}", problem.explain());
    let question = format!(
        "Keep your credentials in a file that only you can read (0600), below {}? [Y/n] ",
        directory.display()
    );
    let answer = host.output().ask(&question)?;
    match answer.as_deref().map(str::trim).map(str::to_ascii_lowercase).as_deref() {
        Some("" | "y" | "yes") => Ok(()),
        _ => Err(Error::from(problem.clone())
            .hint("Nothing was changed. `--store file` answers the question with yes.")),
    }
}
