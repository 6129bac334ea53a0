//! A webhook's rate limit, on the wire.

use postrider_core::rate::{Period, RateLimit, RateLimitError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::ApiError;

/// How many attempts may start in how much time, retries, probes and resends included. What is beyond it waits.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RateLimit)]
pub(crate) struct RateLimitForm {
    /// Attempts in a period: 1 to 100,000.
    limit: u32,
    /// The period.
    per: Per,
    /// Attempts that may start at once after a while without any: 1 up to the limit, 1 where it is left out. With 1, attempts are spaced
    /// evenly, and no stretch of time as long as the period has more than `limit`; with more, none has more than `limit + burst - 1`.
    #[serde(default = "one")]
    #[schema(default = 1)]
    burst: u32,
}

fn one() -> u32 {
    1
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RateLimitPeriod)]
enum Per {
    /// A second.
    Second,
    /// A minute.
    Minute,
}

impl From<RateLimit> for RateLimitForm {
    fn from(limit: RateLimit) -> Self {
        let per = match limit.per() {
            Period::Second => Per::Second,
            Period::Minute => Per::Minute,
        };
        Self { limit: limit.limit(), per, burst: limit.burst() }
    }
}

impl RateLimitForm {
    pub(super) fn parsed(self) -> Result<RateLimit, ApiError> {
        let per = match self.per {
            Per::Second => Period::Second,
            Per::Minute => Period::Minute,
        };
        RateLimit::new(self.limit, per, self.burst).map_err(|error| {
            let at = match error {
                RateLimitError::Limit => "/rateLimit/limit",
                RateLimitError::Burst => "/rateLimit/burst",
            };
            ApiError::value(at, error)
        })
    }
}
