//! Opens libraries, and hears of the end of the process: the host's only unsafe code.
//!
//! A library is opened once and never closed: whoever unloads code must know that no thread, thread-local or static
//! of it is alive, and nobody does.
#![allow(unsafe_code, reason = "one of the two addresses of unsafe code: dlopen and the entry symbol")]

use std::ffi::c_void;
use std::fs::File;
use std::path::Path;
use std::ptr::NonNull;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use object::elf;
use object::read::elf::{FileHeader, ProgramHeader};
use seqera_plugin_abi::{ENTRY_SYMBOL, LibraryHeader};

/// Opens a library and finds its header.
///
/// `file` is the open file whose digest was checked; it is what is opened, whatever the path names by now. It stays
/// open for ever: the dynamic linker knows libraries by name, and a descriptor number that was used again would
/// bring back the library before.
///
/// # Errors
/// The reason of the dynamic linker, in one line.
pub fn open(path: &Path, file: File) -> Result<LibraryHeader, String> {
    let name = name_for_linker(path, file);
    // SAFETY: opening a library runs its constructors. Which libraries may be opened was decided before: the digest
    // of this very file is the one that its manifest, the pins and the digest file of the installation name.
    let library = unsafe { Library::open(Some(&name), RTLD_NOW | RTLD_LOCAL) }
        .map_err(|error| linker_reason(&error, &name))?;
    // SAFETY: the symbol is a static; its address is taken, not its value.
    let symbol = unsafe { library.get::<*mut c_void>(ENTRY_SYMBOL.as_bytes()) }
        .ok()
        .and_then(|symbol| NonNull::new(symbol.as_raw_ptr()))
        .ok_or_else(|| "it is not a seqera plugin: it exports no entry symbol".to_owned())?;
    std::mem::forget(library);
    // SAFETY: the address of the entry symbol of a library that is never closed.
    Ok(unsafe { LibraryHeader::from_symbol(symbol) })
}

#[cfg(target_os = "linux")]
fn name_for_linker(_path: &Path, file: File) -> std::path::PathBuf {
    use std::os::fd::IntoRawFd;
    format!("/proc/self/fd/{}", file.into_raw_fd()).into()
}

#[cfg(not(target_os = "linux"))]
fn name_for_linker(path: &Path, file: File) -> std::path::PathBuf {
    drop(file);
    path.to_owned()
}

fn linker_reason(error: &libloading::Error, name: &Path) -> String {
    let source = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    let reason = source.lines().next().unwrap_or_default().trim_matches('"').to_owned();
    reason.strip_prefix(&format!("{}: ", name.display())).map(str::to_owned).unwrap_or(reason)
}

/// Looks at the bytes of a library before the dynamic linker does: it would end the process on a truncated one.
///
/// # Errors
/// One line that says why it cannot be a plugin of this machine.
pub fn check(beginning: &[u8], length: u64) -> Result<(), String> {
    let header = elf::FileHeader64::<object::Endianness>::parse(beginning)
        .map_err(|_| "it is not a library for this system (no ELF file of 64 bits)".to_owned())?;
    let endian = header.endian().map_err(|_| "it is a library for another processor".to_owned())?;
    if header.e_machine(endian) != MACHINE {
        return Err("it is a library for another processor".to_owned());
    }
    let segments = header
        .program_headers(endian, beginning)
        .map_err(|_| "it is truncated: its program headers are missing".to_owned())?;
    let is_whole = segments.iter().all(|segment| {
        segment.p_offset(endian).checked_add(segment.p_filesz(endian)).is_some_and(|end| end <= length)
    });
    if is_whole { Ok(()) } else { Err("it is truncated".to_owned()) }
}

/// Calls `at_exit` when the process ends with `exit`, whoever calls it, and `at_abort` when it aborts. `at_abort` runs
/// in a signal handler: it must not allocate or wait.
pub fn on_end_of_process(at_exit: extern "C" fn(), at_abort: fn()) {
    // SAFETY: the function is a static one of this program, which is never unloaded, and it does not unwind.
    let _nothing_is_said = unsafe { libc::atexit(at_exit) };
    // SAFETY: the caller promises that the function does nothing that a signal handler must not do. It returns, and
    // `abort` ends the process then.
    let _nothing_is_said = unsafe { signal_hook::low_level::register(libc::SIGABRT, at_abort) };
}

/// Writes to standard error past all buffers and locks, for a process that is about to end.
pub fn write_to_stderr(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        // SAFETY: the pointer and the length are those of a slice.
        let written = unsafe { libc::write(libc::STDERR_FILENO, bytes.as_ptr().cast(), bytes.len()) };
        match usize::try_from(written) {
            Ok(written) if written > 0 => bytes = bytes.get(written..).unwrap_or_default(),
            _ => return,
        }
    }
}

#[cfg(target_arch = "x86_64")]
const MACHINE: elf::Machine = elf::EM_X86_64;
#[cfg(target_arch = "aarch64")]
const MACHINE: elf::Machine = elf::EM_AARCH64;
