//! The demo agent: answers that are of use, from a script.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::accounts::Account;
use super::backend::{Pace, Session};
use super::http::{Response, detail};

/// Pause between two parts of an answer, so that it is seen to arrive.
const PACE: Duration = Duration::from_millis(5);

/// Messages that are refused before a run starts.
pub(super) fn refuses(content: &str) -> Option<Response> {
    let text = content.to_lowercase();
    if text.contains("out of credits") {
        return Some(detail(402, "Your organization has no credits left"));
    }
    if text.contains("rate limit") {
        return Some(detail(429, "You have sent too many messages; try again in a minute"));
    }
    None
}

/// One run: from a message to its terminal event.
pub(super) async fn run(
    session: Arc<Session>,
    content: String,
    account: Account,
    script: Option<Vec<Value>>,
) {
    if let Some(steps) = script {
        return play(&session, steps).await;
    }
    let text = content.to_lowercase();
    if let Some(count) = text.strip_prefix("stream ") {
        return stream(&session, count);
    }
    if let Some(megabytes) = text.strip_prefix("delta ") {
        return large(&session, megabytes);
    }
    if text.starts_with("error") {
        session.emit(&json!({ "type": "text-delta", "delta": "This will not go well. " }));
        return session.emit(&json!({ "type": "error", "error": "the model is not available" }));
    }
    session.emit(&json!({ "type": "reasoning", "delta": "Looking for what helps here." }));
    let answer = if let Some(command) = command_in(&content) {
        with_tool(&session, "execute_bash_local", json!({ "command": command })).await
    } else if text.contains("list files") {
        with_tool(&session, "list_directory_local", json!({ "path": "." })).await
    } else {
        reply(&session, &text, &content, &account)
    };
    for part in answer.split_inclusive(' ') {
        session.emit(&json!({ "type": "text-delta", "delta": part }));
        tokio::time::sleep(PACE).await;
    }
    session.remember("assistant", &answer);
    session.emit(&finish("stop"));
}

/// The terminal event of a run.
pub(super) fn finish(reason: &str) -> Value {
    json!({
        "type": "finish",
        "finishReason": reason,
        "usage": { "promptTokens": 120, "completionTokens": 80, "totalTokens": 200 },
    })
}

fn command_in(content: &str) -> Option<&str> {
    let (_, command) = content.split_once("run `")?;
    command.split_once('`').map(|(command, _)| command)
}

/// Asks for a tool and tells what came of it.
async fn with_tool(session: &Session, tool: &str, args: Value) -> String {
    let id = super::state::random();
    session.emit(&json!({ "type": "tool-call", "toolCallId": id, "toolName": tool, "args": args }));
    let Some(result) = session.execute(id.clone(), tool, args).await else { return String::new() };
    session.emit(&json!({ "type": "tool-result", "toolCallId": id, "result": result }));
    let said = |name: &str| result[name].as_str().unwrap_or_default().trim().to_owned();
    if result["exit_code"] == 0 {
        format!("I used {tool} on your machine:\n\n{}", said("stdout"))
    } else {
        format!(
            "I could not use {tool} on your machine (exit code {}): {}",
            result["exit_code"],
            said("stderr")
        )
    }
}

fn reply(session: &Session, text: &str, content: &str, account: &Account) -> String {
    let bills = session.organization_id.as_deref().map_or_else(
        || "No organization is selected, so nothing would be billed.".to_owned(),
        |id| format!("This session is billed to organization {id}."),
    );
    if text.contains("what can you do") || text.contains("help") {
        return format!(
            "I can explain Nextflow pipelines, find nf-core pipelines, and look into runs that failed. {bills} \
             This is the emulator: try \"rna-seq\", \"list files\" or \"run `uname -a`\"."
        );
    }
    if text.contains("rna") {
        return "For bulk RNA sequencing, nf-core/rnaseq is the usual choice: it aligns with STAR or Salmon and \
                reports with MultiQC.\n\nnextflow run nf-core/rnaseq -profile docker --input samples.csv --outdir results"
            .to_owned();
    }
    if text.contains("nextflow") {
        return "A Nextflow pipeline is made of processes that exchange channels. `nextflow run main.nf -resume` \
                repeats only what changed."
            .to_owned();
    }
    if text.contains("hello") {
        return format!("Hello {}, how can I help with your research? {bills}", account.first_name);
    }
    format!("You asked: {content}. The emulator has no model behind it. {bills}")
}

/// `stream N`: N deltas, a thousand to a chunk; `stream N chunks`: one to a chunk; `stream N writes`: one to a write.
fn stream(session: &Session, count: &str) {
    let mut words = count.split_whitespace();
    let number: usize = words.next().and_then(|number| number.parse().ok()).unwrap_or(10);
    let pace = match words.next() {
        Some("writes") => Pace::OneAWrite,
        Some("chunks") => Pace::OneAChunk,
        _ => Pace::Thousand,
    };
    let deltas = (0..number).map(|_| json!({ "type": "text-delta", "delta": "word " }));
    session.emit_many(deltas.chain(std::iter::once(finish("stop"))), pace);
}

/// `delta N`: one delta of N megabytes.
fn large(session: &Session, megabytes: &str) {
    let number: usize = megabytes.trim().parse().unwrap_or(1);
    let delta = "a word or two, \n".repeat(number * 1_000_000 / 16);
    session.emit(&json!({ "type": "text-delta", "delta": delta }));
    session.emit(&finish("stop"));
}

/// Plays events that a test wrote: `{"sleep_ms": N}` waits, `{"execute": TOOL, "args": …}` asks for a tool and waits for
/// its result (with `"request_id"` under that id).
async fn play(session: &Session, steps: Vec<Value>) {
    for step in steps {
        match (step["sleep_ms"].as_u64(), &step["execute"]) {
            (Some(pause), _) => tokio::time::sleep(Duration::from_millis(pause)).await,
            (None, Value::String(tool)) => {
                let id = step["request_id"].as_str().map_or_else(super::state::random, str::to_owned);
                drop(session.execute(id, tool, step["args"].clone()).await);
            }
            _ => session.emit(&step),
        }
    }
}
