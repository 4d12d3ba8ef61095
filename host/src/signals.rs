//! Signals that ask the command to stop.
//!
//! As long as nobody registered, such a signal ends the process at once with 128 plus its number, straight from the
//! handler. The first registration starts a thread: from then on the first signal is told to whoever registered, and
//! the second ends the process, once everybody was told: whoever must not be ended in the middle of something takes that
//! long to hear of it, [`PATIENCE`] at most. A command that never waits for anything pays two system calls.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use seqera_plugin_abi::CancelCallbackBox;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals as Iterator;

const SIGNALS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];
/// How long whoever registered may take to hear of a signal, before a second one ends the process all the same.
const PATIENCE: Duration = Duration::from_secs(25);

/// The registrations of one process.
pub struct Signals {
    /// `true`: a signal ends the process from its handler.
    at_once: Arc<AtomicBool>,
    /// Since the last registration; `0` for none.
    received: AtomicI32,
    /// Ever; `0` for none.
    last: AtomicI32,
    next: AtomicU64,
    callbacks: Mutex<BTreeMap<u64, Arc<CancelCallbackBox>>>,
    telling: Mutex<Option<Telling>>,
    thread: Once,
}

/// A signal of which not everybody has heard yet.
struct Telling {
    round: u64,
    since: Instant,
    /// Another one came meanwhile.
    is_hurried: bool,
}

impl Signals {
    /// Takes the signals over from the system's defaults.
    pub fn install() -> Arc<Self> {
        let signals = Self {
            at_once: Arc::new(AtomicBool::new(true)),
            received: AtomicI32::new(0),
            last: AtomicI32::new(0),
            next: AtomicU64::new(1),
            callbacks: Mutex::default(),
            telling: Mutex::default(),
            thread: Once::new(),
        };
        for signal in SIGNALS {
            // Without a handler the system's default ends the process all the same, with less to say.
            let _default = signal_hook::flag::register_conditional_shutdown(
                signal,
                128 + signal,
                Arc::clone(&signals.at_once),
            );
        }
        Arc::new(signals)
    }

    /// The signal that was received since somebody last registered, `0` for none.
    pub fn received(&self) -> i32 {
        self.received.load(Ordering::SeqCst)
    }

    /// The last signal that was received at all.
    pub fn last(&self) -> Option<i32> {
        Some(self.last.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
    }

    /// Adds a callback. Whoever registers after a signal goes on in spite of it and wants to hear of the next one.
    pub fn register(self: &Arc<Self>, callback: CancelCallbackBox) -> u64 {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        self.thread.call_once(|| self.listen());
        let mut callbacks = self.callbacks();
        callbacks.insert(number, Arc::new(callback));
        self.received.store(0, Ordering::SeqCst);
        self.at_once.store(false, Ordering::SeqCst);
        number
    }

    /// Takes one out.
    pub fn release(&self, number: u64) {
        let mut callbacks = self.callbacks();
        let last_words = callbacks.remove(&number);
        if callbacks.is_empty() {
            self.at_once.store(true, Ordering::SeqCst);
        }
        drop(callbacks);
        drop(last_words);
    }

    fn listen(self: &Arc<Self>) {
        let Ok(mut iterator) = Iterator::new(SIGNALS) else {
            return;
        };
        let signals = Arc::clone(self);
        let _the_default_stays = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in iterator.forever() {
                signals.tell(signal);
            }
        });
    }

    fn tell(self: &Arc<Self>, signal: i32) {
        self.last.store(signal, Ordering::SeqCst);
        let is_second = self.received.swap(signal, Ordering::SeqCst) != 0;
        let callbacks: Vec<_> = self.callbacks().values().cloned().collect();
        if callbacks.is_empty() || is_second && !self.will_end() {
            signal_hook::low_level::exit(128 + signal);
        }
        if is_second {
            return;
        }
        let round = self.next.fetch_add(1, Ordering::SeqCst);
        *self.telling() = Some(Telling { round, since: Instant::now(), is_hurried: false });
        let signals = Arc::clone(self);
        let telling = std::thread::Builder::new().name("cancel".to_owned()).spawn(move || {
            for callback in callbacks {
                callback.cancelled(signal);
            }
            signals.all_heard(round, signal);
        });
        if telling.is_err() {
            signal_hook::low_level::exit(128 + signal);
        }
    }

    /// Whether the process ends by itself, for a second signal, once everybody has heard of the first.
    fn will_end(&self) -> bool {
        let mut telling = self.telling();
        let telling = telling.as_mut().filter(|telling| telling.since.elapsed() < PATIENCE);
        telling.is_some_and(|telling| {
            telling.is_hurried = true;
            true
        })
    }

    fn all_heard(&self, round: u64, signal: i32) {
        let Some(told) = self.telling().take_if(|telling| telling.round == round) else { return };
        let _nobody_registers = self.callbacks();
        // Whoever registered meanwhile went on in spite of it.
        if self.received.load(Ordering::SeqCst) == 0 {
            return;
        }
        if told.is_hurried {
            signal_hook::low_level::exit(128 + signal);
        }
        self.at_once.store(true, Ordering::SeqCst);
    }

    fn telling(&self) -> MutexGuard<'_, Option<Telling>> {
        self.telling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn callbacks(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<CancelCallbackBox>>> {
        self.callbacks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
