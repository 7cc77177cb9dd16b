//! Questions are answered at once, however much there is to look through.

use std::time::{Duration, Instant};

use descript_notify::model::Verdict;

use super::stored::{self, CONFIG, Past};
use super::{folder_with, in_folder};
use crate::support::many;

/// Of the whole program, from its start to its end. The aim is 100 ms; this is a debug build
/// that runs among other tests.
const MOST: Duration = Duration::from_secs(1);

/// When the last of them has ended, and how long after the one before.
const LAST_MS: i64 = 1_795_260_000_000;
const STEP_MS: i64 = 1_000;

#[tokio::test]
async fn a_hundred_thousand_events_are_looked_through_at_once() {
    let folder = folder_with(CONFIG);
    let past = [Past::failed("project-agent-edit-1", "Client A/Spring")];
    let verdicts = [("failures", Verdict::Send), ("here", Verdict::Send)];
    stored::write(folder.path(), &past, &verdicts, &[]).await.close().await;
    many::fill(&folder.path().join("state.db"), LAST_MS, STEP_MS).await;

    for question in [
        &["explain", "project-media-import-054321"][..],
        &["explain", "project-a"],
        &["preview"],
        &["preview", "--job", "project-media-import-054321", "--rule", "here"],
        &["preview", "--kind", "partial"],
        &["usage", "--since", "3650d"],
    ] {
        let mut best = Duration::MAX;
        for _ in 0..3 {
            let begun = Instant::now();
            let output = in_folder(folder.path(), question).run_to_end().await;
            best = best.min(begun.elapsed());
            output.succeeded();
        }
        assert!(best < MOST, "{question:?} took {best:?}");
    }
}
