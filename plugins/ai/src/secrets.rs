//! Secrets in text that is shown, kept or sent: live tokens of ours, and values of variables that are named like
//! secrets.

mod stream;

use std::sync::Arc;

use seqera_plugin_api::Host;
use seqera_plugin_api::service::TokenProvider;
use serde_json::Value;

pub(crate) use stream::{HiddenText, LONGEST};

/// Ends of names of variables that hold secrets.
const NAMES: [&str; 4] = ["_TOKEN", "_SECRET", "_KEY", "PASSWORD"];
/// Shorter values are words as they occur everywhere, in bytes.
const SHORTEST: usize = 8;
/// A token of a login is longer, in bytes: one that could be guessed would be none (RFC 6749, section 10.10).
const SHORTEST_TOKEN: usize = 16;
/// What is there instead.
const MASK: &str = "[hidden]";
/// The same, and what the provider of tokens puts there.
pub(crate) const MASKS: [&str; 2] = [MASK, "[secret]"];

/// Which side of a text is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    Beginning,
    End,
}

/// Hides secrets.
#[derive(Clone)]
pub(crate) struct Secrets {
    /// The longest first: one may be a part of another.
    values: Arc<[String]>,
    provider: Option<Arc<dyn TokenProvider>>,
}

impl Secrets {
    /// Those of this process. Without a provider of tokens there are none of ours.
    pub(crate) fn of(host: &Host) -> Self {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let (name, value) = (name.to_str()?, value.into_string().ok()?);
            (is_named_like_a_secret(name) && !is_name(name, &value)).then_some(value)
        });
        Self::new(variables, host.token_provider().ok())
    }

    /// These, for tests.
    #[cfg(test)]
    pub(crate) fn named(values: impl IntoIterator<Item = String>) -> Self {
        Self::new(values.into_iter(), None)
    }

    fn new(values: impl Iterator<Item = String>, provider: Option<Arc<dyn TokenProvider>>) -> Self {
        let mut all: Vec<String> = Vec::new();
        for value in values.filter(|value| value.trim().len() >= SHORTEST) {
            // A file may be read and searched line by line.
            let lines = value.lines().map(str::trim).filter(|line| line.len() < value.len());
            all.extend(lines.filter_map(secret_of_line).map(str::to_owned));
            // As it stands in JSON, too.
            let json = serde_json::Value::from(value.as_str()).to_string();
            let json = json[1..json.len() - 1].to_owned();
            if json != value {
                all.push(json);
            }
            all.push(value);
        }
        all.sort_by_key(|value| std::cmp::Reverse(value.len()));
        all.dedup();
        Self { values: all.into(), provider }
    }

    /// Whether a text holds none of them. Nearly every part of an answer does not, so this copies nothing.
    fn is_clean(&self, text: &str) -> bool {
        if text.len() < SHORTEST {
            return true;
        }
        let provider = self.provider.as_ref().filter(|_| may_hold_a_token(text));
        !self.values.iter().any(|value| text.contains(value.as_str()))
            && provider.is_none_or(|provider| provider.redact(text.as_bytes()) == text.as_bytes())
    }

    /// The text without them.
    pub(crate) fn hidden(&self, text: &str) -> String {
        let provider = self.provider.as_ref().filter(|_| may_hold_a_token(text));
        let mut text = match provider.map(|provider| provider.redact(text.as_bytes())) {
            Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            None => text.to_owned(),
        };
        for value in self.values.iter() {
            if text.contains(value.as_str()) {
                text = text.replace(value.as_str(), MASK);
            }
        }
        text
    }

    /// The text without them, when its beginning or its end was cut off: what may be a part of one goes, too.
    pub(crate) fn hidden_in_part(&self, text: &str, cut: Cut) -> String {
        let is_part = |c: char| c.is_ascii() && is_of_a_token(c as u8);
        let (of_token, of_value): (_, fn(&str, &str) -> usize) = match cut {
            Cut::Beginning => (text.trim_start_matches(is_part), common_at_start),
            Cut::End => (text.trim_end_matches(is_part), common_at_end),
        };
        let token = Some(text.len() - of_token.len()).filter(|length| (SHORTEST..LONGEST).contains(length));
        let token = token.filter(|_| self.provider.is_some()).unwrap_or_default();
        let part = self.values.iter().map(|value| of_value(value, text)).fold(token, usize::max);
        self.hidden(if cut == Cut::Beginning { &text[part..] } else { &text[..text.len() - part] })
    }

    /// The same for all texts in a value; its keys are ours.
    pub(crate) fn hide_in(&self, value: &mut Value) {
        let json = value.to_string();
        // Nearly always there is none, and one look is enough.
        if self.hidden(&json) != json {
            change_texts(value, &|text| self.hidden(text));
        }
    }
}

/// What is secret in a line of several: all of it in a key, and in JSON what is named so. What frames a key says nothing.
fn secret_of_line(line: &str) -> Option<&str> {
    let secret = match line.split_once(':').filter(|_| line.starts_with('"')) {
        Some((name, text)) if is_named_like_a_secret(name.trim_matches('"')) => {
            text.trim().trim_end_matches(',').trim_matches('"')
        }
        Some(_) => return None,
        None => line,
    };
    let is_text = secret == line && line.contains([' ', '"']);
    (secret.len() >= SHORTEST_TOKEN && !line.starts_with("-----") && !is_text).then_some(secret)
}

/// Whether a variable that is named like a secret names something else: a column, or a file with the secret in it.
fn is_name(variable: &str, value: &str) -> bool {
    let is_word = value.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_word && variable.to_ascii_uppercase().ends_with("_KEY")
        || value.starts_with('/') && std::path::Path::new(value).exists()
}

/// Changes all texts in a value, and not its keys.
pub(crate) fn change_texts(value: &mut Value, change: &dyn Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = change(text),
        Value::Array(values) => values.iter_mut().for_each(|value| change_texts(value, change)),
        Value::Object(fields) => fields.values_mut().for_each(|value| change_texts(value, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// How much of a text's beginning is the end of a value.
fn common_at_start(value: &str, text: &str) -> usize {
    let mut ends = value.char_indices().map(|(at, _)| &value[at..]);
    ends.find(|end| text.starts_with(end)).map_or(0, str::len)
}

/// How much of a text's end is the beginning of a value.
fn common_at_end(value: &str, text: &str) -> usize {
    let mut starts = value.char_indices().rev().map(|(at, c)| &value[..at + c.len_utf8()]);
    starts.find(|start| text.ends_with(start)).map_or(0, str::len)
}

/// Whether a character can stand in a token (RFC 6750, section 2.1).
fn is_of_a_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

/// Whether asking the provider, which looks into the store of credentials, is worth it.
fn may_hold_a_token(text: &str) -> bool {
    let mut run = 0;
    text.bytes().any(|byte| {
        run = if is_of_a_token(byte) { run + 1 } else { 0 };
        run >= SHORTEST_TOKEN
    })
}

/// Whether a variable holds a secret, by its name.
pub(crate) fn is_named_like_a_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    NAMES.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secret_names_are_hidden_also_in_json() {
        for name in ["GITHUB_TOKEN", "aws_secret_access_key", "DB_PASSWORD", "PGPASSWORD", "X_SECRET"] {
            assert!(is_named_like_a_secret(name), "{name}");
        }
        for name in ["PATH", "TOKENS", "KEYBOARD", "HOME"] {
            assert!(!is_named_like_a_secret(name), "{name}");
        }
        let values = ["s3cret\"value", "s3cret\"value-longer", "short"].map(str::to_owned);
        let secrets = Secrets::new(values.into_iter(), None);
        assert_eq!(
            secrets.hidden("a s3cret\"value-longer b s3cret\"value {\"x\":\"s3cret\\\"value\"} short"),
            "a [hidden] b [hidden] {\"x\":\"[hidden]\"} short"
        );
    }

    #[test]
    fn of_a_document_only_what_is_named_like_a_secret_is_hidden_line_by_line() {
        let document = "{\n  \"type\": \"service_account\",\n  \"auth_uri\": \"https://accounts.example/o/auth\",\n  \
                        \"private_key\": \"-----BEGIN KEY-----\\nMIIEvQIBADAN\"\n}\n";
        let secrets = Secrets::named([document.to_owned()]);
        let told: Vec<String> = document.lines().map(|line| secrets.hidden(line)).collect();
        let mut lines: Vec<&str> = document.lines().collect();
        lines[3] = "  \"private_key\": \"[hidden]\"";
        assert_eq!(told, lines);
    }

    #[test]
    fn a_word_and_a_file_are_no_secrets() {
        for (variable, value) in [("PARTITION_KEY", "sample_id"), ("SSH_KEY", "/etc/passwd")] {
            assert!(is_name(variable, value), "{variable}");
        }
        for (variable, value) in
            [("DB_PASSWORD", "correcthorse"), ("API_KEY", "abc123def"), ("SSH_KEY", "/nowhere/at/all")]
        {
            assert!(!is_name(variable, value), "{variable}");
        }
    }

    #[test]
    fn texts_in_a_value_are_hidden_and_the_rest_stays() {
        let secrets = Secrets::new(["12345678".to_owned()].into_iter(), None);
        let mut value = serde_json::json!({ "a": ["x 12345678"], "b": 12_345_678, "c": { "d": "y" } });
        secrets.hide_in(&mut value);
        assert_eq!(value, serde_json::json!({ "a": ["x [hidden]"], "b": 12_345_678, "c": { "d": "y" } }));
    }

    #[test]
    fn half_a_secret_at_a_cut_is_hidden() {
        let secret = "a secret of 20 bytes";
        let secrets = Secrets::new([secret.to_owned()].into_iter(), None);
        for at in 1..secret.len() {
            let (start, end) = secret.split_at(at);
            assert_eq!(secrets.hidden_in_part(&format!("x {start}"), Cut::End), "x ", "{at}");
            assert_eq!(secrets.hidden_in_part(&format!("{end} x"), Cut::Beginning), " x", "{at}");
        }
        assert_eq!(secrets.hidden_in_part(secret, Cut::Beginning), "");
        assert_eq!(secrets.hidden_in_part("plain words", Cut::End), "plain words");
        assert_eq!(secrets.hidden_in_part("plain words", Cut::Beginning), "plain words");
    }

    #[test]
    fn a_token_is_a_long_run() {
        for (text, may) in [
            ("plain words of an answer, and pipelines", false),
            ("Bearer abcdefghijklmnop", true),
            ("abcdefgh ijklmnop", false),
            ("/usr/local/bin/nextflow", true),
        ] {
            assert_eq!(may_hold_a_token(text), may, "{text}");
        }
    }
}
