//! Prints what filters cost: ordinary ones over an ordinary event, and the worst that their limits allow.
//!
//! `cargo run --release -p postrider-shape --example filters`

#![expect(clippy::print_stdout, reason = "it is what it is for")]

use std::hint::black_box;
use std::time::Instant;

use postrider_core::body::{EventContext, Payload, compose};
use postrider_core::event::EventKey;
use postrider_core::limits::EVENT_BYTES;
use postrider_core::{Timestamp, catalogue};
use postrider_shape::filter::{Facts, Filter, Subject};

fn main() {
    let user = catalogue::find("frontegg.user.created").expect("it is built in").sample.clone();
    let ones = format!(r#"{{"a":[{}]}}"#, vec!["1"; EVENT_BYTES / 2 - 50].join(","));
    let half = EVENT_BYTES / 2 - 50;
    let text = format!(r#"{{"t":"{}","a":[{}]}}"#, "a".repeat(half), vec!["1"; half / 2].join(","));
    println!("{:>12} {:>9} {:>12}  filter", "read", "steps", "decided");
    for (filter, payload) in [
        (r#"event.key == "frontegg.user.created""#, &user),
        (r#"user.email.endsWith("@example.com") && user.verified"#, &user),
        (r#"user.roles.exists(role, role.key == "admin")"#, &user),
        (r#"user.email.matches("^[a-z.]+@example\\.com$")"#, &user),
        ("payload.a.all(x, x == 1)", &ones),
        ("payload.a.all(x, payload.a.all(y, x == y))", &ones),
        ("payload.a.map(x, [x]) == []", &ones),
        ("payload.t.matches('[ab]*a[ab]{20}c')", &text),
        ("payload.t.contains('b')", &text),
        ("payload.a.exists(x, payload.t.contains('aaaaaaaab'))", &text),
        ("payload.a.exists(x, payload.t.lowerAscii() == '')", &text),
        ("payload.a.exists(x, x.nothing == 1)", &ones),
    ] {
        measure(filter, payload);
    }
    let started = Instant::now();
    let rounds = 1_000;
    for _ in 0..rounds {
        black_box(Filter::parse(r#"user.email.endsWith("@example.com") && user.verified"#).is_ok());
    }
    println!("compiling an ordinary filter: {:?}", started.elapsed() / rounds);
}

fn measure(text: &str, payload: &str) {
    let key = EventKey::parse("frontegg.user.created").expect("a key");
    let environment_id = "018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f".parse().expect("an id");
    let context = EventContext { vendor_id: environment_id, tenant_id: None, user_id: None, application_id: None };
    let body = compose(key.as_str(), &context, &Payload::parse(payload).expect("a payload"));
    let facts = Facts {
        id: "018f3c5e-7c1a-7b6e-9d2a-000000000001".parse().expect("an id"),
        key: &key,
        environment_id,
        tenant_id: None,
        user_id: None,
        application_id: None,
        occurred_at: None,
        accepted_at: Timestamp::from_micros(0),
    };
    let filter = Filter::parse(text).expect("a filter");
    let rounds = if payload.len() > 10_000 { 20 } else { 10_000 };
    let started = Instant::now();
    for _ in 0..rounds {
        black_box(Subject::new(&facts, &body).expect("a body"));
    }
    let read = started.elapsed() / rounds;
    let subject = Subject::new(&facts, &body).expect("a body");
    let started = Instant::now();
    for _ in 0..rounds {
        black_box(filter.decide(&subject));
    }
    let took = started.elapsed() / rounds;
    println!("{read:>12.1?} {:>9} {took:>12.1?}  {text}", filter.decide(&subject).steps);
}
