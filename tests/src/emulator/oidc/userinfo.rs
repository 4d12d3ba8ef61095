//! Userinfo (OpenID Connect Core 5.3).

use serde_json::json;

use crate::emulator::http::{Request, Response, detail, json as json_answer};
use crate::emulator::state::State;

pub(super) fn answer(state: &State, request: &Request) -> Response {
    match state.account_of_bearer(request.bearer()) {
        Some(account) => json_answer(
            200,
            &json!({
                "sub": account.user_name,
                "name": account.full_name(),
                "preferred_username": account.user_name,
                "email": account.email,
                "email_verified": true,
            }),
        ),
        None => detail(401, "the token is not good"),
    }
}
