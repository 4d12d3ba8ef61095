//! The wire: what is sent to the backend and what it answers.

mod client;
mod protocol;
mod requests;
mod sse;

pub(crate) use client::Backend;
pub(crate) use protocol::server_event;
pub(crate) use requests::{Credits, SessionRow};
pub(crate) use sse::EventStream;
