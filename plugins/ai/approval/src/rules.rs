//! What policy and flags add: deny and ask rules that only tighten, and `--allow` for automation.

use crate::shell::word::Arg;

/// Whether a command is what a pattern says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Match {
    No,
    /// It depends on words that are known only when it runs.
    Maybe,
    Yes,
}

/// `*` stands for any text.
fn glob(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

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

    /// Whether the words of a command are what was allowed, to the letter.
    pub(crate) fn allows(&self, words: &[String]) -> bool {
        let texts: Vec<Option<&str>> = words.iter().map(|word| Some(word.as_str())).collect();
        self.compare(&texts, false) == Match::Yes
    }

    /// Whether a command is meant by a rule of the policy: its program under any directory and in any case.
    pub(crate) fn concerns(&self, words: &[Arg]) -> Match {
        let texts: Vec<Option<&str>> = words.iter().map(Arg::text).collect();
        self.compare(&texts, true)
    }

    /// `None` is a word that is known only when it runs, or several.
    fn compare(&self, words: &[Option<&str>], by_program: bool) -> Match {
        let mut answer = Match::Yes;
        for (index, pattern) in self.words.iter().enumerate() {
            if pattern == "*" && index + 1 == self.words.len() && index > 0 {
                return answer;
            }
            match words.get(index) {
                None => return Match::No,
                // It may stand for no word or many, so nothing after it is certain either.
                Some(None) => return Match::Maybe,
                Some(Some(word)) if index == 0 && by_program => {
                    let name = word.rsplit('/').next().unwrap_or(word).to_lowercase();
                    if !glob(&pattern.to_lowercase(), &name) && !glob(pattern, word) {
                        return Match::No;
                    }
                }
                Some(Some(word)) if glob(pattern, word) => {}
                Some(Some(_)) => return Match::No,
            }
        }
        if let Some(further) = words.get(self.words.len()..).filter(|further| !further.is_empty()) {
            answer = if further.iter().all(Option::is_none) { Match::Maybe } else { Match::No };
        }
        answer
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Arg> {
        text.split(' ')
            .map(|word| if word == "$x" { Arg::unknown(word) } else { Arg::literal(word) })
            .collect()
    }

    #[test]
    fn a_pattern_is_words_and_not_a_prefix_of_text() {
        let cases = [
            ("curl *", "curl https://a", Match::Yes),
            ("curl *", "curl", Match::Yes),
            ("curl *", "curly a", Match::No),
            ("curl *", "/usr/bin/CURL a", Match::Yes),
            ("git push", "git push", Match::Yes),
            ("git push", "git push origin", Match::No),
            ("git push", "git $x", Match::Maybe),
            ("git push", "git push $x", Match::Maybe),
            ("git push *", "git push $x", Match::Yes),
            ("ls *.nf", "ls main.nf", Match::Yes),
            ("ls *.nf", "ls main.py", Match::No),
            ("* --force", "git --force", Match::Yes),
            ("a*b*c", "aXbYc", Match::Yes),
            ("a*b*c", "aXc", Match::No),
            ("*", "anything", Match::Yes),
        ];
        for (pattern, command, expected) in cases {
            assert_eq!(
                Pattern::new(pattern).unwrap().concerns(&words(command)),
                expected,
                "{pattern} / {command}"
            );
        }
    }

    #[test]
    fn what_is_allowed_in_advance_names_a_program_and_none_of_the_dangerous() {
        assert!(Pattern::allowing("rm *").is_err());
        assert!(Pattern::allowing("/bin/RM x").is_err());
        assert!(Pattern::allowing("*").is_err());
        assert!(Pattern::allowing(" ").is_err());
        let pattern = Pattern::allowing("nextflow run *").unwrap();
        let allows = |text: &str| pattern.allows(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert!(allows("nextflow run main.nf") && allows("nextflow run"));
        assert!(
            !allows("./nextflow run a")
                && !allows("nextflow clean")
                && !allows("nextflow")
                && !allows("NEXTFLOW run a")
        );
    }
}
