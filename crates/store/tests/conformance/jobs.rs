//! Rules of jobs.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use postrider_core::delivery::Origin;
use postrider_core::event::{EventKey, TenantId};
use postrider_core::job::{Include, Job, JobState, PauseReason, Replay, Resend, Work};
use postrider_core::limits::{JOBS_OF_TENANTS, JOBS_OF_VENDOR, JOBS_PER_TENANT, UPKEEP_BITE};
use postrider_core::webhook::Webhook;
use postrider_core::{EnvironmentId, EventId, Timestamp, WebhookId};
use postrider_store::StepCommit::{Alone, WithEvents};
use postrider_store::{
    Control, ControlJob, Cursor, DeliveryFilter, DeliveryRow, JobStep, NewJob, PageRequest, Repeatable, ReplayAhead,
    ResendAhead, RunningJob, Send, StartJob, StepCommit, Stepped, Upkeep, Walk, WebhookPatch,
};

use crate::world::{World, answered, failed};

pub(crate) fn new_job(environment: EnvironmentId, key: &str, work: Work) -> NewJob {
    NewJob {
        environment_id: environment,
        tenant_id: None,
        idempotency_key: key.into(),
        request_hash: [7; 32],
        work,
        rate: 100,
        total: None,
    }
}

fn replay(webhooks: &[WebhookId], from: Timestamp, to: Timestamp, include: Include) -> Work {
    Work::Replay(Replay { webhooks: webhooks.to_vec(), from, to, event: None, event_key: None, tenant: None, include })
}

async fn started(world: &World, environment: EnvironmentId, key: &str, work: Work) -> Arc<Job> {
    match world.store().start_job(new_job(environment, key, work)).await.unwrap() {
        StartJob::Started(job) => job,
        other => panic!("{other:?}"),
    }
}

async fn running(world: &World, job: &Job) -> Option<RunningJob> {
    world.store().running_jobs().await.unwrap().into_iter().find(|running| running.job.id == job.id)
}

/// Takes a job to its end, each step carried out twice: the second time nothing happens.
async fn run(world: &mut World, job: &Job, (most, commit): (usize, StepCommit), reopen: bool) -> Job {
    while let Some(RunningJob { job, parts }) = running(world, job).await {
        let part = parts[0];
        let (items, reached, is_over) = ahead(world, &job, part.webhook, part.cursor).await;
        let taken = &items[..items.len().min(most)];
        let is_all = taken.len() == items.len();
        let to = if is_all { reached } else { taken[taken.len() - 1].0 };
        let step = || JobStep {
            job: job.clone(),
            part,
            to,
            is_over: is_all && is_over,
            send: taken.iter().filter_map(|(_, send)| send.clone()).collect(),
            skipped: taken.iter().filter(|(_, send)| send.is_none()).count() as u64,
            commit,
        };
        world.advance(Duration::from_millis(1));
        assert!(matches!(world.store().step_job(step()).await.unwrap(), Stepped::Yes(_)));
        if reopen {
            world.reopen();
        }
        let again = world.store().step_job(step()).await.unwrap();
        assert!(taken.is_empty() || matches!(again, Stepped::No), "a step is taken once");
    }
    world.store().job(job.environment_id, job.id).await.unwrap().expect("the job is there")
}

async fn ahead(
    world: &World,
    job: &Job,
    webhook: Option<WebhookId>,
    after: Cursor,
) -> (Vec<(Cursor, Option<Send>)>, Cursor, bool) {
    match &job.work {
        Work::Resend(resend) => {
            let environment = job.environment_id;
            let (whose, until) = (job.tenant_id.clone(), job.created_at);
            let asked = ResendAhead { resend: resend.clone(), whose, after, until };
            let ahead = world.store().resend_ahead(environment, asked).await.unwrap();
            let send = |repeatable| match repeatable {
                Repeatable::Yes(id) => Some(Send::Again(id)),
                Repeatable::No => None,
            };
            (ahead.items.into_iter().map(|(at, item)| (at, send(item))).collect(), ahead.reached, ahead.is_over)
        }
        Work::Replay(replay) => {
            let asked = ReplayAhead { replay: replay.clone(), webhook: webhook.expect("its webhook"), after };
            let ahead = world.store().replay_ahead(job.environment_id, asked).await.unwrap();
            let send = |item: postrider_store::Replayable| (!item.is_delivered).then_some(Send::Event(item.event.id));
            (ahead.items.into_iter().map(|(at, item)| (at, send(item))).collect(), ahead.reached, ahead.is_over)
        }
    }
}

async fn made_by(world: &World, environment: EnvironmentId, origin: Origin) -> Vec<DeliveryRow> {
    let page = PageRequest { limit: 250, before: None };
    let page = world.store().deliveries(environment, DeliveryFilter::default(), page).await.unwrap();
    page.rows.into_iter().filter(|row| row.delivery.origin == origin).rev().collect()
}

/// Six events to a webhook: delivered, failed, failed and resent, waiting, delivered, failed.
async fn some_deliveries(world: &World, webhook: &Arc<Webhook>) -> Vec<EventId> {
    let mut events = Vec::new();
    for number in 0..6 {
        let accepted = world.accept(std::slice::from_ref(webhook)).await;
        let outcome =
            [answered(200), answered(410), answered(410), failed(), answered(200), answered(410)][number].clone();
        let gone = matches!(number, 1 | 2 | 5);
        world.settle(&accepted.event, accepted.deliveries[0], outcome).await;
        if gone {
            let on = WebhookPatch { active: Some(true), ..WebhookPatch::default() };
            world.sweep().await;
            world.store().update_webhook(webhook.environment_id, None, webhook.id, on).await.unwrap();
        }
        world.advance(Duration::from_millis(3));
        if number == 2 {
            world.store().resend(webhook.environment_id, accepted.deliveries[0]).await.unwrap();
        }
        events.push(accepted.event.id);
    }
    events
}

pub(crate) async fn a_resend_repeats_what_failed_and_was_not_repeated_once_and_in_order(mut world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let events = some_deliveries(&world, &webhook).await;
    for (of, filter) in [
        ("all failed", Resend { states: vec!["failed".into()], ..Resend::default() }),
        ("of a webhook", Resend { states: vec!["failed".into()], webhook: Some(webhook.id), ..Resend::default() }),
        ("by status", Resend { status_code: Some("410".into()), text: Some("order".into()), ..Resend::default() }),
    ] {
        let before = made_by(&world, environment, Origin::Resend).await.len();
        world.advance(Duration::from_millis(1));
        let job = started(&world, environment, of, Work::Resend(filter)).await;
        let job = run(&mut world, &job, (1, WithEvents), true).await;
        assert!(matches!(job.state, JobState::Completed { .. }), "{of}");
        let made = made_by(&world, environment, Origin::Resend).await;
        let made: Vec<_> = made[before..].iter().map(|row| row.delivery.event_id).collect();
        if of == "all failed" {
            assert_eq!((job.progress.done, job.progress.skipped, job.progress.failed), (2, 1, 0), "{of}");
            assert_eq!(made, [events[1], events[5]], "{of}");
        } else {
            assert_eq!((job.progress.done, made.len()), (0, 0), "{of}: all were repeated");
            assert_eq!(job.progress.skipped, 3, "{of}");
        }
    }
    let invocations = world.known(webhook.id).invocations;
    assert_eq!(invocations, 6, "repetitions do not count");
}

pub(crate) async fn a_replay_sends_what_was_before_the_webhook_and_what_it_missed(mut world: World) {
    let environment = world.environment("Production").await;
    let old = world.webhook(environment).await;
    let from = world.now();
    let mut events = Vec::new();
    for _ in 0..30 {
        events.push(world.accept(std::slice::from_ref(&old)).await.event.id);
    }
    let to = world.advance(Duration::from_millis(5));
    world.accept(std::slice::from_ref(&old)).await;
    let new = world.webhook(environment).await;
    for (include, expected) in [(Include::All, 30), (Include::Undelivered, 0)] {
        let work = replay(&[new.id], from, to, include);
        let job = started(&world, environment, &format!("{include:?}"), work).await;
        let job = run(&mut world, &job, (7, WithEvents), true).await;
        assert_eq!(job.progress.done, expected);
    }
    let made = made_by(&world, environment, Origin::Replay).await;
    assert_eq!(made.iter().map(|row| row.delivery.event_id).collect::<Vec<_>>(), events, "in order, each once");
    assert!(made.iter().all(|row| row.delivery.webhook_id == new.id && row.delivery.resend_of.is_none()));
    assert_eq!(world.known(new.id).invocations, 0);
    // To a webhook that has had them each names the one before.
    let job = started(&world, environment, "again", replay(&[old.id, new.id], from, to, Include::All)).await;
    let job = run(&mut world, &job, (100, Alone), false).await;
    assert_eq!(job.progress.done, 60);
    let named: HashSet<_> =
        made_by(&world, environment, Origin::Replay).await.iter().filter_map(|row| row.delivery.resend_of).collect();
    assert_eq!(named.len(), 60);
}

pub(crate) async fn a_job_is_started_once_and_controlled_until_it_ends(mut world: World) {
    let environment = world.environment("Production").await;
    let other = world.environment("Staging").await;
    let webhook = world.webhook(environment).await;
    some_deliveries(&world, &webhook).await;
    let work = || Work::Resend(Resend { webhook: Some(webhook.id), ..Resend::default() });
    let job = started(&world, environment, "key", work()).await;
    let start = async |world: &World, new: NewJob| world.store().start_job(new).await.unwrap();
    assert!(
        matches!(start(&world, new_job(environment, "key", work())).await, StartJob::Repeated(same) if same.id == job.id)
    );
    let changed = NewJob { request_hash: [8; 32], ..new_job(environment, "key", work()) };
    assert_eq!(start(&world, changed).await, StartJob::KeyReused);

    let control = async |world: &World, control| world.store().control_job(environment, job.id, control).await.unwrap();
    let state = |outcome: ControlJob| match outcome {
        ControlJob::Done(job) => job.state,
        other => panic!("{other:?}"),
    };
    for _ in 0..2 {
        assert_eq!(state(control(&world, Control::Pause).await), JobState::Paused(PauseReason::ByUser));
    }
    assert!(running(&world, &job).await.is_none());
    world.reopen();
    assert_eq!(state(control(&world, Control::Resume).await), JobState::Running);

    // Its webhook is switched off: the next step pauses it, and makes nothing.
    let switch = async |world: &World, active| {
        let patch = WebhookPatch { active: Some(active), ..WebhookPatch::default() };
        world.store().update_webhook(environment, None, webhook.id, patch).await.unwrap();
    };
    switch(&world, false).await;
    let RunningJob { job: now, parts } = running(&world, &job).await.expect("it runs");
    let step =
        JobStep { job: now, part: parts[0], to: [9; 16], is_over: true, send: Vec::new(), skipped: 0, commit: Alone };
    assert_eq!(world.store().step_job(step).await.unwrap(), Stepped::No);
    let paused = world.store().job(environment, job.id).await.unwrap().expect("it is there");
    assert_eq!(paused.state, JobState::Paused(PauseReason::WebhookInactive));
    assert_eq!(control(&world, Control::Resume).await, ControlJob::WebhookInactive);
    assert_eq!(start(&world, new_job(environment, "another", work())).await, StartJob::WebhookInactive);
    switch(&world, true).await;
    assert_eq!(state(control(&world, Control::Resume).await), JobState::Running);

    assert_eq!(world.store().control_job(other, job.id, Control::Cancel).await.unwrap(), ControlJob::NotFound);
    for _ in 0..2 {
        assert!(matches!(state(control(&world, Control::Cancel).await), JobState::Cancelled { .. }));
    }
    assert_eq!(control(&world, Control::Resume).await, ControlJob::Ended);
    let page = || PageRequest { limit: 10, before: None };
    assert_eq!(world.store().jobs(environment, None, page()).await.unwrap().rows.len(), 1);
    assert!(world.store().jobs(other, None, page()).await.unwrap().rows.is_empty());

    let of_tenant = |key: &str, tenant: &str| NewJob {
        tenant_id: Some(TenantId::parse(tenant).unwrap()),
        ..new_job(environment, key, work())
    };
    for number in 0..JOBS_OF_VENDOR {
        started(&world, environment, &format!("number {number}"), work()).await;
    }
    for number in 0..JOBS_PER_TENANT {
        let job = start(&world, of_tenant(&format!("number {number}"), "a")).await;
        assert!(matches!(job, StartJob::Started(_)), "the vendor's jobs do not count for a tenant's: {job:?}");
    }
    for too_many in [new_job(environment, "one too many", work()), of_tenant("one too many", "a")] {
        assert_eq!(world.store().obstacle_to_job(too_many.clone()).await, Ok(Some(StartJob::LimitReached)));
        assert_eq!(start(&world, too_many).await, StartJob::LimitReached);
    }
    assert_eq!(world.store().obstacle_to_job(of_tenant("number 0", "b")).await, Ok(None), "nor another tenant's");
    let known = world.store().obstacle_to_job(of_tenant("number 0", "a")).await.unwrap();
    assert!(matches!(known, Some(StartJob::Repeated(_))), "{known:?}");
    assert!(matches!(start(&world, of_tenant("number 0", "b")).await, StartJob::Started(_)));
    world.advance(Duration::from_secs(1));
    world.store().forget_jobs_bite(Duration::ZERO).await.unwrap();
    assert!(world.store().job(environment, job.id).await.unwrap().is_none());
    assert_eq!(world.store().running_jobs().await.unwrap().len(), JOBS_OF_VENDOR + JOBS_PER_TENANT + 1);
}

async fn state(world: &World, job: &Job) -> JobState {
    world.store().job(job.environment_id, job.id).await.unwrap().expect("it is there").state
}

pub(crate) async fn a_start_is_known_by_its_key_when_its_webhook_is_gone(world: World) {
    let environment = world.environment("Production").await;
    let other = world.environment("Staging").await;
    let webhook = world.webhook(environment).await;
    let work = Work::Resend(Resend { webhook: Some(webhook.id), ..Resend::default() });
    let job = started(&world, environment, "key", work).await;
    world.store().delete_webhook(environment, webhook.id).await.unwrap();
    let earlier = async |environment, tenant: Option<&str>, key: &str, hash| {
        let tenant = tenant.map(|tenant| TenantId::parse(tenant).unwrap());
        world.store().earlier_job(environment, tenant, key.into(), hash).await.unwrap()
    };
    let known = earlier(environment, None, "key", [7; 32]).await;
    assert!(matches!(&known, Some(StartJob::Repeated(same)) if same.id == job.id), "{known:?}");
    assert_eq!(earlier(environment, None, "key", [8; 32]).await, Some(StartJob::KeyReused));
    assert_eq!(earlier(environment, None, "another", [7; 32]).await, None);
    assert_eq!(earlier(environment, Some("a"), "key", [7; 32]).await, None, "each tenant has keys of its own");
    assert_eq!(earlier(other, None, "key", [7; 32]).await, None);
}

pub(crate) async fn a_job_ends_with_its_webhook(mut world: World) {
    let environment = world.environment("Production").await;
    let (kept, gone) = (world.webhook(environment).await, world.webhook(environment).await);
    let (from, to) = (world.now(), world.advance(Duration::from_secs(1)));
    let resend = |webhook| Work::Resend(Resend { webhook, ..Resend::default() });
    let runs = started(&world, environment, "runs", resend(Some(gone.id))).await;
    let waits = started(&world, environment, "waits", resend(Some(gone.id))).await;
    world.store().control_job(environment, waits.id, Control::Pause).await.unwrap();
    let names = started(&world, environment, "names", replay(&[kept.id, gone.id], from, to, Include::All)).await;
    let others = started(&world, environment, "others", resend(Some(kept.id))).await;
    let all = started(&world, environment, "all", resend(None)).await;
    let at = world.advance(Duration::from_secs(1));
    world.store().delete_webhook(environment, gone.id).await.unwrap();
    world.reopen();
    for job in [&runs, &waits, &names] {
        assert_eq!(state(&world, job).await, JobState::Cancelled { at });
    }
    for job in [&others, &all] {
        assert_eq!(state(&world, job).await, JobState::Running);
    }
}

pub(crate) async fn a_job_that_is_paused_for_long_ends(world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let work = || Work::Resend(Resend { webhook: Some(webhook.id), ..Resend::default() });
    let mut jobs = Vec::new();
    for key in ["long", "resumed", "short", "runs"] {
        jobs.push(started(&world, environment, key, work()).await);
    }
    let control = async |world: &World, job: &Job, control| {
        world.store().control_job(environment, job.id, control).await.unwrap();
    };
    control(&world, &jobs[0], Control::Pause).await;
    control(&world, &jobs[1], Control::Pause).await;
    let before = world.advance(Duration::from_secs(1));
    control(&world, &jobs[1], Control::Resume).await;
    control(&world, &jobs[1], Control::Pause).await;
    control(&world, &jobs[2], Control::Pause).await;
    let at = world.advance(Duration::from_secs(1));
    assert_eq!(world.store().end_paused_jobs_bite(before).await, Ok(Upkeep::Done));
    let paused = JobState::Paused(PauseReason::ByUser);
    for (job, expected) in jobs.iter().zip([JobState::Cancelled { at }, paused, paused, JobState::Running]) {
        assert_eq!(state(&world, job).await, expected);
    }
    // As many as there are, in bites.
    for job in &jobs {
        control(&world, job, Control::Pause).await;
    }
    let before = world.advance(Duration::from_secs(1));
    while world.store().end_paused_jobs_bite(before).await == Ok(Upkeep::More) {}
    for job in &jobs {
        assert!(matches!(state(&world, job).await, JobState::Cancelled { .. }));
    }
}

pub(crate) async fn the_tenants_together_have_a_limit_of_their_own(world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let of_tenant = |tenant: usize, number: usize| NewJob {
        tenant_id: Some(TenantId::parse(&format!("tenant-{tenant}")).unwrap()),
        ..new_job(
            environment,
            &format!("number {number}"),
            Work::Resend(Resend { webhook: Some(webhook.id), ..Resend::default() }),
        )
    };
    for number in 0..JOBS_OF_TENANTS {
        let job = world.store().start_job(of_tenant(number / JOBS_PER_TENANT, number)).await.unwrap();
        assert!(matches!(job, StartJob::Started(_)), "{number}: {job:?}");
    }
    let first = world.store().start_job(of_tenant(0, JOBS_OF_TENANTS)).await;
    assert_eq!(first, Ok(StartJob::LimitReached), "its own limit is told first");
    let newcomer = of_tenant(JOBS_OF_TENANTS, 0);
    assert_eq!(world.store().obstacle_to_job(newcomer.clone()).await, Ok(Some(StartJob::TenantsLimitReached)));
    assert_eq!(world.store().start_job(newcomer).await, Ok(StartJob::TenantsLimitReached));
    started(&world, environment, "vendor's", Work::Resend(Resend::default())).await;
}

pub(crate) async fn a_jobs_rate_changes_while_it_has_not_ended(mut world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let work = Work::Resend(Resend { webhook: Some(webhook.id), ..Resend::default() });
    let job = started(&world, environment, "key", work).await;
    let control = async |world: &World, control| world.store().control_job(environment, job.id, control).await.unwrap();
    for (steer, state) in
        [(Control::Resume, JobState::Running), (Control::Pause, JobState::Paused(PauseReason::ByUser))]
    {
        control(&world, steer).await;
        let ControlJob::Done(changed) = control(&world, Control::Rate(77)).await else { panic!("it has not ended") };
        assert_eq!((changed.rate, changed.state), (77, state));
    }
    world.reopen();
    control(&world, Control::Resume).await;
    assert_eq!(running(&world, &job).await.expect("it runs").job.rate, 77);
    control(&world, Control::Cancel).await;
    assert_eq!(control(&world, Control::Rate(1)).await, ControlJob::Ended);
}

pub(crate) async fn what_a_job_has_made_is_found_and_goes_with_it(mut world: World) {
    let environment = world.environment("Production").await;
    let other = world.environment("Staging").await;
    let webhooks = [world.webhook(environment).await, world.webhook(environment).await];
    let from = world.now();
    for _ in 0..UPKEEP_BITE / 2 {
        world.accept(&webhooks).await;
    }
    let to = world.advance(Duration::from_millis(5));
    let ids = webhooks.each_ref().map(|webhook| webhook.id);
    let mut jobs = Vec::new();
    for key in ["one", "two"] {
        let job = started(&world, environment, key, replay(&ids, from, to, Include::All)).await;
        jobs.push(run(&mut world, &job, (100, Alone), true).await);
    }
    let found = async |world: &World, environment, filter: DeliveryFilter| {
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let page = PageRequest { limit: 250, before };
            let page = world.store().deliveries(environment, filter.clone(), page).await.unwrap();
            found.extend(page.rows.iter().map(|row| row.delivery.id));
            before = page.next;
            if before.is_none() {
                return found;
            }
        }
    };
    let of = |job: &Job| DeliveryFilter { job: Some(job.id), ..DeliveryFilter::default() };
    let (one, two) = (found(&world, environment, of(&jobs[0])).await, found(&world, environment, of(&jobs[1])).await);
    assert_eq!((one.len(), two.len()), (UPKEEP_BITE, UPKEEP_BITE));
    assert!(one.is_sorted_by(|a, b| a > b) && one.iter().all(|id| !two.contains(id)));
    assert!(found(&world, other, of(&jobs[0])).await.is_empty());
    for walk in [Walk::Environment, Walk::Webhook] {
        let filter = DeliveryFilter { webhook: Some(ids[0]), walk, ..of(&jobs[0]) };
        assert_eq!(found(&world, environment, filter).await.len(), UPKEEP_BITE / 2);
    }
    let delivery = world.store().delivery(environment, one[0]).await.unwrap().expect("it is there").delivery;
    let filter = DeliveryFilter { event: Some(delivery.event_id), ..of(&jobs[0]) };
    assert_eq!(found(&world, environment, filter).await.len(), 2, "of the event's deliveries those that it made");
    assert_eq!(world.store().has_made(environment, jobs[0].id, one[0]).await, Ok(true));
    assert_eq!(world.store().has_made(environment, jobs[1].id, one[0]).await, Ok(false));

    world.advance(Duration::from_secs(1));
    let mut bites = 1;
    while world.store().forget_jobs_bite(Duration::ZERO).await.unwrap() == Upkeep::More {
        bites += 1;
    }
    assert!(bites > 2, "rows go in bites: {bites}");
    for job in &jobs {
        assert!(world.store().job(environment, job.id).await.unwrap().is_none());
        assert!(found(&world, environment, of(job)).await.is_empty());
    }
}

pub(crate) async fn a_replay_of_a_tenant_walks_its_own_events_in_order(mut world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let from = world.now();
    let tenant = TenantId::parse("rare").unwrap();
    let mut expected = Vec::new();
    for group in 0..40 {
        // Segments are written behind: some of these are in one, the last are in none yet.
        let common = (0..300).map(|_| world.event(environment, "order.made", Some("common")));
        let mut batch: Vec<_> = common.map(|event| world.for_webhooks(event, &[])).collect();
        let rare = world.event(environment, "order.paid", Some("rare"));
        expected.push(rare.id);
        batch.push(world.for_webhooks(rare, std::slice::from_ref(&webhook)));
        world.accept_batch(batch, None).await.unwrap();
        if group == 20 {
            world.reopen();
        }
    }
    let to = world.advance(Duration::from_millis(5));
    let work = |tenant| Replay {
        webhooks: vec![webhook.id],
        from,
        to,
        event: None,
        event_key: None,
        tenant,
        include: Include::All,
    };
    let walk = async |world: &World, replay: Replay| {
        let (mut found, mut rows, mut after) = (Vec::new(), 0, Cursor::default());
        loop {
            let asked = ReplayAhead { replay: replay.clone(), webhook: webhook.id, after };
            let ahead = world.store().replay_ahead(environment, asked).await.unwrap();
            assert!(ahead.is_over || ahead.reached > after, "each look leads on");
            found.extend(ahead.items.iter().map(|(_, item)| item.event.id));
            (rows, after) = (rows + ahead.rows, ahead.reached);
            if ahead.is_over {
                return (found, rows);
            }
        }
    };
    assert_eq!(walk(&world, work(Some(tenant.clone()))).await, (expected.clone(), expected.len()));
    let key = EventKey::parse("order.paid").unwrap();
    let of_key = Replay { event_key: Some(key.clone()), ..work(None) };
    assert_eq!(walk(&world, of_key).await, (expected.clone(), expected.len()));
    let later = Replay { from: expected[30].made_at(), ..work(Some(tenant.clone())) };
    assert_eq!(walk(&world, later).await, (expected[30..].to_vec(), 10));
    // One event is found in a segment and beyond the last, with a subject and without, and no other row is looked at.
    for event in [expected[3], expected[39]] {
        for (tenant, event_key) in [(None, None), (Some(tenant.clone()), None), (None, Some(key.clone()))] {
            let one = Replay { event: Some(event), event_key, ..work(tenant) };
            assert_eq!(walk(&world, one).await, (vec![event], 1));
        }
    }
    let elsewhere = Replay { event: Some(expected[3]), from: expected[30].made_at(), ..work(None) };
    assert_eq!(walk(&world, elsewhere).await, (Vec::new(), 0), "the range counts as well");
}
