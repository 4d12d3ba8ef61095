//! `write_file_local` and `create_directory_local`: a whole file, a directory.

use std::fs::File;
use std::path::Path;

use rustix::fs::Mode;
use rustix::io::Errno;

use super::call::WriteFile;
use super::diff::{fenced, unified};
use super::files::Current;
use super::line_ends::{LineEnd, MARK};
use super::place::{Access, Place, directory, problem};
use super::{Limits, Tools};
use crate::agent::ToolResult;
use crate::secrets::MASKS;

impl Tools {
    pub(super) fn write_file(&mut self, asked: &WriteFile, path: &Path) -> ToolResult {
        match self.write(asked, path) {
            Ok(stdout) => ToolResult { stdout, ..ToolResult::default() },
            Err(reason) => ToolResult::refused(reason),
        }
    }

    /// The new content of a file, and what it is now.
    pub(super) fn new_content(
        &self,
        asked: &WriteFile,
        place: &Place,
    ) -> Result<(Vec<u8>, Option<Current>), String> {
        let Some(current) = self.seen.current(place)? else {
            return Ok((asked.content.as_bytes().to_vec(), None));
        };
        let old = String::from_utf8_lossy(&current.bytes);
        for (what, text) in [("is", &*old), ("would be", asked.content.as_str())] {
            if is_too_large(text, &self.limits) {
                let (lines, chars) = (self.limits.overwrite_lines, self.limits.overwrite_chars);
                return Err(format!(
                    "{} {what} longer than {lines} lines or {chars} characters, and is not overwritten as a whole: \
                     change the parts of it with edit_file_local",
                    place.path().display()
                ));
            }
        }
        let mut bytes = LineEnd::of(&current.bytes).applied(&asked.content);
        if current.bytes.starts_with(MARK) && !bytes.starts_with(MARK) {
            bytes.splice(0..0, MARK.iter().copied());
        }
        self.check_masks(place, &current.bytes, &bytes)?;
        Ok((bytes, Some(current)))
    }

    /// Refuses a text in which masks would take the place of secrets that the file has.
    pub(super) fn check_masks(&self, place: &Place, old: &[u8], new: &[u8]) -> Result<(), String> {
        let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(new));
        let is_new = |mask: &&&str| new.matches(**mask).count() > old.matches(**mask).count();
        match MASKS.iter().find(is_new) {
            Some(mask) if self.secrets.hidden(&old) != old => Err(format!(
                "{}: {mask} stands for a secret that you are not shown, and must not take its place: change other \
                 parts of the file with edit_file_local, one by one",
                place.path().display()
            )),
            _ => Ok(()),
        }
    }

    fn write(&mut self, asked: &WriteFile, path: &Path) -> Result<String, String> {
        let place = Place::find(path)?;
        let (bytes, current) = self.new_content(asked, &place)?;
        self.put(&place, &bytes, current.as_ref())?;
        Ok(match current {
            None => format!("Made {} with {} lines.\n", path.display(), asked.content.lines().count()),
            Some(current) if current.bytes == bytes => format!("{} is as it was.\n", path.display()),
            Some(current) => fenced(&unified(path, &current.bytes, &bytes)) + &other_names(&current.file),
        })
    }

    /// Writes a file, and knows what is in it, and was, from then on.
    pub(super) fn put(&mut self, place: &Place, bytes: &[u8], old: Option<&Current>) -> Result<(), String> {
        let version = place.replace(bytes, old.map(|old| &old.file))?;
        self.changes.made(place.path(), old.map(|old| &old.bytes[..]), bytes);
        if let Ok(Some(mut file)) = place.open(Access::Read) {
            self.seen.saw(place.path(), &mut file, version);
        }
        Ok(())
    }
}

/// What is said of a file that had several names: the content was replaced under one of them.
pub(super) fn other_names(old: &File) -> String {
    let names = old.metadata().map_or(0, |metadata| std::os::unix::fs::MetadataExt::nlink(&metadata));
    // The name that was taken over is not counted any more.
    match names {
        0 => String::new(),
        _ => "[the file has another name, a hard link, which still has the old content]\n".to_owned(),
    }
}

fn is_too_large(text: &str, limits: &Limits) -> bool {
    text.lines().count() > limits.overwrite_lines || text.chars().count() > limits.overwrite_chars
}

/// Makes a directory and those above it that are missing.
pub(super) fn create_directory(path: &Path) -> ToolResult {
    let made = match directory(path) {
        Ok(_) => Ok(format!("{} is there already.\n", path.display())),
        Err(_) => make(path).map(|()| format!("Made {}.\n", path.display())),
    };
    match made {
        Ok(stdout) => ToolResult { stdout, ..ToolResult::default() },
        Err(reason) => ToolResult::refused(reason),
    }
}

fn make(path: &Path) -> Result<(), String> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(format!("{} cannot be made", path.display()));
    };
    let opened = match directory(parent) {
        Err(Errno::NOENT) => {
            make(parent)?;
            directory(parent)
        }
        answer => answer,
    };
    let opened = opened.map_err(|error| problem(parent, error))?;
    match rustix::fs::mkdirat(&opened, name, Mode::from_raw_mode(0o777)) {
        Ok(()) => Ok(()),
        Err(Errno::EXIST) if directory(path).is_ok() => Ok(()),
        Err(Errno::EXIST) => Err(format!("{} is there, and is no directory", path.display())),
        Err(error) => Err(problem(path, error)),
    }
}
