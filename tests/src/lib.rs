//! The Platform emulator and the harness of the suites.

pub mod emulator;
