//! Renewals under way in this process. Between the request and the disk the only copy of a new refresh token is on its
//! way: the process must not end there, whichever thread renews, and however often it is told to.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longer than any renewal: what the server, and then the store, may take.
const PATIENCE: Duration = Duration::from_secs(24);

/// How many there are.
#[derive(Default)]
pub(crate) struct UnderWay {
    count: Mutex<usize>,
    changed: Condvar,
}

impl UnderWay {
    /// One begins; it ends when the answer is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Renewal {
        *self.lock() += 1;
        Renewal(Arc::clone(self))
    }

    /// Waits until there is none, for a limited time.
    pub(crate) fn wait(&self) {
        let count = self.lock();
        let _none_or_too_late = self.changed.wait_timeout_while(count, PATIENCE, |count| *count > 0);
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One renewal.
pub(super) struct Renewal(Arc<UnderWay>);

impl Drop for Renewal {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
        self.0.changed.notify_all();
    }
}
