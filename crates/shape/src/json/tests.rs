use proptest::prelude::*;

use super::*;

fn written(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value).expect("a value that JSON has");
    text
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 64, 20, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..20).prop_map(serde_json::Value::from),
            proptest::collection::vec((any::<String>(), inner), 0..20)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

/// Takes a value apart through the template's eyes and puts it together again.
fn rebuilt(value: &Value) -> Value {
    match value.kind() {
        ValueKind::Seq => value.try_iter().expect("a list").map(|item| rebuilt(&item)).collect(),
        ValueKind::Map => Value::from_pairs(
            value
                .try_iter()
                .expect("an object")
                .map(|name| (name.clone(), rebuilt(&value.get_item(&name).expect("it")))),
        ),
        _ => value.clone(),
    }
}

proptest! {
    #[test]
    fn values_are_what_the_text_says(json in json(), spaced in any::<bool>()) {
        let text = if spaced { serde_json::to_string_pretty(&json).expect("text") } else { json.to_string() };
        let value = value_of(text.as_str().into());
        prop_assert_eq!(written(&value), text.clone(), "as a whole it is byte for byte the same");
        let again: serde_json::Value = serde_json::from_str(&written(&rebuilt(&value))).expect("JSON");
        let expected: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(again, expected, "and so are its parts");
    }

    #[test]
    fn any_text_is_written_as_a_string_that_reads_back(text in any::<String>()) {
        let quoted = written(&Value::from(text.as_str()));
        prop_assert_eq!(serde_json::from_str::<String>(&quoted).expect("JSON"), text);
    }

    #[test]
    fn nothing_that_is_no_json_makes_it_panic(text in any::<String>(), name in any::<String>()) {
        for text in [text.clone(), format!("{{{text}}}"), format!("[{text}]"), format!("{{\"{text}")] {
            let value = value_of(text.as_str().into());
            let _ = value.get_attr(&name).map(|value| value.to_string());
            let _ = value.try_iter().map(|items| items.take(100).count());
        }
    }
}

#[test]
fn numbers_are_kept_as_they_were_sent_where_computing_would_change_them() {
    let body = value_of(r#"{"a":1.10,"b":1e400,"c":12345678901234567890123456789012345678901234567890,"d":-0,"e":7,"f":[1.50],"g":-1.0E-2}"#.into());
    let sent = |name: &str| written(&member_as_sent(body.get_attr(name).expect("a member"), &body, &Value::from(name)));
    assert_eq!(sent("a"), "1.10");
    assert_eq!(sent("b"), "1e400");
    assert_eq!(sent("c"), "12345678901234567890123456789012345678901234567890");
    assert_eq!(sent("d"), "-0");
    assert_eq!(sent("e"), "7");
    assert_eq!(sent("g"), "-1.0E-2");
    let list = body.get_attr("f").expect("a list");
    assert_eq!(written(&member_as_sent(Value::from(1.5), &list, &Value::from(0))), "1.50");
    assert_eq!(written(&member_as_sent(Value::from(3), &body, &Value::from("a"))), "3", "a variable of that name");
    assert!(write(&mut String::new(), &Value::from(f64::INFINITY)).is_err());
}

#[test]
fn of_two_members_of_one_name_the_last_counts() {
    let many = (0..100).map(|n| format!(r#""m{n}":{n},"#)).collect::<Vec<_>>().concat();
    for text in [r#"{"a":1,"a":2}"#.to_owned(), format!(r#"{{"a":1,{many}"a":2}}"#)] {
        assert_eq!(value_of(text.as_str().into()).get_attr("a").expect("it"), Value::from(2));
    }
}
