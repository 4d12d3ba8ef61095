use super::*;

fn effects(agent: &mut Agent, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
    agent.handle(event, &mut effects);
    effects
}

fn received(id: u64, event: ServerEvent) -> Event {
    Event::Received { id: Some(id), event }
}

fn text(text: &str) -> ServerEvent {
    ServerEvent::Text(text.to_owned())
}

/// An agent that follows the stream of its first message.
fn following() -> Agent {
    let mut agent = Agent::new();
    assert_eq!(effects(&mut agent, Event::Asked("hi".into())), [Effect::CreateSession]);
    assert_eq!(
        effects(&mut agent, Event::SessionReady("s".into())),
        [Effect::PostMessage { session: "s".into(), content: "hi".into() }]
    );
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
    assert_eq!(
        effects(&mut agent, received(2, ServerEvent::Finished(Finish::Complete))),
        [Effect::End(Outcome::Complete)]
    );
    assert!(effects(&mut agent, received(3, text("late"))).is_empty());
}

#[test]
fn what_was_seen_is_dropped_and_the_cursor_goes_on_behind_it() {
    let mut agent = following();
    effects(&mut agent, received(7, text("a")));
    assert!(effects(&mut agent, received(7, text("a"))).is_empty());
    assert_eq!(
        effects(&mut agent, Event::StreamBroke("cut".into())),
        [Effect::OpenStream { session: "s".into(), cursor: Some(8), after: Duration::ZERO }]
    );
    assert!(effects(&mut agent, received(6, text("older"))).is_empty());
    assert_eq!(effects(&mut agent, received(8, text("b"))), [Effect::Show(Shown::Text("b".into()))]);
}

#[test]
fn interruptions_are_forgiven_when_something_new_came_and_given_up_otherwise() {
    let mut agent = following();
    for id in 1..=20 {
        assert!(matches!(
            effects(&mut agent, Event::StreamBroke("cut".into()))[..],
            [Effect::OpenStream { .. }]
        ));
        effects(&mut agent, received(id, text("x")));
    }
    let mut pauses = Vec::new();
    loop {
        match effects(&mut agent, Event::StreamBroke("cut".into())).remove(0) {
            Effect::OpenStream { after, .. } => pauses.push(after.as_secs()),
            Effect::End(outcome) => {
                assert_eq!(outcome, Outcome::Lost("cut".into()));
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(pauses, [0, 1, 2, 4, 8]);
}

#[test]
fn a_tool_request_is_answered_once_even_when_it_is_replayed_without_a_number() {
    let mut agent = following();
    let request = ServerEvent::Execute { request_id: "r".into(), name: "t".into() };
    let once = effects(&mut agent, Event::Received { id: None, event: request.clone() });
    assert_eq!(once, [Effect::RefuseTool { session: "s".into(), request_id: "r".into(), name: "t".into() }]);
    assert!(effects(&mut agent, Event::Received { id: None, event: request }).is_empty());
}

#[test]
fn the_late_end_of_a_cancelled_run_does_not_end_the_next() {
    let mut agent = following();
    effects(&mut agent, received(1, text("a")));
    assert_eq!(
        effects(&mut agent, Event::Cancelled),
        [Effect::CancelRun { session: "s".into() }, Effect::End(Outcome::Cancelled)]
    );
    effects(&mut agent, Event::Asked("again".into()));
    effects(&mut agent, Event::MessageAccepted);
    assert!(effects(&mut agent, received(2, ServerEvent::Finished(Finish::Complete))).is_empty());
    assert_eq!(effects(&mut agent, received(3, text("b"))), [Effect::Show(Shown::Text("b".into()))]);
    assert_eq!(
        effects(&mut agent, received(4, ServerEvent::Finished(Finish::Complete))),
        [Effect::End(Outcome::Complete)]
    );
}

#[test]
fn a_second_question_uses_the_session_and_a_forgotten_one_begins_anew() {
    let mut agent = following();
    effects(&mut agent, received(1, ServerEvent::Finished(Finish::Complete)));
    assert!(matches!(effects(&mut agent, Event::Asked("2".into()))[..], [Effect::PostMessage { .. }]));
    agent.forget();
    assert_eq!(effects(&mut agent, Event::Asked("3".into())), [Effect::CreateSession]);
}

#[test]
fn failures_and_other_reasons_are_told_apart() {
    for (event, outcome) in [
        (ServerEvent::Failed("no".into()), Outcome::Failed("no".into())),
        (ServerEvent::Finished(Finish::Incomplete("length".into())), Outcome::Incomplete("length".into())),
    ] {
        assert_eq!(effects(&mut following(), received(1, event)), [Effect::End(outcome)]);
    }
}
