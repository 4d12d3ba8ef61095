//! The syntax tree: every command in it, wherever it is.

use brush_parser::ast::{
    AssignmentName, AssignmentValue, BinaryPredicate, Command, CommandPrefixOrSuffixItem, CompoundCommand,
    CompoundList, ExtendedTestExpr, IoFileRedirectKind, IoFileRedirectTarget, IoRedirect, Pipeline,
    PipelineOperator, ProcessSubstitutionKind, RedirectList, SeparatorOperator, SimpleCommand,
    UnaryPredicate,
};

use super::feed::{Feed, SUBSTITUTED};
use super::way::{Step, is_kept};
use super::{Access, Walker};
use crate::shell::strict::Joint;
use crate::shell::word::Arg;

impl Walker {
    /// Goes through a list; answers what it writes.
    pub(super) fn list(&mut self, list: &CompoundList, depth: usize) -> Feed {
        let mut output = Feed::default();
        let mut count = 0;
        for item in &list.0 {
            let mut joined = Vec::new();
            for (operator, pipeline) in &item.0 {
                let joint = match operator {
                    PipelineOperator::And => Joint::And,
                    PipelineOperator::Or => Joint::Or,
                };
                let (steps, written) = self.steps_of(|walker| walker.pipeline(pipeline, depth));
                joined.push((joint, steps));
                output.add(written);
                count += 1;
            }
            self.found.way.push(match item.1 {
                SeparatorOperator::Async => Step::Apart(vec![Step::Joined(joined)]),
                SeparatorOperator::Sequence => Step::Joined(joined),
            });
        }
        // One behind the other they may say what none of them does.
        output.has_unknown |= count > 1 && !output.texts.is_empty();
        output
    }

    fn pipeline(&mut self, pipeline: &Pipeline, depth: usize) -> Feed {
        let mut fed = self.stdin.clone();
        let mut members = Vec::new();
        for command in &pipeline.seq {
            let (steps, ()) = self.steps_of(|walker| walker.pipeline_member(command, &mut fed, depth));
            members.push(steps);
        }
        match members.len() {
            // What is turned round says nothing about the way.
            1 if pipeline.bang => self.found.way.push(Step::Either(members)),
            1 => self.found.way.extend(members.into_iter().flatten()),
            _ => self.found.way.push(Step::Pipe(members)),
        }
        fed
    }

    fn pipeline_member(&mut self, command: &Command, fed: &mut Feed, depth: usize) {
        match command {
            Command::Simple(simple) => self.simple(simple, fed, depth),
            other => {
                let outer = std::mem::replace(&mut self.stdin, std::mem::take(fed));
                let output = self.compound_or_function(other, depth);
                self.stdin = outer;
                *fed = Feed { has_unknown: true, ..output };
            }
        }
    }

    /// Answers what it writes, as far as it is known.
    fn compound_or_function(&mut self, command: &Command, depth: usize) -> Feed {
        if !self.may_go_on(0) {
            return Feed::default();
        }
        match command {
            Command::Simple(simple) => {
                let mut fed = self.stdin.clone();
                self.simple(simple, &mut fed, depth);
                fed
            }
            Command::Compound(compound, redirects) => self.redirected(compound, redirects.as_ref(), depth),
            Command::Function(function) => {
                self.functions.insert(function.fname.value.clone());
                // Where it is called is not looked for.
                let outer = std::mem::replace(&mut self.stdin, Feed::unknown());
                let output = self.step(Step::Function, |walker| {
                    walker.redirected(&function.body.0, function.body.1.as_ref(), depth)
                });
                self.stdin = outer;
                output
            }
            Command::ExtendedTest(test, redirects) => {
                self.test(&test.expr, depth);
                self.redirects(redirects.as_ref(), &mut Feed::default(), depth);
                Feed::default()
            }
        }
    }

    /// A compound command: what its redirections open is there for every command in it.
    fn redirected(
        &mut self,
        compound: &CompoundCommand,
        redirects: Option<&RedirectList>,
        depth: usize,
    ) -> Feed {
        let mut fed = self.stdin.clone();
        let targets = self.redirects(redirects, &mut fed, depth);
        let outer = std::mem::replace(&mut self.stdin, fed);
        let output = if is_kept(&targets) {
            // It runs in this shell: what is written to a file says nothing about the way.
            let (steps, output) = self.steps_of(|walker| walker.compound(compound, depth));
            self.found.way.push(Step::Kept(steps.clone()));
            self.found.way.extend(steps);
            output
        } else {
            self.compound(compound, depth)
        };
        self.stdin = outer;
        let output = Feed { has_unknown: true, ..output };
        self.written.extend(targets.into_iter().map(|target| (target, output.clone())));
        output
    }

    /// Answers what it writes, as far as it is known.
    fn compound(&mut self, compound: &CompoundCommand, depth: usize) -> Feed {
        let mut output = Feed::default();
        match compound {
            CompoundCommand::Arithmetic(arithmetic) => self.evaluated(&arithmetic.expr.value, depth),
            CompoundCommand::ArithmeticForClause(clause) => {
                for part in [&clause.initializer, &clause.condition, &clause.updater].into_iter().flatten() {
                    self.evaluated(&part.value, depth);
                }
                output = self.step(Step::Loop, |walker| walker.list(&clause.body.list, depth));
            }
            CompoundCommand::BraceGroup(group) => output = self.list(&group.list, depth),
            CompoundCommand::Subshell(subshell) => {
                output = self.step(Step::Apart, |walker| walker.list(&subshell.list, depth));
            }
            CompoundCommand::ForClause(clause) => {
                for value in clause.values.iter().flatten() {
                    self.value_word(&value.value, depth);
                }
                output = self.step(Step::Loop, |walker| walker.list(&clause.body.list, depth));
            }
            CompoundCommand::CaseClause(clause) => {
                self.other_word(&clause.value.value, depth);
                let mut branches = Vec::new();
                for case in &clause.cases {
                    for pattern in &case.patterns {
                        self.other_word(&pattern.value, depth);
                    }
                    if let Some(list) = &case.cmd {
                        let (steps, written) = self.steps_of(|walker| walker.list(list, depth));
                        branches.push(steps);
                        output.add(written);
                    }
                }
                self.found.way.push(Step::Either(branches));
            }
            CompoundCommand::IfClause(clause) => {
                output.add(self.list(&clause.condition, depth));
                let (steps, written) = self.steps_of(|walker| walker.list(&clause.then, depth));
                output.add(written);
                let mut branches = vec![steps];
                for part in clause.elses.iter().flatten() {
                    let (steps, written) = self.steps_of(|walker| {
                        let condition = part.condition.as_ref();
                        let mut written =
                            condition.map_or_else(Feed::default, |list| walker.list(list, depth));
                        written.add(walker.list(&part.body, depth));
                        written
                    });
                    branches.push(steps);
                    output.add(written);
                }
                self.found.way.push(Step::Either(branches));
            }
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
                output = self.step(Step::Loop, |walker| {
                    let mut written = walker.list(&clause.0, depth);
                    written.add(walker.list(&clause.1.list, depth));
                    written
                });
            }
            CompoundCommand::Coprocess(coprocess) => {
                let outer = std::mem::replace(&mut self.stdin, Feed::unknown());
                output = self.step(Step::Kept, |walker| walker.compound_or_function(&coprocess.body, depth));
                self.stdin = outer;
            }
        }
        output
    }

    fn test(&mut self, test: &ExtendedTestExpr, depth: usize) {
        match test {
            ExtendedTestExpr::And(left, right) | ExtendedTestExpr::Or(left, right) => {
                self.test(left, depth);
                self.test(right, depth);
            }
            ExtendedTestExpr::Not(inner) | ExtendedTestExpr::Parenthesized(inner) => self.test(inner, depth),
            ExtendedTestExpr::UnaryTest(predicate, word) => {
                use UnaryPredicate as P;
                self.has_arithmetic |=
                    matches!(predicate, P::ShellVariableIsSetAndAssigned | P::ShellVariableIsSetAndNameRef);
                self.test_word(&word.value, depth);
            }
            ExtendedTestExpr::BinaryTest(predicate, left, right) => {
                use BinaryPredicate as P;
                self.has_arithmetic |= matches!(
                    predicate,
                    P::ArithmeticEqualTo
                        | P::ArithmeticNotEqualTo
                        | P::ArithmeticLessThan
                        | P::ArithmeticLessThanOrEqualTo
                        | P::ArithmeticGreaterThan
                        | P::ArithmeticGreaterThanOrEqualTo
                );
                self.test_word(&left.value, depth);
                self.test_word(&right.value, depth);
            }
        }
    }

    fn test_word(&mut self, raw: &str, depth: usize) {
        let word = self.word(raw, depth);
        self.deferred_text(&word, depth);
        self.found.others.push(word);
    }

    /// The value of a variable, which may be taken for arithmetic later.
    fn value_word(&mut self, raw: &str, depth: usize) -> Arg {
        let word = self.step(Step::Kept, |walker| walker.word(raw, depth));
        self.deferred_value(&word, depth);
        self.found.others.push(word.clone());
        word
    }

    fn other_word(&mut self, raw: &str, depth: usize) {
        let word = self.step(Step::Kept, |walker| walker.word(raw, depth));
        self.found.others.push(word);
    }

    fn simple(&mut self, simple: &SimpleCommand, fed: &mut Feed, depth: usize) {
        if !self.may_go_on(0) {
            return;
        }
        let parts = self.step(Step::Kept, |walker| walker.parts(simple, fed, depth));
        let Parts { words, targets, substituted } = parts;
        if words.is_empty() {
            *fed = Feed::default();
        } else {
            let outer = std::mem::replace(&mut self.substituted, substituted);
            let is_kept = is_kept(&targets);
            self.step_of_command(&words, is_kept, |walker| walker.member(&words, fed, depth));
            self.substituted = outer;
        }
        self.written.extend(targets.into_iter().map(|target| (target, fed.clone())));
    }

    /// Its words and what its redirections open; what runs in them runs before it.
    fn parts(&mut self, simple: &SimpleCommand, fed: &mut Feed, depth: usize) -> Parts {
        let mut parts = Parts::default();
        for item in simple.prefix.iter().flat_map(|prefix| &prefix.0) {
            self.item(item, &mut parts, fed, depth);
        }
        if let Some(name) = &simple.word_or_name {
            let name = self.word(&name.value, depth);
            parts.words.insert(0, name);
        }
        for item in simple.suffix.iter().flat_map(|suffix| &suffix.0) {
            self.item(item, &mut parts, fed, depth);
        }
        parts
    }

    fn item(&mut self, item: &CommandPrefixOrSuffixItem, parts: &mut Parts, fed: &mut Feed, depth: usize) {
        match item {
            CommandPrefixOrSuffixItem::IoRedirect(redirect) => {
                parts.targets.extend(self.io_redirect(redirect, fed, depth));
            }
            CommandPrefixOrSuffixItem::Word(word) => {
                let word = self.word(&word.value, depth);
                parts.words.push(word);
            }
            CommandPrefixOrSuffixItem::AssignmentWord(assignment, word) => {
                self.assignment(&assignment.name, &assignment.value, depth);
                // An operand of declare and the like; before a command it is no word of it.
                if !parts.words.is_empty() {
                    let word = self.word(&word.value, depth);
                    parts.words.push(word);
                }
            }
            CommandPrefixOrSuffixItem::ProcessSubstitution(kind, subshell) => {
                let output = self.process(kind, &subshell.list, depth);
                parts.substituted.add(output);
                parts.words.push(Arg::unknown(SUBSTITUTED));
            }
        }
    }

    /// A process substitution: what is written to it is not known, and what it writes may be.
    fn process(&mut self, kind: &ProcessSubstitutionKind, list: &CompoundList, depth: usize) -> Feed {
        let input = match kind {
            ProcessSubstitutionKind::Read => self.stdin.clone(),
            ProcessSubstitutionKind::Write => Feed::unknown(),
        };
        let outer = std::mem::replace(&mut self.stdin, input);
        let output = self.list(list, depth);
        self.stdin = outer;
        output
    }

    fn assignment(&mut self, name: &AssignmentName, value: &AssignmentValue, depth: usize) {
        if let AssignmentName::ArrayElementName(_, index) = name {
            self.evaluated(index, depth);
        }
        match value {
            AssignmentValue::Scalar(word) => {
                let value = self.value_word(&word.value, depth);
                if let (AssignmentName::VariableName(name), Some(text)) = (name, value.text()) {
                    self.variable(name, text, depth + 1);
                }
            }
            AssignmentValue::Array(elements) => {
                for (key, element) in elements {
                    if let Some(key) = key {
                        self.evaluated(&key.value, depth);
                    }
                    self.value_word(&element.value, depth);
                }
            }
        }
    }

    /// Answers the files that are written.
    fn redirects(&mut self, redirects: Option<&RedirectList>, fed: &mut Feed, depth: usize) -> Vec<Arg> {
        let redirects = redirects.iter().flat_map(|list| &list.0);
        self.step(Step::Kept, |walker| {
            redirects.filter_map(|redirect| walker.io_redirect(redirect, fed, depth)).collect()
        })
    }

    /// Answers the file that is written.
    fn io_redirect(&mut self, redirect: &IoRedirect, fed: &mut Feed, depth: usize) -> Option<Arg> {
        match redirect {
            IoRedirect::File(_, kind, target) => return self.file_redirect(kind, target, fed, depth),
            IoRedirect::OutputAndError(word, _) => {
                let word = self.word(&word.value, depth);
                self.redirect(word.clone(), Access::Write);
                return Some(word);
            }
            IoRedirect::HereDocument(_, document) => {
                let text = &document.doc.value;
                if document.requires_expansion {
                    self.expanded_text(text, depth);
                    fed.texts.extend(self.here_document(text));
                }
                fed.texts.push(text.clone());
            }
            IoRedirect::HereString(_, word) => {
                let word = self.word(&word.value, depth);
                self.deferred_value(&word, depth);
                fed.has_unknown |= word.text().is_none();
                fed.texts.extend(word.text().map(str::to_owned));
                self.found.others.push(word);
            }
        }
        None
    }

    fn file_redirect(
        &mut self,
        kind: &IoFileRedirectKind,
        target: &IoFileRedirectTarget,
        fed: &mut Feed,
        depth: usize,
    ) -> Option<Arg> {
        let reads = matches!(
            kind,
            IoFileRedirectKind::Read | IoFileRedirectKind::DuplicateInput | IoFileRedirectKind::ReadAndWrite
        );
        match target {
            IoFileRedirectTarget::Fd(descriptor) => {
                fed.has_unknown |= reads && *descriptor != 0;
                None
            }
            IoFileRedirectTarget::Filename(word) | IoFileRedirectTarget::Duplicate(word) => {
                let word = self.word(&word.value, depth);
                // Bash expands the name behind `>&` a second time.
                if matches!(kind, IoFileRedirectKind::DuplicateOutput) {
                    self.deferred_text(&word, depth);
                }
                let access = match kind {
                    IoFileRedirectKind::Read | IoFileRedirectKind::DuplicateInput => Access::Read,
                    _ => Access::Write,
                };
                self.redirect(word.clone(), access);
                if access == Access::Write {
                    return Some(word);
                }
                let is_input = word.outline.starts_with("/dev/") || word.outline.starts_with("/proc/");
                match kind {
                    IoFileRedirectKind::DuplicateInput => {
                        fed.has_unknown |= !matches!(word.text(), Some("-" | "0"))
                    }
                    _ if is_input => fed.has_unknown |= word.outline != "/dev/null",
                    _ => fed.files.push(word),
                }
                None
            }
            IoFileRedirectTarget::ProcessSubstitution(substitution, subshell) => {
                let output = self.process(substitution, &subshell.list, depth);
                if reads {
                    fed.add(output);
                }
                None
            }
        }
    }
}

/// What a simple command is made of.
#[derive(Default)]
struct Parts {
    words: Vec<Arg>,
    /// The files that its redirections write.
    targets: Vec<Arg>,
    /// What its process substitutions write.
    substituted: Feed,
}
