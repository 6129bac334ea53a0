use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        (100..=999u16, proptest::option::of(0..200_000u64))
            .prop_map(|(status, s)| Outcome::Answered { status, retry_after: s.map(Duration::from_secs) }),
        proptest::sample::select(FailureKind::ALL).prop_map(Outcome::Failed),
        proptest::sample::select(OurFault::ALL).prop_map(Outcome::Ours),
        Just(Outcome::Unrenderable),
    ]
}

fn policies() -> impl Strategy<Value = RetryPolicy> {
    prop_oneof![
        Just(RetryPolicy::Standard),
        Just(RetryPolicy::Frontegg),
        proptest::collection::vec(1..=86_400u32, 0..=30)
            .prop_map(|s| RetryPolicy::Delays(s.try_into().expect("within the limits"))),
    ]
}

proptest! {
    #[test]
    fn every_history_ends_within_the_policys_attempts(
        policy in policies(),
        history in proptest::collection::vec((outcomes(), 0.0..1.0f64), 40..200),
    ) {
        let mut attempts = 0;
        let mut fault = None;
        let mut now = NOW;
        for (outcome, jitter) in history {
            let step = next(attempts, fault, &outcome, &policy, now, jitter);
            let ours = matches!(outcome, Outcome::Ours(_));
            let counts = !ours && outcome != Outcome::Unrenderable;
            prop_assert_eq!(step.attempts, attempts + u32::from(counts));
            prop_assert!(step.attempts as usize <= policy.delays().len() + 1);
            match step.state {
                DeliveryState::Pending { due_at, fault } => {
                    prop_assert!(ours && fault.is_some() && step.attempts == 0 && due_at > now);
                    now = due_at;
                }
                DeliveryState::Retrying { due_at, fault } => {
                    prop_assert!(step.attempts > 0 && due_at > now);
                    prop_assert_eq!(ours, fault.is_some());
                    now = due_at;
                }
                DeliveryState::Delivered { .. } => {
                    prop_assert!(outcome.is_success());
                    prop_assert_eq!(step.verdict, Verdict::Works);
                    return Ok(());
                }
                DeliveryState::Failed { .. } => {
                    prop_assert!(!outcome.is_success() && !ours);
                    return Ok(());
                }
                DeliveryState::Behind => prop_assert!(false, "who is behind others is not attempted"),
                DeliveryState::Discarded { .. } => prop_assert!(false, "an attempt never discards"),
            }
            attempts = step.attempts;
            fault = step.state.fault();
        }
    }
}

#[test]
fn gone_ends_at_once_and_every_other_4xx_is_retried() {
    for status in 100..=999 {
        let step = next(0, None, &Outcome::Answered { status, retry_after: None }, &RetryPolicy::Standard, NOW, 0.5);
        let expected = match status {
            200..=299 => "delivered",
            410 => "failed",
            _ => "retrying",
        };
        assert_eq!(step.state.name(), expected, "{status}");
    }
}

#[test]
fn retry_after_counts_on_429_and_503_alone() {
    let hour = Some(Duration::from_hours(1));
    let due = |status| {
        let step = next(0, None, &Outcome::Answered { status, retry_after: hour }, &RetryPolicy::Standard, NOW, 0.5);
        step.state.due_at().expect("a retry").since(NOW)
    };
    assert!(due(429) >= Duration::from_hours(1) && due(503) >= Duration::from_hours(1));
    assert_eq!(due(500), Duration::from_secs(5));
    assert_eq!(due(404), Duration::from_secs(5));
}

#[test]
fn faults_of_our_own_are_waited_out_as_long_as_retries_take_and_at_least_a_day() {
    let long = RetryPolicy::Standard.span();
    assert!(long > OUR_FAULTS);
    for (policy, patience) in [(RetryPolicy::Frontegg, OUR_FAULTS), (RetryPolicy::Standard, long)] {
        for attempts in [0, 1] {
            let ours = |fault, now| next(attempts, fault, &Outcome::Ours(OurFault::Resolver), &policy, now, 0.5);
            let first = ours(None, NOW).state.fault();
            assert_eq!(first, Some(Fault { kind: OurFault::Resolver, since: NOW }));
            let last = ours(first, NOW + patience - Duration::from_micros(1));
            assert_eq!(last.state.fault(), first, "the first of them counts");
            let end = ours(last.state.fault(), NOW + patience);
            let state = DeliveryState::Failed { at: NOW + patience, reason: FailReason::CouldNotBeSent };
            assert_eq!(end, Step { state, attempts, verdict: Verdict::None }, "nobody is blamed");
        }
    }
    let before = Some(Fault { kind: OurFault::Proxy, since: NOW });
    let failed = next(0, before, &Outcome::Failed(FailureKind::Timeout), &RetryPolicy::Standard, NOW, 0.5);
    assert_eq!(failed.state.fault(), None, "an attempt that was made begins a new count");
}

#[test]
fn what_cannot_be_rendered_fails_at_once_and_nobody_is_blamed() {
    for policy in [RetryPolicy::Standard, RetryPolicy::Frontegg] {
        let step = next(0, None, &Outcome::Unrenderable, &policy, NOW, 0.5);
        let state = DeliveryState::Failed { at: NOW, reason: FailReason::TemplateError };
        assert_eq!(step, Step { state, attempts: 0, verdict: Verdict::None });
    }
    assert!(!Outcome::Unrenderable.is_unwell() && !Outcome::Unrenderable.is_success());
}

#[test]
fn what_a_former_endpoint_answers_ends_nothing() {
    for policy in [RetryPolicy::Standard, RetryPolicy::Frontegg] {
        let step = next(0, None, &Outcome::MovedFrom, &policy, NOW, 0.5);
        let state = DeliveryState::Retrying { due_at: NOW, fault: None };
        assert_eq!(step, Step { state, attempts: 1, verdict: Verdict::None });
    }
}

#[test]
fn preset_frontegg_fails_at_once() {
    let step = next(0, None, &Outcome::Failed(FailureKind::Timeout), &RetryPolicy::Frontegg, NOW, 0.5);
    assert_eq!(step.state, DeliveryState::Failed { at: NOW, reason: FailReason::AttemptsExhausted });
    assert_eq!(step.verdict, Verdict::Failed);
}
