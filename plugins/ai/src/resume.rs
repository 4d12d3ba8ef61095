//! `-s` and `-c`: which session is gone on with.

use seqera_plugin_api::{Error, ErrorKind, Host, Result, status};

use crate::backend::SessionRow;
use crate::command::AiArgs;
use crate::driver::Driver;
use crate::journal::Store;
use crate::sanitizer::one_line;

/// Most sessions of a directory that are asked for.
const MOST: usize = 10;

/// What a person wants of several sessions.
pub(crate) enum Pick {
    /// The one with this index.
    Session(usize),
    /// None of them: a new one begins.
    New,
}

/// Lets a person choose one of several sessions.
pub(crate) type Ask<'a> = &'a dyn Fn(&[SessionRow]) -> Result<Pick>;

/// Goes on with the session that `-s` or `-c` means, if there is one; without, a new one begins with the first message.
/// Of several, `ask` lets a person choose; when there is nobody to ask it is the newest.
///
/// # Errors
/// Those of the list of sessions, and when the session is in use.
pub(crate) fn resume(host: &Host, args: &AiArgs, driver: &mut Driver, ask: Option<Ask<'_>>) -> Result<()> {
    if let Some(id) = &args.session {
        if id.trim().is_empty() {
            return Err(Error::new(ErrorKind::Usage, "-s needs the id of a session"));
        }
        return driver.resume(id);
    }
    if !args.continues {
        return Ok(());
    }
    let rows = of_this_directory(host, driver)?;
    if let (Some(ask), true) = (ask, rows.len() > 1) {
        return match ask(&rows)? {
            Pick::Session(index) => rows.get(index).map_or(Ok(()), |row| driver.resume(&row.session_id)),
            Pick::New => Ok(()),
        };
    }
    newest(host, driver, &rows)
}

fn newest(host: &Host, driver: &mut Driver, rows: &[SessionRow]) -> Result<()> {
    for row in rows {
        let (id, title) = (one_line(&row.session_id, 200), one_line(row.title.as_deref().unwrap_or(""), 60));
        match driver.resume(&row.session_id) {
            Ok(()) => {
                let count = rows.len();
                if count > 1 {
                    status!(
                        host,
                        "Going on with the newest of {count} sessions of this directory: {title} ({id})"
                    );
                }
                return Ok(());
            }
            Err(_) => status!(host, "The session {id} is in use by another process."),
        }
    }
    seqera_plugin_api::warning!(
        host,
        "there is no session of this directory to go on with; a new one begins"
    );
    Ok(())
}

/// The sessions of this directory, the newest first.
fn of_this_directory(host: &Host, driver: &Driver) -> Result<Vec<SessionRow>> {
    let cwd = driver.workspace.display().to_string();
    let mut rows = driver.backend.sessions(Some(&cwd), MOST)?;
    if let Some(row) = left_behind(host, driver, &cwd, &rows) {
        rows.insert(0, row);
    }
    Ok(rows)
}

/// The last session of this directory on this machine, when its process ended before it could end the session: the
/// server lists only those that are over.
fn left_behind(host: &Host, driver: &Driver, cwd: &str, rows: &[SessionRow]) -> Option<SessionRow> {
    let mut stored = Store::of(host)?.sessions().into_iter();
    let last = stored.find(|stored| stored.cwd == cwd && stored.backend == driver.backend.address())?;
    if rows.iter().any(|row| row.session_id == last.session_id) {
        return None;
    }
    // It may be gone by now, or belong to another account.
    driver.backend.messages(&last.session_id).ok()?;
    Some(SessionRow {
        session_id: last.session_id,
        title: Some(last.title),
        cwd: Some(last.cwd),
        last_used: last.last_used.into(),
    })
}
