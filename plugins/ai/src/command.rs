//! `seqera ai`

use std::io::Read;

use clap::Parser;
use seqera_plugin_api::{Error, ErrorKind, Exit, Host, Result};

use crate::{headless, line_mode};

/// Ask the assistant
///
/// On a terminal this begins a conversation; with --headless, or when the output goes elsewhere, one question is
/// answered on standard output.
#[derive(Debug, Parser)]
#[command(name = "ai")]
pub(crate) struct AiArgs {
    /// The question; without one, a headless run reads it from standard input
    query: Option<String>,
    /// Answer one question and end
    #[arg(long)]
    headless: bool,
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

pub(crate) fn run(host: &Host, args: &AiArgs) -> Result<Exit> {
    let terminal = host.terminal();
    if !args.headless && terminal.is_interactive() && terminal.stdout {
        return line_mode::run(host, args, args.query.clone());
    }
    let query = match &args.query {
        Some(query) => query.clone(),
        None if !terminal.stdin => piped()?,
        None => String::new(),
    };
    if query.trim().is_empty() {
        return Err(Error::new(ErrorKind::Usage, "there is no question to answer")
            .hint("seqera ai --headless \"QUESTION\", or pipe it in."));
    }
    headless::run(host, args, query)
}

fn piped() -> Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .read_to_string(&mut text)
        .map_err(|error| Error::new(ErrorKind::Failed, "cannot read the question").caused_by(&error))?;
    Ok(text)
}
