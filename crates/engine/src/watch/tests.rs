use postrider_core::event::Room;
use postrider_core::job::{Include, JobState, Progress, Replay, Work};
use postrider_core::{EventId, JobId, Timestamp};
use postrider_testkit::SeededEntropy;

use super::*;

struct World {
    entropy: SeededEntropy,
    environment: EnvironmentId,
    changes: Arc<Watchers<HeldChanges>>,
    events: Arc<Watchers<HeldEvents>>,
    /// Those of tenants, and whose they are.
    owned: Vec<(WebhookId, TenantId)>,
}

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

impl World {
    fn new() -> Self {
        let entropy = SeededEntropy::new(3);
        let environment = EnvironmentId::new(NOW, &entropy);
        let stopping = CancellationToken::new();
        let (changes, events) = (Watchers::new(stopping.clone()), Watchers::new(stopping));
        Self { entropy, environment, changes, events, owned: Vec::new() }
    }

    fn is_of(&self, webhook: WebhookId, tenant: &TenantId) -> bool {
        self.owned.iter().any(|(known, of)| (*known, of) == (webhook, tenant))
    }

    fn webhook(&self) -> WebhookId {
        WebhookId::new(NOW, &self.entropy)
    }

    fn deliveries(&self, count: usize) -> Vec<DeliveryId> {
        (0..count).map(|_| DeliveryId::new(NOW, &self.entropy)).collect()
    }

    fn change(&self, deliveries: &[DeliveryId], webhook: WebhookId, whose: Whose<'_>) {
        let changed: Vec<_> = deliveries.iter().map(|&delivery| Changed { delivery, webhook, whose }).collect();
        self.changes.tell(self.environment, |held| held.put(&changed, |webhook, of| self.is_of(webhook, of)));
    }

    fn event(&self, key: &str, bytes: usize) -> Arc<Event> {
        Arc::new(Event {
            id: EventId::new(NOW, &self.entropy),
            environment_id: self.environment,
            key: EventKey::parse(key).expect("a key"),
            tenant_id: None,
            user_id: None,
            application_id: None,
            occurred_at: None,
            accepted_at: NOW,
            body: vec![b' '; bytes].into(),
            room: Room::uncounted(),
        })
    }
}

fn tenant(id: &str) -> TenantId {
    TenantId::parse(id).expect("a tenant")
}

#[test]
fn what_others_do_neither_reaches_a_mailbox_nor_is_missed() {
    let world = World::new();
    let (own, busy) = (world.webhook(), world.webhook());
    let (one, two) = (tenant("1"), tenant("2"));
    let wanted = ChangesWanted { webhook: Some(own), ..ChangesWanted::default() };
    let of_webhook = world.changes.watch_changes(world.environment, wanted);
    let wanted = ChangesWanted { tenant: Some(one.clone()), ..ChangesWanted::default() };
    let of_tenant = world.changes.watch_changes(world.environment, wanted);
    world.change(&world.deliveries(1_000), busy, Whose::Known(Some(&two)));
    for watch in [&of_webhook, &of_tenant] {
        let Changes { deliveries, missed, .. } = watch.take();
        assert!(deliveries.is_empty());
        assert_eq!(missed, 0);
    }
    let mine = world.deliveries(2);
    world.change(&mine, own, Whose::Known(Some(&one)));
    assert_eq!(of_webhook.take().deliveries, mine);
    assert_eq!(of_tenant.take().deliveries, mine);
}

#[test]
fn who_watches_a_tenants_webhooks_hears_of_no_other_webhook() {
    let mut world = World::new();
    let (own, foreign, vendors) = (world.webhook(), world.webhook(), world.webhook());
    let (one, two) = (tenant("1"), tenant("2"));
    world.owned = vec![(own, one.clone()), (foreign, two)];
    let wanted = ChangesWanted { webhooks_of: Some(one.clone()), ..ChangesWanted::default() };
    let watch = world.changes.watch_changes(world.environment, wanted);
    // An attempt to the vendor's webhook may be of anybody's event, and of the tenant's own it is the vendor's all the same.
    world.change(&world.deliveries(1_000), vendors, Whose::Unknown);
    world.change(&world.deliveries(1_000), vendors, Whose::Known(Some(&one)));
    world.change(&world.deliveries(1_000), foreign, Whose::Unknown);
    let Changes { deliveries, missed, .. } = watch.take();
    assert_eq!((deliveries.len(), missed), (0, 0));
    let mine = world.deliveries(2);
    world.change(&mine, own, Whose::Unknown);
    assert_eq!(watch.take().deliveries, mine);
}

#[test]
fn a_delivery_that_changes_often_is_told_once_and_what_finds_no_room_is_counted() {
    let world = World::new();
    let watch = world.changes.watch_changes(world.environment, ChangesWanted::default());
    let deliveries = world.deliveries(WATCHED_CHANGES + 7);
    for _ in 0..3 {
        world.change(&deliveries[..WATCHED_CHANGES], world.webhook(), Whose::Unknown);
    }
    world.change(&deliveries[WATCHED_CHANGES..], world.webhook(), Whose::Unknown);
    let changes = watch.take();
    assert_eq!(changes.deliveries, deliveries[..WATCHED_CHANGES]);
    assert_eq!(changes.missed, 7);
    world.change(&deliveries[..1], world.webhook(), Whose::Unknown);
    assert_eq!(watch.take().deliveries, deliveries[..1], "after reading there is room again");
}

#[test]
fn jobs_of_others_are_not_told() {
    let world = World::new();
    let wanted = ChangesWanted { jobs_of: Some(tenant("1")), ..ChangesWanted::default() };
    let watch = world.changes.watch_changes(world.environment, wanted);
    let job = |of: Option<TenantId>, done: u64| {
        let (webhooks, from, to) = (Vec::new(), NOW, NOW);
        Arc::new(Job {
            id: JobId::new(NOW, &SeededEntropy::new(1)),
            environment_id: world.environment,
            tenant_id: of,
            work: Work::Replay(Replay {
                webhooks,
                from,
                to,
                event: None,
                event_key: None,
                tenant: None,
                include: Include::All,
            }),
            rate: 1,
            state: JobState::Running,
            progress: Progress { done, ..Progress::default() },
            created_at: NOW,
            updated_at: NOW,
        })
    };
    for of in [None, Some(tenant("2"))] {
        world.changes.tell(world.environment, |held| held.put_job(&job(of.clone(), 0)));
    }
    assert!(watch.take().jobs.is_empty());
    for done in [1, 2] {
        world.changes.tell(world.environment, |held| held.put_job(&job(Some(tenant("1")), done)));
    }
    assert_eq!(watch.take().jobs, [job(Some(tenant("1")), 2)], "the newest word on it");
}

#[test]
fn a_watcher_of_events_holds_few_bytes_and_those_of_its_filter_alone() {
    let world = World::new();
    let wanted = EventsWanted { event_key: Some(EventKey::parse("a").expect("a key")), tenant: None };
    let watch = world.events.watch_events(world.environment, wanted);
    let put = |event: &Arc<Event>| world.events.tell(world.environment, |held| held.put(event));
    for _ in 0..500 {
        put(&world.event("b", 10));
    }
    assert!(watch.mailbox.held().is_empty());
    for _ in 0..10 {
        put(&world.event("a", WATCHED_EVENT_BYTES / 2));
    }
    let accepted = watch.take();
    assert_eq!((accepted.events.len(), accepted.missed), (2, 8));
    for _ in 0..=WATCHED_EVENTS {
        put(&world.event("a", 1));
    }
    let accepted = watch.take();
    assert_eq!((accepted.events.len(), accepted.missed), (WATCHED_EVENTS, 1));
}

#[tokio::test]
async fn who_has_gone_is_forgotten_and_a_stop_is_told() {
    let world = World::new();
    assert!(world.changes.is_empty());
    let watch = world.changes.watch_changes(world.environment, ChangesWanted::default());
    assert!(!world.changes.is_empty());
    world.change(&world.deliveries(1), world.webhook(), Whose::Unknown);
    assert!(watch.news().await);
    watch.take();
    world.changes.stopping.cancel();
    assert!(!watch.news().await);
    drop(watch);
    assert!(world.changes.is_empty());
    assert!(world.changes.mailboxes.read().expect("a lock").is_empty());
}
