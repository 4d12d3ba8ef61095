//! Rules that hold whatever happens in whatever order.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::agent::{Answer, ToolResult, Usage, Verdict};

#[derive(Debug, Clone)]
enum Do {
    Tell(Event),
    Plan(bool),
    /// A run that ends with the process, and another process that goes on with the session.
    Crash,
}

fn tool() -> impl Strategy<Value = ToolCall> {
    let names = prop_oneof![
        Just("execute_bash_local"),
        Just("edit_file_local"),
        Just("create_directory_local"),
        Just("read_file_local")
    ];
    ("[a-d]", names).prop_map(|(id, name)| ToolCall { id, name: name.to_owned(), args: "{}".to_owned() })
}

fn server_event() -> impl Strategy<Value = ServerEvent> {
    prop_oneof![
        Just(ServerEvent::Text("GOAL COMPLETE".to_owned())),
        tool().prop_map(ServerEvent::ToolStarted),
        tool().prop_map(ServerEvent::Execute),
        tool().prop_map(ServerEvent::Execute),
        "[a-d]".prop_map(|id| ServerEvent::ToolAnswered { id, content: String::new() }),
        Just(ServerEvent::HistoryEnd),
        Just(ServerEvent::Finished(Finish::Complete, Usage::default())),
        Just(ServerEvent::Failed("no".to_owned())),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let verdicts =
        prop_oneof![Just(Verdict::Run), Just(Verdict::Ask), Just(Verdict::Refuse("no".to_owned()))];
    let last_run = prop_oneof![Just(LastRun::None), Just(LastRun::Open), Just(LastRun::Over)];
    let answers = prop_oneof![
        Just(Answer::Approved),
        Just(Answer::Refused("no".to_owned())),
        Just(Answer::Nobody("no".to_owned()))
    ];
    prop_oneof![
        3 => "[a-z]".prop_map(Event::Asked),
        3 => Just(Event::SessionReady("s".to_owned())),
        2 => (proptest::option::of(0..9_u64), 0..3_usize, last_run)
            .prop_map(|(last_id, unnumbered, last_run)| Event::HistoryRead { last_id, unnumbered, last_run }),
        3 => Just(Event::MessageAccepted),
        1 => Just(Event::MessageRefused),
        8 => (proptest::option::of(0..40_u64), server_event())
            .prop_map(|(id, event)| Event::Received { id, event }),
        1 => (0..200_u64).prop_map(|seconds| Event::StreamBroke {
            reason: "cut".to_owned(),
            since_progress: Duration::from_secs(seconds),
        }),
        6 => ("[a-d]", verdicts).prop_map(|(request_id, verdict)| Event::Judged { request_id, verdict }),
        4 => ("[a-d]", answers).prop_map(|(request_id, answer)| Event::Answered { request_id, answer }),
        4 => "[a-d]".prop_map(|request_id| Event::ToolFinished { request_id, result: ToolResult::default() }),
        2 => "[a-d]".prop_map(|request_id| Event::ResultAccepted { request_id }),
        1 => Just(Event::Cancelled),
    ]
}

fn step() -> impl Strategy<Value = Do> {
    prop_oneof![
        30 => event().prop_map(Do::Tell),
        1 => any::<bool>().prop_map(Do::Plan),
        1 => Just(Do::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_rules_hold_in_any_order(steps in proptest::collection::vec(step(), 0..80)) {
        let new = || Agent::new(Duration::from_secs(60), ApprovalMode::Default);
        let mut agent = new();
        let mut ran = HashSet::new();
        // What the journal knows: it is written when a call begins, ends, and is sent.
        let mut journal: Vec<(String, Past)> = Vec::new();
        let mut may_run = HashSet::new();
        let mut nobody = false;
        for step in steps {
            let event = match step {
                Do::Plan(plan) => {
                    agent.set_plan(plan);
                    continue;
                }
                Do::Crash => {
                    agent = new();
                    agent.resume("s".to_owned(), journal.clone());
                    may_run.clear();
                    continue;
                }
                Do::Tell(event) => event,
            };
            match &event {
                Event::Judged { request_id, verdict: Verdict::Run }
                | Event::Answered { request_id, answer: Answer::Approved } => {
                    may_run.insert(request_id.clone());
                }
                Event::ResultAccepted { request_id } if ran.contains(request_id) => {
                    journal.push((request_id.clone(), Past::Sent));
                }
                Event::Asked(_) if agent.is_idle() => nobody = false,
                Event::Answered { answer: Answer::Nobody(_), .. } => nobody = true,
                _ => {}
            }
            let is_cancel = event == Event::Cancelled;
            let was_idle = agent.is_idle();
            let mut effects = Vec::new();
            agent.handle(event, &mut effects);
            for effect in &effects {
                match effect {
                    Effect::RunTool(call) => {
                        prop_assert!(ran.insert(call.id.clone()), "{} ran twice", call.id);
                        prop_assert!(may_run.contains(&call.id), "{} was not allowed", call.id);
                        journal.push((call.id.clone(), Past::Interrupted));
                    }
                    Effect::Judge(call) => {
                        let changes = call.name != "read_file_local";
                        prop_assert!(!(agent.plans() && changes), "plan mode judged {}", call.name);
                    }
                    Effect::SendResult { request_id, result, .. } => {
                        journal.push((request_id.clone(), Past::Unsent(result.clone())));
                    }
                    Effect::End(outcome) => {
                        prop_assert!(agent.is_idle());
                        if matches!(outcome, Outcome::Unapproved(_)) {
                            prop_assert!(nobody, "unapproved, and somebody answered");
                        }
                    }
                    _ => {}
                }
            }
            if is_cancel {
                prop_assert!(agent.is_idle(), "an interrupt always ends in idleness");
                prop_assert_eq!(was_idle, effects.is_empty());
            }
            let ends = effects.iter().filter(|effect| matches!(effect, Effect::End(_))).count();
            prop_assert!(ends <= 1);
            if was_idle {
                prop_assert_eq!(ends, 0);
            }
        }
    }
}
