//! The two linters: fixed commands in a directory.

use std::path::Path;

use super::Tools;
use super::call::LintScope;
use super::shell::Trust;
use crate::agent::ToolResult;
use crate::driver::Stop;

/// A linter, and the variables it needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Linter {
    command: &'static str,
    variables: &'static [(&'static str, &'static str)],
}

/// `nextflow lint`, with the strict syntax.
pub(super) const NEXTFLOW: Linter =
    Linter { command: "nextflow lint .", variables: &[("NXF_SYNTAX_PARSER", "v2")] };

/// `nf-core pipelines lint`, or of modules.
pub(super) const fn nf_core(scope: LintScope) -> Linter {
    let command = match scope {
        LintScope::Pipelines => "nf-core pipelines lint .",
        LintScope::Modules => "nf-core modules lint .",
    };
    Linter { command, variables: &[] }
}

impl Tools {
    pub(super) fn lint(
        &mut self,
        linter: Linter,
        directory: &Path,
        output: &mut dyn FnMut(&str) -> bool,
        stop: &Stop,
    ) -> ToolResult {
        if !directory.is_dir() {
            return ToolResult::refused(format!("there is no directory {}", directory.display()));
        }
        // A program of this name inside of the workspace is not the linter.
        self.script(linter.command, Trust::Program, Some(directory), linter.variables, output, stop)
    }
}
