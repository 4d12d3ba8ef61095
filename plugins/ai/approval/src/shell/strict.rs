//! The strict reader: what it accepts means the same to every POSIX shell, and what it does not it refuses.

use std::iter::Peekable;
use std::str::Chars;

use crate::decision::Rule;

/// Words that are no commands where a command begins; with brackets, which no word may have here, there are more.
const RESERVED: [&str; 19] = [
    "!", "]]", "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in",
    "select", "then", "time", "until", "while",
];

/// Whether a word is no command where one begins, but begins something that holds one.
pub(crate) fn begins_compound(word: &str) -> bool {
    word == "{" || RESERVED.contains(&word)
}

/// Why a text is not plain: the rule and the reason.
pub(crate) type Refusal = (Rule, String);

/// A list of pipelines of simple commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Script {
    pub(crate) pipelines: Vec<Pipeline>,
}

/// A pipeline and how it is joined to the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pipeline {
    pub(crate) joint: Joint,
    pub(crate) commands: Vec<Simple>,
}

/// How a pipeline follows the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joint {
    /// `;`, a new line, or the beginning.
    Then,
    /// `&&`
    And,
    /// `||`
    Or,
}

/// A command in words, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Simple {
    pub(crate) words: Vec<String>,
    pub(crate) redirects: Vec<Redirect>,
}

/// A redirection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Redirect {
    /// `2>&1`: names no file.
    Duplicate { operator: &'static str, from: Option<char>, to: char },
    /// `> file`, `< file` and the like.
    File { operator: &'static str, from: Option<char>, path: String },
    /// A here-document with a quoted delimiter: plain text for standard input.
    Text(String),
}

impl Script {
    /// Every command, in order.
    pub(crate) fn commands(&self) -> impl Iterator<Item = &Simple> {
        self.pipelines.iter().flat_map(|pipeline| &pipeline.commands)
    }
}

/// Reads a text.
pub(crate) fn read(text: &str) -> Result<Script, Refusal> {
    let mut reader = Reader { rest: text.chars().peekable(), script: Script::default(), ..Reader::default() };
    reader.run()?;
    Ok(reader.script)
}

/// A text split into words, for patterns and for `env -S`: no operators at all.
pub(crate) fn words(text: &str) -> Result<Vec<String>, Refusal> {
    let script = read(text)?;
    let [Pipeline { commands, .. }] = script.pipelines.as_slice() else {
        return Err(syntax("it is not one command"));
    };
    match commands.as_slice() {
        [Simple { words, redirects }] if redirects.is_empty() => Ok(words.clone()),
        _ => Err(syntax("it is not a plain list of words")),
    }
}

fn syntax(why: &str) -> Refusal {
    (Rule::Syntax, why.to_owned())
}

fn expansion(what: &str) -> Refusal {
    (Rule::Expansion, format!("the shell would change a word first ({what})"))
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    script: Script,
    joint: Joint,
    /// The pipeline being read.
    pipeline: Vec<Simple>,
    /// The command being read.
    command: Simple,
    /// Here-documents whose text begins after this line: command (index in the pipeline), redirect, delimiter, tabs.
    awaited: Vec<Awaited>,
    /// After `&&`, `||` or `|`: a command has to follow.
    must_follow: bool,
}

impl Default for Reader<'_> {
    fn default() -> Self {
        Self {
            rest: "".chars().peekable(),
            script: Script::default(),
            joint: Joint::Then,
            pipeline: Vec::new(),
            command: Simple::default(),
            awaited: Vec::new(),
            must_follow: false,
        }
    }
}

struct Awaited {
    /// Pipeline, command and redirection it belongs to.
    place: (usize, usize, usize),
    delimiter: String,
    strips_tabs: bool,
}

impl Reader<'_> {
    fn run(&mut self) -> Result<(), Refusal> {
        while let Some(&next) = self.rest.peek() {
            match next {
                ' ' | '\t' => {
                    self.rest.next();
                }
                '\n' => self.line_end()?,
                '#' => while self.rest.next_if(|&character| character != '\n').is_some() {},
                ';' | '&' | '|' => self.operator()?,
                '<' | '>' => self.redirect(None)?,
                '(' | ')' => return Err(syntax("it has parentheses")),
                '0'..='9' => self.number_or_word()?,
                '\\' if self.continues_line() => {}
                _ => self.argument(String::new())?,
            }
        }
        if !self.awaited.is_empty() {
            return Err(syntax("a here-document has no end"));
        }
        if self.command == Simple::default() && self.pipeline.is_empty() && !self.must_follow {
            return Ok(());
        }
        self.end_pipeline(Joint::Then)
    }

    /// A backslash before a new line: both are nothing.
    fn continues_line(&mut self) -> bool {
        let mut ahead = self.rest.clone();
        ahead.next();
        if ahead.next() == Some('\n') {
            self.rest = ahead;
            return true;
        }
        false
    }

    fn line_end(&mut self) -> Result<(), Refusal> {
        self.rest.next();
        let is_empty = self.command == Simple::default();
        if !(is_empty && (self.must_follow || self.pipeline.is_empty())) {
            self.end_pipeline(Joint::Then)?;
        }
        for awaited in std::mem::take(&mut self.awaited) {
            let text = self.document(&awaited)?;
            let (pipeline, command, redirect) = awaited.place;
            let commands = match self.script.pipelines.get_mut(pipeline) {
                Some(pipeline) => &mut pipeline.commands,
                None => &mut self.pipeline,
            };
            commands[command].redirects[redirect] = Redirect::Text(text);
        }
        Ok(())
    }

    /// The lines of a here-document, up to its delimiter.
    fn document(&mut self, awaited: &Awaited) -> Result<String, Refusal> {
        let mut text = String::new();
        loop {
            if self.rest.peek().is_none() {
                return Err(syntax("a here-document has no end"));
            }
            let mut line = String::new();
            while let Some(character) = self.rest.next_if(|&character| character != '\n') {
                line.push(character);
            }
            let ended = self.rest.next().is_none();
            let line = if awaited.strips_tabs { line.trim_start_matches('\t') } else { &line };
            if line == awaited.delimiter {
                return Ok(text);
            }
            if ended {
                return Err(syntax("a here-document has no end"));
            }
            text.push_str(line);
            text.push('\n');
        }
    }

    fn operator(&mut self) -> Result<(), Refusal> {
        let first = self.rest.next();
        let second = self.rest.peek().copied();
        match (first, second) {
            (Some('&'), Some('&')) => {
                self.rest.next();
                self.end_pipeline(Joint::And)?;
                self.must_follow = true;
            }
            (Some('|'), Some('|')) => {
                self.rest.next();
                self.end_pipeline(Joint::Or)?;
                self.must_follow = true;
            }
            (Some('&'), Some('>')) => {
                self.rest.next();
                if self.rest.peek() == Some(&'>') {
                    return Err((Rule::Redirection, "`&>>` is not known to every bash".to_owned()));
                }
                self.file("&>", None)?;
            }
            (Some('&'), _) => return Err(syntax("it runs a command in the background")),
            (Some('|'), Some('&')) => return Err(syntax("`|&` is unusual")),
            (Some('|'), _) => {
                self.end_command()?;
                self.must_follow = true;
            }
            (Some(';'), Some(';' | '&')) => return Err(syntax("`;;` belongs to a case")),
            _ => {
                self.end_pipeline(Joint::Then)?;
            }
        }
        Ok(())
    }

    fn end_command(&mut self) -> Result<(), Refusal> {
        if self.command.words.is_empty() {
            return Err(syntax("a command is missing"));
        }
        self.pipeline.push(std::mem::take(&mut self.command));
        self.must_follow = false;
        Ok(())
    }

    /// Ends the pipeline; `next` is how the following one is joined.
    fn end_pipeline(&mut self, next: Joint) -> Result<(), Refusal> {
        self.end_command()?;
        let commands = std::mem::take(&mut self.pipeline);
        self.script.pipelines.push(Pipeline { joint: self.joint, commands });
        self.joint = next;
        Ok(())
    }

    /// Digits are a descriptor when a redirection follows at once, else the beginning of a word.
    fn number_or_word(&mut self) -> Result<(), Refusal> {
        let mut digits = String::new();
        while let Some(digit) = self.rest.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        let mut ahead = self.rest.clone();
        if ahead.next() == Some('\\') && ahead.next() == Some('\n') {
            return Err(syntax("a line that goes on splits a number, which may be a descriptor"));
        }
        if !matches!(self.rest.peek(), Some('<' | '>')) {
            return self.argument(digits);
        }
        let mut characters = digits.chars();
        match (characters.next(), characters.next()) {
            (Some(digit), None) => self.redirect(Some(digit)),
            _ => Err((Rule::Redirection, "a descriptor of more than one digit is unusual".to_owned())),
        }
    }

    fn redirect(&mut self, from: Option<char>) -> Result<(), Refusal> {
        let unusual = |operator: &str| (Rule::Redirection, format!("`{operator}` is unusual"));
        let first = self.rest.next();
        let second = self.rest.peek().copied();
        match (first, second) {
            (Some('<'), Some('<')) => {
                self.rest.next();
                match self.rest.peek().copied() {
                    Some('<') => Err(unusual("<<<")),
                    _ if from.is_some() => Err(unusual("N<<")),
                    _ => self.here_document(),
                }
            }
            (Some('<'), Some('(')) | (Some('>'), Some('(')) => Err(syntax("it substitutes a process")),
            (Some('<'), Some('>')) => Err(unusual("<>")),
            (Some('<'), Some('&')) => self.duplicate("<&", from),
            (Some('<'), _) => self.file("<", from),
            (_, Some('>')) => {
                self.rest.next();
                self.file(">>", from)
            }
            (_, Some('|')) => {
                self.rest.next();
                self.file(">|", from)
            }
            (_, Some('&')) => self.duplicate(">&", from),
            _ => self.file(">", from),
        }
    }

    fn duplicate(&mut self, operator: &'static str, from: Option<char>) -> Result<(), Refusal> {
        self.rest.next();
        let target = self.next_word()?.text;
        let mut characters = target.chars();
        match (characters.next(), characters.next()) {
            (Some(to), None) if to.is_ascii_digit() => {
                self.command.redirects.push(Redirect::Duplicate { operator, from, to });
                Ok(())
            }
            _ => Err((Rule::Redirection, format!("`{operator}` with anything but one digit is unusual"))),
        }
    }

    fn file(&mut self, operator: &'static str, from: Option<char>) -> Result<(), Refusal> {
        let path = self.next_word()?.text;
        self.command.redirects.push(Redirect::File { operator, from, path });
        Ok(())
    }

    fn here_document(&mut self) -> Result<(), Refusal> {
        let strips_tabs = self.rest.next_if_eq(&'-').is_some();
        let delimiter = self.next_word()?;
        if !delimiter.is_quoted || delimiter.text.contains('\n') {
            return Err((
                Rule::Expansion,
                "the shell expands this here-document; quote its delimiter".to_owned(),
            ));
        }
        let place = (self.script.pipelines.len(), self.pipeline.len(), self.command.redirects.len());
        self.command.redirects.push(Redirect::Text(String::new()));
        self.awaited.push(Awaited { place, delimiter: delimiter.text, strips_tabs });
        Ok(())
    }

    /// The word after an operator, which may stand apart from it.
    fn next_word(&mut self) -> Result<Word, Refusal> {
        while self.rest.next_if(|character| matches!(character, ' ' | '\t')).is_some()
            || self.rest.peek() == Some(&'\\') && self.continues_line()
        {}
        match self.rest.peek().copied() {
            None | Some('\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')' | '#') => {
                Err(syntax("a word is missing"))
            }
            // `> 2>f` is an error: the digits belong to the second redirection.
            Some('0'..='9') if self.is_descriptor() => Err(syntax("a word is missing")),
            Some(_) => self.word(String::new()),
        }
    }

    /// Whether digits come next and a redirection right after them, or a line that goes on with one.
    fn is_descriptor(&self) -> bool {
        let mut ahead = self.rest.clone().skip_while(char::is_ascii_digit);
        matches!(ahead.next(), Some('<' | '>' | '\\'))
    }

    fn argument(&mut self, begun: String) -> Result<(), Refusal> {
        let is_name = self.command.words.is_empty();
        let word = self.word(begun)?;
        if is_name && word.text.contains('=') {
            return Err(syntax("it sets a variable, which changes what runs"));
        }
        if is_name && !word.is_quoted && RESERVED.contains(&word.text.as_str()) {
            return Err(syntax("it has a reserved word of the shell"));
        }
        self.command.words.push(word.text);
        Ok(())
    }

    /// One word, its quotes removed.
    fn word(&mut self, begun: String) -> Result<Word, Refusal> {
        let mut text = begun;
        let mut is_quoted = false;
        while let Some(&next) = self.rest.peek() {
            match next {
                ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' => break,
                '(' | ')' => return Err(syntax("it has parentheses")),
                '\'' | '"' | '\\' => {
                    let was_line_end = next == '\\' && self.continues_line();
                    if !was_line_end {
                        is_quoted = true;
                        self.quoted(&mut text)?;
                    }
                }
                '$' | '`' => return Err(expansion("it is a variable or a substitution")),
                '*' | '?' | '[' => return Err(expansion("it is a pattern of file names")),
                '{' | '}' => return Err(expansion("it has braces")),
                '~' if !is_quoted && (text.is_empty() || text.ends_with(['=', ':'])) => {
                    return Err(expansion("`~` stands for a directory"));
                }
                _ => {
                    text.push(next);
                    self.rest.next();
                }
            }
        }
        Ok(Word { text, is_quoted })
    }

    fn quoted(&mut self, text: &mut String) -> Result<(), Refusal> {
        match self.rest.next() {
            Some('\'') => loop {
                match self.rest.next() {
                    Some('\'') => return Ok(()),
                    Some(character) => text.push(character),
                    None => return Err(syntax("a quote has no end")),
                }
            },
            Some('"') => self.double_quoted(text),
            _ => match self.rest.next() {
                Some(character) => {
                    text.push(character);
                    Ok(())
                }
                None => Err(syntax("it ends with a backslash")),
            },
        }
    }

    fn double_quoted(&mut self, text: &mut String) -> Result<(), Refusal> {
        loop {
            match self.rest.next() {
                Some('"') => return Ok(()),
                Some('$' | '`') => return Err(expansion("it is a variable or a substitution")),
                Some('\\') => match self.rest.next() {
                    Some('\n') => {}
                    Some(escaped @ ('$' | '`' | '"' | '\\')) => text.push(escaped),
                    Some(other) => text.extend(['\\', other]),
                    None => return Err(syntax("a quote has no end")),
                },
                Some(character) => text.push(character),
                None => return Err(syntax("a quote has no end")),
            }
        }
    }
}

/// A word, and whether any part of it was quoted.
struct Word {
    text: String,
    is_quoted: bool,
}

#[cfg(test)]
#[path = "strict_tests.rs"]
mod tests;
