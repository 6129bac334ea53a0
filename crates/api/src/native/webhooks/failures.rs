//! How a webhook fails at the moment, by what its lane knows of attempts and what is stored of deliveries.
//!
//! Owns the rule by which it counts as failing: whoever shows or counts those that do goes by it. The lane knows of attempts since the
//! server started; what is stored tells of deliveries that have failed for good, which the standard retries take more than a day to.

use postrider_core::Timestamp;
use postrider_core::limits::WEBHOOK_FAILING_AFTER;
use postrider_core::webhook::Webhook;
use postrider_engine::LaneReport;

/// What has failed with no success between.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failures {
    /// Attempts or deliveries: whichever are more.
    pub(crate) in_a_row: u32,
    /// When the first of them did that is known of.
    pub(crate) since: Option<Timestamp>,
    /// Whether the webhook gets events, and so many have that it is paused or counts as failing.
    pub(crate) is_failing: bool,
}

impl Failures {
    /// Those of a webhook whose lane stands like that.
    pub(crate) fn of(webhook: &Webhook, lane: &LaneReport) -> Self {
        let streak = webhook.streak;
        // One that is paused is shown as such, however few have failed: an endpoint that never answered is paused sooner.
        let is_paused = lane.paused_until.is_some();
        let has_failed = is_paused || streak.is_some() || lane.consecutive_failures >= WEBHOOK_FAILING_AFTER;
        Self {
            in_a_row: streak.map_or(0, |streak| streak.count).max(lane.consecutive_failures),
            since: streak.map(|streak| streak.first_at).into_iter().chain(lane.failing_since).min(),
            is_failing: webhook.status.is_active() && has_failed,
        }
    }
}
