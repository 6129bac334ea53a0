//! The guard: what may be saved, what may be dialled, and that nothing slips through between the two.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use postrider_core::attempt::{FailureKind, OurFault};
use postrider_egress::{
    AddressPolicy, Egress, EgressOptions, OwnAddresses, Resolve, ResolveError, Resolving, UrlRefusal,
};
use postrider_testkit::receiver::Receiver;
use url::Url;

use super::{Names, answer, egress_with, failure, fault, options, post};

#[test]
fn addresses_are_public_or_refused_with_their_class() {
    let policy = AddressPolicy::new(Vec::new());
    for (address, class) in [
        // Public.
        ("1.1.1.1", None),
        ("8.8.8.8", None),
        ("9.255.255.255", None),
        ("11.0.0.0", None),
        ("100.63.255.255", None),
        ("100.128.0.0", None),
        ("126.255.255.255", None),
        ("128.0.0.0", None),
        ("169.253.255.255", None),
        ("169.255.0.0", None),
        ("172.15.255.255", None),
        ("172.32.0.0", None),
        ("192.167.255.255", None),
        ("192.169.0.0", None),
        ("198.17.255.255", None),
        ("198.20.0.0", None),
        ("223.255.255.255", None),
        ("2606:4700:4700::1111", None),
        ("2a00:1450:4001:80b::200e", None),
        ("::ffff:8.8.8.8", None),
        ("64:ff9b::8.8.8.8", None),
        ("2002:808:808::1", None),
        // Not.
        ("0.0.0.0", Some("unspecified")),
        ("0.1.2.3", Some("reserved")),
        ("10.0.0.1", Some("private")),
        ("10.255.255.255", Some("private")),
        ("100.64.0.0", Some("shared")),
        ("100.127.255.255", Some("shared")),
        ("100.100.100.200", Some("metadata")),
        ("127.0.0.1", Some("loopback")),
        ("127.255.255.254", Some("loopback")),
        ("168.63.129.16", Some("metadata")),
        ("169.254.0.1", Some("link-local")),
        ("169.254.169.254", Some("metadata")),
        ("172.16.0.0", Some("private")),
        ("172.31.255.255", Some("private")),
        ("192.0.0.1", Some("reserved")),
        ("192.0.0.192", Some("metadata")),
        ("192.0.2.1", Some("documentation")),
        ("192.88.99.1", Some("reserved")),
        ("192.168.0.1", Some("private")),
        ("198.18.0.1", Some("benchmarking")),
        ("198.19.255.255", Some("benchmarking")),
        ("198.51.100.1", Some("documentation")),
        ("203.0.113.1", Some("documentation")),
        ("224.0.0.1", Some("multicast")),
        ("239.255.255.255", Some("multicast")),
        ("240.0.0.1", Some("reserved")),
        ("255.255.255.255", Some("broadcast")),
        ("::", Some("unspecified")),
        ("::1", Some("loopback")),
        ("::2", Some("reserved")),
        ("::127.0.0.1", Some("loopback")),
        ("::8.8.8.8", Some("reserved")),
        ("::ffff:127.0.0.1", Some("loopback")),
        ("::ffff:10.0.0.1", Some("private")),
        ("::ffff:169.254.169.254", Some("metadata")),
        ("::ffff:0:127.0.0.1", Some("reserved")),
        ("64:ff9b::127.0.0.1", Some("loopback")),
        ("64:ff9b::a9fe:a9fe", Some("metadata")),
        ("64:ff9b::10.1.2.3", Some("private")),
        ("64:ff9b:1::8.8.8.8", Some("private")),
        ("64:ff9b:1:ffff::1", Some("private")),
        ("100::1", Some("reserved")),
        ("2001::1", Some("reserved")),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", Some("reserved")),
        ("2001:2::1", Some("benchmarking")),
        ("2001:10::1", Some("reserved")),
        ("2001:20::1", Some("reserved")),
        ("2001:db8::1", Some("documentation")),
        ("3fff:fff::1", Some("documentation")),
        ("2002:7f00:1::", Some("loopback")),
        ("2002:a00:1::1", Some("private")),
        ("2002:c0a8:101::1", Some("private")),
        ("2002:a9fe:a9fe::1", Some("metadata")),
        ("2600::5efe:10.0.0.1", Some("private")),
        ("4000::1", Some("reserved")),
        ("5f00::1", Some("reserved")),
        ("fc00::1", Some("private")),
        ("fd00:ec2::254", Some("metadata")),
        ("fdff::1", Some("private")),
        ("fe80::1", Some("link-local")),
        ("febf::1", Some("link-local")),
        ("fec0::1", Some("site-local")),
        ("ff02::1", Some("multicast")),
        ("ff0e::1", Some("multicast")),
    ] {
        let got = policy.check_address(address.parse().unwrap());
        assert_eq!(got.err().map(|refusal| refusal.class), class, "{address}");
    }
}

#[test]
fn an_allowed_network_is_allowed_in_every_spelling_and_nothing_else_is() {
    let policy = AddressPolicy::new(vec!["127.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
    for (address, allowed) in [
        ("127.0.0.1", true),
        ("::ffff:127.9.9.9", true),
        ("fd12::1", true),
        ("fd00:ec2::254", true),
        ("::1", false),
        ("::127.0.0.1", false),
        ("64:ff9b::127.0.0.1", false),
        ("2002:7f00:1::", false),
        ("10.0.0.1", false),
        ("fc00::1", false),
    ] {
        assert_eq!(policy.check_address(address.parse().unwrap()).is_ok(), allowed, "{address}");
    }
}

#[test]
fn an_address_that_is_permitted_exactly_is_permitted_on_that_port_alone() {
    let policy = AddressPolicy::new(Vec::new()).and_exactly(vec!["127.0.0.1:4000".parse().unwrap()]);
    for (socket, permitted) in [
        ("127.0.0.1:4000", true),
        ("[::ffff:127.0.0.1]:4000", true),
        ("127.0.0.1:4001", false),
        ("127.0.0.2:4000", false),
        ("[::1]:4000", false),
    ] {
        assert_eq!(policy.check_socket(socket.parse().unwrap()).is_ok(), permitted, "{socket}");
    }
    let saved = |url: &str| policy.check_url(&Url::parse(url).unwrap()).is_ok();
    assert!(saved("http://127.0.0.1:4000/") && !saved("http://127.0.0.1/") && !saved("http://localhost:4000/"));
}

fn own(addresses: &[&str]) -> OwnAddresses {
    let addresses: Vec<IpAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
    OwnAddresses::listed_by(move || Ok(addresses.clone()))
}

#[test]
fn addresses_of_this_machine_are_refused_unless_they_are_allowed() {
    let own = own(&["8.8.8.8", "2606:4700:4700::1111", "10.0.0.1"]);
    let strict = AddressPolicy::new(Vec::new()).refusing(own.clone());
    for (address, class) in [
        ("8.8.8.8", Some("own")),
        ("::ffff:8.8.8.8", Some("own")),
        ("64:ff9b::8.8.8.8", Some("own")),
        ("2002:808:808::1", Some("own")),
        ("2600::5efe:8.8.8.8", Some("own")),
        ("2606:4700:4700::1111", Some("own")),
        ("10.0.0.1", Some("private")),
        ("8.8.4.4", None),
        ("64:ff9b::8.8.4.4", None),
        ("2606:4700:4700::1001", None),
    ] {
        let got = strict.check_address(address.parse().unwrap());
        assert_eq!(got.err().map(|refusal| refusal.class), class, "{address}");
    }
    let refused = strict.check_url(&Url::parse("https://8.8.8.8/").unwrap()).unwrap_err().to_string();
    assert_eq!(
        refused,
        "8.8.8.8 is an address of this machine, which this server does not send to; its operator can permit it with POSTRIDER_EGRESS_ALLOW"
    );
    let open = AddressPolicy::new(vec!["8.8.8.8/32".parse().unwrap()]).refusing(own.clone());
    assert!(open.check_url(&Url::parse("https://8.8.8.8/").unwrap()).is_ok());
    assert!(open.check_url(&Url::parse("https://[2606:4700:4700::1111]/").unwrap()).is_err());
    let exact = AddressPolicy::new(Vec::new()).and_exactly(vec!["8.8.8.8:443".parse().unwrap()]).refusing(own);
    assert!(exact.check_url(&Url::parse("https://8.8.8.8/").unwrap()).is_ok());
    assert!(exact.check_url(&Url::parse("http://8.8.8.8/").unwrap()).is_err());
}

#[tokio::test]
async fn addresses_of_this_machine_are_not_dialled() {
    let options = EgressOptions { own_addresses: own(&["8.8.8.8"]), ..EgressOptions::default() };
    let egress = egress_with(options, Names::new(&[("self.test", &[&["8.8.4.4", "8.8.8.8"]])]));
    for (host, words) in [
        ("8.8.8.8", "8.8.8.8 is an address of this machine"),
        ("self.test", "self.test leads to an address of this machine"),
    ] {
        let exchange = egress.send(post(&format!("http://{host}:9/"))).await;
        assert_eq!(exchange.remote_address, None, "nothing was dialled");
        let (kind, message) = failure(exchange);
        assert_eq!(kind, FailureKind::AddressRefused, "{host}");
        assert!(message.starts_with(words), "{message}");
    }
}

#[test]
fn urls_are_judged_by_the_address_they_come_to() {
    let strict = AddressPolicy::new(Vec::new());
    let open = AddressPolicy::new(vec!["127.0.0.0/8".parse().unwrap()]);
    for (url, strictly, openly) in [
        ("https://example.com/hook", true, true),
        ("http://example.com:8080/", true, true),
        ("https://8.8.8.8/", true, true),
        ("https://[2606:4700:4700::1111]/", true, true),
        ("https://localhost.example.com/", true, true),
        ("http://127.0.0.1/", false, true),
        ("http://127.1/", false, true),
        ("http://0x7f.1/", false, true),
        ("http://0x7f000001/", false, true),
        ("http://2130706433/", false, true),
        ("http://0177.0.0.1/", false, true),
        ("http://127.0.0.1./", false, true),
        ("http://%31%32%37.0.0.1/", false, true),
        ("http://127。0。0。1/", false, true),
        ("http://①②⑦.0.0.1/", false, true),
        ("http://[::ffff:127.0.0.1]/", false, true),
        ("http://[::ffff:7f00:1]/", false, true),
        ("http://localhost/", false, true),
        ("http://LOCALHOST:80/", false, true),
        ("http://localhost./", false, true),
        ("http://a.b.localhost/", false, true),
        ("http://[::1]/", false, false),
        ("http://0/", false, false),
        ("http://0.0.0.0/", false, false),
        ("http://[::]/", false, false),
        ("http://169.254.169.254/latest/meta-data", false, false),
        ("http://0xa9fea9fe/", false, false),
        ("http://10.1/", false, false),
        ("http://[64:ff9b::a00:1]/", false, false),
        ("ftp://example.com/", false, false),
        ("file:///etc/passwd", false, false),
        ("gopher://example.com/", false, false),
        ("unix:/run/docker.sock", false, false),
        ("https://user@example.com/", false, false),
        ("https://:password@example.com/", false, false),
        ("https://example.com:0/", false, false),
        ("https://./", false, false),
    ] {
        let parsed = Url::parse(url).unwrap();
        assert_eq!(strict.check_url(&parsed).is_ok(), strictly, "strictly: {url}");
        assert_eq!(open.check_url(&parsed).is_ok(), openly, "openly: {url}");
    }
}

#[test]
fn a_refusal_says_what_and_how_to_permit_it() {
    let policy = AddressPolicy::new(Vec::new());
    let refused = |url: &str| policy.check_url(&Url::parse(url).unwrap()).unwrap_err().to_string();
    assert_eq!(
        refused("http://192.168.1.1/"),
        "192.168.1.1 is a private address, which this server does not send to; its operator can permit it with POSTRIDER_EGRESS_ALLOW"
    );
    assert!(refused("http://169.254.169.254/").contains("is the address of a cloud's metadata service"));
    assert!(refused("http://localhost/").contains("POSTRIDER_EGRESS_ALLOW"));
    let user_info = policy.check_url(&Url::parse("http://a:b@c/").unwrap());
    assert_eq!(user_info, Err(UrlRefusal::UserInfo));
}

#[tokio::test]
async fn literal_addresses_are_checked_when_dialled_too() {
    let receiver = Receiver::start().await;
    let egress = egress_with(EgressOptions::default(), Names::new(&[]));
    let port = receiver.address().port();
    for host in ["127.0.0.1", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]"] {
        let exchange = egress.send(post(&format!("http://{host}:{port}/"))).await;
        assert_eq!(exchange.remote_address, None, "nothing was dialled");
        let (kind, message) = failure(exchange);
        assert_eq!(kind, FailureKind::AddressRefused, "{host}");
        assert!(message.starts_with("127.0.0.1 is a loopback address"), "{message}");
    }
    assert_eq!(receiver.accepted(), 0);
}

#[tokio::test]
async fn localhost_is_this_machine_whatever_name_servers_say() {
    let receiver = Receiver::start().await;
    let names = Names::new(&[("localhost", &[&["8.8.8.8"]]), ("a.localhost.", &[&["8.8.8.8"]])]);
    for host in ["localhost", "a.localhost."] {
        let permitted = egress_with(options(), names.clone());
        assert_eq!(answer(permitted.send(post(&receiver.url_for(host, "/"))).await).status, 200, "{host}");
        let not_permitted = egress_with(EgressOptions::default(), names.clone());
        let refused = failure(not_permitted.send(post(&receiver.url_for(host, "/"))).await);
        assert_eq!(refused.0, FailureKind::AddressRefused, "{host}");
    }
    assert!(names.asked().is_empty());
}

#[tokio::test]
async fn one_bad_answer_refuses_the_name() {
    let receiver = Receiver::start().await;
    for (index, answers) in
        [["127.0.0.1", "10.0.0.1"], ["10.0.0.1", "127.0.0.1"], ["127.0.0.1", "::1"]].iter().enumerate()
    {
        let egress = egress_with(options(), Names::new(&[("mixed.test", &[answers])]));
        let (kind, message) = failure(egress.send(post(&receiver.url_for("mixed.test", "/"))).await);
        assert_eq!(kind, FailureKind::AddressRefused, "{index}");
        assert!(message.starts_with("mixed.test leads to a "), "{message}");
        assert!(message.contains("POSTRIDER_EGRESS_ALLOW"), "{message}");
        assert!(!answers.iter().any(|address| message.contains(address)), "{message}");
    }
    assert_eq!(receiver.accepted(), 0);
}

#[tokio::test]
async fn a_bad_answer_beyond_those_that_would_be_tried_refuses_too() {
    let receiver = Receiver::start().await;
    let mut answers = vec!["127.0.0.1"; 50];
    answers.push("192.168.0.1");
    let egress = egress_with(options(), Names::new(&[("many.test", &[&answers])]));
    assert_eq!(failure(egress.send(post(&receiver.url_for("many.test", "/"))).await).0, FailureKind::AddressRefused);
    assert_eq!(receiver.accepted(), 0);
}

#[tokio::test]
async fn the_name_is_looked_up_once_and_the_checked_address_is_dialled() {
    let receiver = Receiver::start().await;
    // Good at the check; whoever looked again would get another answer.
    let names = Names::new(&[("rebind.test", &[&["127.0.0.1"], &["10.0.0.1"]])]);
    let egress = egress_with(options(), names.clone());
    let exchange = egress.send(post(&receiver.url_for("rebind.test", "/"))).await;
    assert_eq!(exchange.remote_address, Some(IpAddr::from([127, 0, 0, 1])));
    assert!(exchange.timings.dns.is_some());
    assert_eq!(answer(exchange).status, 200);
    assert_eq!(names.asked(), ["rebind.test"]);
    assert_eq!(receiver.received()[0].headers["host"], format!("rebind.test:{}", receiver.address().port()));

    // The next connection is checked anew.
    egress.send(post(&receiver.url_for("rebind.test", "/"))).await.result.unwrap();
    let mut elsewhere = post(&receiver.url_for("rebind.test", "/"));
    elsewhere.pool = postrider_egress::PoolScope::new(2);
    assert_eq!(failure(egress.send(elsewhere).await).0, FailureKind::AddressRefused);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_the_endpoints_and_a_name_server_that_fails_is_ours() {
    let names = Names::new(&[]);
    names.fail("broken.test", ResolveError::Failed { host: "broken.test".to_owned(), reason: "SERVFAIL".to_owned() });
    let egress = egress_with(options(), names.clone());
    let (kind, message) = failure(egress.send(post("http://nobody.test/")).await);
    assert_eq!(
        (kind, message.as_str()),
        (FailureKind::NameNotFound, "the name nobody.test does not exist or has no address")
    );
    let (fault, message) = fault(egress.send(post("http://broken.test/")).await);
    assert_eq!(
        (fault, message.as_str()),
        (OurFault::Resolver, "the name broken.test could not be looked up: SERVFAIL")
    );
    names.answers_for_others.store(true, Ordering::SeqCst);
    let (kind, message) = failure(egress.send(post("http://broken.test/")).await);
    assert_eq!(
        (kind, message.as_str()),
        (FailureKind::NameNotFound, "the name broken.test could not be looked up: SERVFAIL")
    );
}

#[tokio::test]
async fn a_lookup_that_never_ends_is_ours_at_the_deadline() {
    struct Silent;
    impl Resolve for Silent {
        fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
            Box::pin(std::future::pending())
        }
    }
    let egress = Egress::with_resolver(options(), Arc::new(Silent)).unwrap();
    let mut request = post("http://silent.test/");
    request.deadline = Duration::from_millis(100);
    let (fault, message) = fault(egress.send(request).await);
    assert_eq!(fault, OurFault::Resolver);
    assert_eq!(message, "the name silent.test could not be looked up in time");
}

#[tokio::test]
async fn a_dead_first_address_does_not_cost_the_delivery() {
    let receiver = Receiver::start().await;
    // Nothing listens on 127.0.0.2 at that port: the receiver is bound to 127.0.0.1.
    let egress = egress_with(options(), Names::new(&[("two.test", &[&["127.0.0.2", "127.0.0.1"]])]));
    let exchange = egress.send(post(&receiver.url_for("two.test", "/"))).await;
    assert_eq!(exchange.remote_address, Some(receiver.address().ip()));
    assert_eq!(answer(exchange).status, 200);
}

#[tokio::test]
async fn connections_leave_from_the_configured_source_address() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = options();
    options.source_addresses = vec!["127.0.0.3".parse().unwrap()];
    let egress = egress_with(options, Names::new(&[]));
    assert_eq!(egress.source_addresses(), [IpAddr::from([127, 0, 0, 3])]);
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let sending = tokio::spawn(async move { egress.send(post(&url)).await });
    let (_, peer) = listener.accept().await.unwrap();
    assert_eq!(peer.ip(), IpAddr::from([127, 0, 0, 3]));
    sending.abort();

    let mut foreign = super::options();
    foreign.source_addresses = vec!["192.0.2.1".parse().unwrap()];
    let error = Egress::with_resolver(foreign, Names::new(&[])).err().unwrap();
    assert_eq!(error.to_string(), "connections cannot leave from 192.0.2.1: it is no address of this machine");
}
