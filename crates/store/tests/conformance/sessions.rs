//! Rules of sessions: of the console, and of portals.

use std::collections::HashMap;
use std::time::Duration;

use postrider_core::environment::{CredentialHash, CredentialScope};
use postrider_core::event::{TenantId, UserId};
use postrider_core::limits::{
    CONSOLE_SESSION_ENVIRONMENTS, CONSOLE_SESSION_IDLE, CONSOLE_SESSION_LIFETIME, CONSOLE_SESSIONS_PER_CREDENTIAL,
    PORTAL_LINK_LIFETIME, PORTAL_SESSION_LIFETIME, PORTAL_SESSIONS_PER_TENANT,
};
use postrider_core::permission::PermissionSet;
use postrider_core::portal::{PortalSession, PortalStage, Purpose, Theme};
use postrider_core::{Clock as _, CredentialId, EnvironmentId};
use postrider_store::{
    Actor, CreateCredential, CreatePortalLink, Found, NewCredential, NewPortalLink, NewSignIn, OpenPortalLink,
    SignInOutcome, Upkeep,
};

use crate::world::World;

pub(crate) fn new_credential(environment_id: EnvironmentId) -> NewCredential {
    let hash = CredentialHash::Sha256([7; 32]);
    NewCredential { environment_id, name: "CI".into(), scope: CredentialScope::Full, hash, made_by: Actor::Control }
}

pub(crate) async fn credential(world: &World, environment_id: EnvironmentId) -> CredentialId {
    match world.store().create_credential(new_credential(environment_id)).await.unwrap() {
        CreateCredential::Created(credential) => credential.id,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn sign_in(environment_id: EnvironmentId, credential_id: CredentialId) -> NewSignIn {
    NewSignIn { replaces: None, hash: [1; 32], environment_id, credential_id }
}

pub(crate) fn link(environment_id: EnvironmentId, tenant: &str, credential_id: Option<CredentialId>) -> NewPortalLink {
    NewPortalLink {
        environment_id,
        tenant_id: TenantId::parse(tenant).unwrap(),
        user_id: Some(UserId::parse("u").unwrap()),
        permissions: PermissionSet::from_names(["fe.connectivity.read.*"]),
        purpose: Purpose::Support,
        theme: Theme::default(),
        return_url: None,
        credential_id,
        lifetime: PORTAL_SESSION_LIFETIME,
        code_hash: [2; 32],
    }
}

async fn made(world: &World, new: NewPortalLink) -> PortalSession {
    match world.store().create_portal_link(new).await.unwrap() {
        CreatePortalLink::Created(link) => PortalSession::clone(&link),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn a_link_is_opened_once_and_in_time(mut world: World) {
    let environment = world.environment("Production").await;
    let link = |tenant| link(environment, tenant, None);
    let (first, late) = (made(&world, link("t")).await, made(&world, link("t")).await);
    let open = async |world: &World, id, code| world.store().open_portal_link(id, code, [3; 32]).await.unwrap();
    assert_eq!(open(&world, first.id, [9; 32]).await, OpenPortalLink::Gone, "another code");
    let (one, two) = tokio::join!(open(&world, first.id, [2; 32]), open(&world, first.id, [2; 32]));
    let opened = [one, two].into_iter().filter(|outcome| matches!(outcome, OpenPortalLink::Opened(_))).count();
    assert_eq!(opened, 1);
    world.reopen();
    assert_eq!(open(&world, first.id, [2; 32]).await, OpenPortalLink::Gone);
    let kept = world.store().directory().portal_session(first.id).expect("it is open");
    assert!(matches!(kept.stage, PortalStage::Open { secret_hash, .. } if secret_hash == [3; 32]));
    assert_eq!(
        (&kept.tenant_id, kept.permissions, kept.purpose),
        (&first.tenant_id, first.permissions, Purpose::Support)
    );

    world.advance(PORTAL_LINK_LIFETIME);
    assert_eq!(open(&world, late.id, [2; 32]).await, OpenPortalLink::Gone, "its time is over");
    assert_eq!(world.store().forget_sessions_bite().await, Ok(Upkeep::Done));
    assert!(world.store().directory().portal_session(late.id).is_none());
    world.advance(PORTAL_SESSION_LIFETIME.saturating_sub(PORTAL_LINK_LIFETIME));
    let directory = world.store().directory();
    assert!(directory.live_portal_session(first.id, world.clock.now()).is_none());
    assert_eq!(world.store().forget_sessions_bite().await, Ok(Upkeep::Done));
    world.reopen();
    assert!(world.store().directory().portal_sessions(environment, None).is_empty());
}

pub(crate) async fn sessions_end_with_the_credential_that_opened_them(world: World) {
    let environment = world.environment("Production").await;
    let (kept, lost) = (credential(&world, environment).await, credential(&world, environment).await);
    let store = world.store();
    let (by_kept, by_lost) = (
        made(&world, link(environment, "t", Some(kept))).await,
        made(&world, link(environment, "t", Some(lost))).await,
    );
    let SignInOutcome::SignedIn(console) = store.sign_in(sign_in(environment, lost)).await.unwrap() else {
        panic!("the credential is good");
    };
    let (directory, now) = (store.directory(), world.clock.now());
    let portals = || directory.portals_of_credentials(environment, now);
    assert_eq!(portals(), HashMap::from([(kept, 1), (lost, 1)]));
    store.revoke_credential(environment, lost, Actor::Control).await.unwrap();
    assert_eq!(portals(), HashMap::from([(kept, 1)]));
    assert!(directory.live_sign_ins(&console, now).is_empty());
    assert!(directory.live_portal_session(by_lost.id, now).is_none());
    assert!(directory.live_portal_session(by_kept.id, now).is_some());
    assert_eq!(store.open_portal_link(by_lost.id, [2; 32], [3; 32]).await, Ok(OpenPortalLink::Gone));
    assert_eq!(store.sign_in(sign_in(environment, lost)).await, Ok(SignInOutcome::Revoked));
    assert_eq!(store.forget_sessions_bite().await, Ok(Upkeep::Done));
    assert!(directory.console_session(console.id).is_none());
    assert_eq!(directory.portal_sessions(environment, None).len(), 1);
}

pub(crate) async fn a_sign_in_replaces_the_session_and_keeps_what_it_had(mut world: World) {
    let (one, two) = (world.environment("Production").await, world.environment("Development").await);
    let (of_one, of_two) = (credential(&world, one).await, credential(&world, two).await);
    let signed_in = async |world: &World, new| match world.store().sign_in(new).await.unwrap() {
        SignInOutcome::SignedIn(session) => session,
        other => panic!("{other:?}"),
    };
    let first = signed_in(&world, sign_in(one, of_one)).await;
    world.advance(Duration::from_hours(1));
    let both = signed_in(&world, NewSignIn { replaces: Some(first.id), ..sign_in(two, of_two) }).await;
    assert!(world.store().directory().console_session(first.id).is_none());
    assert_eq!(both.sign_ins.iter().map(|s| s.environment_id).collect::<Vec<_>>(), [one, two]);
    assert_eq!(both.sign_ins[0].at, first.sign_ins[0].at, "signing in elsewhere makes it last no longer");
    world.reopen();
    let left = world.store().sign_out(both.id, Some(one)).await.unwrap().expect("one is left");
    assert_eq!(left.sign_ins.iter().map(|s| s.environment_id).collect::<Vec<_>>(), [two]);
    assert_eq!(world.store().sign_out(both.id, None).await, Ok(None));
    assert!(world.store().directory().console_session(both.id).is_none());
}

pub(crate) async fn a_console_session_ends_idle_and_at_last(mut world: World) {
    let environment = world.environment("Production").await;
    let credential = credential(&world, environment).await;
    let SignInOutcome::SignedIn(session) = world.store().sign_in(sign_in(environment, credential)).await.unwrap()
    else {
        panic!("the credential is good");
    };
    assert_eq!(session.until(), world.clock.now() + CONSOLE_SESSION_IDLE);
    let began = world.clock.now();
    while world.clock.now() < began + CONSOLE_SESSION_LIFETIME - Duration::from_hours(2) {
        world.advance(Duration::from_hours(6));
        world.store().touch_console_session(session.id, world.clock.now());
    }
    // A change that is answered comes after those that nobody waits for.
    world.environment("Other").await;
    world.reopen();
    let kept = world.store().directory().console_session(session.id).expect("it is used");
    assert_eq!(kept.until(), began + CONSOLE_SESSION_LIFETIME);
    world.advance(Duration::from_hours(12));
    assert!(world.store().directory().live_sign_ins(&kept, world.clock.now()).is_empty());
    assert_eq!(world.store().forget_sessions_bite().await, Ok(Upkeep::Done));
    assert!(world.store().directory().console_session(session.id).is_none());
}

pub(crate) async fn sessions_are_limited_and_the_oldest_goes(world: World) {
    let environment = world.environment("Production").await;
    let credential = credential(&world, environment).await;
    let store = world.store();
    let mut first = None;
    for _ in 0..=PORTAL_SESSIONS_PER_TENANT {
        world.advance(Duration::from_millis(1));
        let made = made(&world, link(environment, "t", None)).await;
        first.get_or_insert(made.id);
    }
    let kept = store.directory().portal_sessions(environment, Some(&TenantId::parse("t").unwrap()));
    assert_eq!(kept.len(), PORTAL_SESSIONS_PER_TENANT);
    assert!(store.directory().portal_session(first.unwrap()).is_none());

    let mut first = None;
    for _ in 0..=CONSOLE_SESSIONS_PER_CREDENTIAL {
        world.advance(Duration::from_millis(1));
        let SignInOutcome::SignedIn(session) = store.sign_in(sign_in(environment, credential)).await.unwrap() else {
            panic!("the credential is good");
        };
        first.get_or_insert(session.id);
    }
    assert!(store.directory().console_session(first.unwrap()).is_none());

    let mut session = None;
    for n in 0..CONSOLE_SESSION_ENVIRONMENTS {
        let environment = world.environment(&format!("E{n}")).await;
        let new = sign_in(environment, self::credential(&world, environment).await);
        let SignInOutcome::SignedIn(next) = store.sign_in(NewSignIn { replaces: session, ..new }).await.unwrap() else {
            panic!("there is room");
        };
        session = Some(next.id);
    }
    let beyond = store.sign_in(NewSignIn { replaces: session, ..sign_in(environment, credential) }).await;
    assert_eq!(beyond, Ok(SignInOutcome::LimitReached));
}

pub(crate) async fn the_vendor_ends_sessions_of_its_own_tenants_alone(world: World) {
    let (one, two) = (world.environment("Production").await, world.environment("Development").await);
    let store = world.store();
    let (first, second) = (made(&world, link(one, "t", None)).await, made(&world, link(one, "t", None)).await);
    let (other, foreign) = (made(&world, link(one, "u", None)).await, made(&world, link(two, "t", None)).await);
    assert_eq!(store.end_portal_session(two, first.id).await, Ok(Found::No));
    assert_eq!(store.end_portal_session(one, first.id).await, Ok(Found::Yes));
    assert_eq!(store.end_portal_session(one, first.id).await, Ok(Found::No));
    let tenant = TenantId::parse("t").unwrap();
    let ended = store.end_portal_sessions(one, tenant.clone(), Some(UserId::parse("another").unwrap())).await;
    assert_eq!(ended, Ok(0));
    assert_eq!(store.end_portal_sessions(one, tenant, None).await, Ok(1));
    let directory = store.directory();
    assert!(directory.portal_session(second.id).is_none());
    assert!(directory.portal_session(other.id).is_some() && directory.portal_session(foreign.id).is_some());
}
