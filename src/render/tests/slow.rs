//! What the built-in templates say about jobs that take long, projects that are done and
//! budgets that are used up.

use super::*;

const TOLD: [&str; 5] = [
    "overdue",
    "stalled, said again",
    "project idle",
    "project idle after one job",
    "spend crossed",
];

fn told(kind: NotifierKind, part: fn(&Message) -> String) -> String {
    TOLD.map(|name| part(&builtin_message(kind, "default", &sample(name)))).join("\n---\n")
}

#[test]
fn slack_says_them() {
    insta::assert_snapshot!(told(NotifierKind::Slack, |message| {
        let body = json_of(message);
        let words = strings(&body["blocks"]).into_iter();
        words.filter(|text| text.contains(' ')).collect::<Vec<_>>().join("\n")
    }), @r#"
    ⏰ Client A/Episode 12: Import has not ended after 30m
    *Since* 2026-11-20 08:33 CET (the rule waits 30m)

    <https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11|Client A/Episode 12> · Import · overdue
    2026-11-20 09:03 CET
    ---
    ⏰ Client A/Episode 12: Publish has not moved for 1h 35m
    *Since* 2026-11-20 07:28 CET (the rule waits 30m)
    *Last progress* Rendering · 60 %
    Said 1 time before.
    <https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11|Client A/Episode 12> · Publish · stalled
    2026-11-20 09:03 CET
    ---
    ❌ Client A/Episode 12: All 12 jobs have ended: 1 failed, 1 partial, 10 succeeded
    *Took* 51m 1s, from 2026-11-20 08:12 CET to 09:03
    *Failed files* 2
    *Media used* 41.5 minutes
    *AI credits* 87

    <https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11|Client A/Episode 12>
    2026-11-20 09:03 CET
    ---
    ⚠️ Client A/Episode 12: Its only job has ended: partial
    *Took* 51m 1s, from 2026-11-20 08:12 CET to 09:03
    *Failed files* 1
    *Media used* 1 minute

    2026-11-20 09:03 CET
    ---
    💳 Budget reached: 512 AI credits used, the limit is 500 per day
    *Rule* spend
    *Counted* from 2026-11-20 00:00 CET to 2026-11-21 00:00 CET

    2026-11-20 09:03 CET
    "#);
}

#[test]
fn discord_says_them() {
    insta::assert_snapshot!(told(NotifierKind::Discord, |message| {
        let embed = &json_of(message)["embeds"][0];
        let fields = strings(&embed["fields"]).join(" | ");
        let [title, text] = ["title", "description"].map(|part| strings(&embed[part]).concat());
        format!("{title}\n{text}\n{fields}\n{} {}", embed["color"], embed["url"])
    }), @r#"
    ⏰ Client A/Episode 12: Import has not ended after 30m
    **Since** 2026-11-20 08\:33 CET (the rule waits 30m)

    Project | Client A/Episode 12 | Job | Import | Outcome | overdue
    14719770 "https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11"
    ---
    ⏰ Client A/Episode 12: Publish has not moved for 1h 35m
    **Since** 2026-11-20 07\:28 CET (the rule waits 30m)
    **Last progress** Rendering · 60 %
    Said 1 time before.
    Project | Client A/Episode 12 | Job | Publish | Outcome | stalled
    14719770 "https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11"
    ---
    ❌ Client A/Episode 12: All 12 jobs have ended\: 1 failed, 1 partial, 10 succeeded
    **Took** 51m 1s, from 2026-11-20 08\:12 CET to 09\:03
    **Failed files** 2
    **Media used** 41\.5 minutes
    **AI credits** 87

    Project | Client A/Episode 12
    14038607 "https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11"
    ---
    ⚠️ Client A/Episode 12: Its only job has ended\: partial
    **Took** 51m 1s, from 2026-11-20 08\:12 CET to 09\:03
    **Failed files** 1
    **Media used** 1 minute

    Project | Client A/Episode 12
    14719770 null
    ---
    💳 Budget reached\: 512 AI credits used, the limit is 500 per day
    **Rule** spend
    **Counted** from 2026-11-20 00\:00 CET to 2026-11-21 00\:00 CET


    14719770 null
    "#);
}

#[test]
fn a_mail_says_them() {
    insta::assert_snapshot!(told(NotifierKind::Email, |message| match message {
        Message::Mail { subject, text, .. } => format!("Subject: {subject}\n{text}"),
        other => panic!("{other:?}"),
    }), @r#"
    Subject: Client A/Episode 12: Import has not ended after 30m
    Import has not ended after 30m

    Project:  Client A/Episode 12
    Job:      Import
    Outcome:  overdue
    Open:     https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11
    Since:    2026-11-20 08:33 CET (the rule waits 30m)

    --
    2026-11-20 09:03 CET
    ---
    Subject: Client A/Episode 12: Publish has not moved for 1h 35m
    Publish has not moved for 1h 35m

    Project:  Client A/Episode 12
    Job:      Publish
    Outcome:  stalled
    Open:     https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11
    Since:    2026-11-20 07:28 CET (the rule waits 30m)
    Progress: Rendering, 60 %
    Said:     1 time before

    --
    2026-11-20 09:03 CET
    ---
    Subject: Client A/Episode 12: All 12 jobs have ended: 1 failed, 1 partial, 10 succeeded
    All 12 jobs have ended: 1 failed, 1 partial, 10 succeeded

    Project:  Client A/Episode 12
    Open:     https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11
    Took:     51m 1s, from 2026-11-20 08:12 CET to 09:03
    Files:    2 failed
    Media:    41.5 minutes
    Credits:  87

    --
    2026-11-20 09:03 CET
    ---
    Subject: Client A/Episode 12: Its only job has ended: partial
    Its only job has ended: partial

    Project:  Client A/Episode 12
    Took:     51m 1s, from 2026-11-20 08:12 CET to 09:03
    Files:    1 failed
    Media:    1 minute

    --
    2026-11-20 09:03 CET
    ---
    Subject: Budget reached: 512 AI credits used, the limit is 500 per day
    Budget reached: 512 AI credits used, the limit is 500 per day

    Rule:     spend
    Counted:  from 2026-11-20 00:00 CET to 2026-11-21 00:00 CET

    --
    2026-11-20 09:03 CET
    "#);
}

#[test]
fn a_mail_says_them_in_html() {
    insta::assert_snapshot!(told(NotifierKind::Email, |message| match message {
        Message::Mail { html, .. } => shown(html),
        other => panic!("{other:?}"),
    }), @r#"
    ⏰ Import has not ended after 30m
    Client A/Episode 12
    Job
    Import
    Outcome
    overdue
    Since
    2026-11-20 08:33 CET (the rule waits 30m)
    Open the project
    2026-11-20 09:03 CET · sent by the rule “sample”

    ---
    ⏰ Publish has not moved for 1h 35m
    Client A/Episode 12
    Job
    Publish
    Outcome
    stalled
    Since
    2026-11-20 07:28 CET (the rule waits 30m)
    Last progress
    Rendering · 60 %
    Said before
    1 time
    Open the project
    2026-11-20 09:03 CET · sent by the rule “sample”

    ---
    ❌ All 12 jobs have ended: 1 failed, 1 partial, 10 succeeded
    Client A/Episode 12
    Took
    51m 1s, from 2026-11-20 08:12 CET to 09:03
    Failed files
    2
    Media used
    41.5 minutes
    AI credits
    87
    Open the project
    2026-11-20 09:03 CET · sent by the rule “sample”

    ---
    ⚠️ Its only job has ended: partial
    Client A/Episode 12
    Took
    51m 1s, from 2026-11-20 08:12 CET to 09:03
    Failed files
    1
    Media used
    1 minute
    2026-11-20 09:03 CET · sent by the rule “sample”

    ---
    💳 Budget reached: 512 AI credits used, the limit is 500 per day
    Rule
    spend
    Counted
    from 2026-11-20 00:00 CET to 2026-11-21 00:00 CET
    2026-11-20 09:03 CET · sent by the rule “sample”
    "#);
}

#[test]
fn the_console_says_them() {
    insta::assert_snapshot!(told(NotifierKind::Console, whole), @r#"
    09:03:20 ⏰ Client A/Episode 12: Import has not ended after 30m
        since 2026-11-20 08:33 CET, the rule waits 30m
        https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11
    ---
    09:03:20 ⏰ Client A/Episode 12: Publish has not moved for 1h 35m
        since 2026-11-20 07:28 CET, the rule waits 30m; said 1 time before
        last progress: Rendering, 60 %
        https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11
    ---
    09:03:20 ❌ Client A/Episode 12: All 12 jobs have ended: 1 failed, 1 partial, 10 succeeded
        took 51m 1s, from 2026-11-20 08:12 CET to 09:03
        2 failed files
        used 41.5 minutes of media, 87 AI credits
        https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11
    ---
    09:03:20 ⚠️ Client A/Episode 12: Its only job has ended: partial
        took 51m 1s, from 2026-11-20 08:12 CET to 09:03
        1 failed file
        used 1 minute of media
    ---
    09:03:20 💳 Budget reached: 512 AI credits used, the limit is 500 per day
        counted from 2026-11-20 00:00 CET to 2026-11-21 00:00 CET, rule spend
    "#);
}

#[test]
fn a_batch_shows_how_it_went_at_a_glance() {
    let shown = |counts: Value| {
        let mut document = sample("project idle");
        for outcome in ["succeeded", "partial", "failed", "cancelled", "stopped", "vanished"] {
            document["project"][outcome] = 0.into();
        }
        for (outcome, jobs) in counts.as_object().unwrap() {
            document["project"][outcome] = jobs.clone();
        }
        let message = builtin_message(NotifierKind::Discord, "default", &document);
        let embed = &json_of(&message)["embeds"][0];
        let (_, headline) = embed["title"].as_str().unwrap().split_once("Episode 12: ").unwrap();
        let emoji = embed["title"].as_str().unwrap().split(' ').next().unwrap();
        format!("{emoji} #{:06x} {headline}", embed["color"].as_u64().unwrap()).replace('\\', "")
    };

    let told = [
        json!({"jobs": 3, "succeeded": 3}),
        json!({"jobs": 1, "succeeded": 1}),
        json!({"jobs": 3, "succeeded": 2, "cancelled": 1}),
        json!({"jobs": 3, "succeeded": 2, "partial": 1}),
        json!({"jobs": 3, "succeeded": 2, "vanished": 1}),
        json!({"jobs": 2, "failed": 1, "succeeded": 1}),
        json!({"jobs": 2, "cancelled": 2}),
        json!({"jobs": 3, "succeeded": 2}),
        json!({"jobs": "3"}),
    ]
    .map(shown);

    insta::assert_snapshot!(told.join("\n"), @r#"
    ✅ #2eb67d All 3 jobs have ended: all succeeded
    ✅ #2eb67d Its only job has ended: succeeded
    ✅ #2eb67d All 3 jobs have ended: 2 succeeded, 1 cancelled
    ⚠️ #e09b1a All 3 jobs have ended: 1 partial, 2 succeeded
    ⚠️ #e09b1a All 3 jobs have ended: 2 succeeded, 1 vanished
    ❌ #d6364f All 2 jobs have ended: 1 failed, 1 succeeded
    🏁 #8a8f98 All 2 jobs have ended: all cancelled
    ✅ #2eb67d All 3 jobs have ended: 2 succeeded, 1 with another outcome
    🏁 #8a8f98 The last job of the project has ended
    "#);
}

#[test]
fn a_budget_is_said_in_its_unit() {
    let headline = |spend: Value| {
        let mut document = sample("spend crossed");
        for (fact, value) in spend.as_object().unwrap() {
            document["spend"][fact] = value.clone();
        }
        vocabulary::title(&document)
    };

    let told = [
        json!({"unit": "minutes", "used": 90.25, "amount": 60, "per": "week"}),
        json!({"unit": "minutes", "used": 1, "amount": 1, "per": "hour"}),
        json!({"unit": "credits", "used": 1, "amount": 0.5, "per": "month"}),
        json!({"unit": "coins"}),
        json!({"used": null}),
    ]
    .map(headline);

    insta::assert_snapshot!(told.join("\n"), @r#"
    Budget reached: 90.25 minutes of media used, the limit is 60 per week
    Budget reached: 1 minute of media used, the limit is 1 per hour
    Budget reached: 1 AI credit used, the limit is 0.5 per month
    Budget reached: 512 coins used, the limit is 500 per day
    A budget is used up
    "#);
}

#[test]
fn facts_that_are_missing_are_not_missed() {
    for (name, facts) in [("project idle", "project"), ("spend crossed", "spend")] {
        for bare in [json!(null), json!({}), json!({"name": null, "usage": 5, "unit": []})] {
            let mut document = sample(name);
            document[facts] = bare;
            for kind in [NotifierKind::Slack, NotifierKind::Discord, NotifierKind::Console] {
                let all = whole(&builtin_message(kind, "default", &document)).replace('\\', "");
                assert!(all.contains(&vocabulary::title(&document)), "{all}");
            }
        }
    }
    for name in ["overdue", "stalled, said again"] {
        let mut document = sample(name);
        for fact in crate::model::TimerFacts::FIELDS {
            document["event"].as_object_mut().unwrap().remove(fact);
        }
        let all = whole(&builtin_message(NotifierKind::Email, "failure", &document));
        assert!(all.contains(&vocabulary::title(&document)) && !all.contains("Since"), "{all}");
    }
}
