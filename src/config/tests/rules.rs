//! The keys by which a rule speaks less, later, or of what does not happen: what they mean,
//! and each way to miswrite them.

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::{parsed, told};
use crate::model::EventKind;
use crate::rules::{
    Active, After, Clock, Group, Opening, Otherwise, Period, Repeat, Rule, Spend, SpendUnit,
};

/// One rule about `on` with these lines, and a notifier for it.
fn text(on: &str, lines: &str) -> String {
    format!(
        "[service]\ntimezone = \"Europe/Berlin\"\n[sources.s]\ntoken = {{ env = \"T\" }}\n\
         [notifiers.a]\ntype = \"console\"\n\
         [[rules]]\nname = \"r\"\non = [{on}]\nnotify = [\"a\"]\n{lines}\n"
    )
}

fn rule(on: &str, lines: &str) -> Rule {
    let parsed = parsed(&text(on, lines));
    let config = parsed.config.unwrap_or_else(|| panic!("{lines}: {:?}", parsed.problems));
    config.rules.into_iter().next().unwrap()
}

/// What is told about each of these lines, which rules about `on` have.
fn all_told(on: &str, lines: &[&str]) -> String {
    lines.iter().map(|lines| told(&text(on, lines))).collect::<Vec<_>>().join("\n")
}

fn min(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

#[test]
fn a_throttle_and_a_group_have_a_key_each() {
    let rule = rule(
        "\"failed\"",
        "throttle = { every = \"10m\", by = [\"job.project_id\"] }\n\
         [rules.group]\nwait = \"30s\"\nby = [\"job.project_id\", \"event.kind\"]",
    );

    let (throttle, group) = (rule.throttle.unwrap(), rule.group.unwrap());
    assert_eq!(throttle.every, min(10));
    assert_eq!((group.wait, group.max), (SignedDuration::from_secs(30), Group::MAX_DEFAULT));
    assert_ne!(throttle.by, group.by);
}

#[test]
fn a_window_is_all_day_every_day_in_the_services_zone_where_nothing_else_is_written() {
    let active = |line: &str| rule("\"finished\"", &format!("active = {line}")).active.unwrap();
    let clock = |text| Clock::parse(text).unwrap();

    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let mondays = Active {
        days: [true, false, false, false, false, false, false],
        from: Clock::MIDNIGHT,
        to: Clock::DAYS_END,
        otherwise: Otherwise::Hold,
        except: [].into(),
        zone: berlin,
    };
    assert_eq!(active("{ days = [\"mon\"] }"), mondays);
    let evenings = Active { days: [true; 7], from: clock("18:00"), ..mondays.clone() };
    assert_eq!(active("{ from = \"18:00\" }"), evenings);
    let mornings = Active { days: [true; 7], to: clock("09:30"), ..mondays };
    assert_eq!(active("{ to = \"09:30\" }"), mornings);
    let all = active(
        "{ days = [\"sat\", \"sun\"], from = \"22:00\", to = \"06:00\", otherwise = \"drop\", \
         except = [\"failed\", \"partial\"], timezone = \"Asia/Kolkata\" }",
    );
    assert_eq!(all.days, [false, false, false, false, false, true, true]);
    assert_eq!(all.otherwise, Otherwise::Drop);
    assert_eq!(all.except, [EventKind::Failed, EventKind::Partial].into());
    assert_eq!(all.zone.iana_name(), Some("Asia/Kolkata"));
    let saturday_night = "2026-11-28T17:00:00Z".parse().unwrap();
    assert_eq!(all.at(EventKind::Succeeded, saturday_night), Opening::Open);
}

#[test]
fn a_timer_has_its_time_and_its_repeats() {
    let fixed = rule("\"stalled\"", "after = \"30m\"\nrepeat = \"1h\"");
    let usual = rule("\"overdue\", \"failed\"", "after = \"usual\"");

    assert_eq!(fixed.after, Some(After::Fixed(min(30))));
    assert_eq!(fixed.repeat, Some(Repeat { every: min(60), most: 3 }));
    assert_eq!((usual.after, usual.repeat), (Some(After::Usual), None));
    let most = rule("\"stalled\"", "after = \"30m\"\nrepeat = \"1h\"\nrepeat_max = 7").repeat;
    assert_eq!(most.unwrap().most, 7);
}

#[test]
fn any_stands_for_overdue_and_stalled_only_with_after() {
    let with_after = rule("\"any\"", "after = \"30m\"");
    let without = rule("\"any\"", "");

    assert_eq!(without.on, EventKind::OF_JOBS.into());
    assert!(with_after.on.is_superset(&without.on));
    assert!(EventKind::TIMED.iter().all(|kind| with_after.on.contains(kind)));
    assert_eq!(with_after.on.len(), without.on.len() + 2);
}

#[test]
fn a_budget_is_counted_in_credits_or_minutes_by_the_services_calendar() {
    let spend = |line: &str| rule("\"spend_crossed\"", &format!("spend = {line}")).spend.unwrap();

    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let daily = Spend { amount: 500.0, unit: SpendUnit::Credits, per: Period::Day, zone };
    assert_eq!(spend("{ credits = 500, per = \"day\" }"), daily);
    let monthly = Spend { amount: 0.5, unit: SpendUnit::Minutes, per: Period::Month, ..daily };
    assert_eq!(spend("{ minutes = 0.5, per = \"month\" }"), monthly);
}

#[test]
fn throttles_and_groups_are_told_apart_from_nonsense() {
    insta::assert_snapshot!(all_told("\"failed\"", &[
        "throttle = \"10m\"",
        "throttle = {}",
        "throttle = { evry = \"10m\", by = \"job.project_id\" }",
        "throttle = { every = 10, by = [\"job.projct_id\", \"project_id\", 5] }",
        "throttle = { every = \"0s\", by = [\"event.knd\", \"jb.x\", \"job.*\"] }",
        "throttle = { every = \"31d\" }",
        "group = { max = 1, wait = \"8d\" }",
        "group = { max = 201, wait = \"30s\" }",
        "group = { max = -1, wait = \"30s\" }",
        "[rules.group]\nevery = \"30s\"",
        "every = \"10m\"",
    ]), @r#"
    ["10m"] rule `r`, key `throttle`: this is a table; write throttle = { every = "10m", by = ["job.project_id"] }
    [throttle] rule `r`, table `throttle`: `every` is missing; add every = "10m"
    [evry] rule `r`, table `throttle`: unknown key `evry`; did you mean `every`?
    ["job.project_id"] rule `r`, table `throttle`, key `by`: expected a list, found a string; write it like by = ["job.project_id"]
    [10] rule `r`, table `throttle`, key `every`: expected a string, found a whole number; write it like every = "10m"
    ["job.projct_id"] rule `r`, table `throttle`, key `by`: no field `job.projct_id` is documented; did you mean `job.project_id`?
    ["project_id"] rule `r`, table `throttle`, key `by`: `project_id` is no path into the event; did you mean `job.project_id`?
    [5] rule `r`, table `throttle`, key `by`: expected a string, found a whole number; write it like by = ["job.project_id"]
    ["0s"] rule `r`, table `throttle`, key `every`: `0s` is too short: it must be at least 10ms; -
    ["event.knd"] rule `r`, table `throttle`, key `by`: an event has no field `knd`; did you mean `event.kind`?
    ["jb.x"] rule `r`, table `throttle`, key `by`: `jb.x` is no path into the event; did you mean `job`?
    ["job.*"] rule `r`, table `throttle`, key `by`: `*` stands for several values, and a key is made of single ones; name a field, like "job.project_id"
    ["31d"] rule `r`, table `throttle`, key `every`: `31d` is too long: it may be at most 30d; -
    [1] rule `r`, table `group`, key `max`: `1` is not a size of group: use 2 to 200; take `group` out to get each event in a message of its own
    ["8d"] rule `r`, table `group`, key `wait`: `8d` is too long: it may be at most 7d; -
    [201] rule `r`, table `group`, key `max`: `201` is not a size of group: use 2 to 200; -
    [-1] rule `r`, table `group`, key `max`: expected a whole number from 0 to 4294967295, found another; write it like max = 20
    [group] rule `r`, table `group`: `wait` is missing; add wait = "30s"
    [every] rule `r`, table `group`: unknown key `every`; `every` belongs in a rule's `throttle`
    [every] rule `r`: unknown key `every`; `every` belongs in a rule's `throttle`
    "#);
}

#[test]
fn windows_that_cannot_be_are_told() {
    insta::assert_snapshot!(all_told("\"finished\"", &[
        "active = true",
        "active = {}",
        "active = { otherwise = \"hold\" }",
        "active = { dys = [\"mon\"] }",
        "active = { days = [] }",
        "active = { days = [\"monday\", \"Tue\", \"weekend\", 3] }",
        "active = { from = \"9:00\", to = \"6pm\" }",
        "active = { from = \"24:00\", to = \"24:01\" }",
        "active = { from = \"09:00\", to = \"09:00\" }",
        "active = { from = \"00:00\", to = \"00:00\" }",
        "active = { to = \"00:00\" }",
        "active = { from = 9, to = 18:00:00 }",
        "active = { from = \"09:00\", otherwise = \"wait\", timezone = \"Europe/Berln\" }",
        "active = { from = \"09:00\", except = [\"faild\", \"started\"] }",
        "active = { from = \"09:00\", except = [\"started\"] }",
        "active = { from = \"00:00\" }",
    ]), @r#"
    [true] rule `r`, key `active`: this is a table; write active = { days = ["mon", "fri"], from = "09:00", to = "18:00" }
    [active] rule `r`, table `active`: it names neither `days` nor `from` nor `to`, so it would never close; write active = { days = ["mon", "fri"], from = "09:00", to = "18:00" }
    [active] rule `r`, table `active`: it names neither `days` nor `from` nor `to`, so it would never close; write active = { days = ["mon", "fri"], from = "09:00", to = "18:00" }
    [dys] rule `r`, table `active`: unknown key `dys`; did you mean `days`?
    [[]] rule `r`, table `active`, key `days`: the list is empty, so the window would never open; leave it out for every day
    ["monday"] rule `r`, table `active`, key `days`: `monday` is no day of the week; did you mean `mon`?
    ["Tue"] rule `r`, table `active`, key `days`: `Tue` is no day of the week; did you mean `tue`?
    ["weekend"] rule `r`, table `active`, key `days`: `weekend` is no day of the week; use one of mon, tue, wed, thu, fri, sat, sun
    [3] rule `r`, table `active`, key `days`: expected a string, found a whole number; write it like days = ["mon", "tue", "wed", "thu", "fri"]
    ["9:00"] rule `r`, table `active`, key `from`: `9:00` is not a time of the day; did you mean `09:00`?
    ["6pm"] rule `r`, table `active`, key `to`: `6pm` is not a time of the day; write hours and minutes of 24 hours, like "09:00" or "17:30"
    ["24:00"] rule `r`, table `active`, key `from`: no window opens at 24:00; write "00:00"
    ["24:01"] rule `r`, table `active`, key `to`: `24:01` is not a time of the day; write hours and minutes of 24 hours, like "09:00" or "17:30"
    ["09:00"] rule `r`, table `active`, key `to`: the window closes when it opens; leave both out for whole days
    ["00:00"] rule `r`, table `active`, key `to`: the window closes when it opens; the end of the day is "24:00"
    ["00:00"] rule `r`, table `active`, key `to`: the window closes when it opens; the end of the day is "24:00"
    [9] rule `r`, table `active`, key `from`: expected a string, found a whole number; write it like from = "09:00"
    [18:00:00] rule `r`, table `active`, key `to`: expected a string, found a date; write it like to = "18:00"
    ["wait"] rule `r`, table `active`, key `otherwise`: `wait` is not one of the words that go here; use one of hold, drop
    ["Europe/Berln"] rule `r`, table `active`, key `timezone`: no time zone is called `Europe/Berln`; did you mean `Europe/Berlin`?
    ["faild"] rule `r`, table `active`, key `except`: no event is called `faild`; did you mean `failed`?
    ["started"] rule `r`, table `active`, key `except`: the rule's `on` names none of these, so they change nothing; take them out
    [active] rule `r`, table `active`: the window is always open, so `active` changes nothing; take it out
    "#);
}

#[test]
fn timers_and_their_events_go_together() {
    insta::assert_snapshot!(all_told("\"stalled\"", &[
        "",
        "repeat = \"1h\"",
        "after = \"usuall\"",
        "after = \"often\"",
        "after = \"0s\"",
        "after = 30",
        "after = \"30m\"\nrepeat_max = 3",
        "after = \"30m\"\nrepeat = \"1h\"\nrepeat_max = 0",
        "after = \"30m\"\nrepeat = \"1h\"\nrepeat_max = 1001",
        "after = \"30m\"\nrepeat = true\nrepeat_max = \"3\"",
    ]), @r#"
    [["stalled"]] rule `r`, key `on`: `stalled` needs `after`; add after = "30m", or after = "usual"
    [["stalled"]] rule `r`, key `on`: `stalled` needs `after`; add after = "30m", or after = "usual"
    ["usuall"] rule `r`, key `after`: `usuall` is not a length of time; did you mean `usual`?
    ["often"] rule `r`, key `after`: `often` is not a length of time; write a number and a unit, like "10m" or "1h30m"
    ["0s"] rule `r`, key `after`: `0s` is too short: it must be at least 10ms; -
    [30] rule `r`, key `after`: expected a string, found a whole number; write it like after = "30m"
    [3] rule `r`, key `repeat_max`: `repeat_max` needs `repeat`; add repeat = "1h", or take `repeat_max` out
    [0] rule `r`, key `repeat_max`: `0` would say nothing again; take `repeat` out
    [1001] rule `r`, key `repeat_max`: `1001` is too many: use 1 to 1000; -
    [true] rule `r`, key `repeat`: expected a string, found true or false; write it like repeat = "1h"
    ["3"] rule `r`, key `repeat_max`: expected a whole number from 0 to 4294967295, found a string; write it like repeat_max = 3
    "#);
    insta::assert_snapshot!(all_told("\"failed\"", &[
        "after = \"30m\"",
        "after = \"30m\"\nrepeat = \"1h\"",
        "repeat = \"1h\"",
        "repeat_max = 3",
    ]), @r#"
    ["30m"] rule `r`, key `after`: `after` is for `overdue` and `stalled`, and `on` names neither; name one of them in `on`, or take `after` out
    ["30m"] rule `r`, key `after`: `after` is for `overdue` and `stalled`, and `on` names neither; name one of them in `on`, or take `after` out
    ["1h"] rule `r`, key `repeat`: `repeat` is for `overdue` and `stalled`, and `on` names neither; name one of them in `on`, or take `repeat` out
    ["1h"] rule `r`, key `repeat`: `repeat` is for `overdue` and `stalled`, and `on` names neither; name one of them in `on`, or take `repeat` out
    [3] rule `r`, key `repeat_max`: `repeat_max` needs `repeat`; add repeat = "1h", or take `repeat_max` out
    "#);
    insta::assert_snapshot!(all_told("\"any\"", &["repeat = \"1h\""]), @r#"["1h"] rule `r`, key `repeat`: `repeat` is for `overdue` and `stalled`, and `on` names neither; name one of them in `on`, or take `repeat` out"#);
    insta::assert_snapshot!(all_told("\"stald\"", &["after = \"30m\""]), @r#"["stald"] rule `r`, key `on`: no event is called `stald`; use one of queued, started, progress, succeeded, partial, failed, cancelled, stopped, changed, overdue, stalled, vanished, project_idle, notifier_down, notifier_up, spend_crossed, source_down, source_up, finished, any"#);
}

#[test]
fn a_budget_and_its_event_stand_alone() {
    insta::assert_snapshot!(all_told("\"spend_crossed\"", &[
        "",
        "spend = 500",
        "spend = {}",
        "spend = { credits = 500 }",
        "spend = { credits = 500, minutes = 5, per = \"day\" }",
        "spend = { credis = 500, per = \"dya\" }",
        "spend = { credits = 0, per = \"day\" }",
        "spend = { minutes = inf, per = \"year\" }",
        "spend = { credits = \"500\", per = \"day\" }",
        "spend = { credits = 500, per = \"day\" }\nthrottle = { every = \"1h\" }\n\
         group = { wait = \"1m\" }\nwhen = 'true'\n[rules.match]\n\"job.x\" = 1",
    ]), @r#"
    [["spend_crossed"]] rule `r`, key `on`: `spend_crossed` needs `spend`; add spend = { credits = 500, per = "day" }
    [500] rule `r`, key `spend`: this is a table; write spend = { credits = 500, per = "day" }
    [spend] rule `r`, table `spend`: `per` is missing; add per = "day"
    [spend] rule `r`, table `spend`: it counts one thing: either `credits` or `minutes`; write spend = { credits = 500, per = "day" }
    [spend] rule `r`, table `spend`: `per` is missing; add per = "day"
    [spend] rule `r`, table `spend`: it counts one thing: either `credits` or `minutes`; write spend = { credits = 500, per = "day" }
    [credis] rule `r`, table `spend`: unknown key `credis`; did you mean `credits`?
    ["dya"] rule `r`, table `spend`, key `per`: `dya` is not one of the words that go here; did you mean `day`?
    [0] rule `r`, table `spend`, key `credits`: `0` is not an amount: use a number above 0; -
    [inf] rule `r`, table `spend`, key `minutes`: `inf` is not an amount: use a number above 0; -
    ["year"] rule `r`, table `spend`, key `per`: `year` is not one of the words that go here; use one of hour, day, week, month
    ["500"] rule `r`, table `spend`, key `credits`: expected a number, found a string; write it like credits = 500
    [throttle] rule `r`, key `throttle`: `throttle` does not go with `spend_crossed`; it happens once in a period: take `throttle` out
    [group] rule `r`, key `group`: `group` does not go with `spend_crossed`; it happens once in a period: take `group` out
    [when] rule `r`, key `when`: `when` does not go with `spend_crossed`; every job counts, and the event is about none: take `when` out
    [match] rule `r`, key `match`: `match` does not go with `spend_crossed`; every job counts, and the event is about none: take `match` out
    "#);
    insta::assert_snapshot!(
        all_told("\"spend_crossed\", \"failed\"", &["spend = { credits = 5, per = \"day\" }"]),
        @r#"[["spend_crossed", "failed"]] rule `r`, key `on`: `spend_crossed` stands alone in `on`; make a rule of its own for it"#
    );
    insta::assert_snapshot!(
        all_told("\"failed\"", &["spend = { credits = 5, per = \"day\" }"]),
        @r#"[spend] rule `r`, key `spend`: `spend` is for `spend_crossed`, which `on` does not name; write on = ["spend_crossed"]"#
    );
}
