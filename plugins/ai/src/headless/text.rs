//! The answer as text on standard output, the rest on standard error as far as it was asked for.

use seqera_plugin_api::output::Output;
use seqera_plugin_api::{Host, Result};

use crate::agent::Shown;
use crate::approvals::{Choice, Prompt};
use crate::command::AiArgs;
use crate::driver::{Screen, Stop};
use crate::sanitizer::{Sanitizer, one_line, sanitized};

/// How much of a tool's answer is shown, in characters.
const TOOL_RESULT: usize = 500;
/// Text from this length on is written in parts, in bytes: it may be a large part of the memory.
const LARGE: usize = 64 * 1024;

/// Text for people and files.
pub(crate) struct Text {
    output: Output,
    /// Written at once when what has come was read: one write for many small parts.
    buffer: String,
    sanitizer: Sanitizer,
    show_thinking: bool,
    show_tools: bool,
    show_tool_results: bool,
    ends_with_newline: bool,
    has_shown: bool,
}

impl Text {
    pub(crate) fn new(host: &Host, args: &AiArgs) -> Self {
        Self {
            output: host.output(),
            buffer: String::new(),
            sanitizer: Sanitizer::default(),
            show_thinking: args.show_thinking,
            show_tools: args.show_tools,
            show_tool_results: args.show_tool_results,
            ends_with_newline: false,
            has_shown: false,
        }
    }

    /// Shows what the assistant thinks from now on, or not.
    pub(crate) fn set_thinking(&mut self, shown: bool) {
        self.show_thinking = shown;
    }

    /// Whether anything was written to standard output.
    pub(crate) fn has_shown(&self) -> bool {
        self.has_shown || !self.buffer.is_empty()
    }

    /// One newline at the end of the answer.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.flush()?;
        if !std::mem::replace(&mut self.ends_with_newline, true) {
            self.buffer.push('\n');
        }
        self.flush()
    }

    /// What comes next begins a line.
    pub(crate) fn end_line(&mut self) -> Result<()> {
        if self.has_shown() { self.end() } else { Ok(()) }
    }

    fn aside(&mut self, is_wanted: bool, heading: &str, text: &str) -> Result<()> {
        if is_wanted {
            self.flush()?;
            self.output.people(&format!("[{heading}] {}\n", sanitized(text).trim_end_matches('\n')));
        }
        Ok(())
    }

    fn large(&mut self, mut text: &str) -> Result<()> {
        while !text.is_empty() {
            let mut at = text.len().min(LARGE);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            self.sanitizer.push(&text[..at], &mut self.buffer);
            text = &text[at..];
            self.flush()?;
        }
        Ok(())
    }
}

impl Screen for Text {
    fn begin(&mut self, _run_id: &str, _session: &str) -> Result<()> {
        Ok(())
    }

    fn show(&mut self, shown: Shown) -> Result<()> {
        match shown {
            Shown::Text(text) if text.len() > LARGE => self.large(&text),
            Shown::Text(text) => {
                self.sanitizer.push(&text, &mut self.buffer);
                Ok(())
            }
            Shown::Thinking(text) => self.aside(self.show_thinking, "thinking", &text),
            Shown::Tool(call) => self.aside(self.show_tools, "tool", &call.name),
            Shown::ToolResult { content, is_error, .. } => {
                let start: String = content.chars().take(TOOL_RESULT).collect();
                let heading = if is_error { "tool error" } else { "tool result" };
                self.aside(self.show_tool_results, heading, &start)
            }
            Shown::ApprovalRefused { call, why, .. } => {
                self.flush()?;
                let (name, why) = (one_line(&call.name, 80), one_line(&why, 400));
                self.output.people(&format!("approval required: {name}: {why}\n"));
                Ok(())
            }
            Shown::Reconnecting { what, reason, after } => {
                self.flush()?;
                let (reason, seconds) = (one_line(&reason, 200), after.as_secs());
                self.output.people(&format!("({what}: {reason}; trying again in {seconds} s)\n"));
                Ok(())
            }
            // Its result says it all, and is shown when it is asked for.
            Shown::ToolOutput { .. } | Shown::Compacting | Shown::Usage(_) => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.has_shown = true;
        self.ends_with_newline = self.buffer.ends_with('\n');
        self.output.write(self.buffer.as_bytes())?;
        self.buffer.clear();
        Ok(())
    }

    fn ask(&mut self, _prompt: &Prompt<'_>, _stop: &Stop) -> Result<Choice> {
        Ok(Choice::Nobody)
    }
}
