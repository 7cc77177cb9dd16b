//! Rendering each built-in template: every notifier type, over messages short and long.
#![expect(clippy::expect_used, reason = "a bench that goes wrong stops")]

use std::fmt;

use descript_notify::model::NotifierKind;
use descript_notify::render::{RenderRequest, Templates, samples};
use divan::Bencher;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

/// By their names in `render::samples`: hardly a field, a list of files, a long answer.
const SAMPLES: [&str; 4] = ["agent started", "import partial", "import failed", "agent succeeded"];

fn main() {
    divan::main();
}

#[divan::bench(args = cases())]
fn render(bencher: Bencher<'_, '_>, case: &Case) {
    let templates = Templates::builtin();
    let request = RenderRequest {
        kind: case.kind,
        template: "default",
        document: &case.document,
        now: Timestamp::constant(1_795_161_900, 0),
        zone: &TimeZone::UTC,
    };
    templates.render_strict(&request).expect("a built-in template does not fail");

    bencher.bench(|| templates.render(&request));
}

/// One type and one event.
struct Case {
    kind: NotifierKind,
    sample: &'static str,
    document: Value,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.sample)
    }
}

fn cases() -> Vec<Case> {
    let documents = samples::documents();
    let document = |sample: &str| {
        let found = documents.iter().find(|(name, _)| *name == sample);
        found.expect("a sample of that name").1.clone()
    };
    let of_kind = |kind| SAMPLES.map(|sample| Case { kind, sample, document: document(sample) });
    NotifierKind::ALL.into_iter().flat_map(of_kind).collect()
}
