//! The tools of this machine.
//!
//! | file | does |
//! | --- | --- |
//! | `call` | what is asked for, in types |
//! | `limits` | how much a tool may say, and how long it may take |
//! | `shell` | runs a command, watched to its end |
//! | `lint` | the two linters |
//! | `read`, `list`, `search` | look at files |
//! | `write`, `edit` | change them: all of a change or nothing, and only what was read before (`files`) |
//! | `undo` | takes the last change of a file back |
//! | `place` | opens a file where it was judged to be |
//!
//! Each of them is judged first ([`crate::approvals`]), and runs exactly as it was allowed.

mod call;
mod diff;
mod edit;
mod files;
mod limits;
mod line_ends;
mod lint;
mod list;
mod output_files;
mod place;
mod read;
mod search;
mod shell;
mod undo;
mod write;

use std::path::{Path, PathBuf};

use seqera_ai_approval::Run;
use seqera_plugin_api::Host;

use self::call::Asked;
use self::diff::unified;
use self::files::SeenFiles;
pub(crate) use self::limits::Limits;
use self::output_files::OutputFiles;
use self::place::Place;
use self::shell::{Background, Script, Trust};
use self::undo::Changes;
use crate::agent::{ToolCall, ToolResult};
use crate::approvals::Subject;
use crate::driver::Stop;
use crate::secrets::Secrets;

/// The tools, in one workspace.
pub(crate) struct Tools {
    workspace: PathBuf,
    limits: Limits,
    /// Variables that look like secrets and are given to commands all the same.
    passed: Vec<String>,
    outputs: OutputFiles,
    background: Background,
    seen: SeenFiles,
    changes: Changes,
    secrets: Secrets,
    /// The assistant has been told which variables are held back.
    has_told: bool,
}

impl Tools {
    pub(crate) fn new(host: &Host, workspace: &Path, secrets: Secrets) -> Self {
        let passed = host.setting("ai_pass_environment").map(|setting| setting.value).unwrap_or_default();
        let names = passed.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned);
        Self {
            workspace: workspace.to_owned(),
            limits: Limits::of(host),
            passed: names.collect(),
            outputs: OutputFiles::of(host),
            background: Background::default(),
            seen: SeenFiles::default(),
            changes: Changes::default(),
            secrets,
            has_told: false,
        }
    }

    /// What a request is judged by; an error is the answer to a request that cannot be carried out.
    pub(crate) fn describe(&self, call: &ToolCall) -> Result<Subject, String> {
        Ok(Asked::read(call)?.subject())
    }

    /// What a file tool would change, as a diff, at the path that it was judged by. An error says why it would fail: then
    /// nobody has to be asked.
    pub(crate) fn preview(&self, call: &ToolCall, path: &Path) -> Result<Option<String>, String> {
        let (old, new) = match Asked::read(call)? {
            Asked::Write(asked) => {
                let (new, current) = self.new_content(&asked, &Place::find(path)?)?;
                (current.map(|current| current.bytes).unwrap_or_default(), new)
            }
            Asked::Edit(asked) => {
                let (new, current) = self.edited(&asked, &Place::find(path)?)?;
                (current.bytes, new)
            }
            _ => return Ok(None),
        };
        Ok(Some(unified(path, &old, &new)))
    }

    /// Runs what was allowed, to its end or to the wish to stop. `output` is given what is printed meanwhile, and
    /// answers whether somebody still listens.
    pub(crate) fn run(
        &mut self,
        call: &ToolCall,
        run: &Run,
        output: &mut dyn FnMut(&str) -> bool,
        stop: &Stop,
    ) -> ToolResult {
        let asked = match Asked::read(call) {
            Ok(asked) => asked,
            Err(reason) => return ToolResult::refused(reason),
        };
        match (asked, run) {
            (Asked::Shell(_), Run::Checked { text, search_path }) => {
                self.script(text, Trust::Checked(*search_path), None, &[], output, stop)
            }
            (Asked::Shell(_), Run::AsWritten(text)) => {
                self.script(text, Trust::AsWritten, None, &[], output, stop)
            }
            (Asked::NextflowLint(_), Run::Path(directory)) => {
                self.lint(lint::NEXTFLOW, directory, output, stop)
            }
            (Asked::NfCoreLint(asked), Run::Path(directory)) => {
                self.lint(lint::nf_core(asked.lint_scope), directory, output, stop)
            }
            (Asked::Read(asked), Run::Path(path)) => self.read_file(&asked, path, stop),
            (Asked::Write(asked), Run::Path(path)) => self.write_file(&asked, path),
            (Asked::Edit(asked), Run::Path(path)) => self.edit_file(&asked, path),
            (Asked::CreateDirectory(_), Run::Path(path)) => write::create_directory(path),
            (Asked::List(asked), Run::Path(path)) => self.list_directory(&asked, path, stop),
            (Asked::Search(_, asked), Run::Path(path)) => self.search_files(&asked, path, stop),
            _ => ToolResult::refused(format!("{}: it was allowed as something else", call.name)),
        }
    }

    fn script(
        &mut self,
        text: &str,
        trust: Trust,
        directory: Option<&Path>,
        more: &[(&str, &str)],
        output: &mut dyn FnMut(&str) -> bool,
        stop: &Stop,
    ) -> ToolResult {
        let (mut environment, held_back) =
            shell::environment(std::env::vars_os(), trust, &self.passed, &self.workspace);
        environment.extend(more.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        let directory = directory.unwrap_or(&self.workspace);
        let (files, secrets) = (self.outputs.next(), self.secrets.clone());
        let script = Script { text, directory, environment, files, secrets };
        let mut result = shell::run(script, &self.limits, &mut self.background, output, stop);
        // Nobody misses these two: they are for this program alone.
        let held_back: Vec<String> =
            held_back.into_iter().filter(|name| !name.starts_with("SEQERA_")).collect();
        if result.exit_code != 0 && !held_back.is_empty() && !self.has_told {
            self.has_told = true;
            let names = held_back.join(", ");
            let note = format!(
                "[variables that are not given to commands: {names}; the user can name those that are needed in the \
                 setting ai_pass_environment]"
            );
            shell::add_line(&mut result.stderr, &note);
        }
        result
    }
}
