//! `seqera __describe LIBRARY`: loads a library and prints what it says about itself. Run by packaging, in a child
//! process with an empty environment, because loading runs code.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::Path;

use seqera_plugin_abi::{LoadGate, RErr, ROk};

use crate::error::{Code, Error, Result};
use crate::{library, output};

/// The word; people never type it.
pub const COMMAND: &str = "__describe";

/// What a library does when it is loaded fills no disk, leaves no dump, and does not outlive whoever asked.
#[cfg(unix)]
fn confine() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    const MAX_FILE: u64 = 64 << 20;
    for (resource, limit) in [(Resource::Fsize, MAX_FILE), (Resource::Core, 0)] {
        let _as_it_was = setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) });
    }
    #[cfg(target_os = "linux")]
    let _as_it_was = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
}

#[cfg(not(unix))]
fn confine() {}

/// # Errors
/// Why the file is no plugin.
pub fn run(arguments: &[OsString]) -> Result<()> {
    let [path] = arguments else {
        return Err(Error::new(Code::Usage, "__describe takes one library"));
    };
    confine();
    let path = Path::new(path);
    let no_plugin = |problem: String| {
        Error::new(Code::CannotLoad, format!("{} is not a plugin", path.display())).because(problem)
    };
    let content = fs::read(path).map_err(|error| no_plugin(error.to_string()))?;
    library::check(&content, content.len() as u64).map_err(no_plugin)?;
    let file = File::open(path).map_err(|error| no_plugin(error.to_string()))?;
    let header = library::open(path, file).map_err(no_plugin)?;
    let module =
        LoadGate::new().admit("this library", header).map_err(|error| no_plugin(error.to_string()))?;
    match module.describe()() {
        ROk(description) => output::data(&format!("{description}\n")),
        RErr(error) => Err(error.into()),
    }
}
