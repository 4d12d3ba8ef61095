//! The event stream (protocol section 7): replay from a cursor, then live.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc::Sender;

use super::{Pace, Session};
use crate::emulator::Replay;
use crate::emulator::http::{Request, Response, streamed};
use crate::emulator::state::{State, lock};

/// Silence after which a comment is sent.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What a fault makes of a stream.
#[derive(Clone, Copy, PartialEq)]
enum Ending {
    /// The connection is cut.
    Cut,
    /// The body ends cleanly, without a terminal event.
    Clean,
    /// Nothing comes any more, and the connection stays.
    Stall,
}

pub(super) fn answer(state: &State, session: &Arc<Session>, request: &Request) -> Response {
    let replay = state.options().replay;
    let is_history = request.query.get("history_only").is_some_and(|value| value == "true");
    let asked = request.query.get("cursor").and_then(|cursor| cursor.parse::<usize>().ok());
    let begin = if replay == Replay::Nothing && !is_history { session.live_from() } else { 1 };
    let cursor = asked.unwrap_or(begin).max(1);
    let ending = state.faults.take("events", "stream", "").map(|fault| {
        let ending = match fault.action.as_str() {
            "cut" => Ending::Cut,
            "stall" => Ending::Stall,
            _ => Ending::Clean,
        };
        (ending, fault.after_events)
    });
    let (sender, response) = streamed("text/event-stream");
    let session = Arc::clone(session);
    tokio::spawn(async move {
        let left = ending.map(|(_, count)| count);
        let mut stream = Stream { session, sender, sent: cursor - 1, left, replay };
        let _reader_went_away = stream.run(is_history, ending.map(|(ending, _)| ending)).await;
    });
    response
}

struct Stream {
    session: Arc<Session>,
    sender: Sender<io::Result<Bytes>>,
    /// Id of the last event that was sent.
    sent: usize,
    /// Events until the fault.
    left: Option<usize>,
    replay: Replay,
}

impl Stream {
    async fn run(&mut self, is_history: bool, ending: Option<Ending>) -> Result<(), ()> {
        let mut changed = self.session.watch();
        changed.borrow_and_update();
        let mut has_history_ended = false;
        loop {
            while let Some((part, pace)) = self.next_part() {
                self.send(part).await?;
                if pace == Pace::OneAWrite {
                    // The connection writes what it has when nothing more is there.
                    tokio::task::yield_now().await;
                    while self.sender.capacity() < self.sender.max_capacity() {
                        tokio::task::yield_now().await;
                    }
                }
            }
            if self.left == Some(0) {
                return self.break_off(ending).await;
            }
            if !has_history_ended {
                has_history_ended = true;
                if self.replay != Replay::WithoutEnd {
                    self.send(Bytes::from_static(b"data: {\"type\":\"history_end\"}\n\n")).await?;
                }
                if is_history {
                    return match self.replay {
                        Replay::WithoutEnd => Ok(()),
                        _ => self.send(Bytes::from_static(b"event: done\ndata: {}\n\n")).await,
                    };
                }
            }
            match tokio::time::timeout(HEARTBEAT, changed.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Ok(()),
                Err(_) => self.send(Bytes::from_static(b": still here\n\n")).await?,
            }
        }
    }

    async fn break_off(&self, ending: Option<Ending>) -> Result<(), ()> {
        if ending == Some(Ending::Stall) {
            self.sender.closed().await;
        }
        if ending == Some(Ending::Cut) {
            // Let what was sent arrive first.
            tokio::time::sleep(Duration::from_millis(50)).await;
            let _gone = self.sender.send(Err(io::Error::other("cut on request"))).await;
        }
        Ok(())
    }

    /// The next events, as many as go into one write.
    fn next_part(&mut self) -> Option<(Bytes, Pace)> {
        let log = lock(&self.session.log);
        let batch = if log.pace == Pace::Thousand { 1000 } else { 1 };
        let most = self.left.unwrap_or(usize::MAX).min(batch);
        let frames: Vec<&Bytes> = log.frames.iter().skip(self.sent).take(most).collect();
        if frames.is_empty() {
            return None;
        }
        self.sent += frames.len();
        self.left = self.left.map(|left| left - frames.len());
        if self.replay == Replay::Unnumbered {
            let mut part = BytesMut::new();
            for frame in frames {
                let at = frame.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                part.extend_from_slice(&frame[at..]);
            }
            return Some((part.freeze(), log.pace));
        }
        if let [only] = frames.as_slice() {
            return Some((Bytes::clone(only), log.pace));
        }
        let mut part = BytesMut::with_capacity(frames.iter().map(|frame| frame.len()).sum());
        frames.iter().for_each(|frame| part.extend_from_slice(frame));
        Some((part.freeze(), log.pace))
    }

    async fn send(&self, part: Bytes) -> Result<(), ()> {
        self.sender.send(Ok(part)).await.map_err(|_| ())
    }
}
