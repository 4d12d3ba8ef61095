//! Takes back the last change of a file.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use super::Tools;
use super::files::{hash, whole};
use super::place::{Access, Place};

/// Changes that can be taken back, and the most they may hold, in bytes.
const MOST: usize = 50;
const LARGEST: usize = 32 * 1024 * 1024;

/// What files were before they were changed, the last change at the end.
#[derive(Debug, Default)]
pub(super) struct Changes(VecDeque<Change>);

#[derive(Debug)]
struct Change {
    path: PathBuf,
    /// `None`: there was no file.
    old: Option<Vec<u8>>,
    /// Of the content that the change made.
    new: u64,
}

impl Changes {
    pub(super) fn made(&mut self, path: &Path, old: Option<&[u8]>, new: &[u8]) {
        self.0.push_back(Change { path: path.to_owned(), old: old.map(<[u8]>::to_vec), new: hash(new) });
        let size = |change: &Change| change.old.as_ref().map_or(0, Vec::len);
        while self.0.len() > MOST || self.0.len() > 1 && self.0.iter().map(size).sum::<usize>() > LARGEST {
            self.0.pop_front();
        }
    }
}

impl Tools {
    /// Takes back the last change of a file that a tool made, if nobody has changed it since; answers what was done.
    pub(crate) fn undo(&mut self) -> Result<String, String> {
        let Some(change) = self.changes.0.pop_back() else {
            return Err("there is no change of a file to take back".to_owned());
        };
        let done = self.take_back(&change);
        if done.is_err() {
            self.changes.0.push_back(change);
        }
        done
    }

    fn take_back(&mut self, change: &Change) -> Result<String, String> {
        let path = change.path.display();
        let place = Place::find(&change.path)?;
        let Some(mut file) = place.open(Access::Change)? else {
            return Err(format!("{path} is not there any more"));
        };
        let now = whole(&mut file).map_err(|error| format!("{path} cannot be read: {error}"))?;
        if hash(&now) != change.new {
            return Err(format!("{path} was changed since, and is left alone"));
        }
        // The assistant knows another content: it has to read it again.
        self.seen.forget(&change.path);
        match &change.old {
            None => place.remove().map(|()| format!("{path} is removed again.")),
            Some(old) => place.replace(old, Some(&file)).map(|_| format!("{path} is as it was before.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded() {
        let mut changes = Changes::default();
        for _ in 0..MOST + 10 {
            changes.made(Path::new("/a"), None, b"");
        }
        assert_eq!(changes.0.len(), MOST);
        for _ in 0..10 {
            changes.made(Path::new("/b"), Some(&vec![0; LARGEST / 4]), b"");
        }
        assert_eq!(changes.0.len(), 4);
        changes.made(Path::new("/c"), Some(&vec![0; LARGEST * 2]), b"");
        assert_eq!(changes.0.len(), 1, "the last one can always be taken back");
    }
}
