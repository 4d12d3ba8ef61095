//! `/credits`

use seqera_plugin_api::{Host, Result, out};

use crate::backend::Credits;
use crate::sanitizer::one_line;

/// What is left to be used, as far as the server says it.
pub(super) fn show(host: &Host, credits: &Credits) -> Result<()> {
    rows(credits).iter().try_for_each(|row| out!(host, "{row}"))
}

fn rows(credits: &Credits) -> Vec<String> {
    let mut rows = Vec::new();
    if let Some(name) = &credits.org_name {
        rows.push(format!("Organization: {}", one_line(name, 80)));
    }
    if credits.org_credits_enabled == Some(false) {
        rows.push("Usage is managed by your organization.".to_owned());
        return rows;
    }
    let included = share(credits.included_used, credits.included_limit);
    if let Some(percent) = included.or_else(|| share(credits.used, credits.limit)) {
        rows.push(format!("Included allowance: {percent} % used"));
    }
    if let (Some("org"), Some(pool)) = (credits.metering_tier.as_deref(), &credits.org_credits)
        && let Some(percent) = share(pool.consumed, pool.total)
    {
        let until = pool.expiration_date.as_ref().map(|date| format!(", until {}", one_line(date, 40)));
        rows.push(format!("Shared credits: {percent} % used{}", until.unwrap_or_default()));
    }
    if credits.metering_tier.as_deref() == Some("exhausted") {
        rows.push("There are no credits left.".to_owned());
    }
    if rows.is_empty() {
        rows.push("The server says nothing about credits.".to_owned());
    }
    rows
}

/// Percent, rounded.
fn share(used: Option<f64>, limit: Option<f64>) -> Option<String> {
    let (used, limit) = (used?, limit.filter(|limit| *limit > 0.0)?);
    Some(format!("{:.1}", 100.0 * used / limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_said_in_percent() {
        let read = |json: &str| rows(&serde_json::from_str(json).unwrap());
        assert_eq!(
            read(
                r#"{"org_name":"A","metering_tier":"org","included_used":1.5,"included_limit":20,"org_credits":{"total":10,"consumed":4}}"#
            ),
            ["Organization: A", "Included allowance: 7.5 % used", "Shared credits: 40.0 % used"]
        );
        assert_eq!(read(r#"{"org_credits_enabled":false}"#), ["Usage is managed by your organization."]);
        assert_eq!(
            read(r#"{"metering_tier":"exhausted","used":5,"limit":5}"#),
            ["Included allowance: 100.0 % used", "There are no credits left."]
        );
        assert_eq!(read("{}"), ["The server says nothing about credits."]);
    }
}
