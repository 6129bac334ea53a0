//! What templates make of events: valid, bounded, and the same at any time.

use bytes::Bytes;
use postrider_core::body::{EventContext, Payload, compose};
use postrider_core::event::{Event, EventKey, Room, TenantId};
use postrider_core::limits::RENDERED_BYTES;
use postrider_core::shape::Syntax;
use postrider_core::{EnvironmentId, EventId, Timestamp};
use postrider_shape::{Allowance, Subject, Template, TemplateError, TemplateErrorKind};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

fn event_of(payload: &str) -> Event {
    let vendor_id = EnvironmentId::from_uuid(Uuid::from_u128(1));
    let context = EventContext { vendor_id, tenant_id: Some("tenant \"1\""), user_id: None, application_id: None };
    let payload = Payload::parse(payload).expect("a payload");
    Event {
        id: EventId::from_uuid(Uuid::from_u128(7)),
        environment_id: vendor_id,
        key: EventKey::parse("frontegg.user.created").expect("a key"),
        tenant_id: Some(TenantId::parse("tenant \"1\"").expect("a tenant")),
        user_id: None,
        application_id: None,
        occurred_at: None,
        accepted_at: Timestamp::from_micros(1_767_225_600_000_000),
        body: compose("frontegg.user.created", &context, &payload),
        room: Room::uncounted(),
    }
}

fn rendered_as(syntax: Syntax, template: &str, payload: &Value) -> Result<String, TemplateError> {
    let made = Template::compile(template, syntax)?.render(&Subject::of(&event_of(&payload.to_string())))?;
    Ok(String::from_utf8(made.to_vec()).expect("text"))
}

fn rendered(template: &str, payload: &Value) -> String {
    rendered_as(Syntax::Json, template, payload).expect(template)
}

fn refused(template: &str) -> TemplateError {
    Template::compile(template, Syntax::Json).expect_err(template)
}

/// Templates that use every position and statement, each of which must make JSON of any event.
const SOUND: &[&str] = &[
    r#"{"a": {{ value }}, "b": "{{ value }}", "c": "x{{ value }}y{{ other }}"}"#,
    r#"{ {{ name | string }}: [{{ value }}, {{ other | json }}], "t": {{ "a" ~ name }} }"#,
    r#"{"all": {{ payload }}, "as text": "{{ payload | json }}", "key": "{{ eventKey }}", "t": {{ eventContext.tenantId }}}"#,
    r"[{% for item in list %}{{ item }}{% if not loop.last %},{% endif %}{% endfor %}]",
    r#"[{% for item in list %}"{{ item }}/{{ loop.index }}"{% if not loop.last %},{% endif %}{% else %}"none"{% endfor %}]"#,
    r#"{"v": {% if value is string %}"{{ value | upper }}"{% elif value is number %}{{ value }}{% else %}{{ [value, other] }}{% endif %}}"#,
    r#"{"in": "{% if value %}{{ value }}{% else %}\"none\"{% endif %} and {% for item in list %}{{ item }}, {% endfor %}"}"#,
    r#"{% set x = name | default("?", true) | replace("a", '"') %}{"x": "{{ x }}", "n": {{ x | length }}, "h": "{{ x | sha256 }}"}"#,
    r#"{% with a = {"k": value, "l": list} %}{{ a }}{% endwith %}"#,
    r"{{ value | json | json }}",
    r#"{"deep": "{{ user.address.city }}", "missing": {{ user.nothing.at.all }}, "q": {{ name | lower | base64encode | urlencode | truncate(20) }}}"#,
    "{\"raw\": \"{% raw %}{{ not this }}{% endraw %}\", {# a comment with \" #}\"v\": {{- value -}} }",
    r#"{"list": {{ list | map("string") | list }}, "joined": "{{ list | join(", ") }}", "first": {{ list | first }}, "rev": {{ list | reverse | list }}}"#,
    r#"{{ { "nested": { "braces": [value, {"x": 1}] } } }}"#,
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Into::into),
        any::<String>().prop_map(Into::into),
        r#"["\\{}\[\],:'<>&\n\r\t\u{0}\u{2028} %=+]{0,12}"#.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn rendered_json_is_valid_for_any_event(
        value in any_json(), other in any_json(), list in proptest::collection::vec(any_json(), 0..5), name in any::<String>(),
    ) {
        let payload = json!({ "value": value, "other": other, "list": list, "name": name, "user": { "email": name } });
        for template in SOUND {
            let made = rendered(template, &payload);
            prop_assert!(serde_json::from_str::<Value>(&made).is_ok(), "{} made {}", template, made);
            prop_assert_eq!(&made, &rendered(template, &payload), "the same at any time");
        }
    }

    #[test]
    fn values_arrive_as_they_are(value in any_json(), text in any::<String>()) {
        let payload = json!({ "value": value, "text": text });
        let made: Value = serde_json::from_str(&rendered(
            r#"{"value": {{ value }}, "text": "{{ text }}", "part": "<{{ text }}>", "json": "{{ value | json }}"}"#,
            &payload,
        )).expect("JSON");
        prop_assert_eq!(&made["value"], &value);
        prop_assert_eq!(&made["text"], &Value::from(text.clone()));
        prop_assert_eq!(&made["part"], &Value::from(format!("<{text}>")));
        let inner: Value = serde_json::from_str(made["json"].as_str().expect("text")).expect("JSON in a string");
        prop_assert_eq!(inner, value);
    }

    #[test]
    fn no_text_adds_a_member_or_a_field(text in any::<String>()) {
        let payload = json!({ "text": text });
        let made: Value = serde_json::from_str(&rendered(r#"{"a": "{{ text }}", "b": {{ text }}}"#, &payload)).expect("JSON");
        prop_assert_eq!(made.as_object().map(serde_json::Map::len), Some(2));
        let form = rendered_as(Syntax::Form, "a={{ text }}&b={{ text }}", &payload).expect("a form");
        let fields: Vec<_> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        prop_assert_eq!(fields, vec![("a".to_owned(), text.clone()), ("b".to_owned(), text.clone())]);
        let xml = rendered_as(Syntax::Xml, "<a b=\"{{ text }}\">{{ text }}</a>", &payload).expect("XML");
        prop_assert_eq!(xml.matches(['<', '>', '"']).count(), 6);
        prop_assert_eq!(rendered_as(Syntax::Text, "{{ text }}", &payload).expect("text"), text);
    }

    #[test]
    fn any_text_is_a_template_or_is_refused(
        parts in proptest::collection::vec(
            prop_oneof![
                proptest::sample::select(vec![
                    "{{", "}}", "{%", "%}", "{#", "#}", "\"", "\\", "|", "if", "for", "in", "else", "endif", "endfor", "set", "x", ".", "[",
                    "]", "{", "}", "(", ")", ",", ":", "=", "~", "json", "u00", "-", "raw", "endraw", "is", "not", "1", "*", "é",
                    "recursive", "loop", "+", "==", "map", "range", "elif", "with", "cycle",
                ]).prop_map(str::to_owned),
                any::<String>(),
            ],
            0..30,
        ),
        spaced in any::<bool>(),
    ) {
        let template = parts.join(if spaced { " " } else { "" });
        for syntax in [Syntax::Json, Syntax::Form, Syntax::Xml, Syntax::Text] {
            if let Ok(made) = rendered_as(syntax, &template, &json!({ "x": "\"" }))
                && syntax == Syntax::Json
            {
                prop_assert!(serde_json::from_str::<Value>(&made).is_ok() || made.contains("\\ud"), "{} made {}", template, made);
            }
        }
    }
}

#[test]
fn numbers_pass_as_they_were_sent() {
    let payload = r#"{"price":1.10,"huge":123456789012345678901234567890.5,"far":1e400,"n":5,"deep":{"list":[2.50]}}"#;
    let made = Template::compile(
        r#"[{{ price }}, {{ huge }}, {{ far }}, {{ n }}, {{ deep.list[0] }}, {{ deep }}, "{{ price }}", {{ price | default(0) }}, {{ payload["price"] }}, {{ price * 2 }}, {{ price | round(1) }}, {% if price > 1.05 and n == 5 %}true{% else %}false{% endif %}]"#,
        Syntax::Json,
    )
    .expect("a template")
    .render(&Subject::of(&event_of(payload)))
    .expect("rendered");
    let expected = r#"[1.10, 123456789012345678901234567890.5, 1e400, 5, 2.50, {"list":[2.50]}, "1.10", 1.10, 1.10, 2.2, 1.1, true]"#;
    assert_eq!(made, Bytes::from_static(expected.as_bytes()));
}

/// A number keeps its form where it is written, and is a number where it is computed or compared with.
#[test]
fn numbers_behind_a_filter_are_computed_with() {
    for (total, expected) in [
        ("19.99", "[19.99, 39.98, false, true, true, 20.0, 19.99, \"19.99!\"]"),
        ("200.50", "[200.50, 401.0, true, false, true, 201.0, 200.50, \"200.5!\"]"),
        ("20", "[20, 40, false, false, true, 20, 20, \"20!\"]"),
    ] {
        let made = Template::compile(
            r#"[{{ total | default(0) }}, {{ total | default(0) * 2 }}, {{ total | default(0) > 100 }}, {{ total | default(0) == 19.99 }}, {{ total | default(0) is number }}, {{ total | default(0) | round }}, {{ payload["total"] | default((1)) | required("a (total)") }}, {{ total | default(0) ~ "!" }}]"#,
            Syntax::Json,
        )
        .expect("a template")
        .render(&Subject::of(&event_of(&format!(r#"{{"total":{total}}}"#))));
        assert_eq!(String::from_utf8_lossy(&made.expect(total)), expected);
    }
}

#[test]
fn what_is_missing_is_null_or_nothing() {
    assert_eq!(
        rendered(r#"[{{ a.b.c }}, "{{ a.b.c }}", {{ none }}, "{{ none }}"]"#, &json!({})),
        r#"[null, "", null, ""]"#
    );
    assert_eq!(rendered(r#"{{ a.b | default("x") }}"#, &json!({ "a": { "b": null } })), r#""x""#);
    let error = rendered_as(Syntax::Json, "{\"a\":\n {{ user.email | required(\"no address\") }}}", &json!({}));
    let error = error.expect_err("it is required");
    assert_eq!((error.line(), error.column()), (Some(2), Some(18)), "{error}");
    assert_eq!(error.message, "no address", "the template's own words");
}

#[test]
fn filters_do_what_their_names_say() {
    let payload = json!({
        "name": "Ada Lovelace", "at": "2026-01-31T12:30:00.5Z", "seconds": 1_767_225_600, "list": [3, 1, 2],
        "users": [{ "name": "a" }, { "name": "b" }], "html": "<a&b>", "n": -3.7,
    });
    for (expression, expected) in [
        ("name | upper", json!("ADA LOVELACE")),
        ("'a b' | title", json!("A B")),
        ("' x ' | trim", json!("x")),
        ("name | replace('Ada', 'A.')", json!("A. Lovelace")),
        ("name | truncate(5)", json!("Ada …")),
        ("name | split(' ') | last", json!("Lovelace")),
        ("name | length", json!(12)),
        ("list | sort | join('-')", json!("1-2-3")),
        ("users | join(', ', 'name')", json!("a, b")),
        ("users | map(attribute='name') | list", json!(["a", "b"])),
        ("users | selectattr('name', 'eq', 'b') | list | length", json!(1)),
        ("list | first", json!(3)),
        ("list | sum", json!(6)),
        ("at | date('%d.%m.%Y %H:%M')", json!("31.01.2026 12:30")),
        ("at | date", json!("2026-01-31T12:30:00.500Z")),
        ("at | date('iso', '+02:00')", json!("2026-01-31T14:30:00.500+02:00")),
        ("at | date('unix')", json!(1_769_862_600)),
        ("seconds | date('date')", json!("2026-01-01")),
        ("(seconds * 1000) | date('date')", json!("2026-01-01")),
        ("'2026-02-03' | date('%j')", json!("034")),
        ("missing | date", json!(null)),
        ("'abc' | sha256", json!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")),
        (
            "'what do ya want for nothing?' | hmac_sha256('Jefe')",
            json!("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        ),
        ("'abc' | sha1('base64')", json!("qZk+NkcGgWq6PiVxeFDCbJzQ2J0=")),
        ("'aé' | base64encode", json!("YcOp")),
        ("'YcOp' | base64decode", json!("aé")),
        ("'a b/é' | urlencode", json!("a%20b%2F%C3%A9")),
        ("n | abs", json!(3.7)),
        ("n | round", json!(-4.0)),
        ("n | int", json!(-3)),
        ("'12' | int + 1", json!(13)),
        ("'x' | int(7)", json!(7)),
        ("users | tojson | length", json!(27)),
        ("{'a': 1} | items | list", json!([["a", 1]])),
        ("'yes' if name is startingwith('Ada') else 'no'", json!("yes")),
        ("html", json!("<a&b>")),
        ("event.id", json!("00000000-0000-0000-0000-000000000007")),
        ("event.acceptedAt", json!("2026-01-01T00:00:00.000Z")),
        (
            "[event.key, context.tenantId, eventKey]",
            json!(["frontegg.user.created", "tenant \"1\"", "frontegg.user.created"]),
        ),
        ("payload.name", json!("Ada Lovelace")),
        ("range(3) | list", json!([0, 1, 2])),
        ("'x' ~ missing ~ none ~ true ~ (1 > 2) ~ (n is number)", json!("xtruefalsetrue")),
        ("users | join(', ', attribute='name')", json!("a, b")),
        ("list | join(d='-')", json!("3-1-2")),
        ("'' | default('x', boolean=true)", json!("x")),
        ("missing | default(default_value='y')", json!("y")),
        ("name | truncate(length=5)", json!("Ada …")),
        ("name | truncate(8, true, '...')", json!("Ada L...")),
        ("name | truncate(10, false, '...')", json!("Ada...")),
        ("name | truncate(6, '...')", json!("Ada...")),
        ("name | truncate(6, end='')", json!("Ada Lo")),
        ("2.567 | round(2, 'floor')", json!(2.56)),
        ("2.561 | round(method='ceil', precision=2)", json!(2.57)),
        ("'aaa' | replace('a', 'b', 1)", json!("baa")),
        ("'b' in (users | tojson) and 'c' not in (users | tojson)", json!(true)),
        ("1 in 'a1' and (1 | json) in list", json!(true)),
        ("list is iterable and users[0] is iterable and 'a' is iterable and n is not iterable", json!(true)),
        ("list[-1] + list[0]", json!(5)),
        ("[users | json, 'x'] | unique | length", json!(2)),
        ("users | selectattr('name', 'ge', 'b') | map(attribute='name') | first", json!("b")),
        ("users | max(attribute='name') == users[1]", json!(true)),
    ] {
        let made = rendered_as(Syntax::Json, &format!("{{{{ {expression} }}}}"), &payload).expect(expression);
        assert_eq!(serde_json::from_str::<Value>(&made).expect("JSON"), expected, "{expression}");
    }
}

#[test]
fn errors_are_found_when_a_template_is_compiled() {
    for (template, line, column, words) in [
        ("{\n\"a\": {{ x | }}}", 2, 13, "unexpected"),
        ("{{ x | nonsense }}", 1, 8, "no filter `nonsense`"),
        ("{{ x is odder }}", 1, 9, "no test `odder`"),
        ("{{ x is not odder }}", 1, 13, "no test `odder`"),
        ("{\"a\": \"{% if x %}b\"{% endif %}}", 1, 23, "same side"),
        ("{\"a\": {% if x %}\"b\"{% else %}\"c{% endif %}\"}", 1, 35, "in the branch before"),
        ("{\"a\": {% for x in y %}\"{% endfor %}\"}", 1, 27, "where it began"),
        ("{\"a\": \"\\{{ x }}\"}", 1, 12, "backslash"),
        ("{\"a\": \"\\u00{{ x }}\"}", 1, 15, "backslash"),
        ("{% macro m() %}{% endmacro %}", 1, 4, "macro"),
        ("{% include 'x' %}", 1, 4, "include"),
        ("{% set x %}a{% endset %}1", 1, 4, "takes a value"),
        ("{% filter upper %}a{% endfilter %}", 1, 4, "not available"),
        ("{% autoescape false %}{{ x }}{% endautoescape %}", 1, 4, "not available"),
        ("{{ x | __in_string }}", 1, 8, "cannot be used"),
        ("{{ __body }}", 1, 4, "cannot be used"),
        ("{{ x | safe }}", 1, 8, "no filter `safe`"),
        ("{{ now() }}", 1, 4, "no function `now`"),
        ("{{ lower(x) }}", 1, 4, "{{ value | lower }}"),
        ("{{ user.email.lower() }}", 1, 8, "{{ value | lower }}"),
        ("{{ x | map('shout') }}", 1, 12, "no filter `shout`"),
        ("{{ x | map('__in_string') }}", 1, 12, "no filter"),
        ("{{ x | map(name) }}", 1, 8, "as a text in quotes"),
        ("{{ x | select('odder') }}", 1, 15, "no test `odder`"),
        ("{{ x | rejectattr('a', 'odder') }}", 1, 24, "no test `odder`"),
        ("{{ x | json(indent=2) }}", 1, 8, "nothing in parentheses"),
        ("{{ x | upper(1) }}", 1, 8, "nothing in parentheses"),
        ("{{ x | sort(true) }}", 1, 8, "takes attribute, case_sensitive, reverse by name"),
        ("{{ x | sort(by='a') }}", 1, 8, "has no `by`"),
        ("{{ x | map('truncate', length=5) | join }}", 1, 8, "without its name"),
        ("{{ x | map(atribute='a') | join }}", 1, 8, "`map` has no `atribute`"),
        ("{{ x | map | join }}", 1, 8, "takes a filter's name"),
        ("{{ x | select(test='odd') | join }}", 1, 8, "without its name"),
        ("{{ x | replace('a') }}", 1, 8, "at least 2 values"),
        ("{{ x | replace('a', 'b', 1, 2) }}", 1, 8, "at most 3 values"),
        ("{{ x | truncate(80, leeway=3) }}", 1, 8, "it takes length, killwords, end by name"),
        ("{{ x | split(',', 1) }}", 1, 8, "one value"),
        ("{{ x | trim(chars='x') }}", 1, 8, "nothing by name"),
        ("{{ x | replace(*x) }}", 1, 8, "without `*`"),
        ("{% for a in x recursive %}1{% endfor %}", 1, 4, "`recursive`"),
    ] {
        let error = refused(template);
        assert!(error.message.contains(words), "{template}: {error}");
        assert_eq!((error.line(), error.column()), (Some(line), Some(column)), "{template}: {error}");
    }
    assert!(refused("{\"a\": \"b").message.contains("closing"));
    assert!(refused("{% if x %}1").message.contains("unexpected"), "{}", refused("{% if x %}1"));
}

#[test]
fn errors_of_a_rendering_say_where_they_are() {
    let render =
        |template: &str| rendered_as(Syntax::Json, template, &json!({ "x": "a", "user": {} })).expect_err(template);
    let error = render("{\n  \"a\": \"{{ user.name }} {{ x + 1 }}\"}");
    assert_eq!(
        (error.line(), error.column()),
        (Some(2), Some(28)),
        "what was put in before it does not count: {error}"
    );
    let error = render(r"[{% for n in [1, 2] %}{{ n }},{% endfor %}]");
    assert!(error.message.contains("not JSON: ") && error.message.contains("near `[1,2,]`"), "{error}");
    assert_eq!((error.line(), error.column()), (Some(1), Some(43)), "where the byte came from: {error}");
    assert!(render("{{ x | date }}").message.contains("`a` is no moment"));
}

/// As those of [`hostile`]: they look at a large object or text over and over, by way of something small.
const COMPARING: &[&str] = &[
    "{% for i in range(9000) %}{% if {} < payload.object %}{% endif %}{% endfor %}1",
    "{% for i in range(9000) %}{% if 1 < payload.object %}{% endif %}{% endfor %}1",
    "{% for i in range(9000) %}{% if 1 < 2 < payload.object %}{% endif %}{% endfor %}1",
    "{% for i in range(9000) %}{% if {} == payload.object %}{% endif %}{% endfor %}1",
    "{% for i in range(9000) %}{% if payload.object == {} %}{% endif %}{% endfor %}1",
    "{% for i in range(9000) %}{% if payload.object is lt({}) %}{% endif %}{% endfor %}1",
    "{% for i in range(9000) %}{% if payload.object | first %}{% endif %}{% endfor %}1",
    "{% for i in range(9000) %}{% if payload.long[-1] %}{% endif %}{% endfor %}1",
    "{% for i in range(9000) %}{% if payload.long[99999] %}{% endif %}{% endfor %}1",
    "{% for i in range(9000) %}{% if payload.long | replace('y', 'z', 1) %}{% endif %}{% endfor %}",
    "{{ payload.objects | max | json }}",
    "{{ payload.objects | min | json }}",
    "{{ payload.objects | sort | json }}",
    "{{ payload.objects | unique | json }}",
    "{{ payload.objects | select('lt', payload.object) | list | json }}",
    "{{ [{'a': payload.object}, {'a': {}}] | sort(attribute='a') | json }}",
    "{{ [{'a': payload.object}, {'a': {}}] | sort(attribute='b,a') | json }}",
    "{{ [{'a': payload.object}, {'a': {}}] | groupby('a') | json }}",
    "{{ [{'a': [payload.object]}, {'a': [{}]}] | max(attribute='a.0') | json }}",
    "{{ {'a': payload.object, 'b': {}} | dictsort(by='value') | json }}",
    "{{ range(9000) | map('string') | select('startingwith', payload.object) | list | json }}",
];

/// Templates that would take all memory, or all time, if somebody let them. Each is stopped, within its fuel.
fn hostile() -> Vec<String> {
    let doubled = format!("{{% set s = 'x' * 1000 %}}{}{{{{ s | length }}}}", "{% set s = s ~ s %}".repeat(1_000));
    let nested = format!(
        "{}1{}",
        [0, 1, 2, 3, 4, 5].map(|n| format!("{{% for a{n} in range(1000) %}}")).concat(),
        "{% endfor %}".repeat(6)
    );
    // A list of itself and itself, and so on: small to make, and endless to go through.
    let shared = |end: &str| format!("{{% set a = [payload, payload] %}}{}{end}", "{% set a = [a, a] %}".repeat(40));
    let added = |end: &str| format!("{{% set a = [1, payload] %}}{}{end}", "{% set a = a + a %}".repeat(40));
    let members = |end: &str| format!("{{% set a = {{'b': 1}} %}}{}{end}", "{% set a = {'b': a, 'c': a} %}".repeat(40));
    let chained = format!(
        "{{% set a = payload.list %}}{}{{{{ a | list | length }}}}",
        "{% set a = a | chain(a, a) %}".repeat(40)
    );
    // What stands for a number that is none.
    let standing = |with: &str| {
        let doubling = format!("{{% set a = (nix | {with}(a)) + (nix | {with}(a)) %}}");
        format!("{{% set a = [0] %}}{}{{{{ a | length }}}}", doubling.repeat(40))
    };
    let mut templates = vec![
        standing("int"),
        standing("float"),
        doubled,
        nested,
        shared("{{ a }}"),
        shared("{{ a ~ '' }}"),
        shared("{% if a == a %}1{% endif %}"),
        shared("{{ a | string | length }}"),
        added("{{ a }}"),
        added("{{ a | length }}"),
        members("{{ a }}"),
        members("{{ a == a }}"),
        chained,
        format!("{}1{}", "{% if true %}".repeat(2_000), "{% endif %}".repeat(2_000)),
        format!("{{% if a %}}{}{{% endif %}}", "{% elif a %}".repeat(2_500)),
        format!("{{{{ {}1{} }}}}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("{{{{ {}1 }}}}", "not ".repeat(8_000)),
        format!("{{{{ {}1 }}}}", "-".repeat(16_000)),
        format!("{{{{ x{} }}}}", ".a".repeat(16_000)),
        format!("{{{{ x{} }}}}", "[0]".repeat(10_000)),
        format!("{{{{ x{} }}}}", "[1:]".repeat(8_000)),
        format!("{{{{ x{} }}}}", "|list".repeat(6_000)),
        format!("{{{{ x{} }}}}", " ~ x".repeat(8_000)),
        format!("{{{{ x{} }}}}", " ** x".repeat(6_000)),
        format!("{{{{ {}1 }}}}", "1 if x else ".repeat(2_500)),
        format!("{{{{ {}1{} }}}}", "[".repeat(10_000), "]".repeat(10_000)),
        format!("{{% set a = 1 %}}{}{{{{ a }}}}", "{% set a = [a] %}".repeat(1_900)),
    ];
    templates.extend(
        [
            "{% set s = 'x' * 1000 %}{% set s = s | replace('x', s) %}{% set s = s | replace('x', s) %}{{ s }}",
            "{% for a in range(100000) %}{{ range(100000) | list | join(',') | sha512 }}{% endfor %}",
            "{{ 'x' * 1000000000 }}",
            "{{ [payload] * 100000000 }}",
            "{{ 100000000 * [payload] }}",
            "{{ (payload.list * 100000000) | length }}",
            "{{ ([payload] * 10000) | map('json') | list | length }}",
            "{% for a in range(10000) %}{% set b = payload | json %}{% endfor %}{{ range(100000) | map('string') | map('json') | list | length }}",
            "{% for i in range(9000) %}{% set x = ([''] * 100000000) | join %}{% endfor %}",
            "{% for i in range(6000) %}{% if payload | sha512 %}{% endif %}{% endfor %}",
            "{% for i in range(9000) %}{% if payload.long | sha512 %}{% endif %}{% endfor %}",
            "{% for i in range(9000) %}{% if payload.long | upper | lower | title | base64encode | length %}{% endif %}{% endfor %}",
            "{% for i in range(9000) %}{% if payload.long | replace('y', 'zz') %}{% endif %}{% endfor %}",
            "{% for i in range(9000) %}{% if 'q' in payload.long %}{% endif %}{% endfor %}",
            "{% for i in range(9000) %}{% if payload == payload %}{% endif %}{% endfor %}",
            "{% for i in range(9000) %}{% if payload.long is lower %}{% endif %}{% endfor %}",
            "{% for i in range(9000) %}{% if payload.list | sort | unique | list %}{% endif %}{% endfor %}",
            "{% for i in range(9000) %}{% if loop.changed(payload) %}{% endif %}{% endfor %}",
            "{{ [''] * 100000000 == [''] * 100000000 }}",
            "{% if [''] * 100000000 %}{{ [''] * 100000000 ~ '' }}{% endif %}",
            "{{ ['a'] * 100000000 is in(['b']) }}",
            "{{ [1] | batch(100000000, payload) }}",
            "{{ [1, 2, 3] | map('batch', 100000000, payload) | list | length }}",
            "{% for i in range(9000) %}{% set x = [[1], [2], [3]] | map('batch', 100000, 0) %}{% endfor %}",
            "{{ [1] | slice(100000000) | length }}",
            "{{ range(100000) | zip(range(100000), range(100000)) | list | length }}",
            "{{ range(100000) | map('default', payload) | list | tojson }}",
            "{% for i in range(9000) %}{% set x = range(100000)[99999:] %}{% endfor %}",
            "{% for i in range(9000) %}{% set x = payload.long | split('') %}{% endfor %}",
            "{% for i in range(9000) %}{% set x = payload.long | split('y') | length %}{% endfor %}",
            "{% for i in range(9000) %}{% set x = payload.long | list %}{% endfor %}",
            "{{ range(100000) | sum(start=[]) }}",
            "{{ (nix | int([0])) * 100000000 }}",
            "{{ range(1000) | sort(attribute='0,' ~ payload.long) | length }}",
            "{{ range(1000) | map(attribute='0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0') | list }}",
            "{{ range(1000) | selectattr('0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0') | list }}",
            "{{ range(1000) | sum('0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0') }}",
            "{% for a in payload.list recursive %}{{ loop(payload.list) }}{% endfor %}",
            "{% for a in payload.list %}{{ loop(payload.list) }}{% endfor %}",
            "{% for a in payload.list %}{{ loop.cycle() }}{% endfor %}",
        ]
        .map(str::to_owned),
    );
    templates.extend(COMPARING.iter().map(|template| (*template).to_owned()));
    templates
}

#[test]
fn a_hostile_template_is_stopped() {
    let object: serde_json::Map<_, _> = (0..10_000).map(|index| (index.to_string(), json!(1))).collect();
    let mut objects = vec![json!({}); 1_000];
    objects[0] = Value::Object((0..1_000).map(|index| (index.to_string(), json!(1))).collect());
    let payload = json!({ "long": "y".repeat(100_000), "list": vec![1; 1_000], "object": object, "objects": objects });
    let subject = Subject::of(&event_of(&payload.to_string()));
    for syntax in [Syntax::Text, Syntax::Json] {
        for template in hostile() {
            let made = Template::compile(&template, syntax).and_then(|template| template.render(&subject));
            let error = made.expect_err(&template[..template.len().min(200)]);
            assert!(!error.message.is_empty());
            // Nothing here takes the engine by surprise.
            assert!(!error.message.contains("report"), "{error}: {template}");
        }
    }
    let long = rendered_as(Syntax::Text, "{{ x }}\n{{ x }}{{ x }}", &json!({ "x": "y".repeat(RENDERED_BYTES / 2) }));
    let long = long.expect_err("too long");
    assert!(long.message.contains("bytes"), "{long}");
    assert_eq!(long.line(), Some(2), "{long}");
    let whole = rendered_as(Syntax::Json, "{{ payload }}", &json!({ "x": vec!["y"; 60_000] }))
        .expect("the largest event passes");
    assert!(whole.len() > 200_000);
}

#[test]
fn renderings_of_a_request_have_their_work_in_common() {
    let subject = Subject::of(&event_of("{}"));
    let template = Template::compile("{% for i in range(5000) %}{% endfor %}", Syntax::Text).expect("a template");
    let mut whole = Allowance::whole();
    let made = (0..100).map(|_| template.render_within(&mut whole, &subject)).take_while(Result::is_ok).count();
    assert!((2..50).contains(&made), "{made}");
    let error = template.render_within(&mut Allowance::at_once(0), &subject).expect_err("more than others wait for");
    assert_eq!(error.kind, TemplateErrorKind::Work);
    template.render(&subject).expect("and less than one may");
    let twice = Template::compile("{% for i in range(10000) %}{% endfor %}", Syntax::Text).expect("a template");
    let large = twice.render_within(&mut Allowance::at_once(RENDERED_BYTES), &subject);
    assert_eq!(large.expect_err("others wait of a large event, too").kind, TemplateErrorKind::Work);
    twice.render(&subject).expect("less than one may, too");
    // Nobody waits for it any more.
    let mut allowance = Allowance::whole();
    allowance.given_up().give_up();
    let heavy = Template::compile("{{ 'x' * 10000 | sha256 }}", Syntax::Text).expect("a template");
    let heavy_of_text =
        Template::compile("{% set s = 'x' * 10000 %}{{ s | sha256 }}", Syntax::Text).expect("a template");
    assert!(heavy.render_within(&mut Allowance::whole(), &subject).is_err(), "a digest is no number");
    assert_eq!(
        heavy_of_text.render_within(&mut allowance, &subject).expect_err("given up").kind,
        TemplateErrorKind::Work
    );
}

/// What is written anew for the engine means what was written.
#[test]
fn guards_change_nothing_that_is_in_bounds() {
    let payload = json!({ "l": [3, 1, 2], "m": [1], "o": { "a": 1, "b": [1, 2] }, "s": "a\"b\\c", "n": 7, "x": null });
    for (expression, expected) in [
        ("1 + 2 * 3 - 4 / 2", json!(5.0)),
        ("(1 + 2) * 3 % 5 // 2", json!(2)),
        ("2 ** 3 ** 2", json!(64)),
        ("-n + 1", json!(-6)),
        ("l + m", json!([3, 1, 2, 1])),
        ("(l + m + [9]) | list", json!([3, 1, 2, 1, 9])),
        ("(l + m) == [3, 1, 2, 1]", json!(true)),
        ("l[1:]", json!([1, 2])),
        ("l[::-1]", json!([2, 1, 3])),
        ("s[1:3]", json!("\"b")),
        ("l[0] ~ '-' ~ o.b[1] ~ s", json!("3-2a\"b\\c")),
        ("'x' ~ l ~ o", json!("x[3,1,2]{\"a\":1,\"b\":[1,2]}")),
        ("'ab' * 3", json!("ababab")),
        ("n > 5 and not (n == 8) or false", json!(true)),
        ("1 < n < 10", json!(true)),
        ("3 in l and 4 not in l and 'a' in o and 'b\\\\' in s", json!(true)),
        ("x in l", json!(false)),
        ("o == {'a': 1, 'b': [1, 2]}", json!(true)),
        ("o['b'][0]", json!(1)),
        ("l[n - 6]", json!(1)),
        ("n is divisibleby(7) and n is not even and x is none and y is undefined", json!(true)),
        ("2 is in l", json!(true)),
        ("(l | sort | first) if l else 'none'", json!(1)),
        ("l | select('gt', 1) | map('string') | join('+')", json!("3+2")),
        ("[l, (1, 2), {'k': l}][2].k[0]", json!(3)),
        ("{'a': 1} | chain({'b': 2}) | items | list", json!([["a", 1], ["b", 2]])),
        ("l | zip(l) | map('first') | list", json!([3, 1, 2])),
        ("l | batch(2) | list", json!([[3, 1], [2]])),
        ("(l | groupby('x'))[0].list | list | length", json!(3)),
        ("l | sum + (l | max)", json!(9)),
        ("'a' 'b'", json!("ab")),
        ("1.5e3", json!(1500.0)),
        ("[] == [] and () | list == []", json!(true)),
    ] {
        let made = rendered_as(Syntax::Json, &format!("{{{{ {expression} }}}}"), &payload).expect(expression);
        assert_eq!(serde_json::from_str::<Value>(&made).expect("JSON"), expected, "{expression}");
    }
    let statements = "{% for k, v in o | items %}{{ loop.index }}{{ k }}{{ loop.cycle('x', 'y') }}{% else %}none{% endfor %}\
        {% with a = 1, (b, c) = [2, 3] %}{{ a + b + c }}{% endwith %}{% set a, b = l[:2] %}{{ a }}{{ b }}\
        {% for i in l if i > 1 %}{{ i }}{% endfor %}{% if n == 1 %}1{% elif n == 7 %}7{% else %}?{% endif %}\
        {% raw %}{{ raw }}{% endraw %}{# nothing #}\n";
    assert_eq!(rendered_as(Syntax::Text, statements, &payload).expect("text"), "1ax2by631327{{ raw }}");
}
