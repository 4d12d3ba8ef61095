//! The program that the host starts for its own commands: everything is in the library `seqera_host`.

use std::process::ExitCode;

fn main() -> ExitCode {
    seqera_host::run_builtin(std::env::args_os())
}
