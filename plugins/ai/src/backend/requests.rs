//! The requests (protocol sections 4 to 8).

use seqera_plugin_api::{Error, ErrorKind, Response, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::client::{Backend, SILENCE_MS, segment};
use crate::agent::ToolResult;
use crate::surroundings::caller;

/// A session, as the server lists it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct SessionRow {
    pub(crate) session_id: String,
    pub(crate) title: Option<String>,
    pub(crate) cwd: Option<String>,
    /// A number or text: both are seen.
    pub(crate) last_used: Value,
}

impl SessionRow {
    /// When it was used last, for people: to the minute, in UTC.
    pub(crate) fn used(&self) -> String {
        let text = match self.last_used.as_f64() {
            // Seconds, or milliseconds.
            Some(number) if number >= 0.0 => {
                let seconds = if number < 1e11 { number } else { number / 1000.0 };
                let since = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
                let when = std::time::UNIX_EPOCH.checked_add(since);
                when.filter(|_| seconds < 2e11)
                    .map(|when| humantime::format_rfc3339_seconds(when).to_string())
            }
            _ => self.last_used.as_str().map(str::to_owned),
        };
        let text = text.unwrap_or_default();
        crate::sanitizer::one_line(text.get(..16).unwrap_or(&text), 16).replace('T', " ")
    }
}

/// What is left to be used (protocol section 4).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Credits {
    pub(crate) org_credits_enabled: Option<bool>,
    pub(crate) metering_tier: Option<String>,
    pub(crate) org_credits: Option<SharedPool>,
    pub(crate) included_used: Option<f64>,
    pub(crate) included_limit: Option<f64>,
    pub(crate) used: Option<f64>,
    pub(crate) limit: Option<f64>,
    pub(crate) org_name: Option<String>,
}

/// What the members of an organization share.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SharedPool {
    pub(crate) total: Option<f64>,
    pub(crate) consumed: Option<f64>,
    pub(crate) expiration_date: Option<String>,
}

/// A skill that the server knows.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ServerSkill {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: String,
}

/// Something that was said.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Message {
    #[serde(default)]
    pub(crate) role: String,
    #[serde(default)]
    content: Value,
}

impl Message {
    /// The text, without what the backend adds about the environment of the user.
    pub(crate) fn text(&self) -> String {
        let mut text = match &self.content {
            Value::String(text) => text.clone(),
            // In parts.
            Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
            _ => String::new(),
        };
        let tag = text.find("<current-date-time>").filter(|_| self.role == "user");
        if let Some(end) = tag.and_then(|tag| text[..tag].rfind("\n\n")) {
            text.truncate(end);
        }
        text
    }
}

impl Backend {
    /// Makes a session and answers its id. `context` gives what the session is told about where it begins.
    pub(crate) fn create_session(&self, context: impl FnOnce() -> Map<String, Value>) -> Result<String> {
        // What has to be waited for comes last.
        let organization = self.organization()?;
        let mut body = context();
        body.insert("approval_mode".to_owned(), "auto".into());
        body.insert("local_execution".to_owned(), true.into());
        body.insert("headless".to_owned(), self.is_headless.into());
        if let Some(id) = organization {
            body.insert("organization_id".to_owned(), id.into());
        }
        body.values_mut().for_each(|value| self.secrets.hide_in(value));
        let body = Value::Object(crate::surroundings::fitted(body));
        let answer: Value = self.post("/v1/cli/sessions", &body)?.json()?;
        let id = answer["session_id"].as_str().or_else(|| answer["id"].as_str());
        id.filter(|id| !id.is_empty()).map(str::to_owned).ok_or_else(|| {
            Error::new(ErrorKind::UnexpectedAnswer, format!("{} gives no session", self.http.backend()))
        })
    }

    /// The organization that is billed. Without the plugin that knows, none.
    fn organization(&self) -> Result<Option<String>> {
        match self.host.organization() {
            Ok(organization) => Ok(organization.current()?.map(|selected| selected.id)),
            Err(error) if error.kind() == ErrorKind::NoProvider => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Posts what the person said, once: whether a server that failed has taken it is for the caller to find out.
    pub(crate) fn post_message(&self, session: &str, run_id: &str, content: &str, plan: bool) -> Result<()> {
        let mut body = json!({
            "type": "user_message",
            "content": content,
            "run_id": run_id,
            "verbose": false,
            "interaction_mode": if self.is_headless { "headless" } else { "interactive" },
            "caller": caller(self.is_headless),
        });
        if plan {
            body["mode"] = "plan".into();
        }
        let path = format!("/v1/cli/sessions/{}/messages", segment(session));
        self.post_once(&path, &body).map(drop).map_err(|error| unknown_session(session, error))
    }

    /// Opens the event stream; any byte of it, also of a comment, counts as life.
    pub(crate) fn open_stream(&self, session: &str, query: &str, idle_ms: u64) -> Result<Response> {
        let request = self
            .http
            .get(&format!("/v1/cli/sessions/{}/events{query}", segment(session)))
            .header("accept", "text/event-stream")
            .header("x-client-explicit-cancel", "1")
            .idle_timeout_ms(idle_ms);
        self.checked(request.send()?).map_err(|error| unknown_session(session, error))
    }

    /// Gives the result of a tool. A server that has one already, or does not wait any more, is content.
    pub(crate) fn send_result(&self, session: &str, request_id: &str, result: &ToolResult) -> Result<()> {
        let body = json!({ "request_id": request_id, "result": result });
        match self.post(&format!("/v1/cli/sessions/{}/tool-results", segment(session)), &body) {
            Ok(_accepted) => Ok(()),
            Err(error) if is_not_wanted(&error, request_id) => {
                log::info!("the result of a tool was not wanted any more: {error}");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Asks the server to stop the run; goes on after a signal.
    pub(crate) fn cancel_run(&self, session: &str) {
        let path = format!("/v1/cli/sessions/{}/messages", segment(session));
        self.last_words(&path, Some(&json!({ "type": "cancel" })));
    }

    /// Says that the session is over; goes on after a signal.
    pub(crate) fn expire(&self, session: &str) {
        self.last_words(&format!("/v1/cli/sessions/{}/expire", segment(session)), None);
    }

    /// Sessions that are over, the newest first; of one directory, or of all.
    pub(crate) fn sessions(&self, cwd: Option<&str>, limit: usize) -> Result<Vec<SessionRow>> {
        #[derive(Deserialize)]
        struct Wire {
            #[serde(default)]
            sessions: Vec<SessionRow>,
        }
        let cwd = cwd.map(|cwd| format!("&cwd={}", segment(cwd))).unwrap_or_default();
        let path = format!("/v1/cli/sessions?limit={limit}{cwd}&status=expired");
        let wire: Wire = self.get(&path)?;
        Ok(wire.sessions.into_iter().filter(|row| !row.session_id.is_empty()).collect())
    }

    /// What is left to be used.
    pub(crate) fn credits(&self) -> Result<Credits> {
        let organization = self.organization()?;
        let query = organization.map(|id| format!("?org_id={}", segment(&id))).unwrap_or_default();
        self.get(&format!("/v1/cli/credits{query}"))
    }

    /// The skills that the server knows.
    pub(crate) fn skills(&self) -> Result<Vec<ServerSkill>> {
        #[derive(Deserialize)]
        struct Wire {
            #[serde(default)]
            skills: Vec<ServerSkill>,
        }
        let wire: Wire = self.get("/v1/cli/skills")?;
        Ok(wire.skills)
    }

    /// What was said in a session.
    pub(crate) fn messages(&self, session: &str) -> Result<Vec<Message>> {
        #[derive(Deserialize)]
        struct Wire {
            #[serde(default)]
            messages: Vec<Message>,
        }
        let wire: Wire = self
            .get(&format!("/v1/cli/sessions/{}/messages", segment(session)))
            .map_err(|error| unknown_session(session, error))?;
        Ok(wire.messages)
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let request = self.http.get(path).header("accept", "application/json");
        let mut answer: Value = self.checked(request.idle_timeout_ms(SILENCE_MS).send()?)?.json()?;
        self.secrets.hide_in(&mut answer);
        serde_json::from_value(answer).map_err(|error| {
            let what = format!("{}{path} answers with something that is not expected", self.http.backend());
            Error::new(ErrorKind::UnexpectedAnswer, what).because(error)
        })
    }
}

/// Whether a server wants no result: it has one, does not wait any more, or asked without saying by which name.
fn is_not_wanted(error: &Error, request_id: &str) -> bool {
    match error.detail("status") {
        Some("404" | "409" | "410") => true,
        Some("400" | "422") => request_id.is_empty(),
        _ => false,
    }
}

/// A 404 of a session says more with its name in it.
fn unknown_session(session: &str, error: Error) -> Error {
    if error.detail("status") != Some("404") {
        return error;
    }
    let name = crate::sanitizer::one_line(session, 80);
    Error::new(ErrorKind::Failed, format!("the server has no session {name}"))
        .hint("`seqera ai sessions list` shows those of this machine; without -s a new one begins.")
        .with("status", 404)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_text_or_parts_without_what_the_backend_adds() {
        let said = |role: &str, content: Value| Message { role: role.to_owned(), content }.text();
        let long = "why?\n\nAbout the user and the environment:\n<current-date-time>now";
        assert_eq!(said("user", json!(long)), "why?");
        assert_eq!(said("assistant", json!(long)), long);
        assert_eq!(said("user", json!([{ "type": "text", "text": "a" }, { "x": 1 }, { "text": "b" }])), "ab");
        assert_eq!(said("user", json!(null)), "");
    }

    #[test]
    fn when_a_session_was_used_is_read_in_every_form() {
        let used = |json: Value| SessionRow { last_used: json, ..SessionRow::default() }.used();
        for time in [json!(1_764_139_680), json!(1_764_139_680_123_u64), json!("2025-11-26T06:48:00.000Z")] {
            assert_eq!(used(time.clone()), "2025-11-26 06:48", "{time}");
        }
        for time in [json!(null), json!(-1), json!(1e300), json!([])] {
            assert_eq!(used(time.clone()), "", "{time}");
        }
    }
}
