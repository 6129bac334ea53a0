//! Rules of the directory and of the changes that people make.

use std::fmt::Write as _;
use std::time::Duration;

use postrider_core::catalogue;
use postrider_core::environment::{CredentialScope, IssuerKey, TrustedIssuer};
use postrider_core::event::{EventKey, TenantId};
use postrider_core::event_type::{Audience, Deprecation, SchemaMode};
use postrider_core::limits::{
    CREDENTIALS_PER_ENVIRONMENT, EVENT_TYPES_PER_ENVIRONMENT, FORMER_SCHEMAS, WEBHOOKS_PER_TENANT,
};
use postrider_core::portal::{AllowedOrigin, PortalSettings, Visibility};
use postrider_core::retention::Retention;
use postrider_core::retry::RetryPolicy;
use postrider_core::signature::{Secret, Signing};
use postrider_core::source::Source;
use postrider_core::webhook::{EndpointUrl, Scope, Sending};
use postrider_core::{CategoryId, EnvironmentId, EventTypeId};
use postrider_store::{
    Actor, CategoryRef, ChangeEventTypes, CreateCredential, CreatePortalLink, CreateWebhook, DeleteCategory, Directory,
    EventTypeChange, EventTypePatch, Found, NewCredential, NewEventType, NewWebhook, PutCategory, PutEventType,
    PutRetention, PutTrustedIssuer, RenameEnvironment, RevokeCredential, WebhookPatch,
};
use uuid::Uuid;

use crate::sessions::{link, new_credential};
use crate::world::{World, answered, failed};

/// All that a directory says, in a fixed order.
fn portrait(directory: &Directory) -> String {
    let mut text = String::new();
    for environment in directory.environments() {
        let id = environment.id;
        writeln!(text, "{environment:?}\n{:?}", directory.credentials(id)).unwrap();
        writeln!(text, "{:?}\n{:?}", directory.categories(id), directory.event_types(id)).unwrap();
        for webhook in directory.webhooks(id, None) {
            writeln!(text, "{webhook:?} {:?}", webhook.secret.as_ref().map(Secret::expose)).unwrap();
            writeln!(text, "{:?}", directory.webhook_in(id, &webhook.scope, webhook.id).map(|w| w.invocations))
                .unwrap();
        }
        for key in ["order.made", "order.paid", "frontegg.user.created"] {
            for tenant in [None, Some("t0"), Some("t1")] {
                let tenant = tenant.map(|t| TenantId::parse(t).unwrap());
                let checking = directory.checking_event_type(id, &EventKey::parse(key).unwrap());
                writeln!(text, "{checking:?}").unwrap();
                writeln!(text, "{}", directory.is_for_tenants(id, &EventKey::parse(key).unwrap())).unwrap();
                let matches = directory.matches(id, &EventKey::parse(key).unwrap(), tenant.as_ref());
                writeln!(text, "{key} {tenant:?} {:?}", matches.iter().map(|w| w.id).collect::<Vec<_>>()).unwrap();
            }
        }
        for session in directory.portal_sessions(id, None) {
            let of_tenant = directory.portal_sessions(id, Some(&session.tenant_id)).len();
            writeln!(text, "{session:?} {:?} {of_tenant}", session.hash()).unwrap();
        }
        for n in 0..3 {
            writeln!(text, "{:?}", directory.trusted_issuer("https://issuer.example", &format!("a{n}"))).unwrap();
        }
    }
    writeln!(text, "{:?} {:?}", directory.operator_tokens(), directory.token_key()).unwrap();
    text
}

fn issuer(audience: &str, secret: &str) -> TrustedIssuer {
    TrustedIssuer {
        issuer: "https://issuer.example".into(),
        audience: audience.into(),
        key: IssuerKey::Secret(secret.into()),
        tenant_claim: "tenantId".into(),
        permissions_claim: "permissions".into(),
    }
}

fn event_type(environment_id: EnvironmentId, key: &str, category: CategoryRef) -> NewEventType {
    NewEventType {
        environment_id,
        key: EventKey::parse(key).unwrap(),
        display_name: key.to_uppercase(),
        description: String::new(),
        category,
        schema: None,
        schema_mode: SchemaMode::Warn,
        sample: Some("{}".into()),
        audience: Audience::Everybody,
        deprecation: None,
    }
}

/// A portal link that is made, and perhaps opened, and perhaps ended.
async fn change_sessions(world: &World, environment: EnvironmentId) {
    let pick = |end: usize| world.entropy.below(end);
    let store = world.store();
    let made = store.create_portal_link(link(environment, ["t0", "t1"][pick(2)], None)).await.unwrap();
    if let CreatePortalLink::Created(link) = made
        && pick(2) == 0
    {
        store.open_portal_link(link.id, [2; 32], [3; 32]).await.unwrap();
        if pick(2) == 0 {
            store.end_portal_session(environment, link.id).await.unwrap();
        }
    }
    store.forget_sessions_bite().await.unwrap();
}

/// The settings of an environment, changed as chance picks.
async fn change_settings(world: &World, environment: EnvironmentId, step: usize) {
    let pick = |end: usize| world.entropy.below(end);
    let store = world.store();
    let name = format!("a{}", pick(3));
    let issuer = (pick(3) > 0).then(|| issuer(&name, &format!("secret {step}")));
    store.put_trusted_issuer(environment, issuer, Actor::Control).await.unwrap();
    let portal = PortalSettings {
        webhooks: [Visibility::Always, Visibility::ByPermissions][pick(2)],
        allowed_origins: vec![AllowedOrigin::parse("https://app.example.com").expect("an origin")],
        ..PortalSettings::default()
    };
    store.put_portal_settings(environment, portal, Actor::Control).await.unwrap();
    let retention = [None, Retention::from_days(1), Retention::from_days(3_650)][pick(3)];
    assert_eq!(store.put_retention(environment, retention, Actor::Control).await, Ok(PutRetention::Put));
}

/// One change that chance picks.
async fn change(world: &World, environments: &[EnvironmentId], step: usize) {
    let pick = |end: usize| world.entropy.below(end);
    let store = world.store();
    let directory = store.directory();
    let environment = environments[pick(environments.len())];
    let webhooks = directory.webhooks(environment, None);
    let webhook = (!webhooks.is_empty()).then(|| webhooks[pick(webhooks.len())].clone());
    match (pick(15), webhook) {
        (0 | 1, _) | (2..=8, None) => {
            let tenant = [None, Some("t0"), Some("t1")][pick(3)].map(|t| TenantId::parse(t).unwrap());
            let keys = [vec!["*"], vec!["order.*", "order.made"], vec!["Orders.*"], vec!["frontegg.*"]];
            let retry = [RetryPolicy::Standard, RetryPolicy::Frontegg][pick(2)].clone();
            let new = NewWebhook {
                scope: Scope::of(tenant),
                signing: Signing::default(),
                event_keys: keys[pick(4)].iter().map(|k| (*k).to_owned()).collect(),
                sending: Sending { retry, ..Sending::default() },
                ..World::new_webhook(environment)
            };
            world.webhook_like(new).await;
        }
        (2, Some(webhook)) => {
            let patch = WebhookPatch {
                active: Some(pick(2) == 0),
                display_name: Some(format!("Step {step}")),
                secret: (pick(2) == 0).then(|| Secret::from_vendor(&format!("secret {step}")).unwrap()),
                url: Some(EndpointUrl::parse(&format!("https://example.com/{step}")).unwrap()),
                event_keys: (pick(2) == 0).then(|| vec!["order.paid".into()]),
                filter: [None, Some(None), Some(Some(Source::new(format!("event.key != \"{step}\""))))][pick(3)]
                    .clone(),
                ..WebhookPatch::default()
            };
            store.update_webhook(environment, None, webhook.id, patch).await.unwrap().expect("it is there");
        }
        (3, Some(webhook)) => {
            assert_eq!(store.delete_webhook(environment, webhook.id).await, Ok(Found::Yes));
        }
        (4..=8, Some(webhook)) => {
            let accepted = world.accept(&[webhook]).await;
            let outcome = [answered(200), failed(), failed(), answered(410)][pick(4)].clone();
            world.settle(&accepted.event, accepted.deliveries[0], outcome).await;
        }
        (9, _) => {
            let category = CategoryRef::Name(["Orders", "Payments"][pick(2)].into());
            let key = ["order.made", "order.paid", "order.sent"][pick(3)];
            store.create_event_type(event_type(environment, key, category)).await.unwrap();
        }
        (10, _) => {
            let types = directory.event_types(environment);
            let id = types[pick(types.len())].id;
            if pick(2) == 0 {
                store.delete_event_type(environment, id).await.unwrap().expect("it is there");
            } else {
                let patch = EventTypePatch {
                    sample: Some(None),
                    schema: Some([None, Some(Source::new(format!("{{\"title\":\"{step}\"}}")))][pick(2)].clone()),
                    schema_mode: Some(SchemaMode::ALL[pick(3)]),
                    audience: Some(Audience::ALL[pick(2)]),
                    deprecation: Some((pick(2) == 0).then(|| Deprecation {
                        at: world.now(),
                        replaced_by: (pick(2) == 0).then(|| EventKey::parse("order.new").unwrap()),
                    })),
                    ..EventTypePatch::default()
                };
                store.update_event_type(environment, id, patch).await.unwrap();
            }
        }
        (11, _) => change_settings(world, environment, step).await,
        (12, _) => {
            // Perhaps by the one before, which may open too little for that, or be revoked.
            let before = store.directory().credentials(environment).last().map(|before| before.id);
            let scope = CredentialScope::ALL[pick(3)];
            let made_by = before.filter(|_| pick(2) == 0).map_or(Actor::Control, Actor::Credential);
            let new = NewCredential { scope, made_by, ..new_credential(environment) };
            if let CreateCredential::Created(credential) = store.create_credential(new).await.unwrap()
                && pick(2) == 0
            {
                store.revoke_credential(environment, credential.id, Actor::Control).await.unwrap();
            }
        }
        (13, _) => change_sessions(world, environment).await,
        (_, _) => {
            let token = store.create_operator_token("ops".into(), [u8::try_from(step % 256).unwrap(); 32]).await;
            if let Ok(token) = token
                && pick(2) == 0
            {
                store.revoke_operator_token(token.id).await.unwrap();
            }
            store.sweep_bite().await.unwrap();
        }
    }
    world.advance(Duration::from_secs(1));
}

pub(crate) async fn it_equals_a_fresh_one_after_random_changes(mut world: World) {
    let environments = [world.environment("Production").await, world.environment("Development").await];
    for step in 0..250 {
        change(&world, &environments, step).await;
        if step % 50 == 49 {
            let kept = portrait(world.store().directory());
            world.reopen();
            let fresh = portrait(world.store().directory());
            if kept != fresh {
                let differing = kept.lines().zip(fresh.lines()).find(|(a, b)| a != b);
                panic!("after {step} steps: {differing:#?}");
            }
        }
    }
}

pub(crate) async fn a_new_environment_has_the_builtin_event_types(world: World) {
    let environment = world.environment("Production").await;
    let directory = world.store().directory();
    let mut keys: Vec<_> = directory.event_types(environment).iter().map(|t| t.key.to_string()).collect();
    let mut builtin: Vec<_> = catalogue::builtin().iter().map(|t| t.key.to_owned()).collect();
    keys.sort();
    builtin.sort();
    assert_eq!(keys, builtin);
    assert_eq!(directory.categories(environment).len(), catalogue::categories().len());
    let category = directory.categories(environment)[0].id;
    assert!(directory.check_subscription(environment, &Scope::Environment, &category.to_string()).is_ok());
    assert!(directory.check_subscription(environment, &Scope::Environment, &Uuid::nil().to_string()).is_err());
}

pub(crate) async fn an_issuer_is_trusted_by_one_environment(world: World) {
    let (one, two) = (world.environment("Production").await, world.environment("Development").await);
    let store = world.store();
    let owner = || store.directory().trusted_issuer("https://issuer.example", "a").map(|(owner, _)| owner);
    let put = async |id, issuer| store.put_trusted_issuer(id, issuer, Actor::Control).await.unwrap();
    assert_eq!(put(one, Some(issuer("a", "s"))).await, PutTrustedIssuer::Put);
    assert_eq!(put(one, Some(issuer("a", "t"))).await, PutTrustedIssuer::Put);
    assert_eq!(put(two, Some(issuer("a", "s"))).await, PutTrustedIssuer::Taken);
    assert_eq!(owner(), Some(one));
    assert_eq!(put(one, None).await, PutTrustedIssuer::Put);
    assert_eq!(owner(), None);
    assert_eq!(put(two, Some(issuer("a", "s"))).await, PutTrustedIssuer::Put);
    assert_eq!(owner(), Some(two));
}

pub(crate) async fn credentials_are_limited_revoked_and_touched_by_the_minute(mut world: World) {
    let environment = world.environment("Production").await;
    let mut made = Vec::new();
    for _ in 0..CREDENTIALS_PER_ENVIRONMENT {
        match world.store().create_credential(new_credential(environment)).await.unwrap() {
            CreateCredential::Created(credential) => made.push(credential.id),
            other => panic!("{other:?}"),
        }
    }
    let store = world.store();
    assert_eq!(store.create_credential(new_credential(environment)).await, Ok(CreateCredential::LimitReached));
    let (elsewhere, by) = (EnvironmentId::from_uuid(Uuid::nil()), Actor::Control);
    assert_eq!(store.revoke_credential(elsewhere, made[0], by).await, Ok(RevokeCredential::NoSuchCredential));
    assert_eq!(store.revoke_credential(environment, made[0], by).await, Ok(RevokeCredential::Revoked));
    let revoked_at = Some(world.now());
    assert!(matches!(store.create_credential(new_credential(environment)).await, Ok(CreateCredential::Created(_))));

    let first = world.now();
    store.touch_credential(made[1], first);
    store.touch_credential(made[1], world.advance(Duration::from_secs(30)));
    // Changes are carried out one after the other: the touches are behind when this is answered.
    store.vacuum_bite().await.unwrap();
    assert_eq!(store.directory().credential(made[1]).expect("it is there").last_used_at, Some(first));
    let later = world.advance(Duration::from_secs(30));
    store.touch_credential(made[1], later);
    store.vacuum_bite().await.unwrap();
    world.reopen();
    let directory = world.store().directory();
    assert_eq!(directory.credential(made[1]).expect("it is there").last_used_at, Some(later));
    assert_eq!(directory.credential(made[0]).expect("revoked ones stay").revoked_at, revoked_at);
}

pub(crate) async fn a_tenant_has_so_many_webhooks_and_keeps_nobody_out(world: World) {
    let environment = world.environment("Production").await;
    let elsewhere = world.environment("Development").await;
    let of = |environment, tenant: &str| NewWebhook {
        scope: Scope::Tenant(TenantId::parse(tenant).unwrap()),
        ..World::new_webhook(environment)
    };
    let mut last = None;
    for _ in 0..WEBHOOKS_PER_TENANT {
        last = Some(world.webhook_like(of(environment, "acme")).await.id);
    }
    let store = world.store();
    let refused = store.create_webhook(of(environment, "acme")).await.unwrap();
    assert!(matches!(refused, CreateWebhook::TenantLimitReached), "{refused:?}");
    world.webhook_like(of(environment, "other")).await;
    world.webhook_like(of(elsewhere, "acme")).await;
    world.webhook(environment).await;
    // One that is deleted leaves its place.
    assert_eq!(store.delete_webhook(environment, last.expect("one was made")).await, Ok(Found::Yes));
    world.webhook_like(of(environment, "acme")).await;
}

pub(crate) async fn a_change_shows_before_it_is_answered(world: World) {
    let environment = world.environment("Production").await;
    let store = world.store();
    for n in 0..20 {
        let name = format!("Name {n}");
        let renamed = store.rename_environment(environment, name.clone(), Actor::Control).await;
        assert!(matches!(renamed, Ok(RenameEnvironment::Renamed(_))));
        assert_eq!(store.directory().environment(environment).expect("it is there").name, name);
        let webhook = world.webhook(environment).await;
        let matches = store.directory().matches(environment, &EventKey::parse("order.made").unwrap(), None);
        assert_eq!(matches.len(), n + 1);
        assert!(matches.iter().any(|w| w.id == webhook.id));
    }
}

pub(crate) async fn schemas_are_kept_by_version_up_to_a_limit(mut world: World) {
    let environment = world.environment("Production").await;
    let new = event_type(environment, "order.made", CategoryRef::Name("Orders".into()));
    let made = world.store().create_event_type(new).await.unwrap();
    let PutEventType::Put(made) = made else { panic!("{made:?}") };
    assert_eq!(made.schema_version, 0);
    let schema = |n: usize| Some(Source::new(format!(r#"{{"title":"{n}"}}"#)));
    for n in 1..=FORMER_SCHEMAS + 2 {
        // Setting the same one again is no change.
        for _ in 0..2 {
            let patch = EventTypePatch { schema: Some(schema(n)), ..EventTypePatch::default() };
            world.store().update_event_type(environment, made.id, patch).await.unwrap();
        }
    }
    world.reopen();
    let store = world.store();
    let kept = store.former_schemas(environment, made.id).await.unwrap();
    let versions: Vec<_> = kept.iter().map(|former| usize::try_from(former.version).unwrap()).collect();
    assert_eq!(versions, (2..=FORMER_SCHEMAS + 1).rev().collect::<Vec<_>>());
    assert!(kept.iter().all(|former| former.schema == format!(r#"{{"title":"{}"}}"#, former.version)));
    let elsewhere = world.environment("Development").await;
    assert!(world.store().former_schemas(elsewhere, made.id).await.unwrap().is_empty());
    assert!(world.store().delete_event_type(environment, made.id).await.unwrap().is_some());
    assert!(world.store().former_schemas(environment, made.id).await.unwrap().is_empty());
}

pub(crate) async fn a_deleted_types_key_stays_hidden_until_another_has_it(mut world: World) {
    let environment = world.environment("Production").await;
    let elsewhere = world.environment("Development").await;
    let key = EventKey::parse("audit.signed").unwrap();
    let hidden = |audience| NewEventType {
        audience,
        ..event_type(environment, key.as_str(), CategoryRef::Name("Audit".into()))
    };
    let is_open = |world: &World| world.store().directory().is_for_tenants(environment, &key);
    for (audience, opens) in [(Audience::Vendor, false), (Audience::Vendor, false), (Audience::Everybody, true)] {
        let made = world.store().create_event_type(hidden(audience)).await.unwrap();
        let PutEventType::Put(made) = made else { panic!("{made:?}") };
        assert_eq!(is_open(&world), opens);
        world.store().delete_event_type(environment, made.id).await.unwrap().expect("it is there");
        assert_eq!(is_open(&world), opens, "a deletion opens nothing");
        world.reopen();
        assert_eq!(is_open(&world), opens);
        assert!(world.store().directory().is_for_tenants(elsewhere, &key));
    }
}

pub(crate) async fn event_types_change_together_or_not_at_all(world: World) {
    let environment = world.environment("Production").await;
    let store = world.store();
    let there = store.directory().event_types(environment);
    let rename = EventTypePatch { display_name: Some("New".into()), ..EventTypePatch::default() };
    let create = |key: &str, category: CategoryRef| EventTypeChange::Create(event_type(environment, key, category));
    let orders = || CategoryRef::Name("Orders".into());
    let update = EventTypeChange::Update(there[0].id, rename);
    for (spoiler, outcome) in [
        (create("frontegg.user.created", orders()), ChangeEventTypes::Overtaken),
        (create("order.made", orders()), ChangeEventTypes::Overtaken),
        (create("order.paid", CategoryRef::Id(CategoryId::from_uuid(Uuid::nil()))), ChangeEventTypes::Overtaken),
        (
            EventTypeChange::Update(EventTypeId::from_uuid(Uuid::nil()), EventTypePatch::default()),
            ChangeEventTypes::Overtaken,
        ),
    ] {
        let changes = vec![update.clone(), create("order.made", orders()), spoiler];
        assert_eq!(store.change_event_types(environment, changes).await, Ok(outcome));
    }
    let too_many = (0..EVENT_TYPES_PER_ENVIRONMENT).map(|n| create(&format!("key.{n}"), orders())).collect();
    assert_eq!(store.change_event_types(environment, too_many).await, Ok(ChangeEventTypes::LimitReached));
    assert_eq!(store.directory().event_types(environment), there);
    let changes = vec![update, create("order.made", orders()), create("order.paid", orders())];
    assert_eq!(store.change_event_types(environment, changes).await, Ok(ChangeEventTypes::Changed));
    let now = store.directory().event_types(environment);
    assert_eq!((now.len(), now[0].display_name.as_str()), (there.len() + 2, "New"));
    let paid = now.iter().find(|t| t.key.as_str() == "order.paid").expect("it was made");
    assert!(now.iter().any(|t| t.key.as_str() == "order.made" && t.category_id == paid.category_id));
}

pub(crate) async fn categories_and_event_types_keep_their_rules(world: World) {
    let environment = world.environment("Production").await;
    let store = world.store();
    let PutCategory::Put(orders) = store.create_category(environment, "Orders".into()).await.unwrap() else {
        panic!("the name is free")
    };
    assert_eq!(store.create_category(environment, "Orders".into()).await, Ok(PutCategory::NameTaken));
    let nowhere = CategoryRef::Id(CategoryId::from_uuid(Uuid::nil()));
    let made = store.create_event_type(event_type(environment, "order.made", nowhere.clone())).await;
    assert_eq!(made, Ok(PutEventType::NoSuchCategory));
    let made = store.create_event_type(event_type(environment, "order.made", CategoryRef::Id(orders.id))).await;
    let Ok(PutEventType::Put(made)) = made else { panic!("{made:?}") };
    let twice = store.create_event_type(event_type(environment, "order.made", CategoryRef::Id(orders.id))).await;
    assert_eq!(twice, Ok(PutEventType::KeyTaken));
    assert_eq!(store.delete_category(environment, orders.id).await, Ok(DeleteCategory::NotEmpty));

    let new = NewWebhook { event_keys: vec!["Orders.*".into()], ..World::new_webhook(environment) };
    let webhook = world.webhook_like(new).await;
    let reached = |key: &str| {
        let matches = store.directory().matches(environment, &EventKey::parse(key).unwrap(), None);
        matches.iter().any(|w| w.id == webhook.id)
    };
    assert!(reached("order.made") && !reached("order.paid"));
    let patch = EventTypePatch { category: Some(CategoryRef::Name("Sales".into())), ..EventTypePatch::default() };
    let moved = store.update_event_type(environment, made.id, patch).await.unwrap();
    let PutEventType::Put(moved) = moved else { panic!("{moved:?}") };
    assert!(!reached("order.made"), "it stands in another category");
    let orders = store.delete_category(environment, orders.id).await;
    assert!(matches!(orders, Ok(DeleteCategory::Deleted(_))), "{orders:?}");
    let renamed = store.rename_category(environment, moved.category_id, "Orders".into()).await;
    assert!(matches!(renamed, Ok(PutCategory::Put(_))), "{renamed:?}");
    assert!(reached("order.made"), "the category has the name");
    assert!(store.delete_event_type(environment, made.id).await.unwrap().is_some());
    assert!(store.delete_event_type(environment, made.id).await.unwrap().is_none());
    assert!(!reached("order.made"));
}
