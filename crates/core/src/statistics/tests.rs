use proptest::prelude::*;

use super::*;

fn some_counts() -> impl Strategy<Value = Counts> {
    let times = || proptest::collection::vec(0_u64..=u64::MAX / 2, 0..40);
    (proptest::array::uniform11(0_u64..1 << 40), times(), times()).prop_map(|(numbers, attempts, deliveries)| {
        let mut counts = Counts::default();
        for (number, value) in counts.numbers_mut().zip(numbers) {
            *number = value;
        }
        for micros in attempts {
            counts.attempt_times.record(Duration::from_micros(micros));
        }
        for micros in deliveries {
            counts.delivery_times.record(Duration::from_micros(micros));
        }
        counts
    })
}

proptest! {
    #[test]
    fn counts_read_back_as_they_were_written(counts in some_counts(), after in any::<u8>()) {
        let mut bytes = Vec::new();
        counts.encode(&mut bytes);
        bytes.push(after);
        let mut rest = &bytes[..];
        prop_assert_eq!(Counts::decode(&mut rest), Some(counts));
        prop_assert_eq!(rest, &[after][..]);
    }

    #[test]
    fn what_is_cut_off_is_refused(counts in some_counts(), cut in any::<prop::sample::Index>()) {
        let mut bytes = Vec::new();
        counts.encode(&mut bytes);
        prop_assert_eq!(Counts::decode(&mut &bytes[..cut.index(bytes.len())]), None);
    }

    #[test]
    fn it_does_not_matter_in_which_order_counts_are_added(a in some_counts(), b in some_counts()) {
        let (mut one, mut other) = (a.clone(), b.clone());
        one.add(&b);
        other.add(&a);
        prop_assert_eq!(&one, &other);
        prop_assert_eq!(one.attempts(), a.attempts() + b.attempts());
        prop_assert_eq!(one.attempt_times.count(), a.attempt_times.count() + b.attempt_times.count());
    }

    #[test]
    fn a_quantile_is_right_to_seven_percent(mut micros in proptest::collection::vec(1_u64..1 << 40, 1..200), per_mille in 1_u32..=1_000) {
        let mut histogram = Histogram::default();
        for micros in &micros {
            histogram.record(Duration::from_micros(*micros));
        }
        micros.sort_unstable();
        let rank = (micros.len() * per_mille as usize).div_ceil(1_000).max(1);
        let exact = micros[rank - 1];
        let read = u64::try_from(histogram.quantile(per_mille).unwrap().as_micros()).unwrap();
        prop_assert!(read.abs_diff(exact) * 100 <= exact * 7, "{read} for {exact}");
    }

    #[test]
    fn spans_begin_where_they_are_said_to(micros in -1_i64 << 50..1 << 50) {
        let at = Timestamp::from_micros(micros);
        for resolution in Resolution::ALL {
            let floor = resolution.floor(at);
            prop_assert!(floor <= at && at < floor + resolution.span());
            prop_assert_eq!(resolution.floor(floor), floor);
            prop_assert!(at <= resolution.ceil(at) && resolution.ceil(at) < at + resolution.span());
            prop_assert_eq!(Resolution::from_name(resolution.name()), Some(resolution));
        }
    }
}

#[test]
fn what_is_kept_is_counted_from_the_span_or_the_day_that_it_begins_in() {
    let now = Timestamp::parse("2026-03-20T10:20:30Z").unwrap();
    for (dimension, resolution, since) in [
        (Dimension::Tenant, Resolution::Minute, "2026-03-20T07:20:00Z"),
        (Dimension::EventType, Resolution::Minute, "2026-03-18T10:20:00Z"),
        (Dimension::Webhook, Resolution::Minute, "2026-03-18T10:20:00Z"),
        (Dimension::Tenant, Resolution::Hour, "2026-02-13T00:00:00Z"),
        (Dimension::Environment, Resolution::Day, "2025-02-13T00:00:00Z"),
    ] {
        let expected = Timestamp::parse(since).unwrap();
        assert_eq!(dimension.kept_since(resolution, now), expected, "{dimension:?} by {}", resolution.name());
    }
}

#[test]
fn an_empty_histogram_has_no_quantile() {
    assert_eq!(Histogram::default().quantile(500), None);
}
