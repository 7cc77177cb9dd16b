//! Descript's answers: bytes, JSON, and jobs with anything in any field.
//!
//! A job that was read goes all the way: what happened to it, what the rules say, what every
//! type of notifier is sent.

use std::path::Path;
use std::sync::LazyLock;

use descript_notify::config::{self, Defaults};
use descript_notify::deliver::{discord, slack};
use descript_notify::diff::{self, Watch};
use descript_notify::model::{Event, KnownJob, Message, NotifierKind, Observation, RuleView};
use descript_notify::render::{RenderRequest, Templates};
use descript_notify::rules::RuleSet;
use descript_notify::source::wire::{self, Element};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{any_text, cases};

/// The rules of the example, which know most of what rules can say.
static RULES: LazyLock<RuleSet> = LazyLock::new(|| {
    let example = include_str!("../../rules.example.toml");
    let config = config::parse(example, Path::new("/"), &Defaults::default()).config.unwrap();
    RuleSet::new(config.rules)
});

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((any_key(), inner), 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// The fields that something is made of somewhere, and others.
fn any_key() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "job_id",
        "job_type",
        "job_state",
        "created_at",
        "stopped_at",
        "project_id",
        "project_name",
        "project_url",
        "drive_id",
        "progress",
        "label",
        "percent",
        "last_update_at",
        "result",
        "status",
        "error_message",
        "error_code",
        "share_url",
        "download_url",
        "download_url_expires_at",
        "media_status",
        "media_seconds_used",
        "ai_credits_used",
        "agent_response",
    ]);
    prop_oneof![4 => known.prop_map(str::to_owned), 1 => any_text()]
}

/// A job as it should be, with some fields that are anything.
fn any_job() -> impl Strategy<Value = Value> {
    let states = vec!["queued", "running", "stopped", "cancelled", "paused", "odd", ""];
    let results = prop_oneof![
        Just(Value::Null),
        any_value(),
        prop::sample::select(vec!["success", "partial", "error", "odd"])
            .prop_map(|status| json!({"status": status})),
        (any_text(), any_value()).prop_map(|(text, value)| json!({
            "status": "error", "error_message": text, "media_status": {text: value}})),
    ];
    let odd = prop::collection::vec((any_key(), any_value()), 0..4);
    (prop::sample::select(states), results, odd).prop_map(|(state, result, odd)| {
        let mut job = json!({
            "job_id": "j-1", "job_type": "import/project_media", "job_state": state,
            "created_at": "2026-11-20T08:00:00Z", "project_id": "p-1",
        });
        if !result.is_null() {
            job["result"] = result;
        }
        odd.into_iter().for_each(|(key, value)| job[key] = value);
        job
    })
}

/// Anything that happened, told in every way there is.
fn tell(event: &Event) {
    for (_, verdict) in RULES.explain(event) {
        let _ = verdict.to_string();
    }
    assert!(RULES.judge(event).len() <= RULES.rules().len());
    let rule = RuleView { name: "all".into(), suppressed: 2, held: None };
    let document = event.document(Some(&rule), true);
    for kind in NotifierKind::ALL {
        let request = RenderRequest {
            kind,
            template: "failure",
            document: &document,
            now: Timestamp::UNIX_EPOCH,
            zone: &TimeZone::UTC,
        };
        // A shape that no template expects (a list for a `result`) may make it fall back.
        let rendered = Templates::builtin().render(&request);
        let Message::Json(body) = rendered.message else { continue };
        let sent = match kind {
            NotifierKind::Slack => slack::payload::fit(&body),
            NotifierKind::Discord => discord::payload::fit(&body),
            _ => body,
        };
        assert!(serde_json::from_str::<Map<String, Value>>(&sent).is_ok(), "{sent}");
    }
}

/// Looks at a job once more.
fn look(known: &mut Option<KnownJob>, seen: &Observation, second: i64) -> Vec<Event> {
    let watch = Watch {
        source: "main",
        now: Timestamp::from_second(1_800_000_000 + second).unwrap(),
        baseline: false,
        late: false,
    };
    let step = diff::observe(&watch, known.as_ref(), seen);
    step.notes.iter().for_each(|note| drop(note.to_string()));
    *known = Some(step.job);
    step.events
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let text = String::from_utf8_lossy(&bytes);

        let _ = (wire::read_page(&text), wire::read_job(&text), wire::read_project_name(&text));
    }

    #[test]
    fn no_json_makes_a_reader_panic(value in any_value()) {
        let text = value.to_string();

        let _ = (wire::read_page(&text), wire::read_job(&text), wire::read_project_name(&text));
    }

    #[test]
    fn a_page_cut_anywhere_is_no_page(jobs in prop::collection::vec(any_job(), 0..3), at: prop::sample::Index) {
        let text = json!({"data": jobs, "pagination": {}}).to_string();
        let mut at = at.index(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }

        prop_assert!(wire::read_page(&text).is_ok());
        prop_assert!(wire::read_page(&text[..at]).is_err());
    }

    #[test]
    fn an_odd_element_costs_only_itself(
        odd in prop::collection::vec(any_value(), 0..5),
        cursor in any_value(),
        place: prop::sample::Index,
    ) {
        let mut elements = odd.clone();
        let place = place.index(odd.len() + 1);
        elements.insert(place, json!({"job_id": "sound", "job_state": "running"}));
        let text = json!({"data": elements, "pagination": {"next_cursor": cursor}}).to_string();

        let page = wire::read_page(&text).unwrap();
        let read: Vec<Element> =
            page.elements.iter().map(|raw| wire::read_element(raw, &|_| false)).collect();

        prop_assert_eq!(read.len(), odd.len() + 1);
        let sound = matches!(&read[place], Element::Seen(seen) if seen.id.as_str() == "sound");
        prop_assert!(sound);
    }
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn whatever_a_job_shows_it_ends_at_most_once_and_all_of_it_can_be_told(
        looks in prop::collection::vec((any_job(), 0_i64..50), 1..4),
    ) {
        let (mut known, mut second, mut ends) = (None, 0, 0);
        for (job, pause) in looks {
            second += pause;
            let Ok(seen) = wire::read_job(&job.to_string()) else { continue };
            let events = look(&mut known, &seen, second);
            ends += events.iter().filter(|event| event.key.slot == "ended").count();
            events.iter().for_each(tell);
        }

        prop_assert!(ends <= 1);
    }
}
