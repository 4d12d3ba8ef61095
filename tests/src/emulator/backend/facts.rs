//! The small endpoints (protocol sections 3 and 4).

use serde_json::json;

use crate::emulator::accounts::Account;
use crate::emulator::http::{Request, Response, detail, json as json_answer};
use crate::emulator::state::State;

pub(super) fn root(state: &State) -> Response {
    json_answer(200, &json!({ "version": "1.0.0-emulator", "platform_url": state.backend() }))
}

pub(super) fn service_info() -> Response {
    json_answer(200, &json!({ "serviceInfo": { "version": "26.1.0-emulator", "apiVersion": "1.70.0" } }))
}

pub(in crate::emulator) fn user_info(state: &State, request: &Request) -> Response {
    match state.account_of_bearer(request.bearer()) {
        Some(account) => json_answer(
            200,
            &json!({ "user": {
            "userName": account.user_name,
            "firstName": account.first_name,
            "lastName": account.last_name,
            "email": account.email,
        } }),
        ),
        None => detail(401, "the token is not good"),
    }
}

pub(super) fn organizations(account: &Account) -> Response {
    json_answer(200, &json!({ "organizations": account.organizations }))
}

pub(super) fn credits(request: &Request, account: &Account) -> Response {
    let wanted = request.query.get("org_id").map(String::as_str).unwrap_or_default();
    let organization = account.organizations.iter().find(|organization| {
        let id = &organization.org_id;
        id.as_str().map_or_else(|| id.to_string(), str::to_owned) == wanted
    });
    json_answer(
        200,
        &json!({
            "org_credits_enabled": true,
            "metering_tier": "org",
            "org_credits": { "total": 20.0, "consumed": 1.5, "expiration_date": null },
            "included_used": 1.5,
            "included_limit": 20.0,
            "used": 1.5,
            "limit": 20.0,
            "input_tokens": 1200,
            "output_tokens": 3400,
            "cache_read_tokens": 0,
            "cache_creation_tokens": 0,
            "org_name": organization.map(|organization| &organization.org_name),
            "org_tier": organization.and_then(|organization| organization.org_type.as_ref()),
        }),
    )
}

pub(super) fn skills() -> Response {
    json_answer(
        200,
        &json!({ "skills": [
        { "name": "nf-core", "description": "Find and explain nf-core pipelines" },
        { "name": "debug-run", "description": "Explain why a pipeline run failed" },
    ] }),
    )
}
