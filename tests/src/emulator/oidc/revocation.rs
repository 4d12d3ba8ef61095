//! Token revocation (RFC 7009).

use super::CLIENT_ID;
use crate::emulator::http::{Request, Response, json};
use crate::emulator::state::State;

pub(super) fn answer(state: &State, request: &Request) -> Response {
    let form = request.form();
    if form.get("client_id").map(String::as_str) != Some(CLIENT_ID) {
        return json(401, &serde_json::json!({ "error": "invalid_client" }));
    }
    let Some(token) = form.get("token") else {
        return json(400, &serde_json::json!({ "error": "invalid_request" }));
    };
    state.grants().revoke(token);
    json(200, &serde_json::json!({}))
}
