//! The plugin store from outside: packages are made, signed, served, installed, spoiled and removed by the real program.

pub(crate) mod apart;
mod busy;
mod changed;
mod conformance;
mod core;
mod create;
mod dry_run;
mod file_server;
mod handover;
mod hostile;
mod https;
mod index;
mod install;
mod keys;
mod lifecycle;
mod link;
mod lock;
mod ownership;
mod package;
mod person;
mod pin;
mod pre_release;
pub(crate) mod publisher;
mod seen;
mod shown;
mod sources;
mod steps;
