//! The Platform emulator, and the harness with which the suites run the real program.

pub mod admin;
pub mod browser;
pub mod doc_commands;
pub mod emulator;
pub mod provider;
pub mod proxy;
pub mod raw_sse;
pub mod sandbox;
pub mod secret_service;
pub mod stage;
