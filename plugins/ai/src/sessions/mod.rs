//! `seqera ai sessions`: what this machine keeps of past sessions.

use clap::{Args, Subcommand};
use seqera_plugin_api::output::visible_json;
use seqera_plugin_api::{Error, ErrorKind, Exit, Host, Result, out, status};

use crate::journal::{Record, Store};
use crate::sanitizer::{one_line, sanitized};

/// Show the sessions that are kept on this machine
#[derive(Debug, Args)]
pub(crate) struct SessionsArgs {
    #[command(subcommand)]
    command: SessionsCommand,
}

#[derive(Debug, Subcommand)]
enum SessionsCommand {
    /// List them, the one that was used last first
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
        /// Only those of this directory
        #[arg(long)]
        here: bool,
    },
    /// Show what was said and done in one
    Show {
        /// Its id
        id: String,
        /// The lines of its journal, as they are
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(host: &Host, args: &SessionsArgs) -> Result<Exit> {
    let store = Store::for_reading(host).ok_or_else(|| {
        Error::new(ErrorKind::Config, "there is no home directory that sessions are kept in")
    })?;
    match &args.command {
        SessionsCommand::List { json, here } => list(host, &store, *json, *here)?,
        SessionsCommand::Show { id, json } => show(host, &store, id, *json)?,
    }
    Ok(Exit::SUCCESS)
}

fn list(host: &Host, store: &Store, is_json: bool, is_here: bool) -> Result<()> {
    let mut sessions = store.sessions();
    if is_here {
        let here = crate::surroundings::workspace(host).display().to_string();
        sessions.retain(|session| session.cwd == here);
    }
    if is_json {
        return host.output().json(&serde_json::json!({ "sessions": sessions }));
    }
    if sessions.is_empty() {
        status!(host, "No sessions are kept on this machine.");
    }
    for session in &sessions {
        let used = session.last_used.get(..16).unwrap_or_default().replace('T', " ");
        let (id, title) = (one_line(&session.session_id, 200), one_line(&session.title, 60));
        out!(host, "{id}  {used}  {title}  ({})", one_line(&session.cwd, 60))?;
    }
    Ok(())
}

fn show(host: &Host, store: &Store, id: &str, is_json: bool) -> Result<()> {
    let mut ends_line = true;
    store.read(id, |json, line| {
        if is_json {
            return out!(host, "{}", visible_json(json));
        }
        let text = match &line.record {
            Record::Message { content, .. } => format!("\n> {content}\n\n"),
            Record::Text { content } => content.clone().into_owned(),
            Record::ToolStarted { call } => format!("\n[tool] {} {}\n", call.name, call.args),
            Record::ToolResult { result, .. } => {
                format!("\n[exit code {}] {}\n", result.exit_code, one_line(&result.shown(), 200))
            }
            Record::End { outcome, reason } if outcome != "complete" => {
                format!("\n[{outcome}] {}\n", reason.as_deref().unwrap_or_default())
            }
            Record::Session { .. } | Record::End { .. } | Record::Tool { .. } | Record::ResultSent { .. } => {
                return Ok(());
            }
        };
        let text = sanitized(&text);
        ends_line = text.ends_with('\n');
        host.output().write(text.as_bytes())
    })?;
    if ends_line { Ok(()) } else { out!(host, "") }
}
