//! `/export`: this session as a Markdown file.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use seqera_plugin_api::{Error, ErrorKind, Result, status};

use super::{Conversation, tell};
use crate::journal::{Record, Store};
use crate::sanitizer::{one_line, sanitized};

impl Conversation<'_> {
    /// Writes the session into a file that must not be there yet.
    pub(super) fn export(&mut self, name: &str) -> Result<()> {
        let Some(session) = self.driver.agent.session().map(str::to_owned) else {
            status!(self.host, "There is no session yet.");
            return Ok(());
        };
        match self.write(&session, name) {
            Ok(path) => status!(self.host, "Written to {}", one_line(&path.display().to_string(), 400)),
            Err(error) => tell(self.host, &error),
        }
        Ok(())
    }

    fn write(&mut self, session: &str, name: &str) -> Result<PathBuf> {
        let store = Store::of(self.host).ok_or_else(|| {
            Error::new(ErrorKind::Failed, "this session is not recorded, so there is nothing to export")
                .hint("Set ai_journal_days to more than 0.")
        })?;
        let mut text = format!("# Session {}\n", one_line(session, 200));
        store.read(session, |_, line| {
            let part = match &line.record {
                Record::Message { content, .. } => format!("\n## You\n\n{content}\n\n## Assistant\n\n"),
                Record::Text { content } => content.clone().into_owned(),
                Record::ToolStarted { call } => {
                    format!("\n```\n{} {}\n```\n", call.name, call.args.replace("```", "'''"))
                }
                _ => return Ok(()),
            };
            text.push_str(&sanitized(&part));
            Ok(())
        })?;
        text.push('\n');
        let name = if name.is_empty() {
            let id: String =
                session.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(12).collect();
            format!("seqera-session-{id}.md")
        } else {
            name.to_owned()
        };
        let path = self.driver.workspace.join(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&path).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map(|()| path.clone()).map_err(|error| {
            Error::new(ErrorKind::Failed, format!("cannot write {}", path.display())).caused_by(&error)
        })
    }
}
