//! Sessions that a person can go on with: `-c`, `/sessions`, and what was said in them last.

use seqera_plugin_api::{ErrorKind, Host, Result, out, status};

use super::{Conversation, tell, typed};
use crate::backend::SessionRow;
use crate::driver::Stop;
use crate::resume::Pick;
use crate::sanitizer::{one_line, sanitized};

/// How many exchanges of a session are shown when it is gone on with.
const EXCHANGES: usize = 5;
/// Sessions to choose from.
const MOST: usize = 20;

/// Lets a person choose one of the sessions of this directory.
pub(super) fn ask(host: &Host, stop: &Stop, rows: &[SessionRow]) -> Result<Pick> {
    status!(host, "There are {} sessions of this directory:", rows.len());
    list(host, rows)?;
    loop {
        let question = format!("Which one (1-{}; Enter: 1, n: a new one)? ", rows.len());
        let Some(answer) = typed::line(host, stop, &question)? else { return Ok(Pick::New) };
        match answer.trim() {
            "" => return Ok(Pick::Session(0)),
            "n" | "new" => return Ok(Pick::New),
            answer => match number(answer, rows) {
                Some(index) => return Ok(Pick::Session(index)),
                None => status!(host, "There is no session {}.", one_line(answer, 20)),
            },
        }
    }
}

fn list(host: &Host, rows: &[SessionRow]) -> Result<()> {
    for (number, row) in rows.iter().enumerate() {
        let title = one_line(row.title.as_deref().unwrap_or("(no title)"), 60);
        let cwd = one_line(row.cwd.as_deref().unwrap_or_default(), 60);
        let (used, id) = (row.used(), one_line(&row.session_id, 80));
        out!(host, "{:>3}. {title}  {cwd}  {used}  {id}", number + 1)?;
    }
    Ok(())
}

/// The index that a typed number means.
fn number(typed: &str, rows: &[SessionRow]) -> Option<usize> {
    typed.parse::<usize>().ok()?.checked_sub(1).filter(|index| *index < rows.len())
}

impl Conversation<'_> {
    pub(super) fn choose_session(&mut self) -> Result<()> {
        let host = self.host;
        let rows = match self.driver.backend.sessions(None, MOST) {
            Ok(rows) => rows,
            Err(error) => {
                tell(host, &error);
                return Ok(());
            }
        };
        if rows.is_empty() {
            status!(host, "There are no sessions to go on with.");
            return Ok(());
        }
        list(host, &rows)?;
        let question = format!("Which one (1-{}; Enter for none)? ", rows.len());
        let Some(answer) = typed::line(host, self.driver.stop(), &question)? else { return Ok(()) };
        let Some(index) = number(answer.trim(), &rows) else {
            if !answer.trim().is_empty() {
                status!(host, "There is no session {}.", one_line(&answer, 20));
            }
            return Ok(());
        };
        let _before = self.driver.expire();
        match self.driver.resume(&rows[index].session_id) {
            Ok(()) => self.show_history(),
            Err(error) => {
                tell(host, &error);
                Ok(())
            }
        }
    }

    /// The last exchanges of a session that is gone on with.
    pub(super) fn show_history(&self) -> Result<()> {
        let Some(session) = self.driver.agent.session() else { return Ok(()) };
        let messages = match self.driver.backend.messages(session) {
            Ok(messages) => messages,
            Err(error) if error.kind() == ErrorKind::SignInNeeded => return Err(error),
            Err(error) => {
                tell(self.host, &error);
                return Ok(());
            }
        };
        let from = messages
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, message)| message.role == "user")
            .nth(EXCHANGES - 1)
            .map_or(0, |(at, _)| at);
        if from > 0 {
            status!(self.host, "(the last {EXCHANGES} exchanges of this session)");
        }
        for message in &messages[from..] {
            let text = message.text();
            let text = sanitized(&text);
            if message.role == "user" {
                self.host.output().write(format!("> {}\n", text.trim_end()).as_bytes())?;
            } else {
                self.host.output().write(format!("{}\n", text.trim_end()).as_bytes())?;
            }
        }
        Ok(())
    }
}
