//! The syntax tree: every command in it, wherever it is.

use brush_parser::ast::{
    AssignmentName, AssignmentValue, Command, CommandPrefixOrSuffixItem, CompoundCommand, CompoundList,
    ExtendedTestExpr, IoFileRedirectKind, IoFileRedirectTarget, IoRedirect, Pipeline, RedirectList,
    SimpleCommand,
};

use super::{Access, Walker};
use crate::shell::word::Arg;

impl Walker {
    pub(super) fn list(&mut self, list: &CompoundList, depth: usize) {
        for item in &list.0 {
            for (_, pipeline) in &item.0 {
                self.pipeline(pipeline, depth);
            }
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline, depth: usize) {
        let mut fed = Vec::new();
        for command in &pipeline.seq {
            match command {
                Command::Simple(simple) => self.simple(simple, &mut fed, depth),
                other => {
                    self.compound_or_function(other, depth);
                    fed.clear();
                }
            }
        }
    }

    fn compound_or_function(&mut self, command: &Command, depth: usize) {
        if !self.may_go_on(0) {
            return;
        }
        match command {
            Command::Simple(simple) => self.simple(simple, &mut Vec::new(), depth),
            Command::Compound(compound, redirects) => {
                self.compound(compound, depth);
                self.redirects(redirects.as_ref(), depth);
            }
            Command::Function(function) => {
                self.compound(&function.body.0, depth);
                self.redirects(function.body.1.as_ref(), depth);
            }
            Command::ExtendedTest(test, redirects) => {
                self.test(&test.expr, depth);
                self.redirects(redirects.as_ref(), depth);
            }
        }
    }

    fn compound(&mut self, compound: &CompoundCommand, depth: usize) {
        match compound {
            CompoundCommand::Arithmetic(arithmetic) => self.expanded_text(&arithmetic.expr.value, depth),
            CompoundCommand::ArithmeticForClause(clause) => {
                for part in [&clause.initializer, &clause.condition, &clause.updater].into_iter().flatten() {
                    self.expanded_text(&part.value, depth);
                }
                self.list(&clause.body.list, depth);
            }
            CompoundCommand::BraceGroup(group) => self.list(&group.list, depth),
            CompoundCommand::Subshell(subshell) => self.list(&subshell.list, depth),
            CompoundCommand::ForClause(clause) => {
                for value in clause.values.iter().flatten() {
                    self.other_word(&value.value, depth);
                }
                self.list(&clause.body.list, depth);
            }
            CompoundCommand::CaseClause(clause) => {
                self.other_word(&clause.value.value, depth);
                for case in &clause.cases {
                    for pattern in &case.patterns {
                        self.other_word(&pattern.value, depth);
                    }
                    if let Some(list) = &case.cmd {
                        self.list(list, depth);
                    }
                }
            }
            CompoundCommand::IfClause(clause) => {
                self.list(&clause.condition, depth);
                self.list(&clause.then, depth);
                for part in clause.elses.iter().flatten() {
                    if let Some(condition) = &part.condition {
                        self.list(condition, depth);
                    }
                    self.list(&part.body, depth);
                }
            }
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
                self.list(&clause.0, depth);
                self.list(&clause.1.list, depth);
            }
            CompoundCommand::Coprocess(coprocess) => self.compound_or_function(&coprocess.body, depth),
        }
    }

    fn test(&mut self, test: &ExtendedTestExpr, depth: usize) {
        match test {
            ExtendedTestExpr::And(left, right) | ExtendedTestExpr::Or(left, right) => {
                self.test(left, depth);
                self.test(right, depth);
            }
            ExtendedTestExpr::Not(inner) | ExtendedTestExpr::Parenthesized(inner) => self.test(inner, depth),
            ExtendedTestExpr::UnaryTest(_, word) => self.test_word(&word.value, depth),
            ExtendedTestExpr::BinaryTest(_, left, right) => {
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

    fn other_word(&mut self, raw: &str, depth: usize) {
        let word = self.word(raw, depth);
        self.found.others.push(word);
    }

    fn simple(&mut self, simple: &SimpleCommand, fed: &mut Vec<String>, depth: usize) {
        if !self.may_go_on(0) {
            return;
        }
        let mut words = Vec::new();
        for item in simple.prefix.iter().flat_map(|prefix| &prefix.0) {
            self.item(item, &mut words, fed, depth);
        }
        if let Some(name) = &simple.word_or_name {
            let name = self.word(&name.value, depth);
            words.insert(0, name);
        }
        for item in simple.suffix.iter().flat_map(|suffix| &suffix.0) {
            self.item(item, &mut words, fed, depth);
        }
        if words.is_empty() {
            fed.clear();
        } else {
            self.member(&words, fed, depth);
        }
    }

    fn item(
        &mut self,
        item: &CommandPrefixOrSuffixItem,
        words: &mut Vec<Arg>,
        fed: &mut Vec<String>,
        depth: usize,
    ) {
        match item {
            CommandPrefixOrSuffixItem::IoRedirect(redirect) => self.io_redirect(redirect, fed, depth),
            CommandPrefixOrSuffixItem::Word(word) => {
                let word = self.word(&word.value, depth);
                words.push(word);
            }
            CommandPrefixOrSuffixItem::AssignmentWord(assignment, word) => {
                self.assignment(&assignment.name, &assignment.value, depth);
                // An operand of declare and the like; before a command it is no word of it.
                if !words.is_empty() {
                    let word = self.word(&word.value, depth);
                    words.push(word);
                }
            }
            CommandPrefixOrSuffixItem::ProcessSubstitution(_, subshell) => {
                self.list(&subshell.list, depth);
                words.push(Arg::unknown("<(…)"));
            }
        }
    }

    fn assignment(&mut self, name: &AssignmentName, value: &AssignmentValue, depth: usize) {
        if let AssignmentName::ArrayElementName(_, index) = name {
            self.expanded_text(index, depth);
        }
        match value {
            AssignmentValue::Scalar(word) => self.test_word(&word.value, depth),
            AssignmentValue::Array(elements) => {
                for (key, element) in elements {
                    if let Some(key) = key {
                        self.expanded_text(&key.value, depth);
                    }
                    self.test_word(&element.value, depth);
                }
            }
        }
    }

    fn redirects(&mut self, redirects: Option<&RedirectList>, depth: usize) {
        for redirect in redirects.iter().flat_map(|list| &list.0) {
            self.io_redirect(redirect, &mut Vec::new(), depth);
        }
    }

    fn io_redirect(&mut self, redirect: &IoRedirect, fed: &mut Vec<String>, depth: usize) {
        match redirect {
            IoRedirect::File(_, kind, target) => {
                let access = match kind {
                    IoFileRedirectKind::Read | IoFileRedirectKind::DuplicateInput => Access::Read,
                    _ => Access::Write,
                };
                match target {
                    IoFileRedirectTarget::Fd(_) => {}
                    IoFileRedirectTarget::Filename(word) | IoFileRedirectTarget::Duplicate(word) => {
                        let word = self.word(&word.value, depth);
                        // Bash expands the name behind `>&` a second time.
                        if matches!(kind, IoFileRedirectKind::DuplicateOutput) {
                            self.deferred_text(&word, depth);
                        }
                        self.redirect(word, access);
                    }
                    IoFileRedirectTarget::ProcessSubstitution(_, subshell) => {
                        self.list(&subshell.list, depth)
                    }
                }
            }
            IoRedirect::OutputAndError(word, _) => {
                let word = self.word(&word.value, depth);
                self.redirect(word, Access::Write);
            }
            IoRedirect::HereDocument(_, document) => {
                if document.requires_expansion {
                    self.expanded_text(&document.doc.value, depth);
                }
                fed.push(document.doc.value.clone());
            }
            IoRedirect::HereString(_, word) => {
                let word = self.word(&word.value, depth);
                fed.extend(word.text().map(str::to_owned));
                self.found.others.push(word);
            }
        }
    }
}
