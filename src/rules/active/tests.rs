//! Windows by tables: days, nights, and the days on which clocks move.

use proptest::prelude::*;

use super::*;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

/// `"mon fri 09:00 18:00"`: days, if any, then `from` and `to`, if any.
fn active(words: &str, zone_name: &str) -> Active {
    let words: Vec<&str> = words.split_whitespace().collect();
    let mut days = DAY_NAMES.map(|name| words.contains(&name));
    if !days.contains(&true) {
        days = [true; 7];
    }
    let clocks: Vec<Clock> = words.iter().filter_map(|word| Clock::parse(word)).collect();
    let (from, to) = match clocks[..] {
        [] => (Clock::MIDNIGHT, Clock::DAYS_END),
        [from, to] => (from, to),
        _ => panic!("{words:?}"),
    };
    Active {
        days,
        from,
        to,
        otherwise: Otherwise::Hold,
        except: BTreeSet::new(),
        zone: zone(zone_name),
    }
}

fn instant(local: &str, zone_name: &str) -> Timestamp {
    let local: jiff::civil::DateTime = local.parse().unwrap();
    zone(zone_name).to_timestamp(local).unwrap()
}

/// "open", or the local time at which it opens.
fn shown(active: &Active, now: Timestamp) -> String {
    match active.at(EventKind::Failed, now) {
        Opening::Open => "open".into(),
        Opening::Hold { until } | Opening::Drop { until } => {
            let local = active.zone.to_datetime(until);
            format!(
                "{} {}",
                DAY_NAMES[usize::from(local.weekday().to_monday_zero_offset().unsigned_abs())],
                local
            )
        }
    }
}

/// Each line: a local time, and what `shown` says then.
fn table(words: &str, zone_name: &str, locals: &[&str]) -> String {
    let active = active(words, zone_name);
    let lines =
        locals.iter().map(|local| format!("{local} {}", shown(&active, instant(local, zone_name))));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn office_hours_wait_for_the_morning_and_over_the_weekend() {
    // 2026-11-23 is a Monday.
    insta::assert_snapshot!(table("mon tue wed thu fri 09:00 18:00", "Europe/Berlin", &[
        "2026-11-23T08:59:59",
        "2026-11-23T09:00",
        "2026-11-23T17:59:59.999",
        "2026-11-23T18:00",
        "2026-11-27T18:00",
        "2026-11-28T12:00",
        "2026-11-29T23:59:59",
    ]), @r"
    2026-11-23T08:59:59 mon 2026-11-23T09:00:00
    2026-11-23T09:00 open
    2026-11-23T17:59:59.999 open
    2026-11-23T18:00 tue 2026-11-24T09:00:00
    2026-11-27T18:00 mon 2026-11-30T09:00:00
    2026-11-28T12:00 mon 2026-11-30T09:00:00
    2026-11-29T23:59:59 mon 2026-11-30T09:00:00
    ");
}

#[test]
fn a_window_over_midnight_belongs_to_the_day_that_it_begins_on() {
    insta::assert_snapshot!(table("fri 22:00 06:00", "Europe/Berlin", &[
        "2026-11-27T05:00",
        "2026-11-27T21:59",
        "2026-11-27T22:00",
        "2026-11-28T00:00",
        "2026-11-28T05:59:59",
        "2026-11-28T06:00",
        "2026-11-28T23:00",
    ]), @r"
    2026-11-27T05:00 fri 2026-11-27T22:00:00
    2026-11-27T21:59 fri 2026-11-27T22:00:00
    2026-11-27T22:00 open
    2026-11-28T00:00 open
    2026-11-28T05:59:59 open
    2026-11-28T06:00 fri 2026-12-04T22:00:00
    2026-11-28T23:00 fri 2026-12-04T22:00:00
    ");
}

#[test]
fn days_alone_are_whole_days_and_one_of_them_comes_again_in_a_week() {
    insta::assert_snapshot!(table("mon", "Asia/Kolkata", &[
        "2026-11-22T23:59:59",
        "2026-11-23T00:00",
        "2026-11-23T23:59:59",
        "2026-11-24T00:00",
    ]), @r"
    2026-11-22T23:59:59 mon 2026-11-23T00:00:00
    2026-11-23T00:00 open
    2026-11-23T23:59:59 open
    2026-11-24T00:00 mon 2026-11-30T00:00:00
    ");
}

#[test]
fn a_time_zone_of_half_hours_has_its_own_morning() {
    let mornings = active("09:00 10:00", "Asia/Kolkata");
    let at = |text: &str| shown(&mornings, text.parse().unwrap());

    assert_eq!(at("2026-11-23T03:29:59Z"), "mon 2026-11-23T09:00:00");
    assert_eq!(at("2026-11-23T03:30:00Z"), "open");
    assert_eq!(at("2026-11-23T04:30:00Z"), "tue 2026-11-24T09:00:00");
}

#[test]
fn midnight_ends_a_day_and_begins_one() {
    let evening = active("18:00 24:00", "UTC");
    let early = active("00:00 06:00", "UTC");
    let evening_to_zero = active("18:00 00:00", "UTC");

    for (text, expected) in [
        ("2026-11-23T23:59:59.999Z", ["open", "tue 2026-11-24T00:00:00"]),
        ("2026-11-24T00:00:00Z", ["tue 2026-11-24T18:00:00", "open"]),
    ] {
        let now = text.parse().unwrap();
        assert_eq!([shown(&evening, now), shown(&early, now)], expected);
        assert_eq!(shown(&evening, now), shown(&evening_to_zero, now));
    }
}

/// When the window of a day is open, in UTC.
fn open_on(words: &str, zone_name: &str, date: &str) -> String {
    let (start, end) = active(words, zone_name).window(date.parse().unwrap()).unwrap();
    format!("{start} {end}")
}

#[test]
fn clocks_that_are_put_forward_lose_no_window() {
    let berlin = |words| open_on(words, "Europe/Berlin", "2026-03-29");
    let new_york = |words| open_on(words, "America/New_York", "2026-03-08");

    // From 02:00 to 03:00 there is no time on these days.
    assert_eq!(berlin("01:00 04:00"), "2026-03-29T00:00:00Z 2026-03-29T02:00:00Z");
    assert_eq!(berlin("02:30 04:00"), "2026-03-29T01:30:00Z 2026-03-29T02:00:00Z");
    assert_eq!(berlin("01:00 02:30"), "2026-03-29T00:00:00Z 2026-03-29T01:30:00Z");
    assert_eq!(berlin("02:15 02:45"), "2026-03-29T01:15:00Z 2026-03-29T01:45:00Z");
    assert_eq!(berlin("02:30 03:00"), "2026-03-29T01:30:00Z 2026-03-29T02:00:00Z");
    assert_eq!(berlin("02:30 03:15"), "2026-03-29T01:30:00Z 2026-03-29T02:15:00Z");
    assert_eq!(new_york("02:30 03:00"), "2026-03-08T07:30:00Z 2026-03-08T08:00:00Z");
    assert_eq!(new_york("09:00 18:00"), "2026-03-08T13:00:00Z 2026-03-08T22:00:00Z");
    assert_eq!(new_york("sun"), "2026-03-08T05:00:00Z 2026-03-09T04:00:00Z");
}

#[test]
fn clocks_that_are_put_back_open_no_window_twice() {
    let berlin = |words| open_on(words, "Europe/Berlin", "2026-10-25");
    let new_york = |words| open_on(words, "America/New_York", "2026-11-01");

    // From 02:00 to 03:00, in New York from 01:00 to 02:00, each time comes twice.
    assert_eq!(berlin("01:00 04:00"), "2026-10-24T23:00:00Z 2026-10-25T03:00:00Z");
    assert_eq!(berlin("02:15 02:45"), "2026-10-25T00:15:00Z 2026-10-25T00:45:00Z");
    assert_eq!(berlin("02:30 04:00"), "2026-10-25T00:30:00Z 2026-10-25T03:00:00Z");
    assert_eq!(berlin("01:00 02:30"), "2026-10-24T23:00:00Z 2026-10-25T00:30:00Z");
    assert_eq!(new_york("01:15 01:45"), "2026-11-01T05:15:00Z 2026-11-01T05:45:00Z");
    assert_eq!(new_york("sun"), "2026-11-01T04:00:00Z 2026-11-02T05:00:00Z");
    let second_time =
        shown(&active("02:15 02:45", "Europe/Berlin"), "2026-10-25T01:30:00Z".parse().unwrap());
    assert_eq!(second_time, "mon 2026-10-26T02:15:00");
}

#[test]
fn a_night_over_moving_clocks_is_one_window() {
    assert_eq!(
        open_on("22:00 06:00", "Europe/Berlin", "2026-03-28"),
        "2026-03-28T21:00:00Z 2026-03-29T04:00:00Z"
    );
    assert_eq!(
        open_on("22:00 06:00", "Europe/Berlin", "2026-10-24"),
        "2026-10-24T20:00:00Z 2026-10-25T05:00:00Z"
    );
}

#[test]
fn a_day_that_a_country_has_skipped_holds_nothing_back_for_ever() {
    // Samoa went from Thursday, 2011-12-29 to Saturday, 2011-12-31.
    let friday = active("fri 09:00 17:00", "Pacific/Apia");

    let told = shown(&friday, instant("2011-12-29T12:00", "Pacific/Apia"));

    assert_eq!(told, "sat 2011-12-31T09:00:00");
}

#[test]
fn what_is_excepted_finds_the_window_open() {
    let drop = Active {
        otherwise: Otherwise::Drop,
        except: [EventKind::Failed].into(),
        ..active("09:00 18:00", "UTC")
    };
    let now = "2026-11-23T20:00:00Z".parse().unwrap();

    assert_eq!(drop.at(EventKind::Failed, now), Opening::Open);
    let until = "2026-11-24T09:00:00Z".parse().unwrap();
    assert_eq!(drop.at(EventKind::Succeeded, now), Opening::Drop { until });
}

#[test]
fn a_clock_is_read_in_one_form_only() {
    for text in ["00:00", "09:00", "23:59", "24:00"] {
        assert!(Clock::parse(text).is_some(), "{text}");
    }
    for text in [
        "",
        ":",
        "9:00",
        "09:0",
        "24:01",
        "25:00",
        "09:60",
        "09.00",
        "0900",
        "+9:00",
        "09:00:00",
        "٠٩:٠٠",
    ] {
        assert_eq!(Clock::parse(text), None, "{text}");
    }
}

fn any_active() -> impl Strategy<Value = Active> {
    let clock = |most: u16| (0..=most).prop_map(|minutes| Clock { minutes });
    let zones = prop_oneof![
        Just("Europe/Berlin"),
        Just("America/New_York"),
        Just("Asia/Kolkata"),
        Just("Australia/Lord_Howe"),
        Just("America/St_Johns"),
        Just("America/Havana"),
        Just("Pacific/Apia"),
        Just("UTC")
    ];
    let days = any::<[bool; 7]>().prop_filter("a day", |days| days.contains(&true));
    (days, clock(24 * 60 - 1), clock(24 * 60), zones)
        .prop_filter("a window", |(_, from, to, _)| from != to)
        .prop_map(|(days, from, to, zone_name)| Active { days, from, to, ..active("", zone_name) })
}

/// Days on which clocks move in one of the zones, and any other.
fn any_time() -> impl Strategy<Value = Timestamp> {
    let days = prop_oneof![
        Just("2026-03-29T00:00:00Z"),
        Just("2026-10-25T00:00:00Z"),
        Just("2026-03-08T00:00:00Z"),
        Just("2026-11-01T00:00:00Z"),
        Just("2026-04-04T12:00:00Z"),
        Just("2026-10-03T12:00:00Z"),
        Just("2006-10-29T00:00:00Z"),
        Just("2011-12-30T10:00:00Z"),
        Just("2026-06-01T00:00:00Z")
    ];
    (days, -200_000..200_000_i64).prop_map(|(day, seconds)| {
        day.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
    })
}

proptest! {
    #[test]
    fn what_waits_finds_the_window_open_and_no_earlier(
        active in any_active(),
        now in any_time(),
        part in 0.0..1.0_f64,
    ) {
        let at = |now| active.at(EventKind::Failed, now);

        if let Opening::Hold { until } = at(now) {
            prop_assert!(until > now);
            prop_assert_eq!(at(until), Opening::Open);
            let just_before = until - SignedDuration::from_nanos(1);
            let between = now + until.duration_since(now).mul_f64(part);
            for time in [just_before, between.min(just_before)] {
                prop_assert_eq!(at(time), Opening::Hold { until }, "at {}", time);
            }
        }
    }

    #[test]
    fn each_day_that_is_named_has_a_window_of_its_length(
        active in any_active(),
        now in any_time(),
    ) {
        const MOVED_MINUTES_MAX: i64 = 60;
        let date = active.zone.to_datetime(now).date();
        let (from, to) = (i64::from(active.from.minutes), i64::from(active.to.minutes));
        let nominal = if to > from { to - from } else { to + 24 * 60 - from };

        let (start, end) = active.window(date).unwrap();

        prop_assert!(start < end);
        let is_skipped_day = active.zone.iana_name() == Some("Pacific/Apia");
        let off = (end.duration_since(start).as_mins() - nominal).abs();
        prop_assert!(is_skipped_day || off <= MOVED_MINUTES_MAX, "{} minutes off", off);
    }
}
