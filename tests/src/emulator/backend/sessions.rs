//! Sessions and what is posted to them (protocol sections 5, 6 and 8).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};

use crate::emulator::accounts::Account;
use crate::emulator::agent;
use crate::emulator::http::{Request, Response, detail, json as json_answer};
use crate::emulator::state::{State, lock, now, random};

/// A session with everything that was said in it.
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) owner: String,
    pub(crate) organization_id: Option<String>,
    cwd: String,
    created_at: i64,
    last_used: Mutex<(i64, u64)>,
    /// The first event of the last message.
    live_from: Mutex<usize>,
    pub(super) log: Mutex<EventLog>,
    /// Tells streams that something was added.
    changed: watch::Sender<usize>,
    messages: Mutex<Vec<Value>>,
    is_expired: Mutex<bool>,
    waiting_tools: Mutex<HashMap<String, oneshot::Sender<Value>>>,
    answered_tools: Mutex<HashSet<String>>,
    run: Mutex<Option<tokio::task::AbortHandle>>,
}

/// Events, rendered as frames of a stream. Their ids are 1, 2, 3, …
#[derive(Default)]
pub(super) struct EventLog {
    pub(super) frames: Vec<Bytes>,
    pub(super) pace: Pace,
}

/// How a stream hands out events that are there already.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) enum Pace {
    /// A thousand to a chunk of the body.
    #[default]
    Thousand,
    /// One to a chunk; the system gathers chunks into writes.
    OneAChunk,
    /// One to a write.
    OneAWrite,
}

impl Session {
    /// Adds an event to the stream.
    pub(crate) fn emit(&self, event: &Value) {
        let mut log = lock(&self.log);
        let id = log.frames.len() + 1;
        log.frames.push(Bytes::from(format!("id: {id}\ndata: {event}\n\n")));
        drop(log);
        self.changed.send_replace(id);
    }

    /// Adds many events at once.
    pub(crate) fn emit_many(&self, events: impl Iterator<Item = Value>, pace: Pace) {
        let mut log = lock(&self.log);
        log.pace = pace;
        for event in events {
            let id = log.frames.len() + 1;
            log.frames.push(Bytes::from(format!("id: {id}\ndata: {event}\n\n")));
        }
        let id = log.frames.len();
        drop(log);
        self.changed.send_replace(id);
    }

    /// Tells when something is added.
    pub(super) fn watch(&self) -> watch::Receiver<usize> {
        self.changed.subscribe()
    }

    /// The first event of the last message.
    pub(super) fn live_from(&self) -> usize {
        *lock(&self.live_from)
    }

    /// Asks the client to run a tool and waits for its result; `None` when the run ends first.
    pub(crate) async fn execute(&self, request_id: String, tool: &str, args: Value) -> Option<Value> {
        let (sender, receiver) = oneshot::channel();
        lock(&self.waiting_tools).insert(request_id.clone(), sender);
        self.emit(
            &json!({ "type": "execute-local", "requestId": request_id, "toolName": tool, "args": args }),
        );
        receiver.await.ok()
    }

    pub(crate) fn remember(&self, role: &str, content: &str) {
        lock(&self.messages).push(json!({ "role": role, "content": content, "timestamp": now() }));
    }
}

/// A number that only grows: seconds are too coarse to sort by.
fn number() -> u64 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

pub(super) fn create(state: &State, request: &Request, account: &Account) -> Response {
    let body = request.json();
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let Some(cwd) = text("cwd") else { return detail(422, "cwd is missing") };
    if body.to_string().encode_utf16().count() > 20_000 {
        return detail(413, "the request is longer than 20000 characters");
    }
    let session = Session {
        id: random(),
        owner: account.user_name.clone(),
        organization_id: text("organization_id"),
        cwd,
        created_at: now(),
        last_used: Mutex::new((now(), number())),
        live_from: Mutex::new(1),
        log: Mutex::default(),
        changed: watch::Sender::new(0),
        messages: Mutex::default(),
        is_expired: Mutex::default(),
        waiting_tools: Mutex::default(),
        answered_tools: Mutex::default(),
        run: Mutex::default(),
    };
    session.emit(&json!({ "type": "start", "threadId": session.id }));
    let answer = json_answer(200, &json!({ "session_id": session.id }));
    state.add_session(Arc::new(session));
    answer
}

pub(super) fn list(state: &State, request: &Request, account: &Account) -> Response {
    let wanted = |name: &str| request.query.get(name).map(String::as_str);
    let limit = wanted("limit").and_then(|limit| limit.parse().ok()).unwrap_or(20);
    let mut sessions = state.sessions();
    sessions.sort_by_key(|session| std::cmp::Reverse(*lock(&session.last_used)));
    let rows: Vec<Value> = sessions
        .iter()
        .filter(|session| session.owner == account.user_name)
        .filter(|session| wanted("cwd").is_none_or(|cwd| cwd == session.cwd))
        .filter(|session| wanted("status") != Some("expired") || *lock(&session.is_expired))
        .take(limit)
        .map(|session| {
            let title = lock(&session.messages).first().map(|message| message["content"].clone());
            json!({
                "session_id": session.id, "title": title, "cwd": session.cwd,
                "created_at": session.created_at, "last_used": lock(&session.last_used).0,
                "expired_at": lock(&session.is_expired).then_some(lock(&session.last_used).0),
            })
        })
        .collect();
    json_answer(200, &json!({ "sessions": rows }))
}

/// A message of the user starts a run; `cancel` ends it.
pub(super) fn message(
    state: &Arc<State>,
    session: &Arc<Session>,
    request: &Request,
    account: &Account,
) -> Response {
    let body = request.json();
    match body["type"].as_str() {
        Some("cancel") => {
            if let Some(run) = lock(&session.run).take() {
                run.abort();
                session.emit(&agent::finish("cancelled"));
            }
            json_answer(200, &json!({}))
        }
        Some("user_message") => {
            let Some(content) = body["content"].as_str() else { return detail(422, "content is missing") };
            if body["run_id"].as_str().is_none_or(|run| run.len() != 36) {
                return detail(422, "run_id is not a UUID");
            }
            if let Some(refusal) = agent::refuses(content) {
                return refusal;
            }
            *lock(&session.is_expired) = false;
            *lock(&session.last_used) = (now(), number());
            *lock(&session.live_from) = lock(&session.log).frames.len() + 1;
            session.remember("user", content);
            let script = state.next_script();
            let run =
                tokio::spawn(agent::run(Arc::clone(session), content.to_owned(), account.clone(), script));
            *lock(&session.run) = Some(run.abort_handle());
            json_answer(202, &json!({ "status": "accepted" }))
        }
        _ => detail(422, "type is neither user_message nor cancel"),
    }
}

pub(super) fn history(session: &Session) -> Response {
    json_answer(200, &json!({ "messages": *lock(&session.messages) }))
}

/// Exactly one result for each request.
pub(super) fn tool_result(session: &Session, request: &Request) -> Response {
    let body = request.json();
    let id = body["request_id"].as_str().unwrap_or_default();
    let result = &body["result"];
    let is_whole =
        result["stdout"].is_string() && result["stderr"].is_string() && result["exit_code"].is_i64();
    if !is_whole {
        return detail(422, "result has stdout, stderr and exit_code");
    }
    if !lock(&session.answered_tools).insert(id.to_owned()) {
        return detail(409, "this request has its result already");
    }
    match lock(&session.waiting_tools).remove(id) {
        Some(waiting) => {
            let _run_ended = waiting.send(result.clone());
            json_answer(200, &json!({}))
        }
        None => detail(404, "no tool waits for this result"),
    }
}

pub(super) fn expire(session: &Session) -> Response {
    *lock(&session.is_expired) = true;
    if let Some(run) = lock(&session.run).take() {
        run.abort();
    }
    json_answer(200, &json!({}))
}
