//! Words: what they say, and what runs while the shell expands them.

use brush_parser::word::{self, ParameterExpr, ParameterTransformOp, WordPiece, WordPieceWithSource};

use super::Walker;
use crate::decision::Rule;
use crate::shell::word::{Arg, HOME, UNKNOWN};
use crate::shell::{ansi_c, bash, patterns};

impl Walker {
    /// Decodes a word, and goes into every substitution in it.
    pub(super) fn word(&mut self, raw: &str, depth: usize) -> Arg {
        let Ok(pieces) = word::parse(raw, &bash::options()) else {
            self.not_read();
            return Arg::unknown(raw);
        };
        let mut marked = String::new();
        self.pieces(&pieces, &mut marked, depth);
        let Some((outline, each)) = patterns::resolve(&marked) else {
            self.finding(Rule::Unreadable, "its braces make too many words");
            return Arg::unknown(raw);
        };
        Arg { shown: raw.to_owned(), outline, each }
    }

    fn pieces(&mut self, pieces: &[WordPieceWithSource], outline: &mut String, depth: usize) {
        for (index, piece) in pieces.iter().enumerate() {
            match &piece.piece {
                WordPiece::Text(text) => {
                    self.unread_expansion(index.checked_sub(1).and_then(|before| pieces.get(before)), text);
                    patterns::unquoted(text, outline);
                }
                WordPiece::SingleQuotedText(text) => outline.push_str(text),
                WordPiece::AnsiCQuotedText(text) => match ansi_c::decode(text) {
                    Some(text) => outline.push_str(&patterns::quoted(&text)),
                    None => outline.push(UNKNOWN),
                },
                WordPiece::DoubleQuotedSequence(inner) => self.double_quoted(inner, outline, depth),
                WordPiece::GettextDoubleQuotedSequence(inner) => {
                    // A translation may say anything.
                    self.double_quoted(inner, outline, depth);
                    outline.push(UNKNOWN);
                }
                WordPiece::TildeExpansion(word::TildeExpr::Home) => outline.push(HOME),
                WordPiece::TildeExpansion(_) => outline.push(UNKNOWN),
                WordPiece::EscapeSequence(escape) => {
                    let escaped = escape.strip_prefix('\\').unwrap_or(escape);
                    outline.push_str(if escaped == "\n" { "" } else { escaped });
                }
                other => self.expansion(other, outline, depth),
            }
        }
    }

    fn double_quoted(&mut self, pieces: &[WordPieceWithSource], outline: &mut String, depth: usize) {
        for (index, piece) in pieces.iter().enumerate() {
            match &piece.piece {
                WordPiece::Text(text) => {
                    self.unread_expansion(index.checked_sub(1).and_then(|before| pieces.get(before)), text);
                    outline.push_str(&text.replace("\\\n", ""));
                }
                WordPiece::EscapeSequence(escape) => {
                    outline.push_str(escape.strip_prefix('\\').unwrap_or(escape))
                }
                other => self.expansion(other, outline, depth),
            }
        }
    }

    fn expansion(&mut self, piece: &WordPiece, outline: &mut String, depth: usize) {
        match piece {
            WordPiece::CommandSubstitution(text) => self.script(text, depth + 1),
            WordPiece::BackquotedCommandSubstitution(text) => {
                self.script(&text.replace("\\`", "`").replace("\\$", "$").replace("\\\\", "\\"), depth + 1);
            }
            WordPiece::ArithmeticExpression(expression) => {
                self.expands_arithmetic |= names_variable(&expression.value);
                self.expanded_text(&expression.value, depth);
            }
            WordPiece::ParameterExpansion(ParameterExpr::Parameter {
                parameter: word::Parameter::Named(name),
                indirect: false,
            }) if name == "HOME" => {
                outline.push(HOME);
                return;
            }
            WordPiece::ParameterExpansion(expression) => self.parameter(expression, depth),
            _ => {}
        }
        outline.push(UNKNOWN);
    }

    /// Whether two pieces of plain text are an expansion that brush-parser could not read.
    fn unread_expansion(&mut self, before: Option<&WordPieceWithSource>, text: &str) {
        let ends_so = |piece: &WordPieceWithSource| matches!(&piece.piece, WordPiece::Text(text) if text.ends_with('$'));
        if text.contains("$(") || text.starts_with('(') && before.is_some_and(ends_so) {
            self.not_read();
        }
    }

    fn not_read(&mut self) {
        let (rule, why) = bash::unreadable();
        self.finding(rule, why);
    }

    /// A text in which quotes mean nothing: a here-document, arithmetic, the inside of `${…}`.
    pub(super) fn expanded_text(&mut self, text: &str, depth: usize) {
        if !text.contains(['$', '`']) || !self.may_go_on(depth) {
            return;
        }
        if bash::splits_expansion(text) {
            self.not_read();
        }
        if !bash::has_only_plain_arithmetic(text) {
            self.finding(Rule::Unreadable, "`$((` is read in more than one way");
        }
        match word::parse_heredoc(text, &bash::options()) {
            Ok(pieces) => self.double_quoted(&pieces, &mut String::new(), depth),
            Err(_) => self.not_read(),
        }
    }

    /// A text that bash evaluates as arithmetic: where a variable is in it, so is what the variable holds.
    pub(super) fn evaluated(&mut self, text: &str, depth: usize) {
        self.has_arithmetic |= names_variable(text);
        self.expanded_text(text, depth);
    }

    /// A literal that bash may take for arithmetic later, where a substitution in a subscript runs.
    pub(super) fn deferred_text(&mut self, argument: &Arg, depth: usize) {
        if argument.outline.contains("$(") || argument.outline.contains('`') {
            // What is not known could be the name of a command.
            let text = argument.outline.replace(UNKNOWN, "${_}").replace(HOME, "~");
            self.expanded_text(&text, depth);
        }
    }

    /// The same, where it is less likely: only what has the form of a subscript is looked into.
    pub(super) fn deferred_subscript(&mut self, argument: &Arg, depth: usize) {
        let outline = argument.outline.as_str();
        let is_subscript = |at: usize| {
            outline[..at].ends_with(|character: char| character.is_ascii_alphanumeric() || character == '_')
        };
        if outline.match_indices('[').any(|(at, _)| is_subscript(at)) {
            self.deferred_text(argument, depth);
        }
    }

    /// What a variable is given: two of them together may make what neither is.
    pub(super) fn deferred_value(&mut self, argument: &Arg, depth: usize) {
        self.deferred_text(argument, depth);
        if argument.outline.contains("$(") || argument.outline.contains('`') {
            self.may_run.get_or_insert_with(|| argument.shown.clone());
        }
    }

    /// A here-document as the command gets it.
    pub(super) fn here_document(&mut self, text: &str) -> Option<String> {
        let pieces = word::parse_heredoc(text, &bash::options()).ok()?;
        let mut outline = String::new();
        // What runs in it was found before.
        let mut other = Self::default();
        other.double_quoted(&pieces, &mut outline, 0);
        Some(outline.replace(UNKNOWN, "${_}").replace(HOME, "~"))
    }

    fn parameter(&mut self, expression: &ParameterExpr, depth: usize) {
        use ParameterExpr as E;
        let (parameter, texts): (Option<&word::Parameter>, Vec<&str>) = match expression {
            E::Parameter { parameter, .. } | E::ParameterLength { parameter, .. } => {
                (Some(parameter), Vec::new())
            }
            E::UseDefaultValues { parameter, default_value: text, .. }
            | E::AssignDefaultValues { parameter, default_value: text, .. }
            | E::IndicateErrorIfNullOrUnset { parameter, error_message: text, .. }
            | E::UseAlternativeValue { parameter, alternative_value: text, .. }
            | E::RemoveSmallestSuffixPattern { parameter, pattern: text, .. }
            | E::RemoveLargestSuffixPattern { parameter, pattern: text, .. }
            | E::RemoveSmallestPrefixPattern { parameter, pattern: text, .. }
            | E::RemoveLargestPrefixPattern { parameter, pattern: text, .. }
            | E::UppercaseFirstChar { parameter, pattern: text, .. }
            | E::UppercasePattern { parameter, pattern: text, .. }
            | E::LowercaseFirstChar { parameter, pattern: text, .. }
            | E::LowercasePattern { parameter, pattern: text, .. } => {
                (Some(parameter), text.as_deref().into_iter().collect())
            }
            E::Substring { parameter, offset, length, .. } => {
                self.has_arithmetic = true;
                let length = length.as_ref().map(|length| length.value.as_str());
                (Some(parameter), std::iter::once(offset.value.as_str()).chain(length).collect())
            }
            E::ReplaceSubstring { parameter, pattern, replacement, .. } => {
                (Some(parameter), std::iter::once(pattern.as_str()).chain(replacement.as_deref()).collect())
            }
            E::Transform { parameter, op, .. } => {
                if matches!(op, ParameterTransformOp::PromptExpand) {
                    self.computed("`@P` runs what is in a variable");
                }
                (Some(parameter), Vec::new())
            }
            E::VariableNames { .. } | E::MemberKeys { .. } => (None, Vec::new()),
        };
        if let Some(word::Parameter::NamedWithIndex { index, .. }) = parameter {
            self.evaluated(index, depth);
        }
        for text in texts {
            // Outside of double quotes bash runs it, and the parser sees text.
            if bash::opens_process(text) {
                self.finding(Rule::Unreadable, "it runs a command inside of `${…}`");
            }
            self.expanded_text(text, depth);
        }
    }
}

/// Whether arithmetic has a variable in it.
fn names_variable(text: &str) -> bool {
    text.contains(|character: char| character.is_alphabetic() || "_$".contains(character))
}
