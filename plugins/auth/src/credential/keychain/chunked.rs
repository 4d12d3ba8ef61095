//! Documents of any length in items that are bounded: Windows takes 2,560 bytes an item.
//!
//! A document that is too long is kept in parts, `NAME#SET.0`, `NAME#SET.1` and so on, and `NAME` itself says how many
//! there are and what they add up to. New parts get a new set number and are written first, then `NAME` is replaced,
//! then the old parts go: whoever is killed in between leaves the old document or the new one.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Problem, Reason};

/// Bytes that are never printed and are overwritten when dropped.
pub(super) type Bytes = Zeroizing<Vec<u8>>;

/// A place for named items, each replaced whole.
pub(super) trait Items {
    fn get(&self, name: &str) -> Result<Option<Bytes>, Problem>;
    fn set(&self, name: &str, bytes: &[u8]) -> Result<(), Problem>;
    /// One that is not there is fine.
    fn delete(&self, name: &str) -> Result<(), Problem>;
}

/// What stands under the name of a document that is kept in parts.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    chunks: usize,
    sha256: String,
    /// The set number of the parts.
    generation: u64,
}

/// Documents over items of at most `limit` bytes.
pub(super) struct Chunked<I> {
    items: I,
    limit: Option<usize>,
}

impl<I: Items> Chunked<I> {
    pub(super) fn new(items: I, limit: Option<usize>) -> Self {
        Self { items, limit }
    }

    pub(super) fn get(&self, name: &str) -> Result<Option<Bytes>, Problem> {
        let Some(bytes) = self.items.get(name)? else { return Ok(None) };
        match head(&bytes) {
            Some(head) => self.assemble(name, &head).map(Some),
            None => Ok(Some(bytes)),
        }
    }

    pub(super) fn set(&self, name: &str, bytes: &[u8]) -> Result<(), Problem> {
        // Where every document fits there are no parts to look for.
        let Some(limit) = self.limit else { return self.items.set(name, bytes) };
        let old = self.items.get(name)?.and_then(|bytes| head(&bytes));
        if bytes.len() <= limit {
            self.items.set(name, bytes)?;
        } else {
            let set = old.as_ref().map_or(0, |head| head.generation.wrapping_add(1));
            let parts: Vec<&[u8]> = bytes.chunks(limit).collect();
            for (number, part) in parts.iter().enumerate() {
                self.items.set(&part_name(name, set, number), part)?;
            }
            let head = Head { chunks: parts.len(), sha256: digest(bytes), generation: set };
            let head = serde_json::to_vec(&head).map_err(|error| Problem::said(Reason::Failed, error))?;
            self.items.set(name, &head)?;
        }
        old.map_or(Ok(()), |head| self.delete_parts(name, &head))
    }

    pub(super) fn delete(&self, name: &str) -> Result<(), Problem> {
        let old = if self.limit.is_some() { self.items.get(name)? } else { None };
        self.items.delete(name)?;
        old.and_then(|bytes| head(&bytes)).map_or(Ok(()), |head| self.delete_parts(name, &head))
    }

    fn assemble(&self, name: &str, head: &Head) -> Result<Bytes, Problem> {
        let mut whole = Bytes::default();
        for number in 0..head.chunks {
            let part = self.items.get(&part_name(name, head.generation, number))?;
            let part = part.ok_or_else(|| Problem::said(Reason::Damaged, "a part is missing"))?;
            whole.extend_from_slice(&part);
        }
        if digest(&whole) == head.sha256 {
            Ok(whole)
        } else {
            Err(Problem::said(Reason::Damaged, "its parts do not belong together"))
        }
    }

    fn delete_parts(&self, name: &str, head: &Head) -> Result<(), Problem> {
        (0..head.chunks).try_for_each(|number| self.items.delete(&part_name(name, head.generation, number)))
    }
}

fn head(bytes: &[u8]) -> Option<Head> {
    serde_json::from_slice(bytes).ok()
}

fn part_name(name: &str, set: u64, number: usize) -> String {
    format!("{name}#{set}.{number}")
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeMap;

    use super::*;

    /// Items in memory that are bounded and, after so many writes, out of order: as if the process were killed there.
    #[derive(Default)]
    struct Memory {
        items: RefCell<BTreeMap<String, Vec<u8>>>,
        writes_left: Cell<Option<usize>>,
    }

    impl Memory {
        fn write(&self) -> Result<(), Problem> {
            match self.writes_left.get() {
                Some(0) => Err(Problem::new(Reason::TimedOut)),
                left => {
                    self.writes_left.set(left.map(|left| left - 1));
                    Ok(())
                }
            }
        }
    }

    impl Items for &Memory {
        fn get(&self, name: &str) -> Result<Option<Bytes>, Problem> {
            Ok(self.items.borrow().get(name).cloned().map(Bytes::new))
        }

        fn set(&self, name: &str, bytes: &[u8]) -> Result<(), Problem> {
            self.write()?;
            assert!(bytes.len() <= 2560, "Windows would refuse this item");
            self.items.borrow_mut().insert(name.to_owned(), bytes.to_vec());
            Ok(())
        }

        fn delete(&self, name: &str) -> Result<(), Problem> {
            self.write()?;
            self.items.borrow_mut().remove(name);
            Ok(())
        }
    }

    fn document(length: usize, fill: u8) -> Vec<u8> {
        vec![fill; length]
    }

    #[test]
    fn every_length_comes_back_and_nothing_is_left_behind() {
        let memory = Memory::default();
        let chunked = Chunked::new(&memory, Some(2400));
        for (round, length) in [0, 1, 2400, 2401, 4800, 4801, 9000, 100, 4875].into_iter().enumerate() {
            let bytes = document(length, b'a' + u8::try_from(round).unwrap());
            chunked.set("n", &bytes).unwrap();
            assert_eq!(chunked.get("n").unwrap().unwrap().as_slice(), bytes, "{length}");
            let parts = if length > 2400 { length.div_ceil(2400) } else { 0 };
            assert_eq!(memory.items.borrow().len(), 1 + parts, "{length}");
        }
        chunked.delete("n").unwrap();
        assert!(memory.items.borrow().is_empty());
        assert!(chunked.get("n").unwrap().is_none());
        chunked.delete("n").unwrap();
    }

    #[test]
    fn killed_at_any_write_the_old_document_or_the_new_one_is_there() {
        for (before, after) in [(5000, 7000), (7000, 5000), (100, 7000), (7000, 100), (2400, 2401)] {
            for writes in 0..12 {
                let memory = Memory::default();
                let chunked = Chunked::new(&memory, Some(2400));
                let (old, new) = (document(before, b'o'), document(after, b'n'));
                chunked.set("n", &old).unwrap();
                memory.writes_left.set(Some(writes));
                let outcome = chunked.set("n", &new);
                memory.writes_left.set(None);
                let found = chunked.get("n").unwrap().unwrap().to_vec();
                assert!(found == old || found == new, "{before} {after} {writes}");
                assert!(outcome.is_err() || found == new);
                // And the next one goes through.
                chunked.set("n", &new).unwrap();
                assert_eq!(chunked.get("n").unwrap().unwrap().to_vec(), new);
            }
        }
    }

    #[test]
    fn parts_that_do_not_belong_together_are_not_a_document() {
        let memory = Memory::default();
        let chunked = Chunked::new(&memory, Some(2400));
        chunked.set("n", &document(5000, b'x')).unwrap();
        memory.items.borrow_mut().insert("n#0.1".to_owned(), document(2400, b'y'));
        assert_eq!(chunked.get("n").unwrap_err().reason, Reason::Damaged);
        memory.items.borrow_mut().remove("n#0.1");
        assert_eq!(chunked.get("n").unwrap_err().reason, Reason::Damaged);
    }
}
