//! Events of the stream (protocol section 7.2). Fields and types that are not known are ignored.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::agent::{Finish, ServerEvent, ToolCall, Usage};

/// All fields of all events: one flat record is read several times faster than a tagged enum.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    delta: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "toolName")]
    tool_name: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "toolCallId")]
    tool_call_id: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "requestId")]
    request_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    args: Option<&'a RawValue>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "finishReason")]
    finish_reason: Option<&'a RawValue>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    /// Of the older family of events.
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// Data from this length on is read without a second copy of its text, in bytes.
const LARGE: usize = 1024 * 1024;
/// How much of a large text is read at once, in bytes.
const PIECE: usize = 64 * 1024;
/// Longest escape in a JSON string, a pair of surrogates, in bytes.
const ESCAPE: usize = 12;

/// The event in the data of a frame; `None` when it is none that can be read (`[DONE]`, for one).
pub(crate) fn server_event(data: &[u8]) -> Option<ServerEvent> {
    if let Some(text) = plain_text(data) {
        return Some(ServerEvent::Text(text.to_owned()));
    }
    if data.len() >= LARGE
        && let Some(text) = large_text(data)
    {
        return Some(ServerEvent::Text(text));
    }
    let data = mended(data);
    let Ok(wire) = serde_json::from_str::<Wire<'_>>(&data) else { return of_later(&data) };
    Some(match &*wire.kind {
        "text-delta" => ServerEvent::Text(own(wire.delta)),
        "reasoning" => ServerEvent::Thinking(own(wire.delta)),
        "tool-call" => ServerEvent::ToolStarted(call(wire.tool_call_id, wire.tool_name, wire.args)),
        "tool-result" => {
            ServerEvent::ToolAnswered { id: text_of(wire.tool_call_id), content: text_of(wire.result) }
        }
        "execute-local" => ServerEvent::Execute(call(wire.request_id, wire.tool_name, wire.args)),
        "compacting" => ServerEvent::Compacting,
        "history_end" | "history.end" => ServerEvent::HistoryEnd,
        "finish" => ServerEvent::Finished(finish(&text_of(wire.finish_reason)), usage(wire.usage)),
        "error" => ServerEvent::Failed(reason(wire.error.or(wire.data))),
        "event.text" => ServerEvent::Text(field(wire.data, "content")),
        "event.thinking" => ServerEvent::Thinking(field(wire.data, "content")),
        "event.tool_use" => ServerEvent::ToolStarted(ToolCall {
            id: field(wire.data, "tool_id"),
            name: field(wire.data, "tool_name"),
            args: field(wire.data, "tool_input"),
        }),
        "event.tool_result" => ServerEvent::ToolAnswered {
            id: field(wire.data, "tool_id"),
            content: field(wire.data, "content"),
        },
        "run.complete" => ServerEvent::Finished(finish(&field(wire.data, "status")), Usage::default()),
        _ => ServerEvent::Other,
    })
}

/// An event of a type that came after this program may have other fields: it is no loss.
fn of_later(data: &str) -> Option<ServerEvent> {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "type")]
        kind: String,
    }
    const KNOWN: [&str; 7] =
        ["text-delta", "reasoning", "tool-call", "tool-result", "execute-local", "finish", "error"];
    let kind = serde_json::from_str::<Kind>(data).ok()?.kind;
    (!KNOWN.contains(&kind.as_str())).then_some(ServerEvent::Other)
}

/// The data with U+FFFD for what is no text: bytes that are no UTF-8, and halves of a pair of surrogates. One character
/// that was cut in two is no reason to lose the event that it is in.
fn mended(data: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(data);
    if !text.contains("\\ud") && !text.contains("\\uD") {
        return text;
    }
    let mut mended = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        mended.push_str(before);
        let whole = match (surrogate(escape), escape.get(6..).and_then(surrogate)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => Some(12),
            (Some(_), _) => None,
            // What follows belongs to it.
            (None, _) => Some(1 + escape[1..].chars().next().map_or(0, char::len_utf8)),
        };
        mended.push_str(whole.map_or("\\ufffd", |length| &escape[..length]));
        rest = &escape[whole.unwrap_or(6)..];
    }
    mended.push_str(rest);
    Cow::Owned(mended)
}

/// The surrogate that a text begins with, as an escape.
fn surrogate(text: &str) -> Option<u32> {
    let unit = u32::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()?;
    (0xd800..0xe000).contains(&unit).then_some(unit)
}

/// The text of a `text-delta` that is written as short as it can be and needs no decoding: nearly all of what comes.
fn plain_text(data: &[u8]) -> Option<&str> {
    const SHAPES: [(&[u8], &[u8]); 2] =
        [(br#"{"type":"text-delta","delta":""#, br#""}"#), (br#"{"delta":""#, br#"","type":"text-delta"}"#)];
    let between = |(before, after): &(&[u8], &[u8])| data.strip_prefix(*before)?.strip_suffix(*after);
    let text = SHAPES.iter().find_map(between)?;
    let is_plain = text.iter().all(|byte| !matches!(byte, b'"' | b'\\' | ..b' '));
    std::str::from_utf8(text).ok().filter(|_| is_plain)
}

/// The text of a large `text-delta`; `None` when it is to be read as any other event.
fn large_text(data: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Wire<'a> {
        #[serde(rename = "type")]
        kind: &'a str,
        #[serde(borrow)]
        delta: &'a RawValue,
    }
    let wire: Wire<'_> =
        serde_json::from_slice(data).ok().filter(|wire: &Wire<'_>| wire.kind == "text-delta")?;
    let mut rest = wire.delta.get().strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::with_capacity(rest.len());
    let mut piece = String::new();
    while !rest.is_empty() {
        let (now, later) = rest.split_at(end_of_piece(rest)?);
        piece.clear();
        piece.extend(["\"", now, "\""]);
        text.push_str(&serde_json::from_str::<Cow<'_, str>>(&piece).ok()?);
        rest = later;
    }
    Some(text)
}

/// Where a part of a JSON string may end: not inside a character or an escape.
fn end_of_piece(text: &str) -> Option<usize> {
    if text.len() <= PIECE {
        return Some(text.len());
    }
    let bytes = text.as_bytes();
    let may_end = |at: &usize| text.is_char_boundary(*at) && !bytes[at - ESCAPE..*at].contains(&b'\\');
    (ESCAPE..=PIECE).rev().find(may_end)
}

fn own(text: Option<Cow<'_, str>>) -> String {
    text.unwrap_or_default().into_owned()
}

fn call(id: Option<&RawValue>, name: Option<&RawValue>, args: Option<&RawValue>) -> ToolCall {
    let args = args.map_or("{}", RawValue::get);
    ToolCall {
        id: text_of(id),
        name: text_of(name),
        args: if args == "null" { "{}" } else { args }.to_owned(),
    }
}

fn finish(reason: &str) -> Finish {
    match reason {
        "stop" | "success" => Finish::Complete,
        "" => Finish::Incomplete("no reason given".to_owned()),
        other => Finish::Incomplete(other.replace('_', "-")),
    }
}

fn usage(value: Option<&RawValue>) -> Usage {
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct Wire {
        prompt_tokens: u64,
        completion_tokens: u64,
        total_tokens: u64,
    }
    let wire: Wire = value.and_then(|value| serde_json::from_str(value.get()).ok()).unwrap_or_default();
    Usage { input: wire.prompt_tokens, output: wire.completion_tokens, total: wire.total_tokens }
}

/// A string as it is, anything else as JSON; an id, for one, may be a number.
fn text_of(value: Option<&RawValue>) -> String {
    let Some(value) = value else { return String::new() };
    serde_json::from_str::<String>(value.get()).unwrap_or_else(|_| value.get().to_owned())
}

/// What went wrong: a text, or an object with a message.
fn reason(value: Option<&RawValue>) -> String {
    let message = field(value, "message");
    if message.is_empty() { text_of(value) } else { message }
}

/// A field of an object, as text.
fn field(object: Option<&RawValue>, name: &str) -> String {
    let object: Option<serde_json::Map<String, serde_json::Value>> =
        object.and_then(|object| serde_json::from_str(object.get()).ok());
    match object.as_ref().and_then(|object| object.get(name)) {
        None => String::new(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_text_is_read_like_a_small_one() {
        for part in ["plain ", "a \" \n\u{1F9EC} ü \u{7}", "\\", "\u{1F9EC}"] {
            let text = part.repeat(2 * LARGE / part.len());
            let json = serde_json::json!({ "type": "text-delta", "delta": text }).to_string();
            assert!(server_event(json.as_bytes()) == Some(ServerEvent::Text(text.clone())), "{part}");
            // As servers write it that keep to ASCII.
            let ascii: String = text
                .encode_utf16()
                .map(
                    |unit| {
                        if (0x20..0x7f).contains(&unit) { String::new() } else { format!("\\u{unit:04x}") }
                    },
                )
                .collect();
            let json = format!("{{\"type\":\"text-delta\",\"delta\":\"{ascii}{}\"}}", "x ".repeat(LARGE));
            let plain: String = text.chars().filter(|c| !(' '..'\u{7f}').contains(c)).collect();
            let plain = plain + &"x ".repeat(LARGE);
            assert!(server_event(json.as_bytes()) == Some(ServerEvent::Text(plain)), "{part}");
        }
        let other = format!(r#"{{"type":"error","error":"{}"}}"#, "x".repeat(LARGE));
        assert!(matches!(server_event(other.as_bytes()), Some(ServerEvent::Failed(_))));
    }

    #[test]
    fn the_short_way_reads_what_the_long_one_does() {
        for text in
            ["word ", "", "größer 🧬 \u{7f}", r"a\nb", r#"a\"b"#, r"a\\", "a\nb", "a\",\"delta\":\"b", "{}"]
        {
            for (before, after) in [
                (r#"{"type":"text-delta","delta":""#, r#""}"#),
                (r#"{"delta":""#, r#"","type":"text-delta"}"#),
            ] {
                let short = format!("{before}{text}{after}");
                let long = short.replacen('{', "{ ", 1);
                assert_eq!(server_event(short.as_bytes()), server_event(long.as_bytes()), "{short}");
            }
        }
        assert_eq!(plain_text(br#"{"delta":"word ","type":"text-delta"}"#), Some("word "));
        for other in [
            &b"{\"type\":\"text-delta\",\"delta\":\"\xff\"}"[..],
            br#"{"type":"text-delta","delta":"}"#,
            br#"{"type":"text-delta","delta":"a","x":"b"}"#,
        ] {
            assert_eq!(plain_text(other), None, "{other:?}");
        }
    }

    #[test]
    fn what_is_no_text_is_replaced_and_the_rest_is_read() {
        for (written, read) in [
            (r"a\ud83d", "a\u{fffd}"),
            (r"\ude00b", "\u{fffd}b"),
            (r"\ud83d\ud83d\ude00", "\u{fffd}\u{1f600}"),
            (r"\uD83D\uDE00", "\u{1f600}"),
            (r"\\ud83d", r"\ud83d"),
            (r"\\\ud83d\n", "\\\u{fffd}\n"),
            (r"\ud83dä", "\u{fffd}ä"),
        ] {
            let data = format!(r#"{{"type":"text-delta","delta":"{written}"}}"#);
            assert_eq!(server_event(data.as_bytes()), Some(ServerEvent::Text(read.to_owned())), "{written}");
        }
        let cut = b"{\"type\":\"text-delta\",\"delta\":\"a\xf0\x9f\"}";
        assert_eq!(server_event(cut), Some(ServerEvent::Text("a\u{fffd}".to_owned())));
        for none in [&b"{\"type\":\"text-delta\",\"delta\":\"a\\ud"[..], br#""\ud83d\"#, b"\\"] {
            assert_eq!(server_event(none), None);
        }
        assert_eq!(server_event(b"{}"), Some(ServerEvent::Other), "an end that says nothing");
    }

    #[test]
    fn events_are_read() {
        for (data, event) in [
            (r#"{"type":"text-delta","delta":"a\n\u00e9"}"#, ServerEvent::Text("a\né".into())),
            (
                r#"{"type":"tool-result","toolCallId":"1","result":{"a":1}}"#,
                ServerEvent::ToolAnswered { id: "1".into(), content: "{\"a\":1}".into() },
            ),
            (
                r#"{"type":"execute-local","requestId":"r","toolName":"t"}"#,
                ServerEvent::Execute(ToolCall { id: "r".into(), name: "t".into(), args: "{}".into() }),
            ),
            (r#"{"type":"event.text","data":{"content":"older"}}"#, ServerEvent::Text("older".into())),
            (r#"{"type":"error","data":{"message":"older"}}"#, ServerEvent::Failed("older".into())),
            (
                r#"{"type":"finish","finishReason":"stop","usage":{"promptTokens":2,"totalTokens":3}}"#,
                ServerEvent::Finished(Finish::Complete, Usage { input: 2, output: 0, total: 3 }),
            ),
            (
                r#"{"type":"finish","finishReason":"content_filter"}"#,
                ServerEvent::Finished(Finish::Incomplete("content-filter".into()), Usage::default()),
            ),
            (r#"{"type":"error","error":"no"}"#, ServerEvent::Failed("no".into())),
            (r#"{"type":"error","error":{"message":"no","code":5}}"#, ServerEvent::Failed("no".into())),
            (
                r#"{"type":"execute-local","requestId":7,"toolName":"t","args":null}"#,
                ServerEvent::Execute(ToolCall { id: "7".into(), name: "t".into(), args: "{}".into() }),
            ),
            (r#"{"type":"invented later","delta":7}"#, ServerEvent::Other),
        ] {
            assert_eq!(server_event(data.as_bytes()), Some(event), "{data}");
        }
        assert_eq!(server_event(b"[DONE]"), None);
    }
}
