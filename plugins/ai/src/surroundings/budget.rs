//! How long the body of a new session may be (protocol section 5.2): lengths are UTF-16 units of the JSON text.

use serde_json::{Map, Value};

/// The whole body.
const BODY: usize = 20_000;
/// Skills; documents and memory, each.
const SKILLS: usize = 5000;
const DOCUMENTS: usize = 8000;
/// One document.
const DOCUMENT: usize = 16_000;
/// What a shortened text ends with.
const NOTE: &str = "\n… (shortened)";

/// UTF-16 units of a value's JSON; of a text without its quotes.
pub(super) fn units(text: &str) -> usize {
    json_units(&Value::from(text)) - 2
}

fn json_units(value: &Value) -> usize {
    value.to_string().encode_utf16().count()
}

/// The beginning of a text whose JSON has at most `most` units, with a note at its end when it is not all of it.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if units(text) <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(units(NOTE));
    let mut used = 0;
    let end = text
        .char_indices()
        .find(|(_, c)| {
            used += units(c.encode_utf8(&mut [0; 4]));
            used > room
        })
        .map_or(text.len(), |(at, _)| at);
    format!("{}{NOTE}", &text[..end])
}

/// The body, made to fit: listing, tree, oldest commits, git files, skills, documents, memory, script, in this order.
pub(crate) fn fitted(mut body: Map<String, Value>) -> Map<String, Value> {
    if let Some(Value::Object(context)) = body.get_mut("directory_context") {
        cap_rows(context, "project_skills", SKILLS);
        for key in ["pipeline_docs", "pipeline_memory"] {
            cap_documents(context, key);
        }
    }
    for step in [
        |context: &mut Map<String, Value>, over| shorten(context, "directory_listing", over),
        |context: &mut Map<String, Value>, over| shorten(context, "directory_tree", over),
        |context: &mut Map<String, Value>, over| drop_git_rows(context, "recent_commits", over),
        |context: &mut Map<String, Value>, over| drop_git_rows(context, "files", over),
        |context: &mut Map<String, Value>, over| drop_rows(context.get_mut("project_skills"), over),
        |context: &mut Map<String, Value>, over| drop_rows(context.get_mut("pipeline_docs"), over),
        |context: &mut Map<String, Value>, over| drop_rows(context.get_mut("pipeline_memory"), over),
        |context: &mut Map<String, Value>, over| shorten(context, "main_nf_content", over),
    ] as [fn(&mut Map<String, Value>, usize); 8]
    {
        let over = length(&body).saturating_sub(BODY);
        if over == 0 {
            break;
        }
        if let Some(Value::Object(context)) = body.get_mut("directory_context") {
            step(context, over);
        }
    }
    body
}

fn length(body: &Map<String, Value>) -> usize {
    serde_json::to_string(body).map_or(0, |json| json.encode_utf16().count())
}

fn shorten(context: &mut Map<String, Value>, key: &str, over: usize) {
    if let Some(Value::String(text)) = context.get_mut(key) {
        let most = units(text).saturating_sub(over);
        *text = if most > units(NOTE) { shortened(text, most) } else { String::new() };
    }
}

/// Takes rows off the end until at least `over` units are gone.
fn drop_rows(rows: Option<&mut Value>, over: usize) {
    let Some(Value::Array(rows)) = rows else { return };
    let mut gone = 0;
    while gone < over
        && let Some(row) = rows.pop()
    {
        gone += json_units(&row) + usize::from(!rows.is_empty());
    }
}

fn drop_git_rows(context: &mut Map<String, Value>, key: &str, over: usize) {
    if let Some(status) = context.get_mut("git_status") {
        drop_rows(status.get_mut(key), over);
    }
}

fn cap_rows(context: &mut Map<String, Value>, key: &str, most: usize) {
    let over = context.get(key).map_or(0, json_units).saturating_sub(most);
    if over > 0 {
        drop_rows(context.get_mut(key), over);
    }
}

/// Shortens each document, then the last that still has room, and drops the others.
fn cap_documents(context: &mut Map<String, Value>, key: &str) {
    let Some(Value::Array(rows)) = context.get_mut(key) else { return };
    let mut left = DOCUMENTS - 2;
    let mut kept = Vec::new();
    for mut row in std::mem::take(rows) {
        if let Some(Value::String(text)) = row.get_mut("content") {
            *text = shortened(text, DOCUMENT);
        }
        let length = json_units(&row) + 1;
        if length > left {
            let over = length - left;
            if let Some(Value::String(text)) = row.get_mut("content") {
                let most = units(text).saturating_sub(over);
                if most > 200 {
                    *text = shortened(text, most);
                    kept.push(row);
                }
            }
            break;
        }
        left -= length;
        kept.push(row);
    }
    *rows = kept;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(context: Value) -> Map<String, Value> {
        let Value::Object(body) = json!({ "cwd": "/w", "directory_context": context }) else {
            unreachable!()
        };
        body
    }

    #[test]
    fn units_are_those_of_the_json() {
        assert_eq!(units("a\"\n"), 5);
        assert_eq!(units("🧬ä"), 3);
        assert_eq!(shortened("short", 5), "short");
        for most in 20..60 {
            let short = shortened(&"\"🧬".repeat(40), most);
            assert!(units(&short) <= most && short.ends_with(NOTE), "{most}: {short}");
        }
    }

    #[test]
    fn a_body_is_trimmed_in_the_order_of_the_protocol() {
        let text = |length: usize| "x".repeat(length);
        let commits: Vec<Value> =
            (0..10).map(|number| json!({ "hash": number, "diff": text(500) })).collect();
        let fits = fitted(body(json!({
            "directory_listing": text(2000), "directory_tree": text(12_000), "main_nf_content": text(5000),
            "git_status": { "recent_commits": commits, "files": [{ "path": "a" }] },
        })));
        assert!(length(&fits) <= 20_000);
        let context = &fits["directory_context"];
        assert_eq!(context["directory_listing"], "", "goes first");
        assert!(context["directory_tree"].as_str().unwrap().ends_with("(shortened)"));
        assert_eq!(context["git_status"]["recent_commits"].as_array().unwrap().len(), 10);
        let tight = fitted(body(json!({
            "directory_listing": text(9000), "main_nf_content": text(13_000),
            "git_status": { "recent_commits": commits, "files": [{ "path": "a" }] },
            "pipeline_docs": [{ "path": "p", "content": text(30_000) }],
        })));
        assert!(length(&tight) <= 20_000);
        let context = &tight["directory_context"];
        assert_eq!(context["git_status"]["recent_commits"], json!([]), "the oldest, then all");
        assert_eq!(context["main_nf_content"].as_str().unwrap().len(), 13_000, "goes last");
        let huge = fitted(body(json!({
            "main_nf_content": text(50_000), "git_status": { "files": (0..5000).collect::<Vec<_>>() },
            "project_skills": (0..500).map(|number| json!({ "name": number, "description": text(50) })).collect::<Vec<_>>(),
        })));
        assert!(length(&huge) <= 20_000, "{}", length(&huge));
    }

    #[test]
    fn parts_have_caps_of_their_own() {
        let rows: Vec<Value> =
            (0..200).map(|number| json!({ "name": number, "description": "d".repeat(40) })).collect();
        let docs: Vec<Value> =
            (0..3).map(|number| json!({ "path": number, "content": "\n".repeat(3000) })).collect();
        let fits = fitted(body(json!({ "project_skills": rows, "pipeline_docs": docs })));
        let context = &fits["directory_context"];
        let (skills, docs) = (json_units(&context["project_skills"]), json_units(&context["pipeline_docs"]));
        assert!((4900..=5000).contains(&skills), "{skills}");
        assert!((7900..=8000).contains(&docs), "{docs}");
    }
}
