//! Renewals under way in this process. Between the request and the disk the only copy of a new refresh token is on its
//! way: the process must not end there, whichever thread renews, and however often it is told to.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longer than any renewal: what the server, and then the store, may take.
const PATIENCE: Duration = Duration::from_secs(23);

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

    /// Waits until there is none, for a limited time. `slow` is called when that is not at once.
    pub(crate) fn wait(&self, slow: impl FnOnce()) {
        const SOON: Duration = Duration::from_millis(700);
        if !self.is_over(SOON) {
            slow();
            let _or_too_late = self.is_over(PATIENCE);
        }
    }

    fn is_over(&self, limit: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), limit, |count| *count > 0);
        let (count, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *count == 0
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
