//! Text that comes in parts: a secret may be split between two of them.
//!
//! What may be the beginning of a secret is held back until more has come. A short beginning is let through: it gives
//! nothing away, and words are seen as they arrive.

use super::{SHORTEST, Secrets, is_of_a_token};

/// Longer than any secret, in bytes: what goes on for longer is not held back.
pub(crate) const LONGEST: usize = 16 * 1024;
/// A long text is looked through in windows of this length, so that it is not copied.
const WINDOW: usize = 4 * LONGEST;

/// One text, without its secrets.
pub(crate) struct HiddenText {
    secrets: Secrets,
    /// The end of what came: a secret may begin with it.
    tail: String,
    /// How much of it was let through, in bytes.
    shown: usize,
}

/// The end of a text that may be the beginning of a secret.
struct Open {
    /// Where it begins.
    from: usize,
    /// Where the part of it ends that gives nothing away.
    until: usize,
}

impl HiddenText {
    pub(crate) fn new(secrets: Secrets) -> Self {
        Self { secrets, tail: String::new(), shown: 0 }
    }

    /// What may be seen after this part has come; empty when nothing new may.
    pub(crate) fn push(&mut self, part: String) -> String {
        if self.tail.is_empty() {
            let open = self.open(&part);
            if open.until == part.len() && self.is_clean(&part) {
                part[open.from..].clone_into(&mut self.tail);
                self.shown = self.tail.len();
                return part;
            }
        }
        self.tail.push_str(&part);
        let open = self.open(&self.tail);
        let mut seen = self.settle(open.from);
        let until = open.until - open.from;
        if self.shown < until {
            seen.push_str(&self.tail[self.shown..until]);
            self.shown = until;
        }
        seen
    }

    /// Whether nothing is held back, nor looked at again.
    pub(crate) fn is_out(&self) -> bool {
        self.tail.is_empty()
    }

    /// What was held back: nothing more comes, or something else comes first.
    pub(crate) fn end(&mut self) -> String {
        if self.tail.is_empty() { String::new() } else { self.settle(self.tail.len()) }
    }

    /// What is known up to `end`, as far as it was not let through before; the rest stays.
    fn settle(&mut self, end: usize) -> String {
        let rest = self.tail.split_off(end);
        let whole = std::mem::replace(&mut self.tail, rest);
        let shown = self.shown.min(end);
        self.shown -= shown;
        let mut hidden = self.secrets.hidden(&whole);
        // Else a token began in what was let through: the mask comes behind its first letters.
        if hidden.starts_with(&whole[..shown]) {
            hidden.drain(..shown);
        }
        hidden
    }

    /// What of the end of a text may be the beginning of a secret.
    fn open(&self, text: &str) -> Open {
        let bytes = text.as_bytes();
        let run = bytes.iter().rev().take(LONGEST + 1).take_while(|byte| is_of_a_token(**byte)).count();
        let token = if run > LONGEST { bytes.len() } else { bytes.len() - run };
        let mut known = bytes.len();
        for value in self.secrets.values.iter().map(|value| value.as_bytes()) {
            let from = bytes.len().saturating_sub(value.len() - 1);
            let begins = |at: usize| value.starts_with(&bytes[at..]);
            let found = memchr::memchr_iter(value[0], &bytes[from..]).map(|at| from + at);
            known = found.take_while(|at| *at < known).find(|at| begins(*at)).unwrap_or(known);
        }
        let is_short = bytes.len() - token < SHORTEST;
        let from = token.min(known);
        match self.around(bytes, from) {
            Some(begin) => Open { from: begin, until: begin },
            None => Open { from, until: if is_short { known } else { from } },
        }
    }

    /// Where a value begins that lies across a place.
    fn around(&self, text: &[u8], mut at: usize) -> Option<usize> {
        let mut found = None;
        loop {
            let across = self.secrets.values.iter().find_map(|value| {
                let (from, to) = (at.saturating_sub(value.len() - 1), at + value.len() - 1);
                let begin =
                    from + memchr::memmem::find(text.get(from..to.min(text.len()))?, value.as_bytes())?;
                (begin < at).then_some(begin)
            });
            let Some(begin) = across else { return found };
            found = Some(begin);
            at = begin;
        }
    }

    /// Whether a whole text has no secret.
    fn is_clean(&self, text: &str) -> bool {
        let mut from = 0;
        loop {
            let window = &text[from..boundary(text, from + WINDOW)];
            if !self.secrets.is_clean(window) {
                return false;
            }
            if from + window.len() == text.len() {
                return true;
            }
            // A secret at the border of two windows lies whole in the next one.
            from = boundary(text, from + WINDOW - LONGEST);
        }
    }
}

/// The end of the character before a place, or the end of the text.
fn boundary(text: &str, mut at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use seqera_plugin_api::service::{AccessToken, Session, TokenProvider, TokenRequest};
    use seqera_plugin_api::{Error, ErrorKind, Result};

    use super::*;

    const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl";

    struct Provider;

    impl TokenProvider for Provider {
        fn token(&self, _request: &TokenRequest) -> Result<AccessToken> {
            Err(Error::new(ErrorKind::Failed, "not here"))
        }

        fn invalidate(&self, _token: &AccessToken) -> Result<()> {
            Ok(())
        }

        fn session(&self, _resolve: bool) -> Result<Session> {
            Err(Error::new(ErrorKind::Failed, "not here"))
        }

        fn redact(&self, text: &[u8]) -> Vec<u8> {
            String::from_utf8_lossy(text).replace(TOKEN, "[secret]").into_bytes()
        }
    }

    fn secrets() -> Secrets {
        let values = ["pass word!1", "hunter22"].map(str::to_owned);
        Secrets::new(values.into_iter(), Some(Arc::new(Provider)))
    }

    /// What is seen of a text that comes in these parts.
    fn seen(parts: &[&str]) -> String {
        let mut text = HiddenText::new(secrets());
        let mut all: String = parts.iter().map(|part| text.push((*part).to_owned())).collect();
        all.push_str(&text.end());
        all
    }

    #[test]
    fn no_split_shows_a_secret() {
        for secret in [TOKEN, "pass word!1", "hunter22"] {
            let text = format!("before {secret} and {secret}, ünd after");
            let check = |seen: &str| {
                // Of a value that is known nothing is seen, of a token a few letters at most.
                if secret == TOKEN {
                    assert!(!seen.contains(&secret[SHORTEST - 1..]), "{seen}");
                } else {
                    assert_eq!(seen, text.replace(secret, "[hidden]"));
                }
                assert!(seen.starts_with("before ") && seen.ends_with(", ünd after"), "{seen}");
            };
            for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
                check(&seen(&[&text[..at], &text[at..]]));
            }
            let single: Vec<String> = text.chars().map(String::from).collect();
            check(&seen(&single.iter().map(String::as_str).collect::<Vec<_>>()));
        }
    }

    #[test]
    fn whole_secrets_leave_nothing_but_the_mask() {
        assert_eq!(seen(&[&format!("a {TOKEN} b")]), "a [secret] b");
        assert_eq!(seen(&["it is hunter22"]), "it is [hidden]");
        assert_eq!(seen(&["a pass word!", "1 b"]), "a [hidden] b");
    }

    #[test]
    fn what_is_no_secret_is_untouched_and_seen_soon() {
        let text = "A pipeline_of_many_processes, hun passes; größer 🧬 日本語 eyJh and more";
        for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            assert_eq!(seen(&[&text[..at], &text[at..]]), text);
        }
        let mut open = HiddenText::new(secrets());
        assert_eq!(open.push("Hello".to_owned()), "Hello");
        assert_eq!(open.push(", a word".to_owned()), ", a word");
        assert_eq!(open.push(" and considerable".to_owned()), " and ", "it may go on");
        assert_eq!(open.push(" ones".to_owned()), "considerable ones");
    }

    #[test]
    fn a_large_text_is_looked_through_and_not_held_back() {
        let large = "0123456789".repeat(100_000);
        let mut text = HiddenText::new(secrets());
        assert!(text.push(large.clone()) == large);
        assert_eq!(text.end(), "");
        let with = format!("{}{TOKEN}{}", &large[..WINDOW - 20].replace('9', " "), " x".repeat(WINDOW));
        assert!(!seen(&[&with]).contains(TOKEN));
    }
}
