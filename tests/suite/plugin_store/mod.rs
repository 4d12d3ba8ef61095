//! The plugin store from outside: packages are made, signed, served, installed, spoiled and removed by the real program.

mod apart;
mod conformance;
mod create;
mod hostile;
mod index;
mod install;
mod lifecycle;
mod link;
mod package;
mod pin;
mod publisher;
mod steps;
