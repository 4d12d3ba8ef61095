//! `seqera ai --headless`, against curl doing the same requests.

use std::time::Duration;

use serde_json::json;

use super::measure::{Cost, cost, in_turn, median, wall};
use super::report::Report;
use super::world::World;
use crate::Outcome;

const ROUNDS: usize = 50;
const LATENCY: u64 = 50;
const DELTAS: usize = 100_000;
/// Megabytes.
const LARGE: usize = 50;

/// A short answer: session, message, events, expire.
pub(crate) fn short_answer(world: &World<'_>, report: &mut Report) -> Outcome {
    let suffix = world.suffix();
    let before = world.request_count()?;
    cost(&mut world.seqera(&["ai", "--headless", "stream 20"]))?;
    let count = world.request_count()? - before;
    report.hard(format!("requests of a short answer{suffix}"), count as f64, 4.0, "");
    let [ours, curls] = in_turn(
        ROUNDS,
        [&mut || cost(&mut world.seqera(&["ai", "--headless", "stream 20"])), &mut || four_curls(world)],
    )?;
    report.soft(format!("a short answer / four curls{suffix}"), wall(&ours) / wall(&curls), 0.4, "x");

    world.set_latency(LATENCY)?;
    let [late, _] = in_turn(
        ROUNDS / 5,
        [&mut || cost(&mut world.seqera(&["ai", "--headless", "stream 20"])), &mut || four_curls(world)],
    )?;
    world.set_latency(0)?;
    let most = (4 * LATENCY + 20) as f64;
    report.soft(format!("a short answer, each request {LATENCY} ms{suffix}"), wall(&late), most, "ms");
    Ok(())
}

/// A long answer: in chunks as a server sends them, one event to a chunk, and one to a write.
pub(crate) fn many_deltas(world: &World<'_>, report: &mut Report) -> Outcome {
    let suffix = world.suffix();
    for (pace, how, most) in
        [("", "in chunks", 3.0), ("chunks", "one a chunk", 3.0), ("writes", "one a write", 1.0)]
    {
        let query = format!("stream {DELTAS} {pace}");
        let session = begin(world, &query)?;
        let events = format!("/v1/cli/sessions/{session}/events?cursor=1&history_only=true");
        let [ours, curl] = in_turn(
            5,
            [&mut || cost(&mut world.seqera(&["ai", "--headless", &query])), &mut || {
                cost(&mut world.curl(&events, &["--no-buffer"])?)
            }],
        )?;
        let cpu = |costs: &[Cost]| median(costs, |cost| cost.cpu);
        let what = format!("{DELTAS} deltas {how}: processor time / curl -N{suffix}");
        report.soft(what, cpu(&ours) / cpu(&curl), most, "x");
        println!("    (processor time: {:.0} ms, curl {:.0} ms)", cpu(&ours), cpu(&curl));
        let memory = ours.iter().map(|cost| cost.memory).max().unwrap_or_default();
        let what = format!("{DELTAS} deltas {how}: memory{suffix}");
        report.hard(what, memory as f64 / 1_048_576.0, 16.0, "MiB");
    }
    Ok(())
}

/// One delta that is a large part of the memory.
pub(crate) fn large_delta(world: &World<'_>, report: &mut Report) -> Outcome {
    let used = cost(&mut world.seqera(&["ai", "--headless", &format!("delta {LARGE}")]))?;
    let times = used.memory as f64 / (LARGE * 1_000_000) as f64;
    report.hard(format!("one delta of {LARGE} MB: memory / its size{}", world.suffix()), times, 3.0, "x");
    Ok(())
}

/// The same as the program does, one process a request.
fn four_curls(world: &World<'_>) -> Outcome<Cost> {
    let started = std::time::Instant::now();
    let session = begin(world, "stream 20")?;
    let events = format!("/v1/cli/sessions/{session}/events?cursor=1&history_only=true");
    cost(&mut world.curl(&events, &["--no-buffer"])?)?;
    cost(&mut world.curl(&format!("/v1/cli/sessions/{session}/expire"), &["--request", "POST"])?)?;
    Ok(Cost { wall: started.elapsed(), cpu: Duration::ZERO, memory: 0 })
}

/// Makes a session and sends a message; answers its id.
fn begin(world: &World<'_>, query: &str) -> Outcome<String> {
    let session = world.ask("/v1/cli/sessions", &["--json", r#"{"cwd": "/"}"#])?;
    let id = session["session_id"].as_str().ok_or("the emulator makes no session")?.to_owned();
    let message = json!({
        "type": "user_message", "content": query, "run_id": "00000000-0000-4000-8000-000000000000",
    });
    world.ask(&format!("/v1/cli/sessions/{id}/messages"), &["--json", &message.to_string()])?;
    Ok(id)
}
