//! Expressions that webhooks are ordered by: the language of filters, with any value.

use postrider_core::event::{ApplicationId, Event, TenantId, UserId};
use postrider_core::limits::ORDER_STEPS;
use postrider_core::order::{Expression, Value};

use super::{Facts, FilterError, Subject, compile, eval};

struct Read {
    root: compile::Node,
    slots: usize,
}

impl Value for Read {
    fn of(&self, event: &Event) -> Option<String> {
        let subject = Subject::new(&Facts::of(event), &event.body).ok()?;
        eval::text_of(&self.root, self.slots, &subject, ORDER_STEPS)
    }
}

/// An expression that somebody writes: its text is refused where it cannot be read.
pub fn expression(text: &str) -> Result<Expression, FilterError> {
    let (root, slots) = compile::expression(text)?;
    let expression = Expression::new(text);
    expression.read(|_| Some(Box::new(Read { root, slots })));
    Ok(expression)
}

/// Reads an expression that was stored.
pub fn read(expression: &Expression) {
    expression.read(|text| {
        let (root, slots) = compile::expression(text).ok()?;
        Some(Box::new(Read { root, slots }))
    });
}

impl<'a> Facts<'a> {
    /// Those of an event that was accepted.
    pub fn of(event: &'a Event) -> Self {
        Self {
            id: event.id,
            key: &event.key,
            environment_id: event.environment_id,
            tenant_id: event.tenant_id.as_ref().map(TenantId::as_str),
            user_id: event.user_id.as_ref().map(UserId::as_str),
            application_id: event.application_id.as_ref().map(ApplicationId::as_str),
            occurred_at: event.occurred_at,
            accepted_at: event.accepted_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use postrider_core::Timestamp;
    use postrider_core::event::{EventKey, Room};
    use postrider_core::order::{OrderBy, OrderKey};

    use super::*;

    fn key(text: &str, tenant: &str, payload: &str) -> OrderKey {
        let event = Event {
            id: "018f3c5e-7c1a-7b6e-9d2a-000000000001".parse().expect("an id"),
            environment_id: "018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f".parse().expect("an id"),
            key: EventKey::parse("order.made").expect("a key"),
            tenant_id: Some(TenantId::parse(tenant).expect("a tenant")),
            user_id: None,
            application_id: None,
            occurred_at: None,
            accepted_at: Timestamp::from_micros(0),
            body: Bytes::from(payload.to_owned()),
            room: Room::uncounted(),
        };
        OrderBy::Expression(expression(text).expect(text)).key(&event)
    }

    #[test]
    fn events_agree_where_the_values_are_the_same() {
        let of = |text: &str, payload: &str| key(text, "a", payload);
        let payload = r#"{"s":"x","t":"x","n":1,"f":1.0,"l":["x",1],"o":{}}"#;
        let none = of("payload.nothing", payload);
        for (one, other, same) in [
            ("payload.s", "payload.t", true),
            ("payload.n", "payload.f", true),
            ("payload.n", "string(payload.n)", false),
            ("[payload.s, payload.n]", "payload.l", true),
            ("[payload.s + 'y', payload.n]", "[payload.s, 'y']", false),
            ("payload.s.upperAscii()", "'X'", true),
            ("payload.n == 1", "true", true),
        ] {
            assert_eq!(of(one, payload) == of(other, payload), same, "{one} and {other}");
            assert_ne!(of(one, payload), none, "{one}");
        }
        for absent in
            ["payload.o", "null", "payload.s + 1", "[payload.s, null]", "payload.l.all(x, 1 / 0 == x) ? 1 : 2"]
        {
            assert_eq!(of(absent, payload), none, "{absent}");
        }
        assert_ne!(key("payload.s", "a", payload), key("payload.s", "b", payload), "the tenant is a part of it");
        assert!(expression("payload.").is_err() && expression("nothing").is_err());
    }
}
