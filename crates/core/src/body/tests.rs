use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use super::*;

const VENDOR: &str = "018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f";

fn nobody() -> EventContext<'static> {
    EventContext { vendor_id: VENDOR.parse().unwrap(), tenant_id: None, user_id: None, application_id: None }
}

fn composed(event_key: &str, context: &EventContext<'_>, payload: &str) -> String {
    let body = compose(event_key, context, &Payload::parse(payload).unwrap());
    String::from_utf8(body.to_vec()).unwrap()
}

fn compact(payload: &str) -> String {
    Payload::parse(payload).unwrap().to_raw_value().get().to_owned()
}

fn problem(payload: &str) -> PayloadError {
    Payload::parse(payload).unwrap_err()
}

#[test]
fn the_envelope_comes_first_and_the_members_follow_untouched() {
    let context =
        EventContext { tenant_id: Some("te\"nant"), user_id: Some("ü"), application_id: Some("app"), ..nobody() };
    let payload =
        "{ \"n\" : [ 1.0, 1e400, -0, 123456789012345678901234567890 ],\n\t\"\\u0061 b\": \"\\u0041 \\/ ü  \" } ";
    assert_eq!(
        composed("a.b", &context, payload),
        concat!(
            r#"{"eventKey":"a.b","eventContext":{"vendorId":"018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f","#,
            r#""tenantId":"te\"nant","userId":"ü","applicationId":"app"},"#,
            r#""n":[1.0,1e400,-0,123456789012345678901234567890],"\u0061 b":"\u0041 \/ ü  "}"#,
        )
    );
    assert_eq!(
        composed("", &nobody(), "{}"),
        format!(r#"{{"eventKey":"","eventContext":{{"vendorId":"{VENDOR}","tenantId":null,"userId":null}}}}"#)
    );
}

#[test]
fn the_last_of_equal_names_counts_few_or_many() {
    assert_eq!(compact(r#"{"a":1,"b":2,"\u0061":3,"a":{"a":4,"a":5}}"#), r#"{"b":2,"a":{"a":4,"a":5}}"#);
    let names: Vec<String> = (0..40).map(|n| format!(r#""m{}":{n}"#, n % 30)).collect();
    let payload = format!("{{{}}}", names.join(","));
    let payload = Payload::parse(&payload).unwrap();
    assert_eq!(payload.members().count(), 30);
    assert_eq!((payload.get("m0"), payload.get("m29")), (Some("30"), Some("29")));
    assert_eq!(payload.members().next().unwrap().0, "m10");
}

#[test]
fn tens_of_thousands_of_members_take_no_time() {
    let names: Vec<String> = (0..40_000).map(|n| format!(r#""{n}":0"#)).collect();
    let payload = format!("{{{}}}", names.join(","));
    assert_eq!(compact(&payload), payload);
}

#[test]
fn names_of_the_envelope_are_refused_however_spelled() {
    assert_eq!(problem(r#"{"eventKey":1}"#), PayloadError::Reserved("eventKey"));
    assert_eq!(problem(r#"{"a":1,"event\u0043ontext":{}}"#), PayloadError::Reserved("eventContext"));
    assert_eq!(compact(r#"{"a":{"eventKey":1},"eventkey":2}"#), r#"{"a":{"eventKey":1},"eventkey":2}"#);
}

#[test]
fn depth_is_limited() {
    let nested = |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert!(Payload::parse(&nested(JSON_DEPTH)).is_ok());
    assert_eq!(problem(&nested(JSON_DEPTH + 1)), PayloadError::TooDeep);
    assert_eq!(problem(&r#"{"a":"#.repeat(100_000)), PayloadError::TooDeep);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for not_an_object in ["[]", "1", "\"\"", " null "] {
        assert_eq!(problem(not_an_object), PayloadError::NotAnObject, "{not_an_object}");
    }
    for (payload, message) in [
        ("", "not JSON: it ends where a value was expected at line 1, column 1"),
        ("{\"ü\":\n 01}", "not JSON: a comma or `}` was expected at line 2, column 3"),
        ("{\"ü\":1,}", "not JSON: a name in double quotes was expected at line 1, column 8"),
        ("{} {}", "not JSON: text after the end at line 1, column 4"),
        ("[nul]", "not JSON: a value was expected at line 1, column 2"),
        (r#"{"a":"\ud800"}"#, "not JSON: half of a surrogate pair at line 1, column 7"),
        (r#"{"a":"\ud800\u0041"}"#, "not JSON: half of a surrogate pair at line 1, column 7"),
        (r#"{"a":"\udc00"}"#, "not JSON: half of a surrogate pair at line 1, column 7"),
        (r#"{"a":"\u+123"}"#, "not JSON: four hexadecimal digits were expected at line 1, column 9"),
        ("{\"a\":\"\\uü12\"}", "not JSON: four hexadecimal digits were expected at line 1, column 9"),
        ("{\"a\":\"\\x\"}", "not JSON: an escape that does not exist at line 1, column 7"),
        ("{\"a\":\"\n\"}", "not JSON: a control character that is not escaped at line 1, column 7"),
        ("{\"a\":\"", "not JSON: it ends within a string at line 1, column 7"),
    ] {
        assert_eq!(problem(payload).to_string(), message, "{payload}");
    }
    let not_text = payload_of(b"{\"a\":\"\xff\"}").unwrap_err().to_string();
    assert_eq!(not_text, "not JSON: bytes that are no UTF-8 at line 1, column 7");
    assert_eq!(compact(r#"{"a":"\ud83d\ude00"}"#), r#"{"a":"\ud83d\ude00"}"#);
}

#[test]
fn tenant_events_repeat_id_and_name_at_the_top_unless_given() {
    let tenant = EventContext { tenant_id: Some("from context"), ..nobody() };
    let added = |event_key, context: &EventContext<'_>, payload| {
        let body = composed(event_key, context, payload);
        let payload = payload_of(body.as_bytes()).unwrap();
        (payload.get("tenantId").map(str::to_owned), payload.get("name").map(str::to_owned))
    };
    let some = |id: &str, name: &str| (Some(id.to_owned()), Some(name.to_owned()));

    let whole = r#"{"tenant": {"tenantId": "t\u0031", "name": "A \"B\""}}"#;
    assert_eq!(added("frontegg.tenant.created", &tenant, whole), some(r#""t\u0031""#, r#""A \"B\"""#));
    let nameless = r#"{"tenant": {"tenantId": null, "name": 5}}"#;
    assert_eq!(added("frontegg.tenant.updated", &tenant, nameless), (Some(r#""from context""#.to_owned()), None));
    assert_eq!(added("frontegg.tenant.updated", &nobody(), nameless), (None, None));
    let given = r#"{"tenant": {"tenantId": "t", "name": "n"}, "tenantId": null, "\u006eame": 1}"#;
    assert_eq!(added("frontegg.tenant.created", &tenant, given), some("null", "1"));

    // Without such an object the context alone tells the tenant.
    for payload in [r#"{"tenant": "t"}"#, r#"{"plan": {"name": "n"}}"#, "{}"] {
        let of_context = (Some(r#""from context""#.to_owned()), None);
        assert_eq!(added("frontegg.tenant.plan.assigned", &tenant, payload), of_context, "{payload}");
        assert_eq!(added("frontegg.tenant.plan.assigned", &nobody(), payload), (None, None), "{payload}");
    }
    let given = added("frontegg.tenant.plan.assigned", &tenant, r#"{"tenantId": 7}"#);
    assert_eq!(given, (Some("7".to_owned()), None));

    for event_key in ["frontegg.tenantApiToken.created", "frontegg.user.created"] {
        assert_eq!(added(event_key, &tenant, whole), (None, None), "{event_key}");
        assert_eq!(added(event_key, &tenant, "{}"), (None, None), "{event_key}");
    }
}

#[test]
fn scim_events_without_a_user_name_the_provisioner() {
    let user = |event_key, user_id| {
        let body = composed(event_key, &EventContext { user_id, ..nobody() }, "{}");
        serde_json::from_str::<Value>(&body).unwrap()["eventContext"]["userId"].clone()
    };
    assert_eq!(user("frontegg.scim.user.created", None), "idp_provisioned");
    assert_eq!(user("frontegg.scim.user.created", Some("u")), "u");
    assert_eq!(user("frontegg.scimulation", None), Value::Null);
}

#[test]
fn a_payload_followed_by_another_has_the_members_of_both() {
    let both = |one, other| {
        let merged = Payload::parse(one).unwrap().followed_by(&Payload::parse(other).unwrap());
        merged.to_raw_value().get().to_owned()
    };
    assert_eq!(both(r#"{"a":1,"b": 2.0}"#, r#"{"c":3,"a":4}"#), r#"{"b":2.0,"c":3,"a":4}"#);
    assert_eq!(both("{}", r#"{"a":1}"#), r#"{"a":1}"#);
    assert_eq!(both(r#"{"a":1}"#, "{}"), r#"{"a":1}"#);
    assert_eq!(both("{}", "{}"), "{}");
}

/// JSON text with white space, odd numbers and escapes in it.
fn json_text() -> impl Strategy<Value = String> {
    fn string() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[a-zA-Z ü€😀{}\\[\\]:,]{0,4}",
            r#"\\["\\/bfnrt]"#,
            r"\\u00[0-9a-fA-F]{2}",
            Just("\\uD83D\\ude00".into())
        ];
        prop::collection::vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
    }
    let number = r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,10})?([eE][+-]?[0-9]{1,2})?";
    let leaf = prop_oneof![number, string(), Just("true".into()), Just("false".into()), Just("null".into())];
    let space = || "[ \t\r\n]{0,2}";
    let list = move |item: BoxedStrategy<String>, open: &'static str, close: &'static str| {
        (prop::collection::vec((item, space()), 0..5), space()).prop_map(move |(items, space)| {
            let items: Vec<_> = items.into_iter().map(|(item, after)| item + &after).collect();
            format!("{open}{space}{}{close}", items.join(&format!(",{space}")))
        })
    };
    let object = move |value: BoxedStrategy<String>| {
        let member = (string(), space(), space(), value)
            .prop_map(|(name, before, after, value)| format!("{name}{before}:{after}{value}"));
        list(member.boxed(), "{", "}")
    };
    let value =
        leaf.prop_recursive(4, 24, 5, move |value| prop_oneof![list(value.clone(), "[", "]"), object(value.boxed())]);
    (space(), object(value.boxed()), space()).prop_map(|(before, object, after)| before + &object + &after)
}

/// White space out, by the plainest means.
fn without_space(json: &str) -> String {
    let (mut in_string, mut escaped, mut out) = (false, false, String::new());
    for character in json.chars() {
        if in_string || !character.is_ascii_whitespace() {
            out.push(character);
        }
        in_string ^= character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_member_reaches_the_receiver_byte_for_byte(text in json_text()) {
        let payload = Payload::parse(&text).unwrap();
        let expected: Value = serde_json::from_str(&text).unwrap();
        let names = expected.as_object().unwrap().len();

        let kept = compact(&text);
        prop_assert_eq!(serde_json::from_str::<Value>(&kept).unwrap(), expected.clone());
        if kept.len() == without_space(&text).len() {
            prop_assert_eq!(&kept, &without_space(&text));
        }
        for (name, value) in payload.members() {
            prop_assert!(without_space(&text).contains(value));
            prop_assert_eq!(serde_json::from_str::<Value>(value).unwrap(), expected[&*name].clone());
        }
        prop_assert_eq!(payload.members().count(), names);
        prop_assert_eq!(&compact(&kept), &kept);

        let body = compose("k", &nobody(), &payload);
        let mut parsed: Value = serde_json::from_slice(&body).unwrap();
        let given = payload_of(&body).unwrap().to_raw_value();
        prop_assert_eq!(given.get(), kept);
        let members = parsed.as_object_mut().unwrap();
        prop_assert_eq!(members.shift_remove("eventKey"), Some(json!("k")));
        prop_assert_eq!(members.shift_remove("eventContext"), Some(json!({"vendorId": VENDOR, "tenantId": null, "userId": null})));
        prop_assert_eq!(parsed, expected);
    }

    #[test]
    fn what_is_taken_is_what_serde_json_takes(
        text in json_text(),
        edits in prop::collection::vec((any::<Index>(), 0..3u8, r#"[{}\[\]":,\\udD89e+\-.0 \n\ttrue\x00ü]"#), 1..3),
    ) {
        let mut text: Vec<char> = text.chars().collect();
        for (place, kind, replacement) in edits {
            if text.is_empty() {
                break;
            }
            let place = place.index(text.len());
            match kind {
                0 => { text.remove(place); }
                1 => text[place] = replacement.chars().next().unwrap(),
                _ => text.insert(place, replacement.chars().next().unwrap()),
            }
        }
        let text: String = text.into_iter().collect();
        let expected = match serde_json::from_str::<Value>(&text) {
            Ok(value) => value.is_object(),
            // Numbers of any size pass here; it cannot be said what serde_json would have thought of the rest.
            Err(error) if error.to_string().starts_with("number out of range") => return Ok(()),
            Err(_) => false,
        };
        prop_assert_eq!(Payload::parse(&text).is_ok(), expected, "{}", text);
    }
}
