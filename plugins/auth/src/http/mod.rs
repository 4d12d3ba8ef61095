//! HTTP: one I/O thread, one client, one TLS configuration, for sign-in, renewal and every plugin's requests alike.

mod engine;
mod exchange;
mod failure;
mod fetch;
mod trust;

pub(crate) use engine::Engine;
pub(crate) use exchange::{Arrived, Attempt, HttpExchange, Shared};
pub(crate) use failure::interrupted;
pub(crate) use fetch::{Answer, fetch};
