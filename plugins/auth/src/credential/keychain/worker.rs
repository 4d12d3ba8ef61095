//! A thread of its own for a keychain, and calls into it that end in time.
//!
//! Not the runtime's pool for blocking work: a runtime waits for that when it ends, and with it a command would wait
//! for a keychain that hangs. This thread is left behind, and ends with the process.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Problem, Reason};

/// How long to wait for an answer, and for whom.
#[derive(Clone)]
pub(super) struct Patience {
    /// The longest wait.
    pub(super) limit: Duration,
    /// After this time somebody is told what is waited for.
    pub(super) silence: Duration,
}

impl Patience {
    /// Nobody can unlock it.
    pub(super) const MACHINE: Self = Self { limit: Duration::from_secs(3), silence: Duration::from_secs(3) };
    /// Somebody sits in front of it and may have to find a password.
    pub(super) const PERSON: Self = Self { limit: Duration::from_secs(30), silence: Duration::from_secs(1) };
}

type Job<K> = Box<dyn FnOnce(&mut Option<K>) + Send>;

/// The thread, started when it is first needed.
pub(super) struct Worker<K> {
    open: fn() -> Result<K, Problem>,
    jobs: Mutex<State<K>>,
}

enum State<K> {
    Idle,
    Running(Sender<Job<K>>),
    /// It did not come back once; nobody waits for it again in this process.
    Lost(Problem),
}

impl<K: 'static> Worker<K> {
    pub(super) fn new(open: fn() -> Result<K, Problem>) -> Self {
        Self { open, jobs: Mutex::new(State::Idle) }
    }

    /// Does `work` on the thread, with the keychain open. `waits` is called once when it takes long.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        patience: &Patience,
        waits: impl FnOnce(),
        work: impl FnOnce(&K) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let mut state = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let jobs = match &*state {
            State::Lost(problem) => return Err(problem.clone()),
            State::Running(jobs) => jobs.clone(),
            State::Idle => {
                let jobs = start()?;
                *state = State::Running(jobs.clone());
                jobs
            }
        };
        let (answer, answered) = mpsc::channel();
        let open = self.open;
        let job: Job<K> = Box::new(move |keychain| {
            let _nobody_waits = answer.send(with(keychain, open, work));
        });
        let sent = jobs.send(job).is_ok();
        let outcome = if sent { wait(patience, waits, &answered) } else { Err(Problem::new(Reason::Failed)) };
        if let Err(problem) = &outcome
            && matches!(problem.reason, Reason::TimedOut)
        {
            *state = State::Lost(problem.clone());
        }
        outcome
    }
}

fn start<K: 'static>() -> Result<Sender<Job<K>>, Problem> {
    let (jobs, inbox) = mpsc::channel::<Job<K>>();
    std::thread::Builder::new()
        .name("seqera-keychain".to_owned())
        .spawn(move || {
            let mut keychain = None;
            for job in inbox {
                job(&mut keychain);
            }
        })
        .map_err(|error| Problem::said(Reason::Failed, error))?;
    Ok(jobs)
}

fn with<K, T>(
    keychain: &mut Option<K>,
    open: fn() -> Result<K, Problem>,
    work: impl FnOnce(&K) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let opened = match keychain.take() {
        Some(opened) => opened,
        None => open()?,
    };
    work(keychain.insert(opened))
}

fn wait<T>(
    patience: &Patience,
    waits: impl FnOnce(),
    answered: &mpsc::Receiver<Result<T, Problem>>,
) -> Result<T, Problem> {
    let deadline = Instant::now() + patience.limit;
    let first = answered.recv_timeout(patience.silence.min(patience.limit));
    let last = match first {
        Err(RecvTimeoutError::Timeout) if patience.silence < patience.limit => {
            waits();
            answered.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        }
        first => first,
    };
    match last {
        Ok(outcome) => outcome,
        Err(RecvTimeoutError::Timeout) => Err(Problem::timed_out(patience.limit)),
        // The thread is gone: it panicked.
        Err(RecvTimeoutError::Disconnected) => Err(Problem::said(Reason::Failed, "it broke off")),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const SHORT: Patience =
        Patience { limit: Duration::from_millis(300), silence: Duration::from_millis(300) };

    #[test]
    fn it_is_opened_once_and_answers_in_order() {
        let worker = Worker::new(|| Ok(Cell::new(0)));
        let next = |_: u32| {
            worker.ask(
                &Patience::MACHINE,
                || panic!("it answers at once"),
                |count| {
                    count.set(count.get() + 1);
                    Ok(count.get())
                },
            )
        };
        let answers: Vec<i32> = (0..3).map(|round| next(round).unwrap()).collect();
        assert_eq!(answers, [1, 2, 3]);
    }

    #[test]
    fn one_that_hangs_is_given_up_and_not_waited_for_again() {
        let worker = Worker::new(|| Ok(()));
        let started = Instant::now();
        let hang = |_: &()| {
            std::thread::sleep(Duration::from_secs(3600));
            Ok(())
        };
        assert_eq!(worker.ask(&SHORT, || (), hang).unwrap_err().reason, Reason::TimedOut);
        let first = started.elapsed();
        assert_eq!(worker.ask(&SHORT, || (), |()| Ok(())).unwrap_err().reason, Reason::TimedOut);
        assert!(first >= SHORT.limit && started.elapsed() - first < SHORT.limit);
    }

    #[test]
    fn somebody_is_told_once_when_it_takes_long() {
        let patience = Patience { limit: Duration::from_secs(60), silence: Duration::from_millis(10) };
        let told = Cell::new(0);
        let worker = Worker::new(|| Ok(()));
        let slow = |_: &()| {
            std::thread::sleep(Duration::from_millis(200));
            Ok(7)
        };
        assert_eq!(worker.ask(&patience, || told.set(told.get() + 1), slow).unwrap(), 7);
        assert_eq!(told.get(), 1);
    }

    #[test]
    fn one_that_panics_or_does_not_open_is_an_error() {
        let worker = Worker::new(|| Ok(()));
        let panics = |_: &()| -> Result<(), Problem> { panic!("as a library may") };
        assert_eq!(worker.ask(&SHORT, || (), panics).unwrap_err().reason, Reason::Failed);
        let shut = Worker::<()>::new(|| Err(Problem::new(Reason::NoBus)));
        for _ in 0..2 {
            assert_eq!(shut.ask(&SHORT, || (), |()| Ok(())).unwrap_err().reason, Reason::NoBus);
        }
    }
}
