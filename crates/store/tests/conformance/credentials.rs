//! Rules of who makes and revokes credentials.

use postrider_core::environment::CredentialHash;
use postrider_core::{CredentialId, EnvironmentId};
use postrider_store::{CreateCredential, NewCredential, RevokeCredential};

use crate::sessions::credential;
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
        let hash = CredentialHash::Sha256([8; 32]);
        let new = NewCredential { environment_id: environment, name: "CI".into(), hash, made_by: Some(made_by) };
        store.create_credential(new).await.unwrap()
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
