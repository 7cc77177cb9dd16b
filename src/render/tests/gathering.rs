//! What is listed of a large group and how, and what is said of messages that were held back.

use super::*;

const BY_TEMPLATE: [NotifierKind; 4] =
    [NotifierKind::Slack, NotifierKind::Discord, NotifierKind::Email, NotifierKind::Console];

const OF_THREE: &str = "a group that ends with a failure";
const OF_FORTY: &str = "a group of forty";

/// So many events of that sample of a group, in turn.
fn many(name: &str, many: usize) -> Value {
    let mut document = sample(name);
    let events = document["events"].as_array().unwrap().iter().cycle();
    document["events"] = events.take(many).cloned().collect();
    document
}

#[test]
fn what_is_beyond_a_message_is_counted_and_the_failures_are_told() {
    let document = many(OF_FORTY, 830);

    for (kind, left) in [
        (NotifierKind::Slack, "… and 790 more"),
        (NotifierKind::Discord, "… and 790 more"),
        (NotifierKind::Email, "… and 630 more"),
        (NotifierKind::Console, "… and 630 more"),
    ] {
        let all = whole(&builtin_message(kind, "default", &document));

        assert!(all.contains(left), "{all}");
        assert!(all.contains("830 jobs ended") && all.contains("207 failed, 623 succeeded"));
        assert!(all.contains("Publish failed") && !all.contains("Import succeeded"), "{all}");
    }
}

#[test]
fn of_two_hundred_events_the_failures_are_listed_first_where_not_all_are() {
    let mut document = many(OF_FORTY, 200);
    for event in document["events"].as_array_mut().unwrap().iter_mut().take(180) {
        *event = sample("import succeeded");
    }
    document["events"][0] = sample("import partial");
    let of = |kind| whole(&builtin_message(kind, "default", &document));

    for kind in [NotifierKind::Slack, NotifierKind::Discord] {
        let all = of(kind);
        let at = |text: &str| all.find(text).unwrap();
        assert!(all.contains("5 failed, 1 partial, 194 succeeded"), "{all}");
        assert!(all.contains("… and 160 more"), "{all}");
        assert_eq!(all.matches("Publish failed").count(), 5);
        assert!(at("Publish failed") < at("Import partial"), "{all}");
        assert!(at("Import partial") < at("Import succeeded"), "{all}");
    }
    for kind in [NotifierKind::Email, NotifierKind::Console] {
        let all = of(kind);
        assert!(!all.contains(" more"), "{all}");
        assert!(all.find("Import succeeded").unwrap() < all.find("Publish failed").unwrap());
    }
}

#[test]
fn the_marks_of_a_digest_are_said() {
    let mut document = sample(OF_THREE);
    document["event"]["repeat"] = true.into();

    for kind in BY_TEMPLATE {
        let all = whole(&builtin_message(kind, "default", &document));
        assert!(all.contains("got this before") || all.contains("possibly a repeat"), "{all}");
    }
}

#[test]
fn what_was_held_back_is_said_in_every_type() {
    let single = "import failed";
    for (name, held, suppressed, said) in [
        (OF_THREE, "throttle", 3, "3 messages held back by the throttle of its rule until now"),
        (single, "throttle", 1, "held back by the throttle of its rule until now"),
        (OF_THREE, "silence", 4, "4 messages held back by a silence that is over now"),
        (single, "silence", 1, "held back by a silence that is over now"),
        (OF_THREE, "window", 0, "kept until the hours of its rule began"),
        (OF_THREE, "notifier", 0, "kept while messages could not be sent"),
        (
            OF_THREE,
            "window",
            2,
            "kept until the hours of its rule began · 2 messages held back by its rule",
        ),
        (
            OF_THREE,
            "notifier",
            2,
            "kept while messages could not be sent · 2 messages held back by its rule",
        ),
        (single, "", 1, "1 message dropped before this one, outside of the hours of its rule"),
    ] {
        let mut document = sample(name);
        document["rule"] = json!({"name": "r", "suppressed": suppressed, "held": held});

        for kind in BY_TEMPLATE {
            let all = whole(&builtin_message(kind, "default", &document));
            assert!(all.contains(&format!("· {said}")), "{said} in {all}");
        }
    }
    for (held, suppressed) in [("group", 0), ("", 0)] {
        let document = json!({"rule": {"suppressed": suppressed, "held": held}});
        assert_eq!(vocabulary::held_back(&document), "");
    }
}

#[test]
fn progress_that_is_overtaken_is_not_told_to_people() {
    let document = sample("a group at a throttle's end");

    for kind in BY_TEMPLATE {
        let all = whole(&builtin_message(kind, "default", &document));
        assert!(all.contains("2 jobs ended") && !all.contains("Reading scenes"), "{all}");
    }
    let body = json_of(&builtin_message(NotifierKind::Webhook, "default", &document));
    assert_eq!(body["events"].as_array().unwrap().len(), 3);
}

#[test]
fn events_of_projects_with_several_each_stand_below_their_names() {
    let of = |kind| {
        builtin_message(kind, "default", &sample("a group of two projects as a window opens"))
    };

    insta::assert_snapshot!(texts(&of(NotifierKind::Slack)), @r#"
    ❌ 6 things happened
    1 failed, 1 partial, 2 succeeded, 1 stalled, 1 project idle
    *<https://web.descript.com/7d9e1155|Client B/Trailer>*
    ✅ Import succeeded · 09:03
    ⏰ Publish stalled: not moved for 1h 35m at Rendering, 60 % · 09:03
    ⚠️ Import partial: 1 of 2 files failed: Day 1/guest.wav (the link answered 403) · 09:03

    *<https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11|Client A/Episode 12>*
    ❌ Publish failed: render broke · 09:03
    ✅ AI edit succeeded · 09:03
    ❌ All 12 jobs have ended: 1 failed, 1 partial, 10 succeeded · 09:03
    2026-11-20 09:03 CET · kept until the hours of its rule began
    ❌ 6 things happened (1 failed, 1 partial, 2 succeeded, 1 stalled, 1 project idle)
    "#);
    insta::assert_snapshot!(texts(&of(NotifierKind::Discord)), @r#"
    **1 failed, 1 partial, 2 succeeded, 1 stalled, 1 project idle**

    **[Client B/Trailer](https://web.descript.com/7d9e1155)**
    ✅ Import succeeded · 09\:03
    ⏰ Publish stalled: not moved for 1h 35m at Rendering, 60 % · 09\:03
    ⚠️ Import partial: 1 of 2 files failed\: Day 1/guest.wav \(the link answered 403\) · 09\:03

    **[Client A/Episode 12](https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11)**
    ❌ Publish failed: render broke · 09\:03
    ✅ AI edit succeeded · 09\:03
    ❌ All 12 jobs have ended\: 1 failed, 1 partial, 10 succeeded · 09\:03
    2026-11-20 09:03 CET · kept until the hours of its rule began
    ❌ 6 things happened
    "#);
    insta::assert_snapshot!(whole(&of(NotifierKind::Console)), @r#"
    09:03:20 ❌ 6 things happened (1 failed, 1 partial, 2 succeeded, 1 stalled, 1 project idle) · kept until the hours of its rule began
        Client B/Trailer  https://web.descript.com/7d9e1155
          ✅ Import succeeded · 09:03
          ⏰ Publish stalled: not moved for 1h 35m at Rendering, 60 % · 09:03
          ⚠️ Import partial: 1 of 2 files failed: Day 1/guest.wav (the link answered 403) · 09:03

        Client A/Episode 12  https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11
          ❌ Publish failed: render broke · 09:03
          ✅ AI edit succeeded · 09:03
          ❌ All 12 jobs have ended: 1 failed, 1 partial, 10 succeeded · 09:03
    "#);
    let Message::Mail { subject, text, html } = of(NotifierKind::Email) else { panic!("no mail") };
    insta::assert_snapshot!(format!("Subject: {subject}\n{text}"), @r#"
    Subject: 6 things happened (1 failed, 1 partial, 2 succeeded, 1 stalled, 1 project idle)
    6 things happened (1 failed, 1 partial, 2 succeeded, 1 stalled, 1 project idle)

        Client B/Trailer  https://web.descript.com/7d9e1155
          ✅ Import succeeded · 09:03
          ⏰ Publish stalled: not moved for 1h 35m at Rendering, 60 % · 09:03
          ⚠️ Import partial: 1 of 2 files failed: Day 1/guest.wav (the link answered 403) · 09:03

        Client A/Episode 12  https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11
          ❌ Publish failed: render broke · 09:03
          ✅ AI edit succeeded · 09:03
          ❌ All 12 jobs have ended: 1 failed, 1 partial, 10 succeeded · 09:03

    --
    2026-11-20 09:03 CET · kept until the hours of its rule began
    "#);
    insta::assert_snapshot!(shown(&html), @r#"
    ❌ 6 things happened
    1 failed, 1 partial, 2 succeeded, 1 stalled, 1 project idle
    Client B/Trailer
    ✅ Import succeeded · 09:03
    ⏰ Publish stalled: not moved for 1h 35m at Rendering, 60 % · 09:03
    ⚠️ Import partial: 1 of 2 files failed: Day 1/guest.wav (the link answered 403) · 09:03
    Client A/Episode 12
    ❌ Publish failed: render broke · 09:03
    ✅ AI edit succeeded · 09:03
    ❌ All 12 jobs have ended: 1 failed, 1 partial, 10 succeeded · 09:03
    2026-11-20 09:03 CET · kept until the hours of its rule began · sent by the rule “sample”
    "#);
}
