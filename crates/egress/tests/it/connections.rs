//! Which connection serves which request, and that none outlives its use.

use std::time::Duration;

use postrider_core::attempt::{BodyEnd, FailureKind, OurFault};
use postrider_core::limits;
use postrider_egress::{EgressOptions, OutboundRequest, PoolScope, Repeat};
use postrider_testkit::certificates::{Identity, RECEIVER_NAME};
use postrider_testkit::receiver::{Behaviour, OnAccept, Receiver, ReceiverOptions, Reply};

use super::{Names, PATIENCE, SCOPE, answer, egress, egress_with, failure, fault, options, post};

async fn http2_receiver() -> Receiver {
    Receiver::with(ReceiverOptions { identity: Some(Identity::Honest), http2: true, ..ReceiverOptions::default() })
        .await
}

#[tokio::test]
async fn a_connection_is_used_again_and_says_so_in_the_timings() {
    let (egress, receiver) = (egress(), Receiver::start().await);
    for round in 0..50 {
        let exchange = egress.send(post(&receiver.url("/"))).await;
        assert_eq!(exchange.timings.connect.is_some(), round == 0, "{round}");
        assert_eq!(exchange.remote_address, Some(receiver.address().ip()));
        assert_eq!(answer(exchange).status, 200);
    }
    assert_eq!(receiver.accepted(), 1);
    assert_eq!(egress.holdings().idle_connections, 1);
}

#[tokio::test]
async fn scopes_hosts_and_schemes_never_share_a_connection() {
    let (egress, receiver) = (egress(), Receiver::start().await);
    let by_address = receiver.url("/");
    let by_name = receiver.url_for(RECEIVER_NAME, "/");
    for (url, scope) in [(&by_address, SCOPE), (&by_address, PoolScope::new(2)), (&by_name, SCOPE)] {
        for _ in 0..2 {
            let mut request = post(url);
            request.pool = scope;
            answer(egress.send(request).await);
        }
    }
    let connections: Vec<usize> = receiver.received().iter().map(|received| received.connection).collect();
    assert_eq!(connections, [1, 1, 2, 2, 3, 3]);
}

#[tokio::test]
async fn a_connection_that_died_while_idle_is_replaced_once() {
    // Closed as soon as it was idle: noticed when it is taken up, or at the latest when it is written to.
    let (client, receiver) = (egress(), Receiver::start().await);
    receiver.on("/", Behaviour::AnswerThenClose(Reply::new(200, "bye")));
    for _ in 0..20 {
        assert_eq!(answer(client.send(post(&receiver.url("/"))).await).status, 200);
    }

    // Closed when the next request arrived: one try on a fresh connection, within the same send.
    let options = ReceiverOptions { on_accept: OnAccept::CloseAfter(1), ..ReceiverOptions::default() };
    let (client, receiver) = (egress(), Receiver::with(options).await);
    assert_eq!(answer(client.send(post(&receiver.url("/"))).await).status, 200);
    assert_eq!(answer(client.send(post(&receiver.url("/"))).await).status, 200);
    let connections: Vec<usize> = receiver.received().iter().map(|received| received.connection).collect();
    assert_eq!(connections, [1, 1, 2], "the second request was seen twice");

    // Unless the receiver must not get it twice.
    let options = ReceiverOptions { on_accept: OnAccept::CloseAfter(1), ..ReceiverOptions::default() };
    let (client, receiver) = (egress(), Receiver::with(options).await);
    let once = || OutboundRequest { repeat: Repeat::IfUnsent, ..post(&receiver.url("/")) };
    assert_eq!(answer(client.send(once()).await).status, 200);
    assert_eq!(failure(client.send(once()).await).0, FailureKind::ConnectionLost);
    assert_eq!(receiver.received().len(), 2);

    // A fresh connection that dies is not tried again.
    let options = ReceiverOptions { on_accept: OnAccept::CloseAfter(0), ..ReceiverOptions::default() };
    let (client, receiver) = (egress(), Receiver::with(options).await);
    assert_eq!(failure(client.send(post(&receiver.url("/"))).await).0, FailureKind::ConnectionLost);
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn a_request_that_is_sent_once_takes_no_connection_that_may_be_about_to_close() {
    let options = ReceiverOptions { on_accept: OnAccept::CloseAfter(1), ..ReceiverOptions::default() };
    let (egress, receiver) = (egress(), Receiver::with(options).await);
    for _ in 0..3 {
        let once = OutboundRequest { repeat: Repeat::IfUnsent, ..post(&receiver.url("/")) };
        assert_eq!(answer(egress.send(once).await).status, 200);
        assert_eq!(egress.holdings().idle_connections, 1, "the one before has made room");
        tokio::time::pause();
        tokio::time::advance(limits::CONNECTION_IDLE_UNREPEATED).await;
        tokio::time::resume();
    }
    // One that may be sent twice takes it, and is.
    assert_eq!(answer(egress.send(post(&receiver.url("/"))).await).status, 200);
    let connections: Vec<usize> = receiver.received().iter().map(|received| received.connection).collect();
    assert_eq!(connections, [1, 2, 3, 3, 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_request_falls_between_the_death_of_a_connection_and_its_notice() {
    let (egress, receiver) = (egress(), Receiver::start().await);
    receiver.on("/", Behaviour::AnswerThenClose(Reply::new(200, "bye")));
    let senders: Vec<_> = (0..16)
        .map(|_| {
            let (egress, url) = (egress.clone(), receiver.url("/"));
            tokio::spawn(async move {
                for _ in 0..50 {
                    assert_eq!(answer(egress.send(post(&url)).await).status, 200);
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_on_a_used_connection_is_not_asked_for_again() {
    let (egress, receiver) = (egress(), Receiver::start().await);
    for behaviour in [
        Behaviour::Raw("HTTP/1.1 200".into()),
        Behaviour::Raw("nonsense\r\n\r\n".into()),
        Behaviour::HugeHeader(1 << 20),
    ] {
        let before = receiver.received().len();
        receiver.script("/", [Behaviour::Answer(Reply::new(200, "")), behaviour]);
        answer(egress.send(post(&receiver.url("/"))).await);
        failure(egress.send(post(&receiver.url("/"))).await);
        assert_eq!(receiver.received().len() - before, 2);
    }
}

#[tokio::test]
async fn an_answer_that_was_not_read_to_its_end_costs_the_connection() {
    let (egress, receiver) = (egress(), Receiver::start().await);
    for behaviour in [
        Behaviour::Answer(Reply::new(200, vec![b'x'; limits::RESPONSE_BODY_READ + 1])),
        Behaviour::EndlessBody(200),
        Behaviour::Answer(Reply::new(200, "").header("connection", "close")),
        Behaviour::Answer(Reply::new(200, "").header("keep-alive", "timeout=1")),
    ] {
        receiver.on("/", behaviour);
        answer(egress.send(post(&receiver.url("/"))).await);
        assert_eq!(egress.holdings().idle_connections, 0);
        receiver.wait_for_open_connections(0, PATIENCE).await;
    }
    // Read to its end, although not kept to its end.
    receiver.on("/", Behaviour::Answer(Reply::new(200, vec![b'x'; limits::RESPONSE_BODY_READ])));
    assert_eq!(answer(egress.send(post(&receiver.url("/"))).await).body_end, BodyEnd::Cut);
    assert_eq!(egress.holdings().idle_connections, 1);
}

#[tokio::test]
async fn idle_connections_are_bounded_by_key_and_in_all() {
    let (egress, receiver) = (egress(), Receiver::start().await);
    let many = limits::IDLE_CONNECTIONS_PER_KEY + 40;
    receiver.on("/", Behaviour::DripHeaders(Reply::new(200, ""), Duration::from_millis(10)));
    let sending: Vec<_> = (0..many)
        .map(|_| {
            let (egress, request) = (egress.clone(), post(&receiver.url("/")));
            tokio::spawn(async move { egress.send(request).await.result.map(|answer| answer.status) })
        })
        .collect();
    for sent in sending {
        assert_eq!(sent.await.unwrap(), Ok(200));
    }
    assert_eq!(receiver.accepted(), many, "all were in flight at once");
    assert_eq!(egress.holdings().idle_connections, limits::IDLE_CONNECTIONS_PER_KEY);
    receiver.wait_for_open_connections(limits::IDLE_CONNECTIONS_PER_KEY, PATIENCE).await;
    receiver.on("/", Behaviour::Answer(Reply::new(200, "")));
    let scopes = limits::IDLE_CONNECTIONS + 50;
    for scope in 0..scopes as u128 {
        let mut request = post(&receiver.url("/"));
        request.pool = PoolScope::new(1000 + scope);
        answer(egress.send(request).await);
        assert!(egress.holdings().idle_connections <= limits::IDLE_CONNECTIONS);
    }
    assert_eq!(receiver.accepted(), many + scopes, "no scope rode on another's connection");
    let idle = egress.holdings().idle_connections;
    assert!(idle > limits::IDLE_CONNECTIONS * 9 / 10, "the newest are kept: {idle}");
    receiver.wait_for_open_connections(idle, PATIENCE).await;
}

#[tokio::test]
async fn fewer_connections_are_kept_where_fewer_files_can_be_open() {
    let options = EgressOptions { idle_connections: Some(4), ..options() };
    let (egress, receiver) = (egress_with(options, Names::new(&[])), Receiver::start().await);
    for scope in 0..20 {
        let request = OutboundRequest { pool: PoolScope::new(1000 + scope), ..post(&receiver.url("/")) };
        answer(egress.send(request).await);
        assert!(egress.holdings().idle_connections <= 4);
    }
}

#[tokio::test]
async fn as_much_of_an_answer_is_kept_as_the_request_wants() {
    let (egress, receiver) = (egress(), Receiver::start().await);
    let body = vec![b'x'; 2 * limits::RESPONSE_BODY_READ];
    receiver.on("/", Behaviour::Answer(Reply::new(200, body.clone())));
    let kept = async |keep| {
        let answer = answer(egress.send(OutboundRequest { keep, ..post(&receiver.url("/")) }).await);
        (answer.body.len(), answer.body_end)
    };
    assert_eq!(kept(body.len()).await, (body.len(), BodyEnd::Complete));
    assert_eq!(kept(10).await, (10, BodyEnd::Cut));
}

#[tokio::test]
async fn connections_are_closed_when_they_waited_too_long() {
    let (egress, http1, http2) = (egress(), Receiver::start().await, http2_receiver().await);
    answer(egress.send(post(&http1.url("/"))).await);
    answer(egress.send(post(&http2.url_for(RECEIVER_NAME, "/"))).await);
    tokio::time::pause();
    tokio::time::advance(limits::CONNECTION_IDLE / 2).await;
    assert_eq!(egress.holdings().idle_connections, 1);
    tokio::time::advance(limits::CONNECTION_IDLE).await;
    // With the clock paused, patience passes as soon as nothing else happens: closing is all that can.
    http1.wait_for_open_connections(0, limits::CONNECTION_IDLE).await;
    http2.wait_for_open_connections(0, limits::CONNECTION_IDLE).await;
    while egress.holdings().tasks > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(egress.holdings().idle_connections, 0, "and nothing is left to sweep");
}

#[tokio::test]
async fn a_connection_does_not_live_for_ever() {
    let (egress, receiver) = (egress(), Receiver::start().await);
    receiver.on("/", Behaviour::Answer(Reply::new(200, "")));
    answer(egress.send(post(&receiver.url("/"))).await);
    tokio::time::pause();
    tokio::time::advance(limits::CONNECTION_IDLE / 2).await;
    tokio::time::resume();
    answer(egress.send(post(&receiver.url("/"))).await);
    assert_eq!(receiver.accepted(), 1);
    let mut passed = limits::CONNECTION_IDLE / 2;
    while receiver.accepted() == 1 {
        tokio::time::pause();
        tokio::time::advance(limits::CONNECTION_IDLE / 2).await;
        tokio::time::resume();
        passed += limits::CONNECTION_IDLE / 2;
        answer(egress.send(post(&receiver.url("/"))).await);
    }
    // Closed after the first answer past its age; noticed by the one after.
    assert!(
        passed >= limits::CONNECTION_AGE && passed <= limits::CONNECTION_AGE + limits::CONNECTION_IDLE,
        "{passed:?}"
    );
}

#[tokio::test]
async fn many_http2_requests_travel_on_one_connection() {
    let (egress, receiver) = (egress(), http2_receiver().await);
    assert_eq!(answer(egress.send(post(&receiver.url_for(RECEIVER_NAME, "/a?b"))).await).status, 200);
    let sending: Vec<_> = (0..40)
        .map(|_| {
            let (egress, request) = (egress.clone(), post(&receiver.url_for(RECEIVER_NAME, "/")));
            tokio::spawn(async move { egress.send(request).await })
        })
        .collect();
    for sent in sending {
        let exchange = sent.await.unwrap();
        assert!(exchange.timings.connect.is_none());
        assert_eq!(answer(exchange).status, 200);
    }
    let received = receiver.received();
    assert!(received.iter().all(|received| received.http2 && received.connection == 1));
    assert_eq!((received[0].target.as_str(), &received[0].body[..]), ("/a?b", &b"{\"hello\":1}"[..]));

    let mut other = post(&receiver.url_for(RECEIVER_NAME, "/"));
    other.pool = PoolScope::new(2);
    answer(egress.send(other).await);
    assert_eq!(receiver.accepted(), 2, "another scope has its own");
}

#[tokio::test]
async fn an_http2_connection_that_died_is_replaced_once() {
    let (egress, receiver) = (egress(), http2_receiver().await);
    let url = receiver.url_for(RECEIVER_NAME, "/");
    let ok = || Behaviour::Answer(Reply::new(200, ""));
    receiver.script("/", [ok(), Behaviour::Close, ok(), Behaviour::Close, Behaviour::Close, ok()]);
    assert_eq!(answer(egress.send(post(&url)).await).status, 200);
    assert_eq!(answer(egress.send(post(&url)).await).status, 200);
    assert_eq!(failure(egress.send(post(&url)).await).0, FailureKind::ConnectionLost);
    assert_eq!(answer(egress.send(post(&url)).await).status, 200);
    let connections: Vec<usize> = receiver.received().iter().map(|received| received.connection).collect();
    assert_eq!(connections, [1, 1, 2, 2, 3, 4]);
}

#[tokio::test]
async fn http2_outcomes_are_those_of_http1() {
    let (egress, receiver) = (egress(), http2_receiver().await);
    let url = receiver.url_for(RECEIVER_NAME, "/");
    receiver.on("/", Behaviour::EndlessBody(500));
    let endless = answer(egress.send(post(&url)).await);
    assert_eq!((endless.status, endless.body_end, endless.body.len()), (500, BodyEnd::Cut, limits::RESPONSE_BODY_KEPT));

    receiver.on("/", Behaviour::Hang);
    let mut request = post(&url);
    request.deadline = Duration::from_millis(300);
    assert_eq!(failure(egress.send(request).await).0, FailureKind::Timeout);

    receiver.on("/", Behaviour::Reset);
    assert_eq!(failure(egress.send(post(&url)).await).0, FailureKind::ConnectionLost);

    let huge = "x".repeat(limits::RESPONSE_HEADERS_READ);
    receiver.on("/", Behaviour::Answer(Reply::new(200, "").header("x-huge", &huge)));
    assert_eq!(failure(egress.send(post(&url)).await).0, FailureKind::Protocol);

    receiver.on("/", Behaviour::Answer(Reply::new(204, "")));
    assert_eq!(answer(egress.send(post(&url)).await).status, 204);
}

#[tokio::test]
async fn closing_leaves_no_connection_and_no_task() {
    let (egress, http1, http2) = (egress(), Receiver::start().await, http2_receiver().await);
    answer(egress.send(post(&http1.url("/"))).await);
    answer(egress.send(post(&http2.url_for(RECEIVER_NAME, "/"))).await);
    assert!(egress.holdings().tasks > 0 && egress.holdings().idle_connections == 1);
    tokio::time::timeout(PATIENCE, egress.close()).await.expect("closing ends");
    let holdings = egress.holdings();
    assert_eq!((holdings.tasks, holdings.idle_connections), (0, 0));
    http1.wait_for_open_connections(0, PATIENCE).await;
    http2.wait_for_open_connections(0, PATIENCE).await;
    assert_eq!(fault(egress.send(post(&http1.url("/"))).await).0, OurFault::ShuttingDown);
}

#[tokio::test]
async fn dropping_the_last_handle_or_a_request_closes_connections() {
    let (egress, http1, http2) = (egress(), Receiver::start().await, http2_receiver().await);
    answer(egress.send(post(&http1.url("/"))).await);
    answer(egress.send(post(&http2.url_for(RECEIVER_NAME, "/"))).await);
    http1.on("/hang", Behaviour::Hang);
    let (clone, request) = (egress.clone(), post(&http1.url("/hang")));
    let sending = tokio::spawn(async move { clone.send(request).await });
    http1.wait_for(2, PATIENCE).await;
    sending.abort();
    http1.wait_for_open_connections(0, PATIENCE).await;
    drop(egress);
    http2.wait_for_open_connections(0, PATIENCE).await;
}
