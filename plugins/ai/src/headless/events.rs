//! The events of a run as JSON, one a line (protocol section 10): `--sub-agent` and `--events-path`.
//!
//! The first line says that a run has begun and the last one how it ended, whatever happened in between.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use seqera_plugin_api::output::{Output, visible_json};
use seqera_plugin_api::{Error, ErrorKind, Host, Result};
use serde::Serialize;
use serde_json::json;
use serde_json::ser::Formatter;
use serde_json::value::RawValue;

use crate::agent::{Outcome, Shown, Usage};
use crate::journal::now;

/// How much is gathered before it is written, in bytes.
const BATCH: usize = 256 * 1024;

/// A writer of events.
pub(crate) struct Events {
    sink: Sink,
    buffer: Vec<u8>,
    has_begun: bool,
    /// The message was posted: what fails then fails in the stream.
    has_run: bool,
    usage: Option<Usage>,
}

enum Sink {
    /// For the program that started us: versioned, with the short names.
    Stdout(Output),
    File(File),
}

impl Events {
    pub(crate) fn on_stdout(host: &Host) -> Self {
        Self::to(Sink::Stdout(host.output()))
    }

    /// # Errors
    /// `Failed` when the file cannot be made.
    pub(crate) fn in_file(path: &Path) -> Result<Self> {
        let failed = |error: &std::io::Error| {
            Error::new(ErrorKind::Failed, format!("cannot write {}", path.display())).caused_by(error)
        };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| failed(&error))?;
        }
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(true);
        // What is said to the assistant is for nobody else.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self::to(Sink::File(options.open(path).map_err(|error| failed(&error))?)))
    }

    fn to(sink: Sink) -> Self {
        Self { sink, buffer: Vec::new(), has_begun: false, has_run: false, usage: None }
    }

    pub(crate) fn begin(&mut self, run_id: &str, session: Option<&str>) -> Result<()> {
        self.has_run |= session.is_some();
        if std::mem::replace(&mut self.has_begun, true) {
            return Ok(());
        }
        self.line(("run_started", "run.started"), &json!({ "run_id": run_id, "session_id": session }));
        self.flush()
    }

    pub(crate) fn show(&mut self, shown: &Shown) -> Result<()> {
        #[derive(Serialize)]
        struct Content<'a> {
            content: &'a str,
        }
        match shown {
            Shown::Text(content) => self.line(("text", "event.text"), &Content { content }),
            Shown::Thinking(content) => self.line(("thinking", "event.thinking"), &Content { content }),
            Shown::Tool(call) => {
                let input = RawValue::from_string(call.args.clone()).ok();
                self.line(
                    ("tool_call", "event.tool_use"),
                    &json!({ "tool_id": call.id, "tool_name": call.name, "tool_input": input }),
                );
            }
            Shown::ToolResult { id, content, is_error } => {
                self.tool_result(id, content, if *is_error { "error" } else { "completed" })
            }
            Shown::ToolOutput { id, content } => self.tool_result(id, content, "running"),
            Shown::ApprovalRefused { call, mode, rule, why } => self.line(
                ("approval_refused", "approval.refused"),
                &json!({
                    "tool_id": call.id, "tool_name": call.name, "mode": mode, "rule": rule, "reason": why,
                }),
            ),
            Shown::Compacting => self.line(("compacting", "compacting"), &json!({})),
            Shown::Usage(usage) => self.usage = Some(*usage),
            // Nothing of the answer.
            Shown::Reconnecting { .. } => {}
        }
        if self.buffer.len() > BATCH { self.flush() } else { Ok(()) }
    }

    /// What a local tool has printed so far, or its result.
    pub(crate) fn tool_result(&mut self, id: &str, content: &str, status: &str) {
        let mut data = json!({ "tool_id": id, "content": content, "is_error": status == "error" });
        if !matches!(self.sink, Sink::Stdout(_)) || status != "running" {
            data["status"] = status.into();
        }
        self.line(("tool_result", "event.tool_result"), &data);
    }

    /// The last line, and an error before it when there was one.
    pub(crate) fn end(&mut self, run_id: &str, outcome: &Result<Outcome>) -> Result<()> {
        self.begin(run_id, None)?;
        let (status, message) = match outcome {
            Ok(Outcome::Complete) => ("success", None),
            Ok(Outcome::Unapproved(count)) => {
                let message = format!("{count} tools needed an approval that nobody could give");
                ("approval_required", Some(message))
            }
            Ok(Outcome::Incomplete(reason)) => (reason.as_str(), None),
            Ok(Outcome::Failed(reason)) => ("error", Some(reason.clone())),
            Ok(Outcome::Lost(reason)) => ("error", Some(format!("the connection was lost: {reason}"))),
            Ok(Outcome::Cancelled) => ("interrupted", None),
            Err(error) => ("error", Some(error.to_string())),
        };
        if status == "interrupted" {
            self.line(("interrupted", "interrupted"), &json!({}));
        }
        if let (Some(message), "error") = (&message, status) {
            let code = if self.has_run { "stream_error" } else { "send_error" };
            self.line(("error", "error"), &json!({ "message": message, "code": code }));
        }
        self.complete(status, message);
        self.flush()
    }

    fn complete(&mut self, status: &str, message: Option<String>) {
        let mut data = json!({ "status": status });
        if let Some(message) = message {
            data["message"] = message.into();
        }
        if let (Some(usage), Sink::File(_)) = (self.usage, &self.sink) {
            data["token_usage"] = json!({
                "input_tokens": usage.input, "output_tokens": usage.output, "total_tokens": usage.total,
            });
        }
        self.line(("complete", "run.complete"), &data);
    }

    /// Writes what was gathered.
    pub(crate) fn flush(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        match &mut self.sink {
            Sink::Stdout(output) => output.write(&self.buffer)?,
            Sink::File(file) => file.write_all(&self.buffer).map_err(|error| {
                Error::new(ErrorKind::Failed, "cannot write the file of events").caused_by(&error)
            })?,
        }
        self.buffer.clear();
        self.buffer.shrink_to(BATCH);
        Ok(())
    }

    /// A line; its type has one name on standard output and another one in a file.
    pub(crate) fn line(&mut self, (short, long): (&str, &str), data: &impl Serialize) {
        #[derive(Serialize)]
        struct Line<'a, D> {
            #[serde(skip_serializing_if = "Option::is_none")]
            v: Option<u8>,
            r#type: &'a str,
            timestamp: String,
            data: D,
        }
        let line = match self.sink {
            Sink::Stdout(_) => Line { v: Some(1), r#type: short, timestamp: now(), data },
            Sink::File(_) => Line { v: None, r#type: long, timestamp: now(), data },
        };
        let mut serializer = serde_json::Serializer::with_formatter(&mut self.buffer, Visible);
        if line.serialize(&mut serializer).is_ok() {
            self.buffer.push(b'\n');
        }
    }
}

/// JSON in which every character that steers or hides is written by its number: nothing is lost, and a terminal that
/// it is printed to is safe.
struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> std::io::Result<()> {
        writer.write_all(visible_json(fragment).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use seqera_plugin_api::output::is_hidden;
    use seqera_plugin_api::testing::FakeHost;
    use serde_json::Value;

    use super::*;

    fn parse(line: &str) -> Value {
        serde_json::from_str(line).unwrap()
    }

    fn lines(fake: &FakeHost) -> Vec<Value> {
        fake.stdout().lines().map(parse).collect()
    }

    #[test]
    fn a_run_that_never_began_has_a_first_and_a_last_line_all_the_same() {
        let fake = FakeHost::new();
        let mut events = Events::on_stdout(&fake.host());
        events.end("r", &Err(Error::new(ErrorKind::SignInNeeded, "you are not signed in"))).unwrap();
        let lines = lines(&fake);
        let kinds: Vec<_> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["run_started", "error", "complete"]);
        assert_eq!(lines[0]["data"], json!({ "run_id": "r", "session_id": null }));
        assert_eq!(lines[1]["data"], json!({ "message": "you are not signed in", "code": "send_error" }));
        assert!(lines.iter().all(|line| line["v"] == 1));
    }

    #[test]
    fn what_steers_a_terminal_is_escaped_and_not_lost() {
        let fake = FakeHost::new();
        let mut events = Events::on_stdout(&fake.host());
        let text = "a\u{1b}[2J\u{9b}m\u{202e}\u{7f}\u{e0041} ö🧬";
        events.show(&Shown::Text(text.into())).unwrap();
        events.flush().unwrap();
        let line = fake.stdout();
        assert!(!line.trim_end().chars().any(|c| c.is_control() || is_hidden(c)), "{line:?}");
        assert_eq!(parse(&line)["data"]["content"], text);
    }
}
