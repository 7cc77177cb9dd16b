//! A night of two hundred jobs: failures are said at once, the rest in one digest in the
//! morning, nothing is missing, and the bridge is restarted in the middle.

use std::collections::BTreeSet;

use descript_notify::model::{EventKind, Hold, RuleView, grouped_document};
use descript_notify::render::RenderRequest;

use crate::Bridge;

const RULE: &str = r#"
[[rules]]
name = "ended"
on = ["finished"]
notify = ["team"]
[rules.active]
days = ["mon", "tue", "wed", "thu", "fri"]
from = "09:00"
to = "18:00"
timezone = "Europe/Berlin"
except = ["failed"]
"#;

#[tokio::test]
async fn a_night_of_two_hundred_jobs_is_one_digest_and_every_failure_at_once() {
    // A Thursday, seven in the evening in Berlin; the clocks do not change.
    let mut bridge = Bridge::new(RULE, "2026-11-19T18:00:00Z").await;
    let mut failed = BTreeSet::new();
    let mut others = BTreeSet::new();
    for number in 0..200 {
        bridge.wait(240);
        let job = format!("job-{number:03}");
        let kind = if number % 10 == 0 { EventKind::Failed } else { EventKind::Succeeded };
        bridge.ends(&job, &format!("project {}", number % 7), kind).await;
        let at_once = bridge.says("team").await;
        if kind == EventKind::Failed {
            assert_eq!(at_once, [(job.clone(), 0)]);
            failed.insert(job);
        } else {
            assert_eq!(at_once, []);
            others.insert(job);
        }
        if number == 100 {
            bridge = bridge.restart().await;
        }
    }

    let opening = bridge.release().await.unwrap();
    bridge.clock.set(opening);
    bridge.release().await;
    let digest = bridge.claim("team").await;

    assert_eq!(opening.to_string(), "2026-11-20T08:00:00Z");
    assert_eq!(digest.len(), 1);
    assert_eq!(digest[0].gathered_by, Some(Hold::Window));
    let told = digest[0].events.iter().map(|event| event.key.subject.clone()).collect();
    assert_eq!(others, told);
    assert_eq!(failed.len() + others.len(), 200);
    let rule = RuleView { name: "ended".into(), suppressed: 0, held: None };
    let document = grouped_document(&digest[0].events, Some(&rule), false).unwrap();
    let policy = bridge.policy.get();
    for kind in descript_notify::model::NotifierKind::ALL {
        let request = RenderRequest {
            kind,
            template: "default",
            document: &document,
            now: opening,
            zone: &policy.zone,
        };
        let rendered = policy.templates.render(&request);
        assert_eq!(rendered.fell_back, None);
        let text = format!("{:?}", rendered.message);
        let all = text.contains("180") || others.iter().all(|job| text.contains(job));
        assert!(all, "{kind}: {}", &text[..500]);
    }
}
