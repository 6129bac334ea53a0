//! Client certificates: who shows one, to whom, and on which connections.

use postrider_core::attempt::FailureKind;
use postrider_egress::{ClientIdentity, ClientIdentityError};
use postrider_testkit::certificates::{Identity, RECEIVER_NAME, client_certificate};
use postrider_testkit::receiver::{Receiver, ReceiverOptions};

use super::{answer, egress, failure, post};

fn identity(name: &str) -> ClientIdentity {
    let (certificate, key) = client_certificate(name);
    ClientIdentity::from_pem(&certificate, &key).unwrap()
}

#[tokio::test]
async fn a_certificate_lets_in_and_its_connections_serve_nobody_else() {
    for http2 in [false, true] {
        let egress = egress();
        let options = ReceiverOptions {
            identity: Some(Identity::Honest),
            http2,
            demands_certificate: true,
            ..Default::default()
        };
        let receiver = Receiver::with(options).await;
        let url = receiver.url_for(RECEIVER_NAME, "/");
        let (kind, message) = failure(egress.send(post(&url)).await);
        assert!(matches!(kind, FailureKind::Tls | FailureKind::ConnectionLost), "{kind:?}: {message}");
        let (one, other) = (identity("one"), identity("other"));
        for who in [&one, &one, &other, &one] {
            let mut request = post(&url);
            request.identity = Some(who.clone());
            assert_eq!(answer(egress.send(request).await).status, 200);
        }
        let connections: Vec<usize> = receiver.received().iter().map(|received| received.connection).collect();
        assert_eq!(connections[0], connections[1]);
        assert_ne!(connections[1], connections[2], "another certificate, another connection");
        assert_eq!(connections[3], connections[0]);
        // Neither does a request without one ride on them.
        failure(egress.send(post(&url)).await);
        assert_eq!(receiver.received().len(), 4);
    }
}

#[tokio::test]
async fn who_is_not_asked_shows_nothing_and_still_shares_nothing() {
    let egress = egress();
    let options = ReceiverOptions { identity: Some(Identity::Honest), ..Default::default() };
    let receiver = Receiver::with(options).await;
    let url = receiver.url_for(RECEIVER_NAME, "/");
    let mut with = post(&url);
    with.identity = Some(identity("one"));
    answer(egress.send(with).await);
    answer(egress.send(post(&url)).await);
    let connections: Vec<usize> = receiver.received().iter().map(|received| received.connection).collect();
    assert_eq!(connections, [1, 2]);
}

#[test]
fn what_is_no_certificate_with_its_key_is_refused() {
    let ((certificate, key), (_, another)) = (client_certificate("one"), client_certificate("two"));
    assert!(ClientIdentity::from_pem(&certificate, &key).is_ok());
    let refused = |certificate: &str, key: &str| ClientIdentity::from_pem(certificate, key).map(drop).unwrap_err();
    assert_eq!(refused(&certificate, &another), ClientIdentityError::Mismatch);
    assert_eq!(refused("", &key), ClientIdentityError::Certificate);
    assert_eq!(
        refused("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &key),
        ClientIdentityError::Certificate
    );
    assert_eq!(refused(&certificate, "nonsense"), ClientIdentityError::Key);
}
