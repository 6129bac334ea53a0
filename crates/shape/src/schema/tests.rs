use std::fmt::Write as _;

use postrider_core::catalogue;
use serde_json::json;

use super::*;

fn parse(schema: &Value) -> Result<Schema, SchemaError> {
    Schema::parse(&schema.to_string())
}

fn places(schema: &Value, body: &Value) -> Vec<String> {
    let schema = parse(schema).expect("a schema");
    schema.violations(body.to_string().as_bytes()).into_iter().map(|violation| violation.at).collect()
}

#[test]
fn violations_name_their_places_and_not_the_values() {
    let schema = json!({
        "type": "object",
        "required": ["user"],
        "properties": {
            "user": { "properties": { "email": { "type": "string", "format": "email" }, "age": { "maximum": 150 } } }
        }
    });
    assert_eq!(places(&schema, &json!({ "user": { "email": "ada@example.com", "age": 36 } })), [""; 0]);
    assert_eq!(places(&schema, &json!({})), [""]);
    assert_eq!(places(&schema, &json!({ "user": { "email": "secret", "age": 200 } })), ["/user/email", "/user/age"]);
    let found = parse(&schema).expect("a schema").violations(br#"{"user":{"email":"secret"}}"#);
    assert!(!found[0].message.contains("secret"), "{found:?}");
    let wordy = json!({ "const": "x".repeat(NOTE_CHARS * 2) });
    let found = parse(&wordy).expect("a schema").violations(b"1");
    assert_eq!(found[0].message.chars().count(), NOTE_CHARS + 1, "and an ellipsis");
    let many = json!({ "items": { "type": "string" } });
    assert_eq!(places(&many, &json!(vec![1; 100])).len(), SCHEMA_VIOLATIONS);
}

#[test]
fn a_number_beyond_all_bounds_is_no_match_and_no_fault() {
    let schema = Schema::parse("{}").expect("a schema");
    assert_eq!(schema.violations(br#"{"n":12345678901234567890123}"#), []);
    assert_eq!(schema.violations(br#"{"n":1e400}"#).len(), 1);
}

#[test]
fn the_builtin_schemas_are_accepted() {
    for event_type in catalogue::builtin() {
        assert!(Schema::parse(&event_type.schema).is_ok(), "{}", event_type.key);
    }
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    assert!(matches!(Schema::parse("{"), Err(SchemaError::NotJson(_))));
    assert_eq!(Schema::parse("[]").unwrap_err(), SchemaError::NotAnObject);
    assert_eq!(Schema::parse(&" ".repeat(SCHEMA_BYTES + 1)).unwrap_err(), SchemaError::TooLong);
    let deep = format!("{}{}", r#"{"not":"#.repeat(JSON_DEPTH) + "{}", "}".repeat(JSON_DEPTH));
    assert_eq!(Schema::parse(&deep).unwrap_err(), SchemaError::TooDeep);
    let wrong = parse(&json!({ "properties": { "a": { "type": "text" } } })).unwrap_err();
    assert!(matches!(&wrong, SchemaError::Refused { at, .. } if at == "/properties/a/type"), "{wrong:?}");
}

#[test]
fn nothing_is_ever_fetched() {
    for to in ["https://example.com/s.json", "http://127.0.0.1/", "file:///etc/passwd", "other.json#/a", "//x/y"] {
        let refused = parse(&json!({ "properties": { "a": { "$ref": to } } })).unwrap_err();
        assert_eq!(refused, SchemaError::Remote { at: "/properties/a".into(), to: to.into() });
    }
    // A name in data refers to nothing.
    assert!(parse(&json!({ "const": { "$ref": "https://example.com" } })).is_ok());
    assert!(parse(&json!({ "$schema": "https://example.com/dialect" })).is_err());
    for keyword in ["$anchor", "$dynamicRef", "$dynamicAnchor"] {
        let refused = parse(&json!({ "not": { keyword: "#x" } })).unwrap_err();
        assert!(matches!(refused, SchemaError::Unsupported { .. }), "{refused:?}");
    }
    let own = json!({ "$id": "https://example.com/own", "$defs": { "a": { "type": "string" } }, "items": { "$ref": "#/$defs/a" } });
    assert_eq!(places(&own, &json!(["x", 1])), ["/1"]);
    let nested = json!({ "properties": { "a": { "$id": "https://example.com/b" } } });
    assert!(matches!(parse(&nested).unwrap_err(), SchemaError::Unsupported { keyword: "$id", .. }));
}

#[test]
fn references_lead_somewhere_and_come_to_an_end() {
    let dangling = parse(&json!({ "items": { "$ref": "#/$defs/a" } })).unwrap_err();
    assert_eq!(dangling, SchemaError::Dangling { at: "/items".into(), to: "#/$defs/a".into() });
    for endless in [
        json!({ "$ref": "#" }),
        json!({ "allOf": [{ "$ref": "#" }] }),
        json!({ "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "not": { "$ref": "#/$defs/a" } } }, "$ref": "#/$defs/a" }),
    ] {
        assert!(matches!(parse(&endless).unwrap_err(), SchemaError::Endless { .. }), "{endless}");
    }
    let tree = json!({ "$defs": { "node/1": { "properties": {
        "children": { "items": { "$ref": "#/$defs/node~11" } }, "name": { "type": "string" } } } },
        "$ref": "#/%24defs/node~11" });
    assert_eq!(
        places(&tree, &json!({ "children": [{ "children": [{ "name": 1 }] }] })),
        ["/children/0/children/0/name"]
    );
}

#[test]
fn what_multiplies_is_refused() {
    // Twice as many at each definition, against the same value.
    let mut definitions = String::new();
    for n in 0..30 {
        write!(definitions, r##""d{n}":{{"anyOf":[{{"$ref":"#/$defs/d{0}"}},{{"$ref":"#/$defs/d{0}"}}]}},"##, n + 1)
            .expect("a string takes all");
    }
    let fans_out = format!(r##"{{"$defs":{{{definitions}"d30":{{"type":"string"}}}},"$ref":"#/$defs/d0"}}"##);
    assert_eq!(Schema::parse(&fans_out).unwrap_err(), SchemaError::Costly);
    // Twice as many at each level of the body.
    let member = json!({ "properties": { "a": { "$ref": "#" } } });
    assert_eq!(parse(&json!({ "allOf": [member, member] })).unwrap_err(), SchemaError::Costly);
    let any = json!({ "patternProperties": { "^a": { "$ref": "#" } }, "properties": { "a": { "$ref": "#" } } });
    assert_eq!(parse(&any).unwrap_err(), SchemaError::Costly);
    let again = json!({ "allOf": [{ "items": { "$ref": "#" } }], "unevaluatedItems": false });
    assert_eq!(parse(&again).unwrap_err(), SchemaError::Costly);
    let rest = json!({ "additionalProperties": { "$ref": "#" }, "properties": { "a": { "$ref": "#" } } });
    assert!(parse(&rest).is_ok());
    // Of different names one at a time, so nothing multiplies.
    let both = json!({ "properties": { "left": { "$ref": "#" }, "right": { "$ref": "#" } } });
    assert!(parse(&both).is_ok());
    let long = json!({ "enum": (0..4_000).collect::<Vec<_>>(), "type": "integer" });
    assert!(parse(&long).is_ok());
    assert_eq!(parse(&json!({ "anyOf": vec![long.clone(), long.clone(), long] })).unwrap_err(), SchemaError::TooLong);
}

#[test]
fn patterns_are_bounded_together() {
    let pattern = |n: usize| json!({ "pattern": format!("^[a-z]{{{n}}}$") });
    // Against one text, all of them count; against different members, the largest.
    let together: Vec<_> = (1..=20).map(|n| pattern(100 - n)).collect();
    assert_eq!(parse(&json!({ "anyOf": together })).unwrap_err(), SchemaError::CostlyPatterns);
    let apart: serde_json::Map<_, _> = (1..=20).map(|n| (format!("m{n}"), pattern(100 - n))).collect();
    let apart = parse(&json!({ "properties": apart })).expect("a schema");
    let names: serde_json::Map<_, _> = (1..=20).map(|n| (format!("^[a-z]{{{}}}$", 100 - n), json!(true))).collect();
    assert_eq!(parse(&json!({ "patternProperties": names })).unwrap_err(), SchemaError::CostlyPatterns);
    // What it may take grows with the body and with both, so that it is known before.
    let plain = parse(&json!({ "properties": { "m1": { "type": "string" } } })).expect("a schema");
    assert!(plain.steps(600) < 1_000 && apart.steps(600) > plain.steps(600));
    assert!(apart.steps(200_000) > postrider_core::limits::SCHEMA_STEPS_AT_ONCE);
}

#[test]
fn patterns_cannot_backtrack() {
    assert!(parse(&json!({ "pattern": "^(?=x)" })).is_err(), "looking around needs backtracking");
    assert!(parse(&json!({ "pattern": r"(a)\1" })).is_err());
    assert!(parse(&json!({ "pattern": r"\w{100}{100}{100}" })).is_err(), "the compiled form is bounded");
    let evil = json!({ "pattern": "^(a+)+$" });
    let text = format!("{}b", "a".repeat(100_000));
    assert_eq!(places(&evil, &json!(text)), [""]);
}
