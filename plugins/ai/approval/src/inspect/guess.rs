//! Words that may be a command, or a text for a shell.

use super::unwrap::may_wrap;
use super::wrappers::{SAME_EFFECT, SHELL, TAKES_TEXT};
use super::{MOST_STEPS, Walker};
use crate::decision::Rule;
use crate::shell::word::Arg;

impl Walker {
    /// Looks at what may be a text for a shell: where it cannot be read, it is none, unless a dangerous command is named.
    pub(super) fn guessed(&mut self, look: impl FnOnce(&mut Self), text: &str) {
        let outer = std::mem::replace(&mut self.is_guess, true);
        let before = self.found.findings.len();
        look(self);
        self.is_guess = outer;
        if self.steps < MOST_STEPS && !crate::dangerous::is_written_in(text) {
            let later = self.found.findings.split_off(before);
            self.found.findings.extend(later.into_iter().filter(|(rule, _)| *rule != Rule::Unreadable));
        }
    }

    /// Words that are a text for a shell by themselves.
    pub(super) fn texts(&mut self, words: &[Arg], depth: usize) {
        for text in words.iter().filter_map(Arg::text) {
            if text.contains([' ', ';', '&', '|', '\n']) {
                self.guessed(|walker| walker.script(text, depth), text);
            }
        }
    }

    /// Any of the words after the first may be the command, or a text for a shell after -c.
    pub(super) fn any_word(&mut self, words: &[Arg], depth: usize) {
        let takes_text = words
            .first()
            .and_then(Arg::program)
            .is_some_and(|name| TAKES_TEXT.contains(&name) || SHELL.names.contains(&name));
        // What the last operand is known to be is no shell, or it would have been found.
        let mut may_be_shell = true;
        for (index, word) in words.iter().enumerate().skip(1) {
            let Some(text) = word.text() else {
                may_be_shell = true;
                continue;
            };
            may_be_shell &= text.starts_with('-');
            if let Some(letters) = text.strip_prefix('-').filter(|letters| !letters.starts_with('-'))
                && (takes_text || may_be_shell)
                && let Some((_, attached)) = letters.split_once('c')
            {
                // `-qc 'rm x'`, and what is behind the letter at once.
                let next = words.get(index + 1).and_then(Arg::text).unwrap_or_default();
                let is_name = attached.len() > 1 && attached.starts_with(|first: char| first.is_alphabetic());
                match attached {
                    "" => self.guessed(|walker| walker.script(next, depth), next),
                    _ if is_name
                        && (attached.contains(' ') || crate::dangerous::named(attached).is_some()) =>
                    {
                        self.guessed(|walker| walker.script(attached, depth), attached);
                    }
                    _ => {}
                }
            }
            let name = word.program().unwrap_or_default();
            let is_same = SAME_EFFECT.iter().any(|(known, _)| *known == name);
            if crate::dangerous::named(name).is_some() || is_same || may_wrap(name) && name != "." {
                self.command(&words[index..], depth);
                return;
            }
        }
    }
}
