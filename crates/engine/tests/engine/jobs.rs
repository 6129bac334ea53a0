//! Jobs: at their rate, through crashes, and with regard for those who do not answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use postrider_core::attempt::FailureKind;
use postrider_core::delivery::Origin;
use postrider_core::job::{Include, Job, JobState, Replay, Resend, Work};
use postrider_core::limits::{JOB_BITE, JOB_PAUSED, JOB_WAITING};
use postrider_core::order::OrderBy;
use postrider_core::rate::{Period, RateLimit};
use postrider_core::retry::RetryPolicy;
use postrider_core::webhook::{Scope, Sending};
use postrider_core::{Clock as _, EventId, Timestamp, WebhookId};
use postrider_engine::EngineOptions;
use postrider_store::{Control, DeliveryFilter, EventFilter, NewJob, PageRequest, StartJob};

use crate::support::{Reply, Server, event};

fn start(server: &Server, rate: u32, webhooks: Vec<WebhookId>, from: Timestamp) -> Arc<Job> {
    let to = server.clock.now() + Duration::from_millis(1);
    let work =
        Work::Replay(Replay { webhooks, from, to, event: None, event_key: None, tenant: None, include: Include::All });
    let counted = server.wait(server.engine().count_job(server.environment(), None, &work)).unwrap();
    start_work(server, "key", rate, work, Some(counted.deliveries))
}

fn start_work(server: &Server, key: &str, rate: u32, work: Work, total: Option<u64>) -> Arc<Job> {
    let new = NewJob {
        environment_id: server.environment(),
        tenant_id: None,
        idempotency_key: key.into(),
        request_hash: [0; 32],
        work,
        rate,
        total,
    };
    match server.wait(server.store().start_job(new)).unwrap() {
        StartJob::Started(job) => job,
        other => panic!("{other:?}"),
    }
}

fn now(server: &Server, job: &Job) -> Job {
    server.wait(server.store().job(server.environment(), job.id)).unwrap().unwrap()
}

/// Deliveries by event that the replay has made for a webhook, with their number of attempts.
fn replayed(server: &Server, webhook: WebhookId) -> HashMap<EventId, Vec<u32>> {
    let mut found: HashMap<EventId, Vec<u32>> = HashMap::new();
    let mut before = None;
    loop {
        let filter = DeliveryFilter { webhook: Some(webhook), ..DeliveryFilter::default() };
        let page = PageRequest { limit: 250, before };
        let page = server.wait(server.store().deliveries(server.environment(), filter, page)).unwrap();
        for row in page.rows.into_iter().filter(|row| row.delivery.origin == Origin::Replay) {
            found.entry(row.delivery.event_id).or_default().push(row.delivery.attempts);
        }
        before = page.next;
        if before.is_none() {
            return found;
        }
    }
}

fn accept(server: &Server, count: usize) -> Vec<EventId> {
    let events = (0..count).map(|_| event(None)).collect();
    server.accept(events).into_iter().map(|(event, _)| event).collect()
}

#[test]
fn a_replay_goes_on_after_each_crash_and_makes_each_delivery_once() {
    let mut server = Server::start(11, EngineOptions::default());
    server.create_webhook("early", Scope::Environment, RetryPolicy::Standard);
    let from = server.clock.now();
    let events = accept(&server, 120);
    server.advance(Duration::from_secs(1));
    let late = server.create_webhook("late", Scope::Environment, RetryPolicy::Standard);
    let job = start(&server, 100, vec![late.id], from);
    assert_eq!(job.progress.total, Some(120));
    let mut crashes = 0;
    while now(&server, &job).state == JobState::Running {
        let before = now(&server, &job).progress.done;
        server.advance(Duration::from_millis(100));
        server.until("the job comes forward", || {
            let job = now(&server, &job);
            job.progress.done > before || job.state != JobState::Running
        });
        if before / 30 > crashes {
            server.crash();
            crashes += 1;
        }
    }
    assert!(crashes >= 3);
    let job = now(&server, &job);
    assert!(matches!(job.state, JobState::Completed { .. }));
    assert_eq!((job.progress.done, job.progress.skipped, job.progress.failed), (120, 0, 0));
    server.until("all are delivered", || replayed(&server, late.id).values().all(|attempts| attempts[0] > 0));
    let made = replayed(&server, late.id);
    assert_eq!(made.len(), events.len());
    assert!(made.values().all(|attempts| attempts.len() == 1), "each once");
}

#[test]
fn a_batch_is_listed_and_sent_again_in_its_order() {
    let server = Server::start(17, EngineOptions::default());
    let from = server.clock.now();
    let events = accept(&server, 50);
    server.advance(Duration::from_secs(1));
    let page = PageRequest { limit: 250, before: None };
    let listed = server.wait(server.store().events(server.environment(), EventFilter::default(), page)).unwrap();
    let listed: Vec<_> = listed.rows.iter().rev().map(|row| row.id).collect();
    assert_eq!(listed, events);
    let sending = Sending { order_by: Some(OrderBy::Tenant), ..Sending::default() };
    let late = server.create_webhook_like("late", Scope::Environment, sending, None);
    let job = start(&server, 1_000, vec![late.id], from);
    server.until("all is made", || {
        server.advance(Duration::from_millis(10));
        now(&server, &job).state != JobState::Running
    });
    server.finish(&[late.id]);
    let sent: Vec<_> = server.receivers.log().iter().map(|request| request.event).collect();
    assert_eq!(sent, events);
}

#[test]
fn a_job_keeps_to_its_rate_and_makes_nothing_more_for_who_does_not_answer() {
    let server = Server::start(12, EngineOptions::default());
    server.create_webhook("early", Scope::Environment, RetryPolicy::Standard);
    let from = server.clock.now();
    accept(&server, 1_000);
    server.advance(Duration::from_secs(1));
    let well = server.create_webhook("well", Scope::Environment, RetryPolicy::Standard);
    let down = server.create_webhook("down", Scope::Environment, RetryPolicy::Standard);
    server.receivers.plan(|url| {
        if url.contains("down") { Reply::Fails(FailureKind::ConnectionRefused) } else { Reply::Status(200) }
    });
    let job = start(&server, 1_000, vec![well.id, down.id], from);
    server.until("it begins", || now(&server, &job).progress.done > 0);
    let started_at = server.clock.now();
    // One part comes to its end, and the other one waits for its endpoint.
    server.until("the part of the endpoint that answers is done", || {
        server.advance(Duration::from_millis(50));
        let made = replayed(&server, well.id).len() + replayed(&server, down.id).len();
        let seconds = server.clock.now().since(started_at).as_secs_f64();
        assert!(f64::from(u32::try_from(made).unwrap()) <= 1_000.0 * seconds + 251.0, "{made} in {seconds} s");
        replayed(&server, well.id).len() == 1_000
    });
    let waits = replayed(&server, down.id).len();
    assert!(waits <= JOB_WAITING + 300, "{waits} wait for the endpoint that does not answer");
    assert_eq!(now(&server, &job).state, JobState::Running);
}

/// Replays to a webhook that gets far fewer at a time than the job would make.
fn replay_to_a_slow_one(seed: u64, sending: Sending) {
    let events = 400;
    let server = Server::start(seed, EngineOptions::default());
    server.create_webhook("early", Scope::Environment, RetryPolicy::Standard);
    let from = server.clock.now();
    accept(&server, events);
    server.advance(Duration::from_secs(1));
    let slow = server.create_webhook_like("slow", Scope::Environment, sending, None);
    let sent: Arc<AtomicUsize> = Arc::default();
    let count = sent.clone();
    server.receivers.plan(move |url| {
        if url.contains("slow") {
            count.fetch_add(1, Ordering::SeqCst);
        }
        Reply::Status(200)
    });
    let job = start(&server, 1_000, vec![slow.id], from);
    server.until("all is made and sent", || {
        server.advance(Duration::from_millis(50));
        let made = usize::try_from(now(&server, &job).progress.done).unwrap();
        let sent = sent.load(Ordering::SeqCst);
        assert!(made < sent + JOB_WAITING + JOB_BITE, "{made} made and {sent} sent");
        sent == events
    });
    assert!(matches!(now(&server, &job).state, JobState::Completed { .. }));
}

#[test]
fn a_job_makes_nothing_more_while_many_wait_for_their_turn() {
    replay_to_a_slow_one(14, Sending { order_by: Some(OrderBy::Tenant), ..Sending::default() });
}

#[test]
fn a_job_makes_nothing_more_while_many_wait_for_a_rate_limit() {
    let rate_limit = Some(RateLimit::new(20, Period::Second, 20).unwrap());
    replay_to_a_slow_one(15, Sending { rate_limit, ..Sending::default() });
}

#[test]
fn a_job_that_cannot_go_on_stops_no_other() {
    let server = Server::start(16, EngineOptions::default());
    let webhook = server.create_webhook("one", Scope::Environment, RetryPolicy::Standard);
    let from = server.clock.now();
    accept(&server, 3);
    // A state that there is not, as an older or newer version may have had it.
    let resend = Resend { states: vec!["lost".into()], ..Resend::default() };
    let stuck = start_work(&server, "stuck", 100, Work::Resend(resend), None);
    let job = start(&server, 100, vec![webhook.id], from);
    server.until("the other one completes", || {
        server.advance(Duration::from_millis(50));
        matches!(now(&server, &job).state, JobState::Completed { .. })
    });
    assert_eq!(now(&server, &job).progress.done, 3);
    assert_eq!(now(&server, &stuck).state, JobState::Running);
}

#[test]
fn a_job_to_which_nobody_comes_back_is_cancelled() {
    let server = Server::start(13, EngineOptions::default());
    let webhook = server.create_webhook("one", Scope::Environment, RetryPolicy::Standard);
    let other = server.create_webhook("other", Scope::Environment, RetryPolicy::Standard);
    let from = server.clock.now();
    accept(&server, 3);
    let job = start(&server, 1, vec![webhook.id], from);
    server.wait(server.store().control_job(server.environment(), job.id, Control::Pause)).unwrap();
    // The upkeep is woken by what is switched off.
    server.advance(JOB_PAUSED + Duration::from_secs(1));
    server.switch(other.id, false);
    server.until("it is cancelled", || matches!(now(&server, &job).state, JobState::Cancelled { .. }));
}
