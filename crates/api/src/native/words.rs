//! Words that members are one of, as the OpenAPI document lists them: taken from where they are written, so that none is missing there.

use postrider_core::attempt::{BodyEnd as HowBodiesEnd, FailureKind as WhyNoAnswer, OurFault};
use postrider_core::delivery::{DiscardReason, FailReason, Origin, StateKind};
use postrider_core::job::{JobState as WhereJobsStand, PauseReason};
use postrider_core::portal::Visibility;
use postrider_core::request::AuthenticationKind;
use postrider_core::statistics::Resolution;
use postrider_core::webhook::DisableReason;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// What a delivery waits for that stands behind others of its order key.
pub(crate) const TURN: &str = "turn";

macro_rules! words {
    ($($(#[doc = $doc:literal])+ $name:ident: $words:expr;)*) => {$(
        $(#[doc = $doc])+
        pub(crate) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .enum_values(Some($words))
                    .description(Some(concat!($($doc),+).trim()))
                    .into()
            }
        }

        impl ToSchema for $name {}
    )*};
}

words! {
    /// What brought a delivery about.
    DeliveryOrigin: Origin::ALL.iter().map(|origin| origin.name());
    /// Where a delivery stands.
    DeliveryState: StateKind::ALL.iter().map(|state| state.name());
    /// Why a delivery failed or was discarded.
    DeliveryReason: FailReason::ALL.iter().map(|reason| reason.name())
        .chain(DiscardReason::ALL.iter().map(|reason| reason.name()));
    /// What a delivery waits for besides the time of its next attempt: its turn, or a fault of this server's to pass.
    WaitingFor: [TURN].into_iter().chain(OurFault::ALL.iter().map(|fault| fault.name()));
    /// Why an endpoint did not answer.
    FailureKind: WhyNoAnswer::ALL.iter().map(|kind| kind.name());
    /// Why there is no answer: the endpoint gave none, or, in a test, a fault of this server kept it from being asked.
    ExchangeFailure: WhyNoAnswer::ALL.iter().map(|kind| kind.name())
        .chain(OurFault::ALL.iter().map(|fault| fault.name()));
    /// How an answer's body ended.
    BodyEnd: HowBodiesEnd::ALL.iter().map(|end| end.name());
    /// Where a job stands.
    JobState: WhereJobsStand::NAMES;
    /// Why a job is paused.
    JobPauseReason: PauseReason::ALL.iter().map(|reason| reason.name());
    /// Why a webhook gets no events.
    DisabledReason: DisableReason::ALL.iter().map(|reason| reason.name());
    /// How a request authenticated to the receiver.
    AuthenticationName: AuthenticationKind::ALL.iter().map(|kind| kind.name());
    /// How far webhooks are shown to tenants.
    WebhookVisibility: Visibility::ALL.iter().map(|visibility| visibility.name());
    /// The length of the spans of statistics.
    StatisticsResolution: Resolution::ALL.iter().map(|resolution| resolution.name());
}
