use std::sync::Arc;

use postrider_core::body::{EventContext, Payload, compose};
use postrider_core::limits::EVENT_BYTES;
use proptest::prelude::*;
use serde_json::Value;

use super::value::Json;
use super::*;

fn environment() -> EnvironmentId {
    "018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f".parse().expect("an id")
}

/// What the filter says of an event with that payload, of tenant `acme`, user `u1`, no application.
fn decided(filter: &Filter, payload: &str) -> Decision {
    let key = EventKey::parse("order.paid").expect("a key");
    let context =
        EventContext { vendor_id: environment(), tenant_id: Some("acme"), user_id: Some("u1"), application_id: None };
    let body = compose(key.as_str(), &context, &Payload::parse(payload).expect("a payload"));
    let facts = Facts {
        id: "018f3c5e-7c1a-7b6e-9d2a-000000000001".parse().expect("an id"),
        key: &key,
        environment_id: environment(),
        tenant_id: Some("acme"),
        user_id: Some("u1"),
        application_id: None,
        occurred_at: Some(Timestamp::parse("2026-01-31T12:00:00Z").expect("a time")),
        accepted_at: Timestamp::parse("2026-01-31T12:00:01Z").expect("a time"),
    };
    filter.decide(&Subject::new(&facts, &body).expect("a body"))
}

fn parsed(filter: &str) -> Filter {
    Filter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}"))
}

fn verdict(filter: &str, payload: &str) -> Result<bool, String> {
    decided(&parsed(filter), payload).verdict
}

const PAYLOAD: &str = r#"{
    "user": {"email": "Ada@Example.com", "age": 36, "verified": true, "lastLogin": null, "name": "Ada \u00e4",
        "roles": [{"key": "admin", "level": 1}, {"key": "reader"}], "tenantIds": ["acme", "umbrella"]},
    "tenant": {"name": "Acme", "id": "own"},
    "amount": 12.50, "count": 3, "big": 12345678901234567890123, "bigger": 12345678901234567890124, "huge": 1e400,
    "long": 1234567890123456789012345678901234567890, "text": "a.b", "empty": {}, "list": [1, 2.0, "3"],
    "order": {"id": "o1"}, "dotted.name": 1, "twice": {"a": 1, "a": 2}
}"#;

#[test]
fn filters_say_what_they_say() {
    for (filter, expected) in [
        (r#"event.key == "order.paid""#, true),
        (r#"event.key.startsWith("order.") && event.tenantId == "acme""#, true),
        (r#"event.id == "018f3c5e-7c1a-7b6e-9d2a-000000000001""#, true),
        (r#"event.occurredAt >= timestamp("2026-01-31T00:00:00Z")"#, true),
        ("event.acceptedAt > event.occurredAt", true),
        ("has(event.applicationId)", false),
        (r#"context.vendorId == event.environmentId && context.tenantId == "acme""#, true),
        (r#"tenant.name == "Acme" && tenant.id == "own""#, true),
        (r#"user.id == "u1" && has(user.id) && "id" in user && !has(payload.user.id)"#, true),
        (r#"user.email.lowerAscii().endsWith("@example.com")"#, true),
        (r#"user.email.endsWith("@example.com")"#, false),
        (r#"user.email.matches("(?i)^[a-z]+@example\\.com$")"#, true),
        (r#"matches(payload.text, "a.b") && payload.text.matches("^a\\.b$")"#, true),
        ("user.age > 30 && user.age < 40.5 && user.age >= 36.0 && user.age != 36.5", true),
        ("user.verified", true),
        ("user.lastLogin == null", true),
        (r#"user.name == "Ada ä" && size(user.name) == 5 && user.name.size() == 5"#, true),
        (r#"user.roles.exists(role, role.key == "admin")"#, true),
        ("user.roles.exists(role, role.level == 1)", true),
        ("user.roles.all(role, has(role.level))", false),
        (r#"user.roles.exists_one(role, role.key == "admin")"#, true),
        (r#"user.roles.map(role, role.key) == ["admin", "reader"]"#, true),
        (r#"user.roles.map(role, has(role.level), role.key) == ["admin"]"#, true),
        ("size(user.roles.filter(role, has(role.level))) == 1", true),
        (r#""acme" in user.tenantIds && !("other" in user.tenantIds)"#, true),
        (r#"user.tenantIds[1] == "umbrella" && user["email"] == user.email"#, true),
        (r#"event.key in ["order.paid", "order.made"]"#, true),
        ("payload.list == [1, 2, '3'] && payload.list != [1, 2, 3]", true),
        (
            "payload.amount * 2 == 25.0 && payload.count / 2 == 1 && payload.count % 2 == 1 && -payload.count == -3",
            true,
        ),
        ("payload.count + payload.amount == 15.5", true),
        (r#"payload.text + "!" == "a.b!" && "3" + string(payload.count) == "33""#, true),
        (r#"int(payload.list[2]) == payload.count && double("1.5") == 1.5 && int(payload.amount) == 12"#, true),
        // Whole numbers are compared exactly, where doubles of them would be the same.
        ("payload.big < payload.bigger && payload.big != payload.bigger", true),
        ("payload.big == 12345678901234567890123.0", false),
        (r#"payload["dotted.name"] == 1"#, true),
        ("payload.twice.a == 2 && size(payload.twice) == 1", true),
        (r#"payload.exists(name, name == "amount") && size(payload.empty) == 0"#, true),
        (r#"user.age == "36" || user.verified == 1 || payload.empty == []"#, false),
        ("true ? user.verified : user.nothing", true),
        ("[1, 2].exists(x, [2, 3].exists(y, x == y)) && [1].all(x, x == 1)", true),
        // The inner name hides the outer one.
        ("[1].exists(user, user == 1) && user.age == 36", true),
        ("false && user.nothing || true", true),
    ] {
        assert_eq!(verdict(filter, PAYLOAD), Ok(expected), "{filter}");
    }
}

#[test]
fn what_is_absent_or_of_another_kind_decides_nothing_and_neither_does_its_negation() {
    for (filter, reason) in [
        ("user.nothing > 3", "the event has no user.nothing"),
        (r#"user.nothing == "x""#, "the event has no user.nothing"),
        (r#"user.nothing != "x""#, "the event has no user.nothing"),
        ("user.nothing == null", "the event has no user.nothing"),
        ("user.nothing in [1]", "the event has no user.nothing"),
        (r#""x" in user.nothing"#, "the event has no user.nothing"),
        ("payload.order.customer.name == 'x'", "the event has no payload.order.customer"),
        ("has(payload.nothing.name)", "the event has no payload.nothing"),
        (r#"payload["nothing"] == 1"#, "the event has no payload.nothing"),
        ("event.applicationId == 'x'", "the event has no event.applicationId"),
        ("user.roles[2].key == 'x'", "a list of 2 has no element 2"),
        ("user.roles[-1].key == 'x'", "a list of 2 has no element -1"),
        ("user.roles.all(role, role.level > 0)", "the event has no role.level"),
        ("user.roles.exists(role, role.level > 5)", "the event has no role.level"),
        ("user.roles.exists_one(role, role.level == 1)", "the event has no role.level"),
        ("size(user.roles.filter(role, role.level == 1)) == 1", "the event has no role.level"),
        ("user.nothing > 3 && user.verified", "the event has no user.nothing"),
        ("user.verified && user.nothing > 3", "the event has no user.nothing"),
        ("user.nothing > 3 || !user.verified", "the event has no user.nothing"),
        ("user.nothing ? true : false", "the event has no user.nothing"),
        ("user.lastLogin > 3", "> cannot be applied to null and a number"),
        ("user.email > 3", "> cannot be applied to a text and a number"),
        ("user.email.name == 'x'", "user.email is a text and has no members"),
        ("user.age.contains('3')", "contains cannot be applied to a number and a text"),
        ("user.age && true", "&& cannot be applied to a number"),
        ("user.email", "the filter's value is a text and not true or false"),
        ("payload.huge > 1", "a number is too large"),
        ("payload.long == 1", "a number is too large"),
        ("payload.count / 0 == 1", "a number is divided by zero"),
        // The same where a double takes part.
        ("payload.amount / 0 > 10", "a number is divided by zero"),
        ("payload.count / 0.0 > 10", "a number is divided by zero"),
        ("payload.amount / -0.0 > 10.0", "a number is divided by zero"),
        ("0.0 / 0.0 == 0.0 / 0.0", "a number is divided by zero"),
        ("payload.count * 9223372036854775807 == 1", "a number is too large"),
        ("payload.amount * 1e308 > 10", "a number is too large"),
        ("1e308 + 1e308 > 10.0", "a number is too large"),
        ("-1e308 - 1e308 < 10.0", "a number is too large"),
        ("payload.amount / 1e-308 > 10.0", "a number is too large"),
        ("int(payload.text) == 1", "a text is no number"),
        ("timestamp(payload.text) > event.occurredAt", "a text is no time in the form of RFC 3339"),
    ] {
        assert_eq!(verdict(filter, PAYLOAD), Err(reason.to_owned()), "{filter}");
        let negated = format!("!({filter})");
        assert!(verdict(&negated, PAYLOAD).is_err(), "{negated}");
    }
    // There is no user at all.
    assert_eq!(verdict("has(user.email)", "{}"), Ok(false));
    assert_eq!(verdict("has(user.id) && user.id == event.userId && size(user) == 1", "{}"), Ok(true));
    assert!(verdict("user.email == 'x'", "{}").is_err() && verdict("!(user.email == 'x')", "{}").is_err());
    assert_eq!(verdict("user == 'ada'", r#"{"user":"ada"}"#), Ok(true));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    use FilterError::{
        Empty, NotACondition, TooDeep, TooLarge, TooLong, TooManyPatterns, UnknownFunction, UnknownName,
    };
    let refused = |filter: &str| Filter::parse(filter).expect_err(filter);
    assert_eq!(refused(" "), Empty);
    assert_eq!(refused(&format!("'{}' == event.key", "ä".repeat(FILTER_CHARS))), TooLong);
    assert!(Filter::parse(&format!("'{}' == event.key", "ä".repeat(FILTER_CHARS - 20))).is_ok());
    assert_eq!(refused(&format!("{}true{}", "(".repeat(FILTER_DEPTH + 1), ")".repeat(FILTER_DEPTH + 1))), TooDeep);
    assert_eq!(refused(&format!("{}true", "! ".repeat(FILTER_DEPTH + 1))), TooDeep);
    assert_eq!(refused(&format!("user{} == 1", ".a".repeat(FILTER_DEPTH))), TooDeep);
    assert_eq!(refused(&format!("true{}", "||true".repeat(FILTER_NODES / 2))), TooLarge);
    assert_eq!(refused(&["event.key.matches('a')"; 6].join("||")), TooManyPatterns);
    assert_eq!(refused("evnt.key == 'x'"), UnknownName("evnt".into()));
    assert_eq!(refused("user.roles.exists(r, q == 1)"), UnknownName("q".into()));
    assert_eq!(refused("user.email.trim() == ''"), UnknownFunction("trim".into()));
    for number in
        ["1", "'text'", "null", "size(user)", "user.a + 1", "user.roles.map(r, r)", "true ? 1 : 2", "user", "[true]"]
    {
        assert_eq!(refused(number), NotACondition, "{number}");
    }
    for arguments in
        ["has(user)", "size()", "event.key.matches(event.key)", "user.roles.exists(r)", "user.all(a.b, true)"]
    {
        assert!(matches!(refused(arguments), FilterError::Arguments { .. }), "{arguments}");
    }
    for unsupported in ["{'a': 1} == payload", "b'a' == event.key", "A{a: 1} == payload"] {
        assert!(matches!(refused(unsupported), FilterError::Unsupported(_)), "{unsupported}");
    }
    for pattern in ["(", "(?=a)", r"(a)\\1", r"\\w{100}{100}{100}"] {
        let filter = format!("event.key.matches('{pattern}')");
        assert!(matches!(refused(&filter), FilterError::Pattern { .. }), "{pattern}");
    }
    for syntax in
        ["user.age >", "user.age = 3", "a b", "user.?age == 1", "'", "user[", "9223372036854775808 == 1", "\u{0}"]
    {
        assert!(matches!(refused(syntax), FilterError::Syntax { .. }), "{syntax}");
    }
    assert!(matches!(refused("true &&\n &&"), FilterError::Syntax { line: 2, .. }));
}

#[test]
fn macros_go_no_deeper_than_events_do_where_a_filter_is_written() {
    let nested = |levels: usize| {
        let open: Vec<_> = (0..levels).map(|level| format!("[1, 2].exists(a{level}, ")).collect();
        Source::new(format!("{}a0 == 2{}", open.concat(), ")".repeat(levels)))
    };
    assert_eq!(Filter::check(&nested(FILTER_NESTING)), Ok(()));
    let deeper = nested(FILTER_NESTING + 1);
    assert_eq!(Filter::check(&deeper), Err(FilterError::TooNested));
    assert_eq!(verdict(deeper.as_str(), PAYLOAD), Ok(true), "one that was stored is decided");
    let beside = ["user.roles.filter(r, r.level > 0).map(r, r.key).exists(k, k == 'admin')"; 5].join(" && ");
    assert_eq!(Filter::check(&Source::new(beside)), Ok(()), "one after the other is not within one another");
}

/// The largest payload that `make` gives for a number of elements.
fn largest(make: impl Fn(usize) -> String) -> String {
    let mut size = 1;
    while make(size * 2).len() < EVENT_BYTES {
        size *= 2;
    }
    make(size)
}

#[test]
fn no_event_makes_a_filter_take_more_than_its_steps() {
    let ones = largest(|n| format!(r#"{{"a":[{}]}}"#, vec!["1"; n].join(",")));
    let text = largest(|n| format!(r#"{{"t":"{}","a":[{}]}}"#, "a".repeat(n), vec!["1"; n / 2].join(",")));
    let words = largest(|n| format!(r#"{{"a":[{}]}}"#, vec![r#""aaaaaaaaaaaaaaaa""#; n].join(",")));
    let wide = largest(|n| {
        let member = |n: usize| format!(r#""m{n}":{n}"#);
        format!("{{{}}}", (0..n).map(member).collect::<Vec<_>>().join(","))
    });
    let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(90), "]".repeat(90));
    for filter in [
        "payload.a.all(x, payload.a.all(y, x == y))",
        "payload.a.exists(x, payload.a == [x])",
        "payload.a.exists(x, payload.a.exists(y, payload.a.exists(z, x + y + z == 0)))",
        "payload.a.map(x, payload.a) == payload.a",
        "payload.a.exists(x, payload.t.contains('b'))",
        "payload.a.exists(x, payload.t.matches('^(a+)+b$'))",
        "payload.t.matches('[ab]*a[ab]{60}c')",
        "payload.a.exists(x, payload.a + payload.a == [x])",
        "payload.a.exists(x, size(payload.t + payload.t) == 0)",
        "payload.a.exists(x, payload.t.lowerAscii() == '')",
        "payload.a.exists(x, 3 in payload.a)",
        "payload.all(name, payload.all(other, name != other || payload[name] == payload[other]))",
        "payload.a.all(x, !!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!(x.matches('b')))",
    ] {
        let filter = parsed(filter);
        for payload in [&ones, &text, &words, &wide, &deep] {
            let decision = decided(&filter, payload);
            assert!(decision.steps <= FILTER_STEPS, "{filter:?}");
        }
    }
    // One look at each element of the longest lists is within it.
    for (filter, payload) in [
        ("payload.a.all(x, x == 1)", &ones),
        ("payload.a.exists(x, x == 'b') || size(payload.a) > 1000", &words),
        ("payload.t.contains('ab') || size(payload.t) > 1000", &text),
        ("payload.m17 == 17", &wide),
    ] {
        let decision = decided(&parsed(filter), payload);
        assert_eq!(decision.verdict, Ok(true), "{filter}: {} steps", decision.steps);
    }
    let exhausted = verdict("payload.a.all(x, payload.a.all(y, x == y))", &ones);
    assert_eq!(exhausted, Err("the filter takes too many steps over this event".to_owned()));
    let absorbed = verdict("payload.a.all(x, payload.a.all(y, x == y)) || true", &ones);
    assert!(absorbed.is_err(), "what ran out of steps decides nothing");
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..4).prop_map(Value::from),
        prop_oneof![Just(0.5), Just(1.0), Just(-2.0)].prop_map(Value::from),
        "[ab\"\\\\\n\u{e4}]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[abc]", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn payload() -> impl Strategy<Value = Value> {
    prop::collection::hash_map("[abcl]", json_value(), 0..5)
        .prop_map(|members| Value::Object(members.into_iter().collect()))
}

/// Expressions over payloads as [`payload`] makes them. `x` is bound where they stand within a macro.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[abcl]".prop_map(|name| format!("payload.{name}")),
        ("[abc]", "[abc]").prop_map(|(one, other)| format!("payload.{one}.{other}")),
        ("[abcl]", 0..2).prop_map(|(name, index)| format!("payload.{name}[{index}]")),
        "[abcl]".prop_map(|name| format!("has(payload.{name})")),
        (-2_i64..3).prop_map(|number| format!("({number})")),
        prop_oneof![Just("0.5"), Just("1.0"), Just("true"), Just("false"), Just("null"), Just("'a'"), Just("[1, 'a']")]
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 32, 3, |inner| {
        let operator =
            prop_oneof![Just("=="), Just("!="), Just("<"), Just(">="), Just("&&"), Just("||"), Just("+"), Just("in")];
        let two = (inner.clone(), operator, inner.clone());
        let over = prop_oneof![Just("exists"), Just("all"), Just("exists_one"), Just("filter"), Just("map")];
        prop_oneof![
            two.prop_map(|(one, operator, other)| format!("({one} {operator} {other})")),
            inner.clone().prop_map(|of| format!("!({of})")),
            inner.clone().prop_map(|of| format!("size({of})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            (inner.clone(), over, inner.clone()).prop_map(|(of, over, body)| format!("({of}).{over}(x, {body} == x)")),
            (inner.clone(), inner).prop_map(|(of, body)| format!("({of}).exists(x, x == 1 || {body})")),
        ]
    })
}

/// What the interpreter of the crate `cel` says. None: nothing, or no bool.
fn second_opinion(expression: &str, payload: &Value) -> Option<bool> {
    let env = Arc::new(cel::Env::stdlib());
    let program = env.compile(expression).expect("it was parsed before");
    let mut context = cel::Context::with_env(env);
    context.add_variable("payload", payload).expect("a value");
    match program.execute(&context) {
        Ok(cel::Value::Bool(value)) => Some(value),
        _ => None,
    }
}

proptest! {
    #[test]
    fn a_filter_and_its_negation_divide_the_events_about_which_it_decides(
        expression in expression(),
        payload in payload(),
    ) {
        let Ok(filter) = Filter::parse(&expression) else { return Ok(()) };
        let negation = parsed(&format!("!({expression})"));
        let payload = payload.to_string();
        match (decided(&filter, &payload).verdict, decided(&negation, &payload).verdict) {
            (Ok(one), Ok(other)) => prop_assert_ne!(one, other),
            (one, other) => prop_assert!(one.is_err() && other.is_err(), "{:?} {:?}", one, other),
        }
    }

    #[test]
    fn the_interpreter_of_cel_says_the_same(expression in expression(), payload in payload()) {
        let Ok(filter) = Filter::parse(&expression) else { return Ok(()) };
        let verdict = decided(&filter, &payload.to_string()).verdict;
        let other = second_opinion(&expression, &payload);
        prop_assert_eq!(verdict.as_ref().ok(), other.as_ref(), "{} {:?}", expression, verdict);
    }

    #[test]
    fn bodies_are_read_as_they_are(payload in payload()) {
        fn same(json: &Json<'_>, value: &Value) -> bool {
            match (json, value) {
                (Json::Null, Value::Null) => true,
                (Json::Bool(one), Value::Bool(other)) => one == other,
                (Json::Number(one), Value::Number(other)) => **one == other.to_string(),
                (Json::Text(one), Value::String(other)) => one == other,
                (Json::List(one), Value::Array(other)) => {
                    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
                }
                (Json::Map(one), Value::Object(other)) => {
                    one.len() == other.len()
                        && other.iter().all(|(name, value)| one.get(name).is_some_and(|json| same(json, value)))
                }
                _ => false,
            }
        }
        let key = EventKey::parse("a").expect("a key");
        let context = EventContext { vendor_id: environment(), tenant_id: None, user_id: None, application_id: None };
        let text = payload.to_string();
        let body = compose("a", &context, &Payload::parse(&text).expect("a payload"));
        let facts = Facts {
            id: "018f3c5e-7c1a-7b6e-9d2a-000000000001".parse().expect("an id"),
            key: &key,
            environment_id: environment(),
            tenant_id: None,
            user_id: None,
            application_id: None,
            occurred_at: None,
            accepted_at: Timestamp::from_micros(0),
        };
        let subject = Subject::new(&facts, &body).expect("a body");
        let members = payload.as_object().expect("an object");
        prop_assert_eq!(subject.payload.len(), members.len());
        for (name, value) in members {
            prop_assert!(subject.payload.get(name).is_some_and(|json| same(json, value)));
        }
    }

    #[test]
    fn no_text_is_too_much_for_the_reader_of_filters(
        text in r#"([a-z]{1,3}|[-!()\[\]{}.,?:'"\\<>=&|+*/%0-9 ]|has\(|\.exists\(|user\.|payload\.|in | && |"[^"]*"){0,30}"#,
    ) {
        let _ = Filter::parse(&text);
    }

    #[test]
    fn no_bytes_are_too_much_for_the_reader_of_bodies(bytes in prop::collection::vec(any::<u8>(), 0..40), text in r#"[\[\]{}",:\\ntrue0-9.eE-]{0,40}"#) {
        let key = EventKey::parse("a").expect("a key");
        let facts = Facts {
            id: "018f3c5e-7c1a-7b6e-9d2a-000000000001".parse().expect("an id"),
            key: &key,
            environment_id: environment(),
            tenant_id: None,
            user_id: None,
            application_id: None,
            occurred_at: None,
            accepted_at: Timestamp::from_micros(0),
        };
        for body in [&bytes[..], text.as_bytes()] {
            let _ = Subject::new(&facts, body);
        }
    }
}

#[test]
fn many_members_are_found_by_name_and_the_last_of_two_counts() {
    let member = |n: usize| format!(r#""m{}":{n}"#, n % 20);
    let payload = format!(r#"{{"o":{{{}}}}}"#, (0..40).map(member).collect::<Vec<_>>().join(","));
    assert_eq!(verdict("payload.o.m0 == 20 && payload.o.m19 == 39 && size(payload.o) == 20", &payload), Ok(true));
    assert!(verdict("payload.o.m20 == 1", &payload).is_err());
}

#[test]
fn brackets_in_quotes_lie_nowhere() {
    let brackets = "(".repeat(100);
    assert_eq!(
        verdict(&format!(r#"payload.text != "{brackets}\"" && payload.text != '{brackets}'"#), PAYLOAD),
        Ok(true)
    );
    // What is not plainly a text counts.
    for hostile in [
        format!(r#"r"\" + {brackets}"#),
        format!("'a\n{brackets}"),
        format!("\"\"\"a\"\"\" + {brackets}"),
        format!("1 // '\n + {brackets}"),
        format!("\"{brackets}"),
        format!("'' + {brackets}"),
    ] {
        assert_eq!(Filter::parse(&hostile).expect_err(&hostile), FilterError::TooDeep, "{hostile}");
    }
}
