//! `POST /api/v1/deliveries/{deliveryId}/skip`

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::DeliveryId;
use postrider_core::permission::Permission;
use postrider_store::SkipOutcome;

use crate::auth::caller::Member;
use crate::body::Ignored;
use crate::error::{ApiError, Code, Problem};
use crate::extract::Ids;
use crate::native::deliveries::{Delivery, within_reach};
use crate::state::ApiState;

/// Skip a delivery
///
/// Ends a delivery that waits, as discarded with the reason `skipped`: in an ordered webhook those behind it go on. While an attempt of it is
/// under way the call waits for the answer: where that ends the delivery, there is nothing to skip any more (409).
#[utoipa::path(post, path = "/api/v1/deliveries/{deliveryId}/skip", tag = "deliveries",
    params(("deliveryId" = Uuid, Path, description = "The delivery that waits.")), responses(
    (status = 200, description = "The delivery as it ended.", body = Delivery),
    (status = 404, description = "There is none of that id within reach.", body = Problem),
    (status = 409, description = "It had ended before, or did by the answer to the attempt that was under way.",
        body = Problem),
    (status = 503, description = "The attempt is still under way.", body = Problem)))]
pub(crate) async fn skip_delivery(
    State(state): State<ApiState>,
    member: Member,
    Ids(id): Ids<DeliveryId>,
    _: Ignored,
) -> Result<Answer<Delivery>, ApiError> {
    member.require(Permission::WriteWebhook)?;
    within_reach(&state, &member, id).await?;
    match state.engine().skip(member.environment_id, id).await? {
        SkipOutcome::Skipped => Ok(Answer((&within_reach(&state, &member, id).await?).into())),
        SkipOutcome::Ended => {
            Err(ApiError::new(Code::DeliveryEnded, "the delivery has ended; there is nothing to skip"))
        }
        SkipOutcome::UnderWay => Err(ApiError::new(
            Code::Unavailable,
            "an attempt of it is still under way; skip it again when that is over",
        )),
        SkipOutcome::NotFound => Err(ApiError::not_found("delivery")),
    }
}
