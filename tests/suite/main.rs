//! The suites: the real program and real plugins, from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has to stop")]

mod ai;
mod approval;
mod architecture;
mod bad_input;
mod browser;
mod cli;
mod compatibility;
mod completion;
mod config;
mod conversation;
mod credential_store;
mod defects;
mod device;
mod doctor;
mod documents;
mod examples;
mod faults;
mod governance;
mod headless;
mod hostile_backend;
mod hygiene;
mod id_token;
mod line_mode;
mod login;
mod logout;
mod loopback;
mod messages;
mod network;
mod org;
mod pasted;
mod plugin_index;
mod plugin_store;
mod plugins;
mod profiles;
mod provider;
mod races;
mod renewal;
mod schemas;
mod session;
mod streams;
mod surroundings;
mod terminal;
mod tls;
mod tools;
mod untouched;

use std::sync::OnceLock;

use seqera_tests::emulator::{Emulator, Options};

/// An emulator of its own for each test.
fn emulator() -> Emulator {
    Emulator::start(Options::default()).unwrap()
}

/// Whether a program of the system is there.
fn has(program: &str) -> bool {
    static FOUND: OnceLock<std::sync::Mutex<std::collections::HashMap<String, bool>>> = OnceLock::new();
    let mut found = FOUND.get_or_init(Default::default).lock().unwrap();
    *found.entry(program.to_owned()).or_insert_with(|| {
        std::process::Command::new("which").arg(program).output().is_ok_and(|output| output.status.success())
    })
}

/// No file of a suite is forgotten.
#[test]
fn every_file_is_listed() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("suite");
    let main = std::fs::read_to_string(here.join("main.rs")).unwrap();
    for item in std::fs::read_dir(here).unwrap() {
        let name = item.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
        assert!(name == "main" || main.contains(&format!("mod {name};")), "suite/{name}.rs is not listed");
    }
}
