//! What a library is, told from its bytes: nothing of it runs.

use std::fmt;
use std::fs;

use object::elf;
use object::read::elf::{FileHeader, SectionHeader, SectionTable, Sym};
use object::{Endianness, StringTable};
use seqera_plugin_abi::ENTRY_SYMBOL;

type Elf = elf::FileHeader64<Endianness>;

/// A version of the C library, `2.34`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Glibc(u32, u32);

impl Glibc {
    /// Reads `2.34`, or `2.2.5`, of which the last number says nothing to us.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|number| number.parse().ok());
        Some(Self(numbers.next()??, numbers.next()??))
    }

    /// That of this process; `None` where there is none, or it cannot be told.
    pub fn of_this_system() -> Option<Self> {
        let maps = fs::read_to_string("/proc/self/maps").ok()?;
        let path = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).find(|path| {
            let name = path.rsplit('/').next().unwrap_or_default();
            name == "libc.so.6" || (name.starts_with("libc-") && name.ends_with(".so"))
        })?;
        let content = fs::read(path).ok()?;
        let library = Library::parse(&content).ok()?;
        library.defined_versions().filter_map(|name| Self::parse(name.strip_prefix("GLIBC_")?)).max()
    }
}

impl fmt::Display for Glibc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// Checks that a library can be a plugin for `target`, and answers the lowest glibc that it works with.
///
/// # Errors
/// One line that says why it cannot.
pub fn check(content: &[u8], target: &str) -> Result<Option<Glibc>, String> {
    if target.contains("-apple-") {
        return starts_with(content, &[0xCF, 0xFA, 0xED, 0xFE], "no Mach-O library of 64 bits");
    }
    if target.contains("-windows-") {
        return starts_with(content, b"MZ", "no library of Windows");
    }
    let library = Library::parse(content)?;
    let machine = match target.split('-').next() {
        Some("x86_64") => elf::EM_X86_64,
        Some("aarch64") => elf::EM_AARCH64,
        _ => return Err(format!("seqera knows no target {target}")),
    };
    if library.header.e_machine(library.endian) != machine {
        return Err(format!("it is a library for another processor, not for {target}"));
    }
    if library.header.e_type(library.endian) != elf::ET_DYN {
        return Err("it is no shared library".to_owned());
    }
    if !library.has_symbol(ENTRY_SYMBOL.trim_end_matches('\0'), Side::Defined)? {
        return Err("it is not a seqera plugin: it exports no entry symbol".to_owned());
    }
    if target.ends_with("-gnu") && !library.has_symbol(UNWINDING, Side::Needed)? {
        return Err("a panic in it would end the whole process: it has to be built with panic = \"unwind\""
            .to_owned());
    }
    let floor = library.needed_versions()?;
    let floor = floor.iter().filter_map(|name| Glibc::parse(name.strip_prefix("GLIBC_")?)).max();
    Ok(floor)
}

fn starts_with(content: &[u8], magic: &[u8], otherwise: &str) -> Result<Option<Glibc>, String> {
    if content.starts_with(magic) { Ok(None) } else { Err(format!("it is {otherwise}")) }
}

/// What raises a panic, in the library of the system that unwinds. Rust code built to abort does without.
const UNWINDING: &str = "_Unwind_RaiseException";

/// Whose a symbol is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// The library's own.
    Defined,
    /// Of a library that it needs.
    Needed,
}

struct Library<'a> {
    content: &'a [u8],
    endian: Endianness,
    header: &'a Elf,
    sections: SectionTable<'a, Elf>,
}

impl<'a> Library<'a> {
    fn parse(content: &'a [u8]) -> Result<Self, String> {
        let header = Elf::parse(content)
            .map_err(|_| "it is not a library for this system (no ELF file of 64 bits)".to_owned())?;
        let endian = header.endian().map_err(|_| "it is a library for another processor".to_owned())?;
        let sections = header.sections(endian, content).map_err(|_| "it is truncated".to_owned())?;
        let is_whole = sections.iter().all(|section| section.data(endian, content).is_ok());
        if !is_whole {
            return Err("it is truncated".to_owned());
        }
        Ok(Self { content, endian, header, sections })
    }

    fn has_symbol(&self, name: &str, side: Side) -> Result<bool, String> {
        let symbols = self
            .sections
            .symbols(self.endian, self.content, elf::SHT_DYNSYM)
            .map_err(|error| format!("its symbols cannot be read: {error}"))?;
        Ok(symbols.iter().any(|symbol| {
            let is_there = match side {
                Side::Defined => symbol.is_definition(self.endian, symbols.strings()),
                Side::Needed => symbol.is_undefined(self.endian),
            };
            is_there
                && symbol.name(self.endian, symbols.strings()).is_ok_and(|found| found == name.as_bytes())
        }))
    }

    /// The versions of other libraries' symbols that it needs.
    fn needed_versions(&self) -> Result<Vec<String>, String> {
        let unreadable = |error: object::Error| format!("its needs cannot be read: {error}");
        let Some((mut needs, link)) =
            self.sections.gnu_verneed(self.endian, self.content).map_err(unreadable)?
        else {
            return Ok(Vec::new());
        };
        let strings = self.strings(link)?;
        let mut found = Vec::new();
        while let Some((_, mut versions)) = needs.next().map_err(unreadable)? {
            while let Some(version) = versions.next().map_err(unreadable)? {
                let name = version.name(self.endian, strings).map_err(unreadable)?;
                found.push(String::from_utf8_lossy(name).into_owned());
            }
        }
        Ok(found)
    }

    /// The versions of symbols that it defines itself.
    fn defined_versions(&self) -> impl Iterator<Item = &'a str> {
        let found = self.sections.gnu_verdef(self.endian, self.content).ok().flatten();
        let endian = self.endian;
        found
            .and_then(|(definitions, link)| Some((definitions, self.strings(link).ok()?)))
            .into_iter()
            .flat_map(move |(definitions, strings)| {
                definitions.filter_map(Result::ok).filter_map(move |(_, mut names)| {
                    std::str::from_utf8(names.next().ok()??.name(endian, strings).ok()?).ok()
                })
            })
    }

    fn strings(&self, link: object::SectionIndex) -> Result<StringTable<'a>, String> {
        self.sections
            .strings(self.endian, self.content, link)
            .map_err(|error| format!("its names cannot be read: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_the_c_library_are_numbers() {
        assert!(Glibc::parse("2.9").unwrap() < Glibc::parse("2.34").unwrap());
        assert_eq!(Glibc::parse("2.2.5").unwrap().to_string(), "2.2");
        assert!(Glibc::parse("PRIVATE").is_none());
    }

    #[test]
    fn this_system_has_one() {
        if crate::TARGET.ends_with("-gnu") {
            assert!(Glibc::of_this_system().unwrap() >= Glibc(2, 17));
        }
    }

    #[test]
    fn a_program_is_no_plugin() {
        let program = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(check(&program, crate::TARGET).unwrap_err().contains("no entry symbol"));
        assert!(
            check(&program, "aarch64-unknown-linux-gnu").is_err() || crate::TARGET.starts_with("aarch64")
        );
        assert!(check(&program[..program.len() / 2], crate::TARGET).unwrap_err().contains("truncated"));
        assert!(check(b"text", crate::TARGET).is_err() && check(b"text", "x86_64-apple-darwin").is_err());
    }
}
