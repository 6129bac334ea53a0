//! How much goes into one commit of the hot path.

use std::collections::VecDeque;
use std::time::Instant;

use postrider_core::job::{JobState, PauseReason};
use postrider_core::limits::GROUP_COMMANDS;
use postrider_core::order::OrderKey;

use super::super::inbox::{self, Haste, PATIENCE, Taken};
use super::super::tx::Failure;
use super::*;
use crate::{JobPart, JobStep, Send, StepCommit, Stepped};

/// Passes on how many events each commit accepted, and how many deliveries it made again.
struct Grouped(Mutex<Sender<(usize, usize)>>);

impl CommitObserver for Grouped {
    fn committed(&self, commit: Commit) {
        if !commit.accepted.is_empty() {
            self.0.lock().unwrap().send((commit.accepted.len(), commit.resent.len())).unwrap();
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

/// Keeps the writer busy with something else, so that what is put meanwhile gathers; until the sender that is returned is used.
fn busy(engine: &Sqlite) -> Sender<()> {
    let (begun, has_begun) = channel();
    let (goes_on, waits) = channel::<()>();
    engine.change_unwatched(move |_| {
        begun.send(()).unwrap();
        waits.recv_timeout(Duration::from_secs(30)).unwrap();
        Ok(())
    });
    has_begun.recv_timeout(Duration::from_secs(30)).expect("the writer takes it up");
    goes_on
}

/// Long transactions keep everybody waiting, and what makes them long is deliveries: one event may have thousands.
#[tokio::test]
async fn a_group_ends_before_the_command_whose_deliveries_are_too_many_for_it() {
    let directory = TempDir::new().unwrap();
    let engine = open(directory.path()).unwrap();
    let (sender, commits) = channel();
    engine.start(Arc::new(Grouped(Mutex::new(sender))));
    let source = Source::new(webhook(&engine, "a secret").await);

    let goes_on = busy(&engine);
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
    assert_eq!(commits.try_iter().map(|(accepted, _)| accepted).collect::<Vec<_>>(), [3, 2, 1, 1, 1]);
}

/// Each commit costs a sync, and for most settlements and for small steps of jobs neither a producer nor an order waits.
#[tokio::test]
async fn what_is_not_awaited_waits_a_moment_and_nothing_that_is_awaited_waits_with_it() {
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
        inbox.put_joining(inbox::change(|_| Ok(()), oneshot::channel().0), Haste::Waits);
        let after = Instant::now();
        assert!(inbox.lock().patience(before).unwrap() >= PATIENCE);
        assert_eq!(inbox.lock().patience(after + PATIENCE), Some(Duration::ZERO));

        inbox.put(awaited);
        assert_eq!(inbox.lock().patience(after), Some(Duration::ZERO));
        let mut taken = VecDeque::new();
        let Taken { joining, change } = inbox.take(&mut taken);
        assert_eq!((taken.len(), joining.len(), change.is_none()), (3, 1, true));
        assert_eq!(inbox.lock().patience(after), None);
    }
}

#[tokio::test]
async fn what_joins_at_once_takes_along_what_waits() {
    let directory = TempDir::new().unwrap();
    let (engine, _told) = started(directory.path());
    let source = Source::new(webhook(&engine, "a secret").await);
    let (event, delivery, _) = source.event(10);
    let inbox = Inbox::default();
    inbox.put(Command::Settle(Box::new(source.settlement(event, delivery))));
    inbox.put_joining(inbox::change(|_| Ok(()), oneshot::channel().0), Haste::AtOnce);
    assert_eq!(inbox.lock().patience(Instant::now()), Some(Duration::ZERO));
    let mut taken = VecDeque::new();
    let Taken { joining, change } = inbox.take(&mut taken);
    assert_eq!((taken.len(), joining.len(), change.is_none()), (1, 1, true));
}

const MARK: &str = "INSERT INTO meta (name, value) VALUES ('mark', x'00')";

fn marks(directory: &TempDir) -> i64 {
    let other = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    other.query_row("SELECT count(*) FROM meta WHERE name = 'mark'", [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn what_joins_events_is_one_transaction_with_them_and_goes_without_any() {
    let directory = TempDir::new().unwrap();
    let (engine, _told) = started(directory.path());
    let source = Source::new(webhook(&engine, "a secret").await);
    let with = |tx: &mut Tx<'_, '_>| Ok(tx.commit.accepted.len());
    assert_eq!(engine.change_joining(Haste::Waits, with).await, Ok(0));

    let goes_on = busy(&engine);
    let (reply, first) = oneshot::channel();
    engine.inbox.put_joining(inbox::change(with, reply), Haste::Waits);
    let (reply, event) = oneshot::channel();
    engine.inbox.put(Command::Accept(with_deliveries(&source, 1), reply));
    let (reply, second) = oneshot::channel();
    engine.inbox.put_joining(inbox::change(with, reply), Haste::Waits);
    goes_on.send(()).unwrap();
    assert!(matches!(event.await.unwrap(), Ok(AcceptOutcome::Accepted(_))));
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (Ok(1), Ok(1)));
}

#[tokio::test]
async fn what_joins_events_and_fails_does_so_alone_and_so_do_they() {
    let directory = TempDir::new().unwrap();
    let (engine, _told) = started(directory.path());
    let source = Source::new(webhook(&engine, "a secret").await);
    let goes_on = busy(&engine);
    let (reply, event) = oneshot::channel();
    engine.inbox.put(Command::Accept(with_deliveries(&source, 1), reply));
    let (reply, change) = oneshot::channel::<Result<(), _>>();
    let fails = |tx: &mut Tx<'_, '_>| {
        tx.prepare(MARK)?.execute([])?;
        Err(Failure::NoSuchEnvironment)
    };
    engine.inbox.put_joining(inbox::change(fails, reply), Haste::Waits);
    goes_on.send(()).unwrap();
    assert!(matches!(event.await.unwrap(), Ok(AcceptOutcome::Accepted(_))));
    assert_eq!(change.await.unwrap(), Err(StoreError::NoSuchEnvironment));
    assert_eq!(marks(&directory), 0, "of what failed there is nothing");

    let goes_on = busy(&engine);
    let (reply, refused) = oneshot::channel();
    let mut batch = with_deliveries(&source, 1);
    let event = Arc::get_mut(&mut batch.events[0].event).expect("nobody else has it");
    event.environment_id = postrider_core::EnvironmentId::new(source.clock.now(), &source.entropy);
    engine.inbox.put(Command::Accept(batch, reply));
    let (reply, event) = oneshot::channel();
    engine.inbox.put(Command::Accept(with_deliveries(&source, 1), reply));
    let (reply, change) = oneshot::channel();
    let works = |tx: &mut Tx<'_, '_>| Ok(tx.prepare(MARK)?.execute([])?);
    engine.inbox.put_joining(inbox::change(works, reply), Haste::Waits);
    goes_on.send(()).unwrap();
    assert!(matches!(refused.await.unwrap(), Err(StoreError::NoSuchEnvironment)));
    assert!(matches!(event.await.unwrap(), Ok(AcceptOutcome::Accepted(_))));
    assert_eq!(change.await.unwrap(), Ok(1));
    assert_eq!(marks(&directory), 1);
}

#[tokio::test]
async fn a_small_step_of_a_job_is_committed_with_events_and_another_one_alone() {
    let directory = TempDir::new().unwrap();
    let engine = open(directory.path()).unwrap();
    let (sender, commits) = channel();
    engine.start(Arc::new(Grouped(Mutex::new(sender))));
    let source = Source::new(webhook(&engine, "a secret").await);
    let job = jobs::start(&engine, &source.webhook, "a").await;
    let part = engine.running_jobs().await.unwrap()[0].parts[0];
    let table =
        [(0, StepCommit::WithEvents, [(1, 1)]), (1, StepCommit::AtOnce, [(1, 1)]), (2, StepCommit::Alone, [(1, 0)])];
    for (from, commit, expected) in table {
        let (_, delivery, batch) = source.event(10);
        engine.accept(batch).await.unwrap();
        let (part, to, send) = (JobPart { cursor: [from; 16], ..part }, [from + 1; 16], vec![Send::Again(delivery)]);
        let step = JobStep { job: job.clone(), part, to, is_over: false, send, skipped: 0, commit };
        commits.try_iter().for_each(drop);
        let goes_on = busy(&engine);
        let (_, _, batch) = source.event(10);
        let release = async { goes_on.send(()).unwrap() };
        let (stepped, accepted, ()) = tokio::join!(engine.step_job(step), engine.accept(batch), release);
        assert!(matches!(accepted, Ok(AcceptOutcome::Accepted(_))));
        let Ok(Stepped::Yes(job)) = stepped else { panic!("{stepped:?}") };
        assert_eq!(job.progress.done, u64::from(from) + 1);
        assert_eq!(commits.try_iter().collect::<Vec<_>>(), expected);
    }
}

/// Settlements and small steps wait for one another, and an endpoint that is gone is what ends most replays early.
#[tokio::test]
async fn a_step_finds_a_webhook_as_the_settlements_that_it_is_committed_with_have_left_it() {
    for is_named in [true, false] {
        let directory = TempDir::new().unwrap();
        let (engine, _told) = started(directory.path());
        let source = Source::new(webhook(&engine, "a secret").await);
        let (event, delivered, batch) = source.event(10);
        engine.accept(batch).await.unwrap();
        engine.record(source.settlement(event, delivered));
        let (event, asked, batch) = source.event(10);
        engine.accept(batch).await.unwrap();
        let webhook = is_named.then_some(source.webhook.id);
        let job = jobs::start_for(&engine, &source.webhook, webhook, "a").await;
        let part = engine.running_jobs().await.unwrap()[0].parts[0];

        let gone = Outcome::Answered { status: 410, retry_after: None };
        let step = next(0, None, &gone, &RetryPolicy::Standard, source.clock.now(), 0.0);
        let goes_on = busy(&engine);
        engine.record(Settlement { step, ..source.settlement(event, asked) });
        let send = vec![Send::Again(delivered)];
        let commit = StepCommit::WithEvents;
        let step = JobStep { job: job.clone(), part, to: [1; 16], is_over: false, send, skipped: 0, commit };
        let release = async { goes_on.send(()).unwrap() };
        let (stepped, ()) = tokio::join!(engine.step_job(step), release);
        let job = engine.job(job.environment_id, job.id).await.unwrap().unwrap();
        if is_named {
            assert_eq!(stepped, Ok(Stepped::No));
            assert_eq!(job.state, JobState::Paused(PauseReason::WebhookInactive));
        } else {
            assert!(matches!(stepped, Ok(Stepped::Yes(_))));
            assert_eq!((job.progress.done, job.progress.failed), (0, 1));
        }
        let other = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
        let waiting = "SELECT count(*) FROM deliveries WHERE state <= 1";
        let waiting: i64 = other.query_row(waiting, [], |row| row.get(0)).unwrap();
        assert_eq!(waiting, 0, "nothing was made for a webhook that is off");
    }
}
