//! What is said when a plugin ends the process under the host: with `exit`, by a panic that no fence caught, by an
//! abort. Nothing can be saved then, but people are told who it was.
//!
//! The text is made before a plugin is entered, because an abort leaves no room for making it.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once};

use crate::error::{Code, Error};
use crate::{library, output};

/// The calls into plugins that are under way, the innermost of each thread last.
static INSIDE: Mutex<Vec<Call>> = Mutex::new(Vec::new());

struct Call {
    number: u64,
    thread: u64,
    words: String,
}

thread_local! {
    /// A number for this thread; `0` before it has one. Without a destructor, so that it can be read to the very end.
    static THREAD: Cell<u64> = const { Cell::new(0) };
}

/// The process is inside a plugin as long as this lives.
#[must_use = "the call ends when this is dropped"]
pub struct Inside(u64);

impl Inside {
    /// Enters the plugin `label`.
    pub fn of(label: &str) -> Self {
        static WATCH: Once = Once::new();
        WATCH.call_once(|| library::on_end_of_process(at_exit, at_abort));
        let call = Call { number: next(), thread: thread(), words: words(label) };
        let number = call.number;
        if let Ok(mut calls) = INSIDE.lock() {
            calls.push(call);
        }
        Self(number)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Ok(mut calls) = INSIDE.lock() {
            calls.retain(|call| call.number != self.0);
        }
    }
}

fn words(label: &str) -> String {
    Error::new(Code::Crashed, format!("the plugin {label} ended seqera before its command was done"))
        .because("it called exit or abort, or it crashed where nothing could catch it")
        .hint("This is a defect of the plugin; please report it to its publisher.")
        .render(output::facts().color_stderr)
}

extern "C" fn at_exit() {
    say();
}

fn at_abort() {
    say();
}

/// Says who it was, with nothing but what a signal handler may do: no allocation, no waiting.
fn say() {
    let Ok(calls) = INSIDE.try_lock() else {
        return;
    };
    let here = THREAD.get();
    let call = calls.iter().rev().find(|call| call.thread == here).or(calls.last());
    if let Some(call) = call {
        library::write_to_stderr(call.words.as_bytes());
    }
}

fn thread() -> u64 {
    if THREAD.get() == 0 {
        THREAD.set(next());
    }
    THREAD.get()
}

fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
