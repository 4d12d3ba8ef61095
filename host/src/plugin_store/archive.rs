//! Package archives: a flat `.tar.gz` of regular files.
//!
//! An archive is no trust anchor: the manifest in it is signed and names the digests of everything else. So reading
//! one only has to be harmless: entries are read as they stand, because a long name, or an extended header, would be
//! taken into memory whole before anybody sees how long it is.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::path::{Component, Path};

use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};

/// What a package may take, packed and unpacked.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of the archive.
    pub packed: u64,
    /// Bytes of all files in it.
    pub unpacked: u64,
    /// How many files.
    pub files: usize,
}

/// Ample for libraries of every target.
pub const LIMITS: Limits = Limits { packed: 256 << 20, unpacked: 512 << 20, files: 64 };

/// Of one file of a plugin, in bytes.
pub const MAX_LIBRARY: u64 = LIMITS.unpacked;
/// What fits into the header of an entry.
const MAX_NAME: usize = 100;
/// What an entry takes beside its content: a header, zeros up to the next block, and often a small extended header.
const BESIDE: u64 = 4096;
/// Times and names of users take no more, in bytes.
const MAX_EXTENDED: u64 = 64 << 10;

/// Packs files; the same files make the same bytes.
///
/// # Errors
/// Those of compressing.
pub fn pack<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> io::Result<Vec<u8>> {
    let encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    let mut builder = tar::Builder::new(encoder);
    for (name, bytes) in files {
        if name.len() > MAX_NAME {
            return Err(io::Error::other(format!("the name `{name}` is longer than {MAX_NAME} bytes")));
        }
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, bytes)?;
    }
    builder.into_inner()?.finish()
}

/// Unpacks an archive into an empty directory.
///
/// # Errors
/// One line: it cannot be read, is too large, or holds something else than plain files side by side.
pub fn unpack(archive: impl Read, into: &Path, limits: Limits) -> Result<(), String> {
    let unreadable = |error: io::Error| format!("it cannot be unpacked: {error}");
    let most = limits.unpacked + (limits.files as u64 + 1) * BESIDE;
    let mut archive = tar::Archive::new(GzDecoder::new(archive.take(limits.packed)).take(most));
    let mut left = limits.unpacked;
    let mut count = 0;
    for entry in archive.entries().map_err(unreadable)?.raw(true) {
        let mut entry = entry.map_err(unreadable)?;
        if is_extended_header(&entry) {
            check_extended(&mut entry)?;
            continue;
        }
        let name = plain_name(&entry)?;
        count += 1;
        if count > limits.files {
            return Err(format!("it holds more than {} files", limits.files));
        }
        let size = entry.size();
        left = left
            .checked_sub(size)
            .ok_or_else(|| format!("it unpacks to more than {} MB", limits.unpacked >> 20))?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(into.join(&name))
            .map_err(|error| format!("`{name}` cannot be written: {error}"))?;
        let written = io::copy(&mut (&mut entry).take(size), &mut file).map_err(unreadable)?;
        if written != size {
            return Err("it cannot be unpacked: it is truncated".to_owned());
        }
    }
    Ok(())
}

/// What Python and `tar --format=posix` put before a file. A longer one goes the way of all that is no regular file.
fn is_extended_header<R: Read>(entry: &tar::Entry<'_, R>) -> bool {
    use tar::EntryType::{XGlobalHeader, XHeader};
    matches!(entry.header().entry_type(), XHeader | XGlobalHeader) && entry.size() <= MAX_EXTENDED
}

/// Times, users and the like are nobody's concern here. What says that the next file is another one is not skipped, for
/// then it would be taken for something that it is not.
fn check_extended<R: Read>(entry: &mut tar::Entry<'_, R>) -> Result<(), String> {
    let mut text = Vec::new();
    entry
        .take(MAX_EXTENDED)
        .read_to_end(&mut text)
        .map_err(|error| format!("it cannot be unpacked: {error}"))?;
    // `LENGTH KEY=VALUE` in each line; a value may have lines of its own, which at worst refuses what was harmless.
    let keys = text.split(|byte| *byte == b'\n').filter_map(|line| {
        let (_, record) = line.split_at_checked(line.iter().position(|byte| *byte == b' ')? + 1)?;
        record.split(|byte| *byte == b'=').next()
    });
    let is_meant =
        |key: &&[u8]| matches!(*key, b"path" | b"size" | b"linkpath") || key.starts_with(b"GNU.sparse");
    match keys.map(String::from_utf8_lossy).find(|key| is_meant(&key.as_bytes())) {
        None => Ok(()),
        Some(key) => Err(format!(
            "an extended header in it gives a file another {key}; `seqera plugin package`, or tar --format=ustar, makes one \
             without"
        )),
    }
}

/// The name of a regular file that lies at the top. Everything else is refused, so nothing has to be made safe.
fn plain_name<R: Read>(entry: &tar::Entry<'_, R>) -> Result<String, String> {
    let path = entry.path().map_err(|_| "it holds a file without a name".to_owned())?;
    let shown = path.display().to_string();
    if entry.header().entry_type() != tar::EntryType::Regular {
        return Err(format!("`{shown}` in it is not a regular file"));
    }
    let mut components = path.components().filter(|component| *component != Component::CurDir);
    match (components.next(), components.next()) {
        (Some(Component::Normal(name)), None) if name.to_str().is_some_and(is_plain) => {
            Ok(name.to_string_lossy().into_owned())
        }
        _ => Err(format!("`{shown}` in it does not lie at the top")),
    }
}

fn is_plain(name: &str) -> bool {
    !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
}

/// Copies the regular files of a package that lies unpacked in a directory.
///
/// # Errors
/// As [`unpack`].
pub fn copy_directory(from: &Path, into: &Path, limits: Limits) -> Result<(), String> {
    let unreadable = |error: io::Error| format!("it cannot be read: {error}");
    let mut left = limits.unpacked;
    for (count, item) in fs::read_dir(from).map_err(unreadable)?.enumerate() {
        let item = item.map_err(unreadable)?;
        let metadata = item.metadata().map_err(unreadable)?;
        let name = item.file_name();
        if count >= limits.files {
            return Err(format!("it holds more than {} files", limits.files));
        }
        if !metadata.is_file() || !name.to_str().is_some_and(is_plain) {
            return Err(format!("`{}` in it is not a regular file", name.display()));
        }
        left = left
            .checked_sub(metadata.len())
            .ok_or_else(|| format!("it holds more than {} MB", limits.unpacked >> 20))?;
        fs::copy(item.path(), into.join(name)).map_err(unreadable)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(bytes: &[u8]) -> Result<Vec<String>, String> {
        let dir = tempfile::tempdir().unwrap();
        unpack(bytes, dir.path(), Limits { packed: 1 << 20, unpacked: 1 << 20, files: 3 })?;
        let mut names: Vec<String> = fs::read_dir(dir.path())
            .unwrap()
            .map(|item| item.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        Ok(names)
    }

    fn hostile(kind: tar::EntryType, path: &str, size: u64) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(0o644);
        if matches!(kind, tar::EntryType::Symlink | tar::EntryType::Link) {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), Compression::fast()));
        builder.append(&header, io::empty()).unwrap();
        builder.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn what_is_packed_is_unpacked_and_packing_is_reproducible() {
        let files = [("plugin.toml", b"a".as_slice()), ("lib.so", b"bb")];
        let packed = pack(files).unwrap();
        assert_eq!(packed, pack(files).unwrap());
        assert_eq!(unpacked(&packed).unwrap(), ["lib.so", "plugin.toml"]);
        let long = "n".repeat(100);
        assert_eq!(unpacked(&pack([(long.as_str(), b"".as_slice())]).unwrap()).unwrap(), [long.as_str()]);
        assert!(pack([(format!("{long}n").as_str(), b"".as_slice())]).is_err());
    }

    /// An extended header, and a file behind it.
    fn extended(kind: tar::EntryType, record: &str) -> Vec<u8> {
        let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), Compression::fast()));
        let length = record.len() + 4;
        for (kind, name, text) in [
            (kind, "PaxHeaders/x", format!("{length} {record}\n")),
            (tar::EntryType::Regular, "x", "x".to_owned()),
        ] {
            let mut header = tar::Header::new_ustar();
            header.set_entry_type(kind);
            header.set_size(text.len() as u64);
            builder.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn extended_headers_of_times_and_users_are_skipped_and_others_refused() {
        use tar::EntryType::{XGlobalHeader, XHeader};
        for kind in [XHeader, XGlobalHeader] {
            for record in ["mtime=1732694400.123", "uname=müller", "comment=path=of no file"] {
                assert_eq!(unpacked(&extended(kind, record)).unwrap(), ["x"], "{record}");
            }
            for record in ["path=another", "size=100000", "linkpath=/etc/passwd", "GNU.sparse.name=another"] {
                let problem = unpacked(&extended(kind, record)).unwrap_err();
                assert!(
                    problem.contains("an extended header") && problem.contains("--format=ustar"),
                    "{problem}"
                );
            }
        }
        let long = format!("comment={}", "c".repeat(70_000));
        assert!(unpacked(&extended(XHeader, &long)).unwrap_err().contains("not a regular file"));
    }

    #[test]
    fn hostile_entries_are_refused() {
        use tar::EntryType;
        for (kind, path, size, says) in [
            (EntryType::Regular, "../x", 0, "does not lie at the top"),
            (EntryType::Regular, "/x", 0, "does not lie at the top"),
            (EntryType::Regular, "a/b", 0, "does not lie at the top"),
            (EntryType::Regular, ".hidden", 0, "does not lie at the top"),
            (EntryType::Symlink, "x", 0, "not a regular file"),
            (EntryType::Link, "x", 0, "not a regular file"),
            (EntryType::Directory, "x", 0, "not a regular file"),
            (EntryType::Fifo, "x", 0, "not a regular file"),
            (EntryType::GNULongName, "././@LongLink", 8 << 30, "not a regular file"),
            (EntryType::GNULongLink, "././@LongLink", 8 << 30, "not a regular file"),
            (EntryType::XHeader, "PaxHeaders/x", 8 << 30, "not a regular file"),
            (EntryType::XGlobalHeader, "pax_global_header", 8 << 30, "not a regular file"),
            (EntryType::GNUSparse, "x", 8 << 30, "not a regular file"),
            (EntryType::Regular, "huge", 8 << 30, "more than 1 MB"),
            (EntryType::Regular, "cut", 5000, "cannot be unpacked"),
        ] {
            let problem = unpacked(&hostile(kind, path, size)).unwrap_err();
            assert!(problem.contains(says), "{path}: {problem}");
        }
    }

    #[test]
    fn too_many_twice_the_same_and_nonsense_are_refused() {
        let many = pack([("a", b"".as_slice()), ("b", b""), ("c", b""), ("d", b"")]).unwrap();
        assert!(unpacked(&many).unwrap_err().contains("more than 3 files"));
        let twice = pack([("a", b"1".as_slice()), ("a", b"2")]).unwrap();
        assert!(unpacked(&twice).unwrap_err().contains("cannot be written"));
        assert!(unpacked(b"nonsense").is_err());
        let good = pack([("a", [7; 5000].as_slice())]).unwrap();
        for cut in 0..good.len() - 1 {
            // The end of a tar file is zeros; a cut there loses nothing.
            let _no_panic = unpacked(&good[..cut]);
        }
    }
}
