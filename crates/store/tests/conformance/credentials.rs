//! Rules of who makes and revokes credentials.

use postrider_core::environment::{CredentialScope, IssuerKey, TrustedIssuer};
use postrider_core::portal::{PortalSettings, Visibility};
use postrider_core::retention::Retention;
use postrider_core::{CredentialId, EnvironmentId, OperatorTokenId};
use postrider_store::{
    Actor, CreateCredential, CreateEnvironment, CreatePortalLink, NewCredential, NewEnvironment, PutPortalSettings,
    PutRetention, PutTrustedIssuer, RenameEnvironment, RevokeCredential,
};

use crate::sessions::{credential, link, new_credential};
use crate::world::World;

fn live(world: &World, environment: EnvironmentId) -> Vec<CredentialId> {
    let all = world.store().directory().credentials(environment);
    all.iter().filter(|credential| credential.revoked_at.is_none()).map(|credential| credential.id).collect()
}

pub(crate) async fn a_revoked_credential_makes_and_revokes_none(world: World) {
    let environment = world.environment("Production").await;
    let foreign = credential(&world, world.environment("Development").await).await;
    let (kept, lost) = (credential(&world, environment).await, credential(&world, environment).await);
    let store = world.store();
    let create = async |by| {
        let new = NewCredential { made_by: Actor::Credential(by), ..new_credential(environment) };
        store.create_credential(new).await.unwrap()
    };
    let revoke = async |id, by| store.revoke_credential(environment, id, Actor::Credential(by)).await.unwrap();
    assert_eq!(revoke(lost, kept).await, RevokeCredential::Revoked);
    for by in [lost, foreign] {
        assert_eq!(create(by).await, CreateCredential::MakerRevoked);
        assert_eq!(revoke(kept, by).await, RevokeCredential::RevokerRevoked);
    }
    assert_eq!(live(&world, environment), [kept]);
    assert!(matches!(create(kept).await, CreateCredential::Created(_)));
}

pub(crate) async fn vendors_leave_one_credential_and_operators_need_not(world: World) {
    let environment = world.environment("Production").await;
    let (one, two) = (credential(&world, environment).await, credential(&world, environment).await);
    let store = world.store();
    let revoke = async |id, by| store.revoke_credential(environment, id, by).await.unwrap();
    let (by_one, by_two) = (Actor::Credential(one), Actor::Credential(two));
    assert_eq!(revoke(one, by_one).await, RevokeCredential::RevokersOwn);
    let mut each_other: [_; 2] = tokio::join!(revoke(one, by_two), revoke(two, by_one)).into();
    each_other.sort_by_key(|outcome| *outcome != RevokeCredential::Revoked);
    assert_eq!(each_other, [RevokeCredential::Revoked, RevokeCredential::RevokerRevoked]);
    let left = live(&world, environment);
    assert_eq!(left.len(), 1);
    assert_eq!(revoke(left[0], Actor::Control).await, RevokeCredential::Revoked);
    assert!(live(&world, environment).is_empty());
}

pub(crate) async fn nobody_makes_a_credential_that_opens_more_and_who_made_one_is_kept(mut world: World) {
    use CredentialScope::{Events, Full, Read};
    let environment = world.environment("Production").await;
    let create = async |world: &World, scope, maker: Option<CredentialId>| {
        let made_by = maker.map_or(Actor::Control, Actor::Credential);
        let new = NewCredential { scope, made_by, ..new_credential(environment) };
        world.store().create_credential(new).await.unwrap()
    };
    let made = async |world: &World, scope, maker| match create(world, scope, maker).await {
        CreateCredential::Created(credential) => credential.id,
        other => panic!("{other:?}"),
    };
    let full = made(&world, Full, None).await;
    let read = made(&world, Read, Some(full)).await;
    let events = made(&world, Events, Some(full)).await;
    for (maker, scope) in [(read, Full), (read, Events), (events, Full), (events, Read)] {
        assert_eq!(create(&world, scope, Some(maker)).await, CreateCredential::BeyondMaker);
    }
    let another = made(&world, Read, Some(read)).await;
    world.reopen();
    let kept = |id| {
        let credential = world.store().directory().credential(id).unwrap();
        (credential.scope, credential.created_by)
    };
    assert_eq!(kept(full), (Full, None));
    assert_eq!(kept(read), (Read, Some(full)));
    assert_eq!(kept(events), (Events, Some(full)));
    assert_eq!(kept(another), (Read, Some(read)));
}

pub(crate) async fn a_revoked_credential_leaves_nothing_behind_that_outlives_it(world: World) {
    let environment = world.environment("Production").await;
    let foreign = credential(&world, world.environment("Development").await).await;
    let (kept, lost) = (credential(&world, environment).await, credential(&world, environment).await);
    let store = world.store();
    let issuer = || TrustedIssuer {
        issuer: "https://issuer.example".into(),
        audience: "a".into(),
        key: IssuerKey::Secret("s".into()),
        tenant_claim: "tenantId".into(),
        permissions_claim: "permissions".into(),
    };
    let shown = || PortalSettings { webhooks: Visibility::Always, ..PortalSettings::default() };
    let before = store.directory().environment(environment).unwrap();
    store.revoke_credential(environment, lost, Actor::Control).await.unwrap();
    for id in [lost, foreign] {
        let by = Actor::Credential(id);
        let put = store.put_trusted_issuer(environment, Some(issuer()), by).await;
        assert_eq!(put, Ok(PutTrustedIssuer::CallerRevoked));
        let put = store.put_portal_settings(environment, shown(), by).await;
        assert_eq!(put, Ok(PutPortalSettings::CallerRevoked));
        let put = store.put_retention(environment, Retention::from_days(1), by).await;
        assert_eq!(put, Ok(PutRetention::CallerRevoked));
        let renamed = store.rename_environment(environment, "Theirs".into(), by).await;
        assert_eq!(renamed, Ok(RenameEnvironment::CallerRevoked));
        let made = store.create_portal_link(link(environment, "t", Some(id))).await;
        assert_eq!(made, Ok(CreatePortalLink::MakerRevoked));
    }
    assert_eq!(store.directory().environment(environment).unwrap(), before);
    assert!(store.directory().portal_sessions(environment, None).is_empty());
    for by in [Actor::Credential(kept), Actor::Control] {
        let put = store.put_trusted_issuer(environment, Some(issuer()), by).await;
        assert_eq!(put, Ok(PutTrustedIssuer::Put));
        assert_eq!(store.put_portal_settings(environment, shown(), by).await, Ok(PutPortalSettings::Put));
        let put = store.put_retention(environment, Retention::from_days(1), by).await;
        assert_eq!(put, Ok(PutRetention::Put));
        let renamed = store.rename_environment(environment, "Ours".into(), by).await;
        assert!(matches!(renamed, Ok(RenameEnvironment::Renamed(_))));
        let made = store.create_portal_link(link(environment, "t", by.credential())).await;
        assert!(matches!(made, Ok(CreatePortalLink::Created(_))));
    }
}

pub(crate) async fn a_revoked_operators_token_leaves_nothing_behind_that_outlives_it(world: World) {
    let environment = world.environment("Production").await;
    let held = credential(&world, environment).await;
    let store = world.store();
    let kept = store.create_operator_token("kept".into(), [1; 32]).await.unwrap();
    let lost = store.create_operator_token("lost".into(), [2; 32]).await.unwrap();
    store.revoke_operator_token(lost.id).await.unwrap();
    let unknown = OperatorTokenId::from_uuid(uuid::Uuid::nil());
    let new_environment = |made_by| NewEnvironment { id: None, name: "Staging".into(), made_by };
    for by in [Actor::Token(lost.id), Actor::Token(unknown)] {
        let made = store.create_environment(new_environment(by)).await;
        assert_eq!(made, Ok(CreateEnvironment::MakerRevoked));
        let renamed = store.rename_environment(environment, "Theirs".into(), by).await;
        assert_eq!(renamed, Ok(RenameEnvironment::CallerRevoked));
        let made = store.create_credential(NewCredential { made_by: by, ..new_credential(environment) }).await;
        assert_eq!(made, Ok(CreateCredential::MakerRevoked));
        let revoked = store.revoke_credential(environment, held, by).await;
        assert_eq!(revoked, Ok(RevokeCredential::RevokerRevoked));
    }
    let made = store.create_environment(new_environment(Actor::Credential(held))).await;
    assert_eq!(made, Ok(CreateEnvironment::MakerRevoked), "environments are for operators to make");
    assert_eq!((live(&world, environment), store.directory().environments().len()), (vec![held], 1));
    let by = Actor::Token(kept.id);
    assert!(matches!(store.create_environment(new_environment(by)).await, Ok(CreateEnvironment::Created(_))));
    let renamed = store.rename_environment(environment, "Ours".into(), by).await;
    assert!(matches!(renamed, Ok(RenameEnvironment::Renamed(_))));
    let made = store.create_credential(NewCredential { made_by: by, ..new_credential(environment) }).await;
    let Ok(CreateCredential::Created(made)) = made else { panic!("{made:?}") };
    assert_eq!(made.created_by, None, "no credential made it");
    assert_eq!(store.revoke_credential(environment, made.id, by).await, Ok(RevokeCredential::Revoked));
}
