//! What Postrider has set itself to reach, and whether a figure does.

use std::time::Duration;

use serde::Serialize;

/// Durable events a second of the best open webhook sender (Svix with its own best settings, on a machine of this class).
const SVIX_EVENTS: f64 = 1_400.0;

/// A bar and whether it was met.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bar {
    pub(crate) text: String,
    pub(crate) is_met: bool,
}

/// At least half of the relay.
pub(crate) fn half_of_relay(ratio: f64) -> Bar {
    Bar { text: "at least 0.5 of the relay".to_owned(), is_met: ratio >= 0.5 }
}

/// At least half of the relay, and fifteen times Svix.
pub(crate) fn throughput(ratio: f64, events: f64) -> Bar {
    let svix = 15.0 * SVIX_EVENTS;
    Bar { text: format!("at least 0.5 of the relay, and {svix:.0}/s"), is_met: ratio >= 0.5 && events >= svix }
}

/// A latency in milliseconds, net of one sync of the disk.
pub(crate) fn net_latency(limit_ms: f64, latency_ms: f64, sync: Duration) -> Bar {
    let net = (latency_ms - sync.as_secs_f64() * 1e3).max(0.0);
    Bar { text: format!("under {limit_ms} net of a sync: {net:.2}"), is_met: net < limit_ms }
}

/// No worse beside a dead endpoint than 1.5 times without.
pub(crate) fn isolation(ratio: f64) -> Bar {
    Bar { text: format!("at most 1.5 of without: {ratio:.2}"), is_met: ratio <= 1.5 }
}

/// Less than twice the cost of a plain delivery.
pub(crate) fn shaping(ratio: f64) -> Bar {
    Bar { text: format!("under 2 of plain: {ratio:.2}"), is_met: ratio < 2.0 }
}

/// What a person waits for: a list or a chart, in milliseconds.
pub(crate) fn waiting(limit: f64, slowest: f64) -> Bar {
    Bar { text: format!("under {limit}"), is_met: slowest < limit }
}

/// Memory in megabytes (a million bytes).
pub(crate) fn memory(limit: f64, used: f64) -> Bar {
    Bar { text: format!("under {limit}"), is_met: used < limit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_met_on_the_right_side_alone() {
        assert!(half_of_relay(0.5).is_met && !half_of_relay(0.49).is_met);
        assert!(
            throughput(0.6, 21_000.0).is_met && !throughput(0.6, 20_999.0).is_met && !throughput(0.4, 50_000.0).is_met
        );
        let sync = Duration::from_millis(1);
        assert!(net_latency(1.5, 2.4, sync).is_met && !net_latency(1.5, 2.5, sync).is_met);
        assert!(isolation(1.5).is_met && !isolation(1.51).is_met);
        assert!(shaping(1.99).is_met && !shaping(2.0).is_met);
        assert!(memory(100.0, 99.9).is_met && !memory(100.0, 100.0).is_met);
    }
}
