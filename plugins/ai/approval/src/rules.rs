//! What policy and flags add: deny and ask rules that only tighten, and `--allow` for automation.

/// The rules of a run.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// From the policy: never, whoever says yes.
    pub deny: Vec<Pattern>,
    /// From the policy: ask, in every mode.
    pub ask: Vec<Pattern>,
    /// From `--allow`: run without asking.
    pub allow: Vec<Pattern>,
}

/// A command in words; `*` in a word stands for any text, and a last word `*` for any further words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    words: Vec<String>,
}

impl Pattern {
    /// A pattern of the policy.
    ///
    /// # Errors
    /// One line for a person when it is not a plain list of words.
    pub fn new(text: &str) -> Result<Self, String> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        if words.is_empty() {
            return Err("a pattern needs at least one word".to_owned());
        }
        Ok(Self { text: text.to_owned(), words })
    }

    /// A pattern of `--allow`: names its program in full, and none of the dangerous ones.
    ///
    /// # Errors
    /// One line for a person.
    pub fn allowing(text: &str) -> Result<Self, String> {
        let pattern = Self::new(text)?;
        if pattern.words[0].contains('*') {
            return Err("the first word has to name the program; it cannot hold `*`".to_owned());
        }
        if let Some(name) = crate::dangerous::named(&pattern.words[0]) {
            return Err(format!("{name} always asks; it cannot be allowed in advance"));
        }
        Ok(pattern)
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}
