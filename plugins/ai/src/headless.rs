//! One question, its answer on standard output.

use seqera_plugin_api::output::Output;
use seqera_plugin_api::{Error, ErrorKind, Exit, Host, Result, printable};

use crate::agent::{Outcome, Shown};
use crate::command::AiArgs;
use crate::driver::{Driver, Screen};

/// How much of a tool's answer is shown, in characters.
const TOOL_RESULT: usize = 500;

pub(crate) fn run(host: &Host, args: &AiArgs, query: String) -> Result<Exit> {
    let mut driver = Driver::new(host, true)?;
    let mut screen = Text::new(host, args);
    let outcome = driver.run(host, query, &mut screen);
    driver.expire();
    let outcome = outcome?;
    screen.end()?;
    explain(&outcome)
}

/// The exit code of an outcome, and what is to be said about it.
pub(crate) fn explain(outcome: &Outcome) -> Result<Exit> {
    match outcome {
        Outcome::Complete => Ok(Exit::SUCCESS),
        Outcome::Incomplete(reason) => {
            Err(Error::new(ErrorKind::Failed, format!("the answer is not complete ({})", printable(reason))))
        }
        Outcome::Failed(reason) => {
            Err(Error::new(ErrorKind::Failed, "the assistant failed").because(printable(reason)))
        }
        Outcome::Lost(reason) => {
            Err(Error::new(ErrorKind::Unreachable, "the connection to the assistant was lost")
                .because(reason)
                .hint("Ask again when the network is back."))
        }
        Outcome::Cancelled => Err(Error::new(ErrorKind::Interrupted, "stopped")),
    }
}

/// Answer text on standard output, the rest on standard error as far as it was asked for.
pub(crate) struct Text {
    output: Output,
    /// Written at once when what has come was read: one write for many small parts.
    buffer: Vec<u8>,
    is_terminal: bool,
    show_thinking: bool,
    show_tools: bool,
    show_tool_results: bool,
    ends_with_newline: bool,
}

impl Text {
    pub(crate) fn new(host: &Host, args: &AiArgs) -> Self {
        Self {
            output: host.output(),
            buffer: Vec::new(),
            is_terminal: host.terminal().stdout,
            show_thinking: args.show_thinking,
            show_tools: args.show_tools,
            show_tool_results: args.show_tool_results,
            ends_with_newline: false,
        }
    }

    /// One newline at the end of the answer.
    pub(crate) fn end(&mut self) -> Result<()> {
        if !std::mem::replace(&mut self.ends_with_newline, true) {
            self.buffer.push(b'\n');
        }
        self.flush()
    }

    fn aside(&mut self, is_wanted: bool, heading: &str, text: &str) -> Result<()> {
        if is_wanted {
            self.flush()?;
            self.output.people(&format!("[{heading}] {}\n", printable(text)));
        }
        Ok(())
    }
}

impl Screen for Text {
    fn show(&mut self, shown: Shown) -> Result<()> {
        match shown {
            Shown::Text(text) => {
                // A terminal must not be steered by a server; a file gets what was sent.
                if self.is_terminal {
                    self.buffer.extend_from_slice(printable(&text).as_bytes());
                } else {
                    self.buffer.extend_from_slice(text.as_bytes());
                }
                Ok(())
            }
            Shown::Thinking(text) => self.aside(self.show_thinking, "thinking", &text),
            Shown::Tool(name) => self.aside(self.show_tools, "tool", &name),
            Shown::ToolResult(content) => {
                let start: String = content.chars().take(TOOL_RESULT).collect();
                self.aside(self.show_tool_results, "tool result", &start)
            }
        }
    }

    fn flush(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.ends_with_newline = self.buffer.last() == Some(&b'\n');
        self.output.write(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}
