//! Settings that are numbers or truth values: what is none is told, once, and the default counts.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use seqera_plugin_api::{Host, warning};

use crate::sanitizer::one_line;

/// A setting that is a number of 0 or more; `None` when nobody has set it.
pub(crate) fn number(host: &Host, key: &str) -> Option<u64> {
    let setting = host.setting(key)?;
    let number = setting.value.trim().parse().ok();
    if number.is_none() {
        tell(
            host,
            key,
            &format!("{key} is a number, not {} ({})", one_line(&setting.value, 40), setting.origin),
        );
    }
    number
}

/// A setting that is `true` or `false`; `false` when nobody has set it.
pub(crate) fn is_on(host: &Host, key: &str) -> bool {
    let Some(setting) = host.setting(key) else { return false };
    let value = setting.value.trim();
    if value != "true" && value != "false" {
        let (value, origin) = (one_line(value, 40), &setting.origin);
        tell(host, key, &format!("{key} is true or false, not {value} ({origin}); it counts as false"));
    }
    value == "true"
}

fn tell(host: &Host, key: &str, problem: &str) {
    static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if TOLD.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned()) {
        warning!(host, "{problem}");
    }
}
