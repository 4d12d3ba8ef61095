//! One request of a plugin, its answer streamed through a bounded buffer.
//!
//! The pump (a task on the I/O thread) fills the buffer and waits when it is full; the reader empties it and waits
//! when it has nothing. The pump gathers what is there already, up to 64 KiB, before it hands anything over: one
//! wake-up for many small events. Where many small parts come one by one, in haste, the system is left to gather them
//! for a moment. The first failure of a body is kept: a cut stream never looks like an
//! end.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use seqera_plugin_api::service::{CancelHandle, Exchange, ResponseHead};
use seqera_plugin_api::{Error, Result};
use tokio::sync::Notify;
use url::Url;

use super::failure::{interrupted, timed_out, transport};

/// How much waits for the reader at most, in bytes.
const CAPACITY: usize = 256 * 1024;
/// How much is gathered before the reader is woken, in bytes.
const BATCH: usize = 64 * 1024;

/// From so many small hand-overs in a row, each so soon after the one before, the pump pauses after each: faster than
/// anybody reads, and nine of ten reads and wake-ups are saved.
const HASTE: u32 = 16;
const SOON: Duration = Duration::from_millis(1);
/// Larger parts need no gathering, in bytes.
const SMALL: usize = 32 * 1024;
/// How long the pause is.
const PAUSE: Duration = Duration::from_millis(1);

/// What the pump and the reader share.
#[derive(Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    readable: Condvar,
    writable: Notify,
}

#[derive(Default)]
struct State {
    head: Option<Result<ResponseHead>>,
    body: Vec<u8>,
    /// Set once: the end of the body, or why it did not come to its end.
    end: Option<Result<()>>,
    tasks: Vec<tokio::task::AbortHandle>,
    is_cancelled: bool,
}

/// One try at a request: built anew when a token was renewed.
pub(crate) struct Attempt {
    pub(crate) url: Url,
    pub(crate) request: reqwest::RequestBuilder,
    pub(crate) head_timeout: Duration,
    pub(crate) idle_timeout: Option<Duration>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that there will be no head.
    pub(crate) fn fail(&self, error: Error) {
        let mut state = self.lock();
        if state.head.is_none() {
            state.head = Some(Err(error));
        }
        drop(state);
        self.readable.notify_all();
    }

    /// Remembers a task that a cancel has to end; ends it at once when the cancel was first.
    pub(crate) fn owns(&self, task: tokio::task::AbortHandle) {
        let mut state = self.lock();
        if state.is_cancelled {
            task.abort();
        } else {
            state.tasks.push(task);
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.lock().is_cancelled
    }

    fn cancel(&self) {
        let mut state = self.lock();
        state.is_cancelled = true;
        state.tasks.drain(..).for_each(|task| task.abort());
        if state.head.is_none() {
            state.head = Some(Err(interrupted()));
        }
        if state.end.is_none() {
            state.end = Some(Err(interrupted()));
            state.body.clear();
        }
        drop(state);
        self.readable.notify_all();
    }

    /// Hands a part of the body to the reader, and wakes it if it waits.
    fn hand_over(&self, part: &mut Vec<u8>, end: Option<Result<()>>) {
        let mut state = self.lock();
        if state.is_cancelled {
            return;
        }
        if state.body.is_empty() {
            std::mem::swap(&mut state.body, part);
        } else {
            state.body.append(part);
        }
        if state.end.is_none() {
            state.end = end;
        }
        drop(state);
        self.readable.notify_all();
    }

    fn finish(&self, end: Result<()>) {
        let mut state = self.lock();
        if state.end.is_none() {
            state.end = Some(end);
        }
        drop(state);
        self.readable.notify_all();
    }

    async fn wait_for_room(&self) {
        loop {
            let has_room = self.writable.notified();
            if self.lock().body.len() < CAPACITY {
                return;
            }
            has_room.await;
        }
    }
}

impl Attempt {
    /// Sends the request and waits for its head.
    pub(crate) async fn send(self) -> Result<Arrived> {
        let Self { url, request, head_timeout, idle_timeout } = self;
        match tokio::time::timeout(head_timeout, request.send()).await {
            Ok(Ok(response)) => Ok(Arrived { url, response, idle_timeout }),
            Ok(Err(error)) => Err(transport(&url, &error)),
            Err(_) => Err(timed_out(&url)),
        }
    }
}

/// A response whose body is still on the way.
pub(crate) struct Arrived {
    url: Url,
    response: reqwest::Response,
    idle_timeout: Option<Duration>,
}

impl Arrived {
    /// What the server says. A bearer that is good and allows too little is 403, also where a server says 401
    /// (RFC 6750 section 3.1): another one would not help.
    pub(crate) fn status(&self) -> u16 {
        let challenge = self.response.headers().get(reqwest::header::WWW_AUTHENTICATE);
        let allows_too_little = challenge
            .and_then(|challenge| challenge.to_str().ok())
            .is_some_and(|challenge| challenge.contains("insufficient_scope"));
        match self.response.status().as_u16() {
            401 if allows_too_little => 403,
            status => status,
        }
    }

    /// Gives the head to the reader and pumps the body until its end.
    pub(crate) async fn pump(mut self, shared: Arc<Shared>) {
        let headers = self.response.headers().iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        let head = ResponseHead { status: self.status(), headers: headers.collect() };
        shared.lock().head = Some(Ok(head));
        shared.readable.notify_all();
        let mut gathered = Vec::new();
        let (mut last, mut in_haste) = (Instant::now(), 0);
        loop {
            shared.wait_for_room().await;
            match self.chunk().await {
                Ok(Some(chunk)) => {
                    let end = self.gather(chunk, &mut gathered).await;
                    let is_hasty = last.elapsed() < SOON && gathered.len() < SMALL;
                    in_haste = if is_hasty { in_haste + 1 } else { 0 };
                    shared.hand_over(&mut gathered, end.clone());
                    if end.is_some() {
                        return;
                    }
                    if in_haste > HASTE {
                        // The thread, not the task: the system would go on waking it for each part that comes.
                        std::thread::sleep(PAUSE);
                    }
                    last = Instant::now();
                }
                Ok(None) => return shared.finish(Ok(())),
                Err(error) => return shared.finish(Err(error)),
            }
        }
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>> {
        let next = self.response.chunk();
        let next = match self.idle_timeout {
            None => next.await,
            Some(limit) => match tokio::time::timeout(limit, next).await {
                Ok(next) => next,
                Err(_) => return Err(timed_out(&self.url)),
            },
        };
        next.map_err(|error| transport(&self.url, &error))
    }

    /// Takes what has arrived already, without waiting for more; answers how the body ended, if it did.
    async fn gather(&mut self, first: Bytes, gathered: &mut Vec<u8>) -> Option<Result<()>> {
        gathered.extend_from_slice(&first);
        while gathered.len() < BATCH {
            let_the_connection_go_on().await;
            let mut next = pin!(self.response.chunk());
            let ready = std::future::poll_fn(|context| match next.as_mut().poll(context) {
                Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
                Poll::Pending => Poll::Ready(None),
            });
            match ready.await {
                Some(Ok(Some(chunk))) => gathered.extend_from_slice(&chunk),
                Some(Ok(None)) => return Some(Ok(())),
                Some(Err(error)) => return Some(Err(transport(&self.url, &error))),
                None => return None,
            }
        }
        None
    }
}

/// Lets the task of the connection, which hands out one chunk at a time, run before this one goes on. Tokio's own
/// `yield_now` asks the system for news each time, which costs more than the chunk.
async fn let_the_connection_go_on() {
    let mut has_yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The reader's side.
pub(crate) struct HttpExchange {
    shared: Arc<Shared>,
}

impl HttpExchange {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn wait<'a>(&'a self, is_over: impl Fn(&State) -> bool) -> MutexGuard<'a, State> {
        let guard = self.shared.lock();
        self.shared
            .readable
            .wait_while(guard, |state| !is_over(state))
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchange for HttpExchange {
    fn head(&mut self) -> Result<ResponseHead> {
        let state = self.wait(|state| state.head.is_some());
        state.head.clone().unwrap_or_else(|| Err(interrupted()))
    }

    fn read_vec(&mut self, max: usize) -> Result<Vec<u8>> {
        let mut state = self.wait(|state| !state.body.is_empty() || state.end.is_some());
        if state.body.is_empty() {
            return match &state.end {
                Some(Err(error)) => Err(error.clone()),
                _ => Ok(Vec::new()),
            };
        }
        let part = if state.body.len() <= max {
            std::mem::take(&mut state.body)
        } else {
            let rest = state.body.split_off(max);
            std::mem::replace(&mut state.body, rest)
        };
        drop(state);
        self.shared.writable.notify_one();
        Ok(part)
    }

    fn canceller(&self) -> Arc<dyn CancelHandle> {
        Arc::new(Canceller(Arc::downgrade(&self.shared)))
    }
}

impl Drop for HttpExchange {
    /// Nobody reads any more: the connection is closed now, not when the body has come.
    fn drop(&mut self) {
        self.shared.cancel();
    }
}

/// Weak: holding a cancel handle must not keep the connection.
struct Canceller(Weak<Shared>);

impl CancelHandle for Canceller {
    fn cancel(&self) {
        if let Some(shared) = self.0.upgrade() {
            shared.cancel();
        }
    }
}
