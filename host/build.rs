#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "cargo reads standard output of a build script"
)]
//! Tells the program which target it was built for: manifests list libraries by target triple.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-env=SEQERA_TARGET={}", std::env::var("TARGET").unwrap_or_default());
}
