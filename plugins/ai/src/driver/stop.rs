//! A wish to stop, and who waits for it.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use seqera_plugin_api::{CancelGuard, Error, ErrorKind, Host};

/// The signal of a person who presses Ctrl-C.
const SIGINT: i32 = 2;

/// A wish to stop, shared with whoever has to hear of it.
#[derive(Clone, Default)]
pub(crate) struct Stop(Arc<(Mutex<Option<i32>>, Condvar)>);

impl Stop {
    /// Hears of signals while the guard lives.
    pub(crate) fn listen(&self, host: &Host) -> CancelGuard {
        let stop = self.clone();
        *self.lock() = None;
        host.on_cancel(move |signal| {
            *stop.lock() = Some(signal);
            stop.0.1.notify_all();
        })
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.lock().is_some()
    }

    /// Whether not only what is under way shall end, but the program.
    pub(crate) fn is_for_all(&self) -> bool {
        self.lock().is_some_and(|signal| signal != SIGINT)
    }

    /// Waits; `false` when it was woken to stop.
    pub(crate) fn pause(&self, duration: Duration) -> bool {
        let woken = self.0.1.wait_timeout_while(self.lock(), duration, |stop| stop.is_none());
        woken.unwrap_or_else(PoisonError::into_inner).0.is_none()
    }

    /// Waits until it is there: somebody was told of a signal before us.
    pub(crate) fn wait(&self) {
        self.pause(Duration::from_secs(1));
    }

    /// What ends because of it.
    pub(crate) fn error(&self) -> Error {
        Error::new(ErrorKind::Interrupted, "stopped")
    }

    /// The end of a program that was asked to stop, with nothing more to be said.
    pub(crate) fn farewell(&self) -> Error {
        let signal = self.lock().unwrap_or(SIGINT);
        Error::silent(u8::try_from(128 + signal).unwrap_or(ErrorKind::Interrupted.code()))
    }

    fn lock(&self) -> MutexGuard<'_, Option<i32>> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Up to a quarter more, so that many clients of one server that was away do not come back at once.
pub(super) fn with_jitter(pause: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() % 1000;
    pause + pause.mul_f64(0.25 * random as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_adds_a_quarter_at_most() {
        let pause = Duration::from_secs(8);
        let all: Vec<_> = (0..50).map(|_| with_jitter(pause)).collect();
        assert!(all.iter().all(|some| (pause..=pause * 5 / 4).contains(some)));
        assert!(all.iter().any(|some| *some != all[0]), "it differs");
    }
}
