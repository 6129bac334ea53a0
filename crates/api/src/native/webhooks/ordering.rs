//! What a webhook is ordered by, on the wire.

use postrider_core::order::{OrderBy, Pointer};
use postrider_shape::filter::order;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::ApiError;

/// What deliveries are strictly ordered by: those that agree in it are sent one after the other, in the order in which their events were
/// accepted. Pinned on each delivery when it is accepted.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Ordering)]
pub(crate) struct OrderingForm {
    by: By,
    /// With `member` alone: a JSON pointer (RFC 6901) into the event's body, `/order/id`. At most 255 characters and 16 steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// With `expression` alone: an expression in the language of filters, `payload.order.id` or `[payload.shop, payload.order.id]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expression: Option<String>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderingBy)]
pub(crate) enum By {
    /// Nothing: deliveries are sent as they come, side by side.
    None,
    /// The event's tenant. Events of none have an order of their own.
    Tenant,
    /// The event's user. Events of none have an order of their own.
    User,
    /// A member of the event's body. Events without it have an order of their own.
    Member,
    /// The value of an expression, within the event's tenant. Events for which it has none, or null, or an object, have an order of their
    /// own.
    Expression,
}

impl From<Option<&OrderBy>> for OrderingForm {
    fn from(by: Option<&OrderBy>) -> Self {
        let none = Self { by: By::None, pointer: None, expression: None };
        match by {
            None => none,
            Some(OrderBy::Tenant) => Self { by: By::Tenant, ..none },
            Some(OrderBy::User) => Self { by: By::User, ..none },
            Some(OrderBy::Member(pointer)) => {
                Self { by: By::Member, pointer: Some(pointer.as_str().to_owned()), ..none }
            }
            Some(OrderBy::Expression(expression)) => {
                Self { by: By::Expression, expression: Some(expression.as_str().to_owned()), ..none }
            }
        }
    }
}

impl OrderingForm {
    pub(super) fn parsed(self) -> Result<Option<OrderBy>, ApiError> {
        match (self.by, self.pointer, self.expression) {
            (By::None, None, None) => Ok(None),
            (By::Tenant, None, None) => Ok(Some(OrderBy::Tenant)),
            (By::User, None, None) => Ok(Some(OrderBy::User)),
            (By::Member, Some(text), None) => match Pointer::parse(&text) {
                Ok(pointer) => Ok(Some(OrderBy::Member(pointer))),
                Err(error) => Err(ApiError::value("/ordering/pointer", error)),
            },
            (By::Expression, None, Some(text)) => match order::expression(&text) {
                Ok(expression) => Ok(Some(OrderBy::Expression(expression))),
                Err(error) => Err(ApiError::value("/ordering/expression", error)),
            },
            (By::Member, None, None) => {
                Err(ApiError::value("/ordering/pointer", "says which member, for example /order/id"))
            }
            (By::Expression, None, None) => {
                Err(ApiError::value("/ordering/expression", "says by what, for example payload.order.id"))
            }
            (By::Expression | By::None | By::Tenant | By::User, Some(_), _) => {
                Err(ApiError::value("/ordering/pointer", "goes with `member` alone"))
            }
            (By::Member | By::None | By::Tenant | By::User, _, Some(_)) => {
                Err(ApiError::value("/ordering/expression", "goes with `expression` alone"))
            }
        }
    }
}
