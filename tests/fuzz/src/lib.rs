//! Feeds the readers of untrusted bytes with broken ones: `cargo xtask fuzz [TARGET] [--seconds N]`.
//!
//! Runs on the stable compiler and in one process, so that CI replays the corpus, and the same few thousand mutations
//! of it, as an ordinary test (`tests/replay.rs`). It does not see which code an input reaches; the corpus has to lead
//! there. What fails is kept in `corpus/TARGET/` and so becomes a test.

pub mod approval;
pub mod archive;
pub mod corpus;
pub mod mutate;

/// Reads bytes with one reader and answers whether it took them; panics when a promise of it is broken.
pub type Check = fn(&[u8]) -> bool;

/// All targets by name.
pub const TARGETS: &[(&str, Check)] = &[
    ("approval", approval::check),
    ("archive", archive::check),
    ("config", seqera_host::fuzz::config),
    ("grants", seqera_host::fuzz::grants),
    ("index", seqera_host::fuzz::index),
    ("lock", seqera_host::fuzz::lock),
    ("manifest", seqera_host::fuzz::manifest),
    ("policy", seqera_host::fuzz::policy),
    ("receipt", seqera_host::fuzz::receipt),
    ("signature", seqera_host::fuzz::signature),
];
