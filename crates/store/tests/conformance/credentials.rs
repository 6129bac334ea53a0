//! Rules of who makes and revokes credentials.

use postrider_core::environment::{CredentialScope, IssuerKey, TrustedIssuer};
use postrider_core::portal::{PortalSettings, Visibility};
use postrider_core::{CredentialId, EnvironmentId};
use postrider_store::{
    CreateCredential, CreatePortalLink, NewCredential, PutPortalSettings, PutTrustedIssuer, RevokeCredential,
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
    let create = async |made_by| {
        store.create_credential(NewCredential { made_by: Some(made_by), ..new_credential(environment) }).await.unwrap()
    };
    let revoke = async |id, by| store.revoke_credential(environment, id, Some(by)).await.unwrap();
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
    assert_eq!(revoke(one, Some(one)).await, RevokeCredential::RevokersOwn);
    let mut each_other: [_; 2] = tokio::join!(revoke(one, Some(two)), revoke(two, Some(one))).into();
    each_other.sort_by_key(|outcome| *outcome != RevokeCredential::Revoked);
    assert_eq!(each_other, [RevokeCredential::Revoked, RevokeCredential::RevokerRevoked]);
    let left = live(&world, environment);
    assert_eq!(left.len(), 1);
    assert_eq!(revoke(left[0], None).await, RevokeCredential::Revoked);
    assert!(live(&world, environment).is_empty());
}

pub(crate) async fn nobody_makes_a_credential_that_opens_more_and_who_made_one_is_kept(mut world: World) {
    use CredentialScope::{Events, Full, Read};
    let environment = world.environment("Production").await;
    let create = async |world: &World, scope, made_by| {
        let new = NewCredential { scope, made_by, ..new_credential(environment) };
        world.store().create_credential(new).await.unwrap()
    };
    let made = async |world: &World, scope, made_by| match create(world, scope, made_by).await {
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
    store.revoke_credential(environment, lost, None).await.unwrap();
    for by in [lost, foreign] {
        let put = store.put_trusted_issuer(environment, Some(issuer()), Some(by)).await;
        assert_eq!(put, Ok(PutTrustedIssuer::CallerRevoked));
        let put = store.put_portal_settings(environment, shown(), Some(by)).await;
        assert_eq!(put, Ok(PutPortalSettings::CallerRevoked));
        let made = store.create_portal_link(link(environment, "t", Some(by))).await;
        assert_eq!(made, Ok(CreatePortalLink::MakerRevoked));
    }
    let before = store.directory().environment(environment).unwrap();
    assert_eq!((&before.trusted_issuer, &before.portal), (&None, &PortalSettings::default()));
    assert!(store.directory().portal_sessions(environment, None).is_empty());
    for by in [Some(kept), None] {
        let put = store.put_trusted_issuer(environment, Some(issuer()), by).await;
        assert_eq!(put, Ok(PutTrustedIssuer::Put));
        assert_eq!(store.put_portal_settings(environment, shown(), by).await, Ok(PutPortalSettings::Put));
        let made = store.create_portal_link(link(environment, "t", by)).await;
        assert!(matches!(made, Ok(CreatePortalLink::Created(_))));
    }
}
