//! How much goes into one commit of the hot path.

use std::collections::VecDeque;
use std::time::Instant;

use postrider_core::limits::GROUP_COMMANDS;
use postrider_core::order::OrderKey;

use super::super::inbox::SETTLEMENT_PATIENCE;
use super::*;

/// Passes on how many commands each commit had, of one event each.
struct Grouped(Mutex<Sender<usize>>);

impl CommitObserver for Grouped {
    fn committed(&self, commit: Commit) {
        if !commit.accepted.is_empty() {
            self.0.lock().unwrap().send(commit.accepted.len()).unwrap();
        }
    }
}

fn with_deliveries(source: &Source, count: usize) -> AcceptBatch {
    let (_, _, mut batch) = source.event(10);
    let now = source.clock.now();
    let delivery =
        || NewDelivery { id: DeliveryId::new(now, &source.entropy), webhook: source.webhook.clone(), order_key: None };
    batch.events[0].deliveries = (0..count).map(|_| delivery()).collect();
    batch
}

/// Long transactions keep everybody waiting, and what makes them long is deliveries: one event may have thousands.
#[tokio::test]
async fn a_group_ends_before_the_command_whose_deliveries_are_too_many_for_it() {
    let directory = TempDir::new().unwrap();
    let engine = open(directory.path()).unwrap();
    let (sender, commits) = channel();
    engine.start(Arc::new(Grouped(Mutex::new(sender))));
    let source = Source::new(webhook(&engine, "a secret").await);

    // While the writer is busy with something else, commands gather.
    let (begun, has_begun) = channel();
    let (goes_on, waits) = channel::<()>();
    engine.change_unwatched(move |_| {
        begun.send(()).unwrap();
        waits.recv_timeout(Duration::from_secs(30)).unwrap();
        Ok(())
    });
    has_begun.recv_timeout(Duration::from_secs(30)).expect("the writer takes it up");
    let half = GROUP_COMMANDS / 2;
    let mut answers = Vec::new();
    for deliveries in [half, half - 1, 0, 1, half, half, GROUP_COMMANDS + 1, 0] {
        let (reply, answer) = oneshot::channel();
        engine.inbox.put(Command::Accept(with_deliveries(&source, deliveries), reply));
        answers.push(answer);
    }
    goes_on.send(()).unwrap();
    for answer in answers {
        assert!(matches!(answer.await, Ok(Ok(AcceptOutcome::Accepted(_)))));
    }
    // Full to the last one, an event without deliveries counting as one; one that is too large for any group is one by itself.
    assert_eq!(commits.try_iter().collect::<Vec<_>>(), [3, 2, 1, 1, 1]);
}

/// Each commit costs a sync, and for most settlements nobody waits.
#[tokio::test]
async fn settlements_wait_a_moment_and_nothing_that_is_awaited_waits_with_them() {
    let directory = TempDir::new().unwrap();
    let (engine, _told) = started(directory.path());
    let source = Source::new(webhook(&engine, "a secret").await);
    let (event, delivery, batch) = source.event(10);
    let settlement = source.settlement(event, delivery);
    let in_order = Settlement { order_key: Some(OrderKey::from_bytes([1; 16])), ..settlement.clone() };
    // It is sent again before another one goes.
    let failed = Outcome::Answered { status: 500, retry_after: None };
    let step = next(0, None, &failed, &RetryPolicy::Standard, source.clock.now(), 0.0);
    let again = Settlement { step, ..in_order.clone() };
    let accept = Command::Accept(batch, oneshot::channel().0);
    for awaited in [Command::Settle(Box::new(in_order)), accept] {
        let inbox = Inbox::default();
        assert_eq!(inbox.lock().patience(Instant::now()), None);
        let before = Instant::now();
        inbox.put(Command::Settle(Box::new(settlement.clone())));
        inbox.put(Command::Settle(Box::new(again.clone())));
        let after = Instant::now();
        assert!(inbox.lock().patience(before).unwrap() >= SETTLEMENT_PATIENCE);
        assert_eq!(inbox.lock().patience(after + SETTLEMENT_PATIENCE), Some(Duration::ZERO));

        inbox.put(awaited);
        assert_eq!(inbox.lock().patience(after), Some(Duration::ZERO));
        let mut taken = VecDeque::new();
        assert!(inbox.take(&mut taken).is_none());
        assert_eq!(taken.len(), 3);
        assert_eq!(inbox.lock().patience(after), None);
    }
}
