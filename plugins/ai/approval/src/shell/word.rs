//! A word of a command, as far as it is known before it runs.

/// Stands for text that is only known when it runs: a variable, a pattern, a substitution.
pub(crate) const UNKNOWN: char = '\u{0}';
/// Stands for the home directory.
pub(crate) const HOME: char = '\u{1}';

/// A word.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Arg {
    /// As it is written.
    pub(crate) shown: String,
    /// Decoded, with [`UNKNOWN`] and [`HOME`] for what is not text.
    pub(crate) outline: String,
    /// The words that `{a,b}` in it makes; most words have none.
    pub(crate) each: Vec<String>,
}

impl Arg {
    /// A word that is all text.
    pub(crate) fn literal(text: impl Into<String>) -> Self {
        let shown = text.into();
        Self { outline: shown.clone(), shown, each: Vec::new() }
    }

    /// A word of which nothing is known.
    pub(crate) fn unknown(shown: impl Into<String>) -> Self {
        Self { shown: shown.into(), outline: UNKNOWN.to_string(), each: Vec::new() }
    }

    /// The word, if all of it is known.
    pub(crate) fn text(&self) -> Option<&str> {
        let is_known = !self.outline.contains([UNKNOWN, HOME]);
        is_known.then_some(self.outline.as_str())
    }

    /// The program the word names: its last path component, if that is known and is one word for certain.
    pub(crate) fn program(&self) -> Option<&str> {
        if self.outline.contains(UNKNOWN) || self.outline == HOME.to_string() {
            return None;
        }
        Some(self.outline.rsplit('/').next().unwrap_or(&self.outline))
    }

    /// The decoded word for a person and for patterns: as written where it is not known.
    pub(crate) fn for_person(&self) -> String {
        self.text().map_or_else(|| self.shown.clone(), str::to_owned)
    }

    /// The rest of the word after its first `bytes` bytes, when it begins with text that long.
    pub(crate) fn after(&self, bytes: usize) -> Self {
        let outline = self.outline.get(bytes..).unwrap_or_default().to_owned();
        Self { shown: outline.replace([UNKNOWN, HOME], "?"), outline, each: Vec::new() }
    }
}

/// Words as one text, when all of them are known.
pub(crate) fn joined(words: &[Arg]) -> Option<String> {
    let texts: Option<Vec<&str>> = words.iter().map(Arg::text).collect();
    texts.map(|texts| texts.join(" "))
}
