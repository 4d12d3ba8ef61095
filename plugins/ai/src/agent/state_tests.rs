use super::*;
use crate::agent::{Answer, ToolResult, Usage, Verdict};

fn effects(agent: &mut Agent, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
    agent.handle(event, &mut effects);
    effects
}

fn agent() -> Agent {
    Agent::new(Duration::from_secs(60), ApprovalMode::Default)
}

fn broke(seconds: u64) -> Event {
    Event::StreamBroke { reason: "cut".into(), since_progress: Duration::from_secs(seconds) }
}

fn post(content: &str) -> Effect {
    Effect::PostMessage { session: "s".into(), content: content.into(), plan: false }
}

fn read_history(cursor: Option<u64>) -> Effect {
    Effect::ReadHistory { session: "s".into(), cursor }
}

fn cancel_run() -> Effect {
    Effect::CancelRun { session: "s".into() }
}

fn complete() -> ServerEvent {
    ServerEvent::Finished(Finish::Complete, Usage::default())
}

/// Without the account of what was used.
fn ended(effects: Vec<Effect>) -> Vec<Effect> {
    effects.into_iter().filter(|effect| !matches!(effect, Effect::Show(Shown::Usage(_)))).collect()
}

fn call(id: &str, name: &str) -> ToolCall {
    ToolCall { id: id.into(), name: name.into(), args: "{}".into() }
}

fn received(id: u64, event: ServerEvent) -> Event {
    Event::Received { id: Some(id), event }
}

fn text(text: &str) -> ServerEvent {
    ServerEvent::Text(text.to_owned())
}

/// An agent that follows the stream of its first message.
fn following() -> Agent {
    let mut agent = agent();
    assert_eq!(effects(&mut agent, Event::Asked("hi".into())), [Effect::CreateSession]);
    assert_eq!(effects(&mut agent, Event::SessionReady("s".into())), [post("hi")]);
    assert_eq!(
        effects(&mut agent, Event::MessageAccepted),
        [Effect::OpenStream { session: "s".into(), cursor: None, after: Duration::ZERO }]
    );
    agent
}

#[test]
fn an_answer_is_shown_in_order_and_ends() {
    let mut agent = following();
    assert_eq!(effects(&mut agent, received(1, text("a"))), [Effect::Show(Shown::Text("a".into()))]);
    assert_eq!(ended(effects(&mut agent, received(2, complete()))), [Effect::End(Outcome::Complete)]);
    assert!(effects(&mut agent, received(3, text("late"))).is_empty());
}

#[test]
fn what_was_seen_is_dropped_and_the_cursor_goes_on_behind_it() {
    let mut agent = following();
    effects(&mut agent, received(7, text("a")));
    assert!(effects(&mut agent, received(7, text("a"))).is_empty());
    assert_eq!(
        effects(&mut agent, broke(0)),
        [Effect::OpenStream { session: "s".into(), cursor: Some(8), after: Duration::ZERO }]
    );
    assert!(effects(&mut agent, received(6, text("older"))).is_empty());
    assert_eq!(effects(&mut agent, received(8, text("b"))), [Effect::Show(Shown::Text("b".into()))]);
}

#[test]
fn interruptions_are_forgiven_when_something_new_came_and_given_up_otherwise() {
    let mut agent = following();
    for id in 1..=20 {
        assert!(matches!(effects(&mut agent, broke(0))[..], [Effect::OpenStream { .. }]));
        effects(&mut agent, received(id, text("x")));
    }
    let mut pauses = Vec::new();
    for seconds in [0, 10, 20, 30, 40, 50, 59] {
        let effects = effects(&mut agent, broke(seconds));
        // A person is told, but for the first time, when nothing is to be waited for.
        let is_told = matches!(effects[0], Effect::Show(Shown::Reconnecting { .. }));
        match effects.last() {
            Some(Effect::OpenStream { after, .. }) => pauses.push(after.as_secs()),
            other => panic!("{other:?}"),
        }
        assert_eq!(is_told, pauses.len() > 1);
    }
    assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 30]);
    assert_eq!(effects(&mut agent, broke(60)), [Effect::End(Outcome::Lost("cut".into()))]);
}

#[test]
fn a_silence_as_long_as_the_patience_is_tried_again_twice() {
    let mut agent = following();
    for _ in 0..2 {
        assert!(matches!(effects(&mut agent, broke(600)).last(), Some(Effect::OpenStream { .. })));
    }
    assert!(matches!(effects(&mut agent, broke(600))[..], [Effect::End(Outcome::Lost(_))]));
}

fn execute(id: &str, name: &str) -> Event {
    Event::Received { id: None, event: ServerEvent::Execute(call(id, name)) }
}

fn judged(id: &str, verdict: Verdict) -> Event {
    Event::Judged { request_id: id.into(), verdict }
}

fn send(id: &str, result: &ToolResult) -> Effect {
    Effect::SendResult { session: "s".into(), request_id: id.into(), result: result.clone() }
}

fn shown_result(id: &str, content: &str, is_error: bool) -> Effect {
    Effect::Show(Shown::ToolResult { id: id.into(), content: content.into(), is_error })
}

#[test]
fn a_tool_is_judged_run_and_answered_once_even_when_it_is_asked_for_again() {
    let mut agent = following();
    let announced = Event::Received { id: None, event: ServerEvent::ToolStarted(call("r", "t")) };
    assert_eq!(effects(&mut agent, announced), [Effect::Show(Shown::Tool(call("r", "t")))]);
    assert_eq!(effects(&mut agent, execute("r", "t")), [Effect::Judge(call("r", "t"))]);
    assert!(effects(&mut agent, execute("r", "t")).is_empty());
    assert_eq!(effects(&mut agent, judged("r", Verdict::Run)), [Effect::RunTool(call("r", "t"))]);
    assert!(effects(&mut agent, execute("r", "t")).is_empty());
    let result = ToolResult { stdout: "out".into(), ..ToolResult::default() };
    let finished = Event::ToolFinished { request_id: "r".into(), result: result.clone() };
    assert_eq!(effects(&mut agent, finished), [shown_result("r", "out", false), send("r", &result)]);
    assert_eq!(effects(&mut agent, execute("r", "t")), [send("r", &result)], "the server has no result yet");
    effects(&mut agent, Event::ResultAccepted { request_id: "r".into() });
    assert!(effects(&mut agent, execute("r", "t")).is_empty());
    let echo = ServerEvent::ToolAnswered { id: "r".into(), content: "out".into() };
    assert!(effects(&mut agent, Event::Received { id: None, event: echo }).is_empty(), "shown already");
}

#[test]
fn tools_wait_for_each_other_and_a_person_may_refuse() {
    let mut agent = following();
    effects(&mut agent, execute("1", "a"));
    assert_eq!(effects(&mut agent, execute("2", "b")), [Effect::Show(Shown::Tool(call("2", "b")))]);
    assert_eq!(
        effects(&mut agent, judged("1", Verdict::Ask)),
        [Effect::AskPerson { request_id: "1".into() }]
    );
    assert!(effects(&mut agent, judged("1", Verdict::Run)).is_empty(), "the decision was made");
    let refused = Event::Answered { request_id: "1".into(), answer: Answer::Refused("no".into()) };
    assert_eq!(
        effects(&mut agent, refused),
        [shown_result("1", "no", true), send("1", &ToolResult::refused("no")), Effect::Judge(call("2", "b"))]
    );
}

#[test]
fn a_run_in_which_nobody_could_approve_is_no_success_and_the_next_one_may_be() {
    let mut agent = following();
    effects(&mut agent, execute("1", "a"));
    effects(&mut agent, judged("1", Verdict::Ask));
    let nobody =
        Event::Answered { request_id: "1".into(), answer: Answer::Nobody("approval required: x".into()) };
    assert!(
        effects(&mut agent, nobody.clone())
            .contains(&send("1", &ToolResult::refused("approval required: x")))
    );
    effects(&mut agent, nobody);
    assert_eq!(ended(effects(&mut agent, received(50, complete()))), [Effect::End(Outcome::Unapproved(1))]);
    effects(&mut agent, Event::Asked("2".into()));
    effects(&mut agent, Event::MessageAccepted);
    assert_eq!(ended(effects(&mut agent, received(51, complete()))), [Effect::End(Outcome::Complete)]);
}

#[test]
fn plan_mode_refuses_the_six_tools_and_no_others() {
    let six = [
        "execute_bash_local",
        "run_nextflow_lint_local",
        "run_nf_core_lint_local",
        "write_file_local",
        "edit_file_local",
        "create_directory_local",
    ];
    for name in six {
        let mut agent = following();
        agent.set_plan(true);
        let all = effects(&mut agent, execute("r", name));
        assert!(
            matches!(&all[1], Effect::Refused { call, rule: "plan-mode", .. } if call.id == "r"),
            "{all:?}"
        );
        assert!(
            matches!(&all[3], Effect::SendResult { result, .. } if result.stderr.contains("plan mode")),
            "{all:?}"
        );
        assert!(!all.iter().any(|effect| matches!(effect, Effect::Judge(_) | Effect::RunTool(_))));
    }
    for name in ["read_file_local", "list_directory_local", "search_files_local", "search_content_local"] {
        let mut agent = following();
        agent.set_plan(true);
        assert_eq!(effects(&mut agent, execute("r", name))[1..], [Effect::Judge(call("r", name))]);
    }
}

#[test]
fn what_an_earlier_process_did_is_not_done_again() {
    let mut agent = agent();
    let result = ToolResult { stdout: "out".into(), ..ToolResult::default() };
    agent.resume(
        "s".into(),
        [
            ("begun".to_owned(), Past::Interrupted),
            ("done".to_owned(), Past::Unsent(result.clone())),
            ("sent".to_owned(), Past::Sent),
        ],
    );
    assert_eq!(effects(&mut agent, Event::Asked("hi".into())), [read_history(None)]);
    let read = Event::HistoryRead { last_id: Some(7), unnumbered: 2, last_run: LastRun::Over };
    assert_eq!(effects(&mut agent, read), [post("hi")]);
    assert_eq!(
        effects(&mut agent, Event::MessageAccepted),
        [Effect::OpenStream { session: "s".into(), cursor: Some(8), after: Duration::ZERO }]
    );
    assert!(effects(&mut agent, received(7, complete())).is_empty(), "older than the message");
    assert_eq!(effects(&mut agent, execute("done", "t")), [send("done", &result)]);
    assert!(effects(&mut agent, execute("sent", "t")).is_empty());
    let begun = effects(&mut agent, execute("begun", "t"));
    assert!(
        matches!(&begun[1], Effect::SendResult { result, .. } if result.stderr.contains("not run a second time"))
    );
}

#[test]
fn a_replay_without_numbers_is_skipped_up_to_its_end() {
    let resumed = |unnumbered| {
        let mut agent = agent();
        agent.resume("s".into(), []);
        effects(&mut agent, Event::Asked("hi".into()));
        effects(&mut agent, Event::HistoryRead { last_id: None, unnumbered, last_run: LastRun::Over });
        effects(&mut agent, Event::MessageAccepted);
        agent
    };
    let receive = |agent: &mut Agent, event| effects(agent, Event::Received { id: None, event });
    let mut counted = resumed(2);
    assert!(receive(&mut counted, text("old")).is_empty());
    assert!(receive(&mut counted, complete()).is_empty());
    assert_eq!(receive(&mut counted, text("new")), [Effect::Show(Shown::Text("new".into()))]);
    let mut marked = resumed(5);
    assert!(receive(&mut marked, text("old")).is_empty());
    assert!(receive(&mut marked, ServerEvent::HistoryEnd).is_empty());
    assert_eq!(receive(&mut marked, text("new")), [Effect::Show(Shown::Text("new".into()))]);
}

#[test]
fn a_cancel_ends_the_tool_that_runs_and_no_other_begins() {
    let mut agent = following();
    effects(&mut agent, execute("1", "a"));
    effects(&mut agent, execute("2", "b"));
    effects(&mut agent, judged("1", Verdict::Run));
    assert_eq!(
        effects(&mut agent, Event::Cancelled),
        [Effect::KillTool, Effect::CancelRun { session: "s".into() }, Effect::End(Outcome::Cancelled)]
    );
    let late = Event::ToolFinished { request_id: "1".into(), result: ToolResult::default() };
    assert!(effects(&mut agent, late).is_empty() && agent.is_idle());
}

#[test]
fn questions_wait_while_one_is_answered_and_outlive_a_cancel() {
    let mut agent = following();
    assert!(effects(&mut agent, Event::Asked("second".into())).is_empty());
    effects(&mut agent, Event::Cancelled);
    agent.forget();
    assert_eq!((agent.take_queued(), agent.take_queued()), (Some("second".into()), None));
    effects(&mut agent, Event::Asked("third".into()));
    effects(&mut agent, Event::Asked("fourth".into()));
    agent.clear_queue();
    assert_eq!(agent.take_queued(), None);
}

#[test]
fn a_goal_is_tried_three_times_in_full_approval_and_gives_it_back() {
    for (answers, steps) in [
        (vec!["no", "no", "no"], vec![GoalStep::Again, GoalStep::Again, GoalStep::GivenUp]),
        (vec!["no", "done. GOAL COM", "x"], vec![GoalStep::Again, GoalStep::Reached]),
    ] {
        let mut agent = Agent::new(Duration::ZERO, ApprovalMode::Basic);
        let mut message = agent.set_goal("make it work");
        assert_eq!(agent.approval(), ApprovalMode::Full);
        let mut seen = Vec::new();
        for (number, answer) in answers.into_iter().enumerate() {
            assert!(message.contains(&format!("attempt {} of 3", number + 1)), "{message}");
            effects(&mut agent, Event::Asked(message.clone()));
            effects(&mut agent, Event::SessionReady("s".into()));
            effects(&mut agent, Event::MessageAccepted);
            for part in [answer, "PLETE"] {
                effects(&mut agent, Event::Received { id: None, event: text(part) });
            }
            effects(&mut agent, Event::Received { id: None, event: complete() });
            let step = agent.goal_step().unwrap();
            seen.push(step);
            match agent.goal() {
                Some(goal) if step == GoalStep::Again => message = goal.message(),
                _ => break,
            }
        }
        assert_eq!(seen, steps);
        assert_eq!(agent.approval(), ApprovalMode::Basic, "the mode of before");
        assert_eq!(agent.goal_step(), None);
    }
}

#[test]
fn a_cancel_ends_a_goal_and_gives_the_mode_back() {
    let mut agent = agent();
    let message = agent.set_goal("x");
    effects(&mut agent, Event::Asked(message));
    effects(&mut agent, Event::Cancelled);
    assert_eq!((agent.goal(), agent.approval()), (None, ApprovalMode::Default));
}

/// What the server had said before it heard of the cancel is read first, and is no part of the next answer.
#[test]
fn what_is_left_of_a_cancelled_run_is_no_part_of_the_next() {
    let cancelled = |last_id, last_run| {
        let mut agent = following();
        effects(&mut agent, received(1, text("a")));
        assert_eq!(effects(&mut agent, Event::Cancelled), [cancel_run(), Effect::End(Outcome::Cancelled)]);
        assert_eq!(effects(&mut agent, Event::Asked("again".into())), [read_history(Some(2))]);
        let read = Event::HistoryRead { last_id, unnumbered: 0, last_run };
        assert_eq!(effects(&mut agent, read), [post("again")]);
        let open = effects(&mut agent, Event::MessageAccepted);
        let cursor = Some(last_id.unwrap_or(1) + 1);
        assert_eq!(open, [Effect::OpenStream { session: "s".into(), cursor, after: Duration::ZERO }]);
        agent
    };
    // Its end is still to come.
    for (last_id, last_run) in [(None, LastRun::None), (Some(2), LastRun::Open)] {
        let mut agent = cancelled(last_id, last_run);
        assert!(effects(&mut agent, received(3, complete())).is_empty());
        assert_eq!(effects(&mut agent, received(4, text("b"))), [Effect::Show(Shown::Text("b".into()))]);
        assert_eq!(ended(effects(&mut agent, received(5, complete()))), [Effect::End(Outcome::Complete)]);
    }
    // Its end was read: the next one is that of the new run, whatever comes first.
    let mut agent = cancelled(Some(3), LastRun::Over);
    let failed = received(4, ServerEvent::Failed("no".into()));
    assert_eq!(effects(&mut agent, failed), [Effect::End(Outcome::Failed("no".into()))]);
    assert_eq!(effects(&mut agent, Event::Asked("third".into())), [post("third")]);
}

#[test]
fn a_run_that_an_earlier_process_left_is_cancelled_and_read_to_its_end() {
    let mut agent = agent();
    agent.resume("s".into(), []);
    effects(&mut agent, Event::Asked("hi".into()));
    let read = |last_id, last_run| Event::HistoryRead { last_id: Some(last_id), unnumbered: 0, last_run };
    assert_eq!(effects(&mut agent, read(5, LastRun::Open)), [cancel_run(), read_history(Some(6))]);
    // It may say a little more, and not for ever.
    assert_eq!(effects(&mut agent, read(6, LastRun::Open)), [post("hi")]);
    effects(&mut agent, Event::MessageAccepted);
    assert!(effects(&mut agent, received(7, complete())).is_empty(), "its end");
    assert_eq!(ended(effects(&mut agent, received(8, complete()))), [Effect::End(Outcome::Complete)]);
}

#[test]
fn a_run_that_was_lost_is_cancelled_before_the_next_question() {
    let mut agent = following();
    for _ in 0..3 {
        effects(&mut agent, broke(600));
    }
    assert_eq!(effects(&mut agent, Event::Asked("again".into())), [cancel_run(), read_history(None)]);
    let mut given_up = following();
    effects(&mut given_up, Event::Cancelled);
    given_up.leave_running();
    assert_eq!(effects(&mut given_up, Event::Asked("again".into())), [cancel_run(), read_history(None)]);
    // Nobody works at what was refused.
    let mut agent = following();
    effects(&mut agent, received(1, complete()));
    effects(&mut agent, Event::Asked("too much".into()));
    assert!(effects(&mut agent, Event::MessageRefused).is_empty() && agent.is_idle());
    assert!(effects(&mut agent, Event::Cancelled).is_empty());
    assert_eq!(effects(&mut agent, Event::Asked("less".into())), [post("less")]);
    effects(&mut agent, Event::MessageAccepted);
    let failed = received(2, ServerEvent::Failed("no".into()));
    assert_eq!(effects(&mut agent, failed), [Effect::End(Outcome::Failed("no".into()))]);
}

#[test]
fn a_second_question_uses_the_session_and_a_forgotten_one_begins_anew() {
    let mut agent = following();
    effects(&mut agent, received(1, complete()));
    assert!(effects(&mut agent, Event::Asked("2".into())) == [post("2")]);
    effects(&mut agent, Event::Cancelled);
    agent.forget();
    assert_eq!(effects(&mut agent, Event::Asked("3".into())), [Effect::CreateSession]);
}

#[test]
fn failures_and_other_reasons_are_told_apart() {
    for (event, outcome) in [
        (ServerEvent::Failed("no".into()), Outcome::Failed("no".into())),
        (
            ServerEvent::Finished(Finish::Incomplete("length".into()), Usage::default()),
            Outcome::Incomplete("length".into()),
        ),
    ] {
        assert_eq!(ended(effects(&mut following(), received(1, event))), [Effect::End(outcome)]);
    }
}
