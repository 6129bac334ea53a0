//! What a webhook is ordered by, on the wire.

use postrider_core::order::{OrderBy, Pointer};
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
}

impl From<Option<&OrderBy>> for OrderingForm {
    fn from(by: Option<&OrderBy>) -> Self {
        let (by, pointer) = match by {
            None => (By::None, None),
            Some(OrderBy::Tenant) => (By::Tenant, None),
            Some(OrderBy::User) => (By::User, None),
            Some(OrderBy::Member(pointer)) => (By::Member, Some(pointer.as_str().to_owned())),
        };
        Self { by, pointer }
    }
}

impl OrderingForm {
    pub(super) fn parsed(self) -> Result<Option<OrderBy>, ApiError> {
        match (self.by, self.pointer) {
            (By::None, None) => Ok(None),
            (By::Tenant, None) => Ok(Some(OrderBy::Tenant)),
            (By::User, None) => Ok(Some(OrderBy::User)),
            (By::Member, Some(text)) => match Pointer::parse(&text) {
                Ok(pointer) => Ok(Some(OrderBy::Member(pointer))),
                Err(error) => Err(ApiError::value("/ordering/pointer", error)),
            },
            (By::Member, None) => Err(ApiError::value("/ordering/pointer", "says which member, for example /order/id")),
            (By::None | By::Tenant | By::User, Some(_)) => {
                Err(ApiError::value("/ordering/pointer", "goes with `member` alone"))
            }
        }
    }
}
