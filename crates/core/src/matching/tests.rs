use super::*;
use crate::event_type::SchemaMode;
use crate::id::EnvironmentId;
use crate::time::Timestamp;
use crate::webhook::{EndpointUrl, Sending, WebhookStatus};

const NOW: Timestamp = Timestamp::from_micros(0);

fn uuid(n: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(n)
}

fn environment() -> EnvironmentId {
    EnvironmentId::from_uuid(uuid(1))
}

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).expect("a tenant id")
}

fn category(n: u128, name: &str) -> Category {
    Category {
        id: CategoryId::from_uuid(uuid(n)),
        environment_id: environment(),
        name: name.into(),
        created_at: NOW,
        updated_at: NOW,
    }
}

fn event_type(n: u128, key: &str, category: u128) -> EventType {
    EventType {
        id: EventTypeId::from_uuid(uuid(n)),
        environment_id: environment(),
        key: EventKey::parse(key).expect("a key"),
        category_id: CategoryId::from_uuid(uuid(category)),
        display_name: key.into(),
        description: String::new(),
        schema: None,
        schema_version: 0,
        schema_mode: SchemaMode::Off,
        sample: None,
        audience: Audience::Everybody,
        deprecation: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

fn webhook(n: u128, scope: Scope, event_keys: &[&str]) -> Arc<Webhook> {
    Arc::new(Webhook {
        id: WebhookId::from_uuid(uuid(n)),
        environment_id: environment(),
        scope,
        display_name: String::new(),
        description: String::new(),
        url: EndpointUrl::parse("https://example.com").expect("a URL"),
        secret: None,
        signing: crate::signature::Signing::default(),
        event_keys: event_keys.iter().map(|k| (*k).to_owned()).collect(),
        filter: None,
        status: WebhookStatus::Active,
        sending: Sending::default(),
        settings: crate::request::SettingsRevision::FIRST,
        invocations: 0,
        shape: None,
        access: None,
        streak: None,
        created_at: NOW,
        updated_at: NOW,
    })
}

fn catalogue() -> Catalogue {
    Catalogue::new(
        &[category(10, "User management"), category(11, "MFA"), category(12, "orders")],
        &[
            event_type(20, "frontegg.user.created", 10),
            event_type(21, "frontegg.user.deleted", 10),
            event_type(22, "frontegg.user.enrolledMFA", 11),
            event_type(23, "shop.order", 12),
        ],
    )
}

fn reached(index: &MatchIndex, key: &str, of: Option<&str>) -> Vec<u128> {
    let key = EventKey::parse(key).expect("a key");
    index.matches(&key, of.map(tenant).as_ref()).iter().map(|w| w.id.as_uuid().as_u128()).collect()
}

#[test]
fn each_kind_of_subscription_reaches_what_it_says() {
    let by_event_id = uuid(20).to_string();
    let by_category_id = uuid(10).to_string();
    for (subscription, hits, misses) in [
        (
            "frontegg.user.created",
            vec!["frontegg.user.created"],
            vec!["frontegg.user.deleted", "frontegg.user.created.x"],
        ),
        (
            "frontegg.user.*",
            vec!["frontegg.user.created", "frontegg.user.new"],
            vec!["frontegg.user", "frontegg.users.x"],
        ),
        ("*", vec!["anything"], vec![]),
        ("User management.*", vec!["frontegg.user.created", "User management.own"], vec!["frontegg.user.enrolledMFA"]),
        ("orders.*", vec!["shop.order", "orders.made"], vec!["shop.orders"]),
        (by_event_id.as_str(), vec!["frontegg.user.created"], vec!["frontegg.user.deleted"]),
        (
            by_category_id.as_str(),
            vec!["frontegg.user.created", "frontegg.user.deleted"],
            vec!["frontegg.user.enrolledMFA"],
        ),
        ("Frontegg.user.created", vec![], vec!["frontegg.user.created"]),
    ] {
        let mut index = MatchIndex::new(catalogue());
        assert_eq!(index.catalogue().check(subscription, &Scope::Environment), Ok(()));
        index.put(webhook(1, Scope::Environment, &[subscription]));
        for key in hits {
            assert_eq!(reached(&index, key, None), [1], "{subscription} takes {key}");
        }
        for key in misses {
            assert!(reached(&index, key, None).is_empty(), "{subscription} leaves {key}");
        }
    }
}

#[test]
fn subscriptions_that_mean_nothing_are_refused() {
    let catalogue = catalogue();
    for bad in ["", "a*", "*.created", "a.*.b", "**", "a\u{0}", " a"] {
        assert!(catalogue.check(bad, &Scope::Environment).is_err(), "{bad:?}");
    }
    let unknown = uuid(99).to_string();
    assert_eq!(catalogue.check(&unknown, &Scope::Environment), Err(SubscriptionError::UnknownId(unknown.clone())));
}

#[test]
fn scopes_are_kept_apart() {
    let mut index = MatchIndex::new(catalogue());
    index.put(webhook(1, Scope::Environment, &["*"]));
    index.put(webhook(2, Scope::Tenant(tenant("a")), &["*", "frontegg.user.created"]));
    index.put(webhook(3, Scope::Tenant(tenant("b")), &["frontegg.user.created"]));
    assert_eq!(reached(&index, "frontegg.user.created", None), [1]);
    assert_eq!(reached(&index, "frontegg.user.created", Some("a")), [1, 2]);
    assert_eq!(reached(&index, "frontegg.user.created", Some("b")), [1, 3]);
    assert_eq!(reached(&index, "frontegg.user.created", Some("c")), [1]);
}

#[test]
fn what_is_for_the_vendor_alone_reaches_no_webhook_of_a_tenant() {
    let hidden = EventType { audience: Audience::Vendor, ..event_type(20, "frontegg.user.created", 10) };
    let types = [hidden, event_type(21, "frontegg.user.deleted", 10)];
    let catalogue = Catalogue::new(&[category(10, "User management")], &types);
    let (key, id, category) = ("frontegg.user.created", uuid(20).to_string(), uuid(10).to_string());
    let of_tenant = Scope::Tenant(tenant("a"));
    assert_eq!(catalogue.check(key, &of_tenant), Err(SubscriptionError::NotForTenants(key.to_owned())));
    assert_eq!(catalogue.check(&id, &of_tenant), Err(SubscriptionError::UnknownId(id.clone())));
    for open in [key, &id, &category, "*"] {
        assert_eq!(catalogue.check(open, &Scope::Environment), Ok(()));
    }
    let mut index = MatchIndex::new(catalogue);
    for (n, subscription) in ["*", "frontegg.*", "User management.*", key, &id, &category].into_iter().enumerate() {
        index.put(webhook(1 + n as u128, of_tenant.clone(), &[subscription]));
    }
    index.put(webhook(9, Scope::Environment, &["*"]));
    assert_eq!(reached(&index, key, Some("a")), [9]);
    assert_eq!(reached(&index, "frontegg.user.deleted", Some("a")), [1, 2, 3, 6, 9]);
    assert_eq!(reached(&index, "frontegg.unheard.of", Some("a")), [1, 2, 9], "keys without an event type are open");
}

#[test]
fn a_key_stays_hidden_that_no_event_type_has_any_more() {
    let key = EventKey::parse("audit.signed").expect("a key");
    let mut index = MatchIndex::new(catalogue().hiding([&key]));
    let of_tenant = Scope::Tenant(tenant("a"));
    let refused = index.catalogue().check(key.as_str(), &of_tenant);
    assert_eq!(refused, Err(SubscriptionError::NotForTenants(key.as_str().to_owned())));
    assert!(!index.catalogue().is_for_tenants(&key));
    index.put(webhook(1, of_tenant, &["*"]));
    index.put(webhook(2, Scope::Environment, &["*"]));
    assert_eq!(reached(&index, key.as_str(), Some("a")), [2]);
}

#[test]
fn changes_show_at_once() {
    let mut index = MatchIndex::new(catalogue());
    index.put(webhook(1, Scope::Environment, &["a", "b.*"]));
    index.put(webhook(1, Scope::Environment, &["c"]));
    assert!(reached(&index, "a", None).is_empty() && reached(&index, "b.x", None).is_empty());
    assert_eq!(reached(&index, "c", None), [1]);
    index.put(webhook(2, Scope::Environment, &["MFA.*"]));
    assert_eq!(reached(&index, "frontegg.user.enrolledMFA", None), [2]);
    index.set_catalogue(Catalogue::default());
    assert!(reached(&index, "frontegg.user.enrolledMFA", None).is_empty());
    index.remove(WebhookId::from_uuid(uuid(1)));
    index.remove(WebhookId::from_uuid(uuid(2)));
    assert!(reached(&index, "c", None).is_empty() && index.scopes.is_empty());
}
