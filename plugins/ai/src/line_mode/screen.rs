//! The screen of a conversation: the answer, the tools that are used, and the prompt before one runs.

use seqera_plugin_api::{Host, Result};
use serde_json::Value;

use super::typed;
use crate::agent::{Shown, ToolCall};
use crate::approvals::{Choice, Prompt};
use crate::command::AiArgs;
use crate::driver::{Screen, Stop};
use crate::headless::Text;
use crate::sanitizer::{one_line, sanitized};

/// Lines of what a tool prints that are shown while it runs.
const OUTPUT: usize = 40;

/// Lines on a terminal.
pub(super) struct Lines<'a> {
    host: &'a Host,
    text: Text,
    /// The call whose output is shown, and how many more lines of it.
    output: (String, usize),
}

impl<'a> Lines<'a> {
    pub(super) fn new(host: &'a Host, args: &AiArgs, shows_thinking: bool) -> Self {
        let mut text = Text::new(host, args);
        text.set_thinking(shows_thinking);
        Self { host, text, output: (String::new(), 0) }
    }

    pub(super) fn end(&mut self) -> Result<()> {
        self.text.end()
    }

    /// What a tool prints, as far as a person would read it while it passes.
    fn tool_output(&mut self, id: String, content: &str) -> Result<()> {
        self.text.end_line()?;
        if self.output.0 != id {
            self.output = (id, OUTPUT);
        }
        let left = &mut self.output.1;
        if *left == 0 {
            return Ok(());
        }
        let shown = sanitized(content);
        let mut text = String::new();
        for line in shown.lines().take(*left) {
            text.push_str(&format!("  | {line}\n"));
        }
        *left = left.saturating_sub(shown.lines().count());
        if *left == 0 {
            text.push_str("  | …\n");
        }
        self.host.output().people(&text);
        Ok(())
    }
}

/// A use of a tool in one line: what it is about, as far as it can be told.
fn spoken(call: &ToolCall) -> String {
    let args: Value = serde_json::from_str(&call.args).unwrap_or_default();
    let about = ["command", "pattern", "path"].iter().filter_map(|name| args[name].as_str());
    one_line(&about.fold(call.name.clone(), |line, part| format!("{line} {part}")), 200)
}

impl Screen for Lines<'_> {
    fn begin(&mut self, run_id: &str, session: &str) -> Result<()> {
        self.text.begin(run_id, session)
    }

    fn show(&mut self, shown: Shown) -> Result<()> {
        match shown {
            Shown::ToolOutput { id, content } => self.tool_output(id, &content),
            Shown::Tool(call) => {
                self.text.end_line()?;
                self.host.output().people(&format!("[tool] {}\n", spoken(&call)));
                Ok(())
            }
            Shown::Compacting => {
                self.text.end_line()?;
                self.host.output().people("(older parts of this session are made shorter)\n");
                Ok(())
            }
            shown @ Shown::Reconnecting { .. } => {
                self.text.end_line()?;
                self.text.show(shown)
            }
            shown => self.text.show(shown),
        }
    }

    fn flush(&mut self) -> Result<()> {
        self.text.flush()
    }

    fn ask(&mut self, prompt: &Prompt<'_>, stop: &Stop) -> Result<Choice> {
        self.text.end_line()?;
        let output = self.host.output();
        output.people(&prompt.text());
        // Keys that were on their way to the question before must not answer the prompt.
        typed::settle(stop);
        loop {
            // The end of the input is no yes.
            let Some(line) = typed::line(self.host, stop, prompt.question())? else {
                return Ok(Choice::Reject(String::new()));
            };
            match prompt.parse(&line) {
                Ok(choice) => return Ok(choice),
                Err(advice) => output.people(&format!("{advice}\n")),
            }
        }
    }
}
