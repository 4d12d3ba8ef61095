//! The binary: everything is in the library `seqera_host`.

use std::process::ExitCode;

fn main() -> ExitCode {
    seqera_host::run(std::env::args_os())
}
