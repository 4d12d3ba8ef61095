//! The backend of Co-Scientist (protocol sections 3 to 8).

mod events;
mod facts;
mod sessions;

pub(super) use facts::user_info;
pub(super) use sessions::{Pace, Session};

use std::sync::Arc;

use super::http::{Request, Response, detail};
use super::state::State;

pub(super) fn answer(state: &Arc<State>, request: &Request) -> Response {
    let method = request.method.as_str();
    if method == "GET" && request.path == "/" {
        return facts::root(state);
    }
    let Some(path) = request.path.strip_prefix("/v1/cli/") else {
        return detail(404, "there is nothing here");
    };
    let Some(account) = state.account_of_bearer(request.bearer()) else {
        return detail(401, "the token is not good");
    };
    let parts: Vec<&str> = path.split('/').collect();
    match (method, parts.as_slice()) {
        ("GET", ["service-info"]) => facts::service_info(),
        ("GET", ["user-info"]) => facts::user_info(state, request),
        ("GET", ["organizations"]) => facts::organizations(&account),
        ("GET", ["credits"]) => facts::credits(request, &account),
        ("GET", ["skills"]) => facts::skills(),
        ("POST", ["sessions"]) => sessions::create(state, request, &account),
        ("GET", ["sessions"]) => sessions::list(state, request, &account),
        (_, ["sessions", id, rest @ ..]) => {
            match state.session(id).filter(|session| session.owner == account.user_name) {
                None => detail(404, "there is no such session"),
                Some(session) => match (method, rest) {
                    ("POST", ["messages"]) => sessions::message(state, &session, request, &account),
                    ("GET", ["messages"]) => sessions::history(&session),
                    ("GET", ["events"]) => events::answer(state, &session, request),
                    ("POST", ["tool-results"]) => sessions::tool_result(&session, request),
                    ("POST", ["expire"]) => sessions::expire(&session),
                    _ => detail(404, "there is nothing here"),
                },
            }
        }
        _ => detail(404, "there is nothing here"),
    }
}
