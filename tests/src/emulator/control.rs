//! The control plane of tests that run the binary.

use std::sync::Arc;

use serde_json::{Value, json};

use super::http::{Request, Response, detail, json as json_answer};
use super::state::State;

pub(super) fn answer(state: &Arc<State>, request: &Request) -> Response {
    let body = request.json();
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/__ctl/requests") => json_answer(200, &json!({ "requests": state.log.entries() })),
        ("POST", "/__ctl/fault") => match serde_json::from_value(body) {
            Ok(fault) => {
                state.faults.add(fault);
                json_answer(200, &json!({}))
            }
            Err(error) => detail(400, &error.to_string()),
        },
        ("POST", "/__ctl/config") => {
            configure(state, &body);
            json_answer(200, &json!({}))
        }
        ("POST", "/__ctl/script") => {
            state.script(body.as_array().cloned().unwrap_or_default());
            json_answer(200, &json!({}))
        }
        ("POST", "/__ctl/revoke") => {
            state.grants().revoke_all();
            json_answer(200, &json!({}))
        }
        ("POST", "/__ctl/reset") => {
            state.reset();
            json_answer(200, &json!({}))
        }
        _ => detail(404, "the control plane has no such call"),
    }
}

fn configure(state: &State, body: &Value) {
    state.configure(|options| {
        if let Some(seconds) = body["ttl_access"].as_i64() {
            options.ttl_access = seconds;
        }
        if let Some(seconds) = body["ttl_device"].as_u64() {
            options.ttl_device = seconds;
        }
        if let Some(seconds) = body["device_interval"].as_u64() {
            options.device_interval = seconds;
        }
        if let Some(rotate) = body["rotate"].as_bool() {
            options.rotate = rotate;
        }
        if let Ok(replay) = serde_json::from_value(body["replay"].clone()) {
            options.replay = replay;
        }
        if let Some(latency) = body["latency_ms"].as_u64() {
            options.latency_ms = latency;
        }
    });
}
