//! `seqera ai`

use std::ffi::OsStr;
use std::io::Read;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Parser, Subcommand};
use seqera_plugin_api::{Error, ErrorKind, Exit, Host, Result};

use crate::agent::ApprovalMode;
use crate::approvals::explain;
use crate::sanitizer::one_line;
use crate::{headless, line_mode, sessions};

/// Ask the assistant
///
/// On a terminal this begins a conversation; with --headless, or when the output goes elsewhere, one question is
/// answered on standard output.
#[derive(Debug, Parser)]
#[command(name = "ai", args_conflicts_with_subcommands = true)]
pub(crate) struct AiArgs {
    #[command(subcommand)]
    command: Option<AiCommand>,
    /// The question; a word `-` stands for standard input, and a headless run without a question reads it from there
    query: Vec<String>,
    /// Go on with the newest session of this directory
    #[arg(short, long = "continue", conflicts_with = "session")]
    pub(crate) continues: bool,
    /// Go on with this session
    // Servers make ids that begin with `-`, too.
    #[arg(short, long, value_name = "ID", allow_hyphen_values = true)]
    pub(crate) session: Option<String>,
    /// What runs without asking: basic, default or full (a convenience, not a boundary: a script may do anything)
    #[arg(long, value_name = "MODE", value_parser = OneOf(&ApprovalMode::NAMES))]
    approval_mode: Option<String>,
    /// Let commands of this pattern run without asking, e.g. 'nextflow run *'; never the dangerous ones (repeatable)
    #[arg(long, value_name = "PATTERN")]
    pub(crate) allow: Vec<String>,
    /// Answer one question and end
    #[arg(long)]
    headless: bool,
    /// Headless, with events as JSON lines on standard output
    #[arg(long)]
    pub(crate) sub_agent: bool,
    /// Also write the events of a headless run into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) events_path: Option<String>,
    /// Show what the assistant thinks, on standard error
    #[arg(long)]
    pub(crate) show_thinking: bool,
    /// Show which tools are used, on standard error
    #[arg(long)]
    pub(crate) show_tools: bool,
    /// Show what tools answer, on standard error
    #[arg(long)]
    pub(crate) show_tool_results: bool,
}

#[derive(Debug, Subcommand)]
enum AiCommand {
    Sessions(sessions::SessionsArgs),
    Approval(explain::ApprovalArgs),
}

/// Words that are offered, by completion and `--help`; one that is none of them is told about by whoever reads it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OneOf(pub(crate) &'static [&'static str]);

impl TypedValueParser for OneOf {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> std::result::Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(PossibleValue::new)))
    }
}

impl AiArgs {
    /// The approval mode of this run.
    ///
    /// # Errors
    /// Those of [`approval_mode`].
    pub(crate) fn approval(&self, host: &Host) -> Result<ApprovalMode> {
        approval_mode(host, self.approval_mode.as_deref())
    }
}

/// The approval mode: of the command line, else of the settings.
///
/// # Errors
/// `Usage` for a word of the command line that is none; in a file it is a warning, and the default.
pub(crate) fn approval_mode(host: &Host, word: Option<&str>) -> Result<ApprovalMode> {
    if let Some(word) = word {
        return ApprovalMode::named(word).ok_or_else(|| {
            let word = one_line(word, 40);
            Error::new(ErrorKind::Usage, format!("there is no approval mode {word}"))
                .hint("The modes are basic, default and full.")
        });
    }
    let Some(setting) = host.setting("approval_mode") else { return Ok(ApprovalMode::Default) };
    Ok(ApprovalMode::named(setting.value.trim()).unwrap_or_else(|| {
        let (value, origin) = (one_line(&setting.value, 40), &setting.origin);
        seqera_plugin_api::warning!(
            host,
            "there is no approval mode {value} ({origin}); the mode is default"
        );
        ApprovalMode::Default
    }))
}

pub(crate) fn run(host: &Host, args: &AiArgs) -> Result<Exit> {
    if let Some(command) = &args.command {
        return match command {
            AiCommand::Sessions(args) => sessions::run(host, args),
            AiCommand::Approval(args) => explain::run(host, args),
        };
    }
    let terminal = host.terminal();
    if !args.headless && !args.sub_agent && terminal.is_interactive() && terminal.stdout {
        let query = question(args, false)?;
        return line_mode::run(host, args, Some(query).filter(|query| !query.trim().is_empty()));
    }
    headless::run(host, args, || question(args, !terminal.stdin))
}

/// The question of the command line, or of standard input when there is none and it `is_piped`.
fn question(args: &AiArgs, is_piped: bool) -> Result<String> {
    if args.query.iter().any(|word| word == "-") {
        with_input(&args.query)
    } else if args.query.is_empty() && is_piped {
        piped()
    } else {
        Ok(args.query.join(" "))
    }
}

/// The question, with standard input where a `-` stands.
fn with_input(words: &[String]) -> Result<String> {
    let input = piped()?;
    let mut question = String::new();
    let mut follows_input = false;
    for word in words {
        let is_input = word == "-";
        if !question.is_empty() {
            question.push_str(if is_input || follows_input { "\n\n" } else { " " });
        }
        question.push_str(if is_input { input.trim_end_matches('\n') } else { word });
        follows_input = is_input;
    }
    Ok(question)
}

fn piped() -> Result<String> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .map_err(|error| Error::new(ErrorKind::Failed, "cannot read the question").caused_by(&error))?;
    String::from_utf8(bytes)
        .map_err(|_| Error::new(ErrorKind::Usage, "the question on standard input is no UTF-8 text"))
}
