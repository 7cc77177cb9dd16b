//! Walks, claims, holding: what the two loops ask of every store.

use super::place;
use super::stage::commit as commit_walk;
use super::stage::*;

#[tokio::test]
async fn what_a_walk_brings_is_read_back_as_it_was() {
    let place = place().await;
    let ended = event("a", EventKind::Failed, "");
    let marks = Marks {
        baseline_at: Some(at(1)),
        watermark: None,
        last_walk: Some(at(2)),
        last_complete_at: Some(at(3)),
        project: Some(Fingerprint::of(b"p1")),
    };
    let walk = WalkCommit {
        jobs: vec![job("a", Phase::Ended), job("b", Phase::Open)],
        events: vec![],
        outdated: vec![],
        reads: vec![(id("b"), at(9), true)],
        marks: Some(marks),
    };

    let decided = Decided {
        verdicts: vec![("r".into(), Verdict::Send), ("s".into(), Verdict::NotThisEvent)],
        owed: vec![owed(&ended, "r", "team")],
        ..Decided::nothing(ended.clone())
    };

    let committed = commit(&place.store, walk, vec![decided]).await;

    assert_eq!((committed.decided.len(), committed.deliveries), (1, 1));
    let memory = place.store.remember("main").await.unwrap();
    assert_eq!(memory.marks, marks);
    assert_eq!(memory.ended, HashSet::from([Fingerprint::of(b"a")]));
    assert_eq!(memory.open[0].last_read_at, Some(at(9)));
    assert!(memory.open[0].forbidden);
    let mut walk = place.store.begin("main").await.unwrap();
    let known = walk.known(&[&id("a"), &id("b"), &id("c")]).await.unwrap();
    assert_eq!(known[&id("a")], job("a", Phase::Ended));
    assert_eq!(known.len(), 2);
    drop(walk);
    let events =
        place.store.events(&EventFilter { most: 9, ..EventFilter::default() }).await.unwrap();
    assert_eq!(events.rows[0].event, ended);
    assert_eq!(events.rows[0].verdicts, committed.decided[0].verdicts);
    let claimed = claim(&place.store, 5, at(6)).await;
    assert_eq!(claimed[0].events, [ended]);
    assert_eq!(claimed[0].delivery.attempts, 1);
}

#[tokio::test]
async fn a_listing_keeps_to_all_of_its_filters() {
    let place = place().await;
    let old = Event { detected_at: at(-500), ..event("a", EventKind::Started, "") };
    owe(&place.store, &[old, event("a", EventKind::Failed, ""), event("b", EventKind::Failed, "")])
        .await;
    let jobs = vec![job("a", Phase::Ended), job("b", Phase::Open)];
    let commit = WalkCommit { jobs, ..WalkCommit::default() };
    commit_walk(&place.store, commit, vec![]).await;
    place.store.keep_project_name("main", "p1", Some("Film"), at(1)).await.unwrap();

    let (failed, recent, about) = (Some(EventKind::Failed), Some(at(0)), Some("a".to_owned()));
    let mut listed = Vec::new();
    for (kind, since, job_id) in [
        (None, None, None),
        (failed, None, None),
        (None, recent, None),
        (None, None, about.clone()),
        (failed, recent, about.clone()),
        (Some(EventKind::Queued), recent, about),
    ] {
        let events = place.store.events(&EventFilter { kind, since, job_id, most: 9 }).await;
        let rows = events.unwrap().rows;
        listed.push(rows.iter().map(|row| row.event.key.subject.clone()).collect::<String>());
    }
    let mut found = Vec::new();
    for (state, project) in
        [(None, None), (Some("running"), None), (None, Some("Film")), (None, Some("x"))]
    {
        let (state, project) = (state.map(str::to_owned), project.map(str::to_owned));
        let jobs = place.store.jobs(&JobFilter { state, project, most: 9 }).await.unwrap();
        found.push(jobs.rows.iter().map(|row| row.job.id.to_string()).collect::<String>());
    }

    assert_eq!(listed, ["baa", "ba", "ba", "aa", "a", ""]);
    assert_eq!(found, ["ab", "b", "ab", ""]);
}

#[tokio::test]
async fn an_event_that_is_known_adds_nothing_nor_do_its_deliveries() {
    let place = place().await;
    let failed = event("a", EventKind::Failed, "");
    owe(&place.store, &[failed]).await;
    // The outcome's slot is taken, whatever the outcome; and a new rule changes nothing.
    let succeeded = event("a", EventKind::Succeeded, "");
    let again =
        Decided { owed: vec![owed(&succeeded, "new rule", "team")], ..Decided::nothing(succeeded) };

    let committed = commit(&place.store, WalkCommit::default(), vec![again]).await;

    assert_eq!(committed, Committed::default());
    assert_eq!(claim(&place.store, 9, at(6)).await.len(), 1);
}

#[tokio::test]
async fn messages_about_one_job_leave_in_order_and_other_jobs_do_not_wait() {
    let place = place().await;
    owe(
        &place.store,
        &[
            event("a", EventKind::Queued, ""),
            event("a", EventKind::Started, ""),
            event("b", EventKind::Started, ""),
            event("a", EventKind::Succeeded, ""),
        ],
    )
    .await;

    let first = claim(&place.store, 9, at(6)).await;
    let second = claim(&place.store, 9, at(6)).await;
    let done: Vec<_> = first.iter().map(|claimed| settled(claimed, Settled::Sent)).collect();
    let until = at(60);
    let third =
        place.store.turn("team", &recorded(&done, due(9, until)), at(7)).await.unwrap().claimed;

    assert_eq!(kinds(&first), [EventKind::Queued, EventKind::Started]);
    assert_eq!(kinds(&second), []);
    assert_eq!(kinds(&third), [EventKind::Started]);
}

#[tokio::test]
async fn a_back_off_holds_followers_but_the_end_overtakes() {
    let place = place().await;
    owe(&place.store, &[event("a", EventKind::Queued, ""), event("a", EventKind::Started, "")])
        .await;
    let first = claim(&place.store, 9, at(6)).await;
    let busy = settled(&first[0], later(at(100)));
    place.store.turn("team", &recorded(&[busy], None), at(7)).await.unwrap();

    let held_back = claim(&place.store, 9, at(8)).await;
    owe(&place.store, &[event("a", EventKind::Succeeded, "")]).await;
    let overtaking = claim(&place.store, 9, at(9)).await;

    assert_eq!(kinds(&held_back), []);
    assert_eq!(kinds(&overtaking), [EventKind::Succeeded]);
}

#[tokio::test]
async fn progress_waits_for_everything_else() {
    let place = place().await;
    owe(&place.store, &[event("a", EventKind::Progress, "1"), event("b", EventKind::Failed, "")])
        .await;

    assert_eq!(kinds(&claim(&place.store, 1, at(6)).await), [EventKind::Failed]);
}

#[tokio::test]
async fn unsent_progress_is_replaced_by_newer_and_dropped_at_the_end_of_its_job() {
    let place = place().await;
    let progress = |at: &str| event("a", EventKind::Progress, at);
    owe(&place.store, &[progress("1"), progress("2")]).await;

    let newest = claim(&place.store, 9, at(6)).await;
    owe(&place.store, &[progress("3")]).await;
    let ended = event("a", EventKind::Failed, "");
    commit(&place.store, WalkCommit::default(), vec![Decided::nothing(ended)]).await;
    let busy = settled(&newest[0], later(at(8)));
    place.store.turn("team", &recorded(&[busy], None), at(7)).await.unwrap();

    assert_eq!(newest.len(), 1);
    assert_eq!(newest[0].events[0].key.occurrence, "2");
    assert_eq!(kinds(&claim(&place.store, 9, at(99)).await), []);
    let filter = DeliveryFilter { state: Some(DeliveryState::Discarded), most: 9, notifier: None };
    let dropped = place.store.deliveries(&filter).await.unwrap().rows;
    let why: Vec<_> = dropped.iter().filter_map(|row| row.delivery.last_error.clone()).collect();
    assert_eq!(why.len(), 3);
    assert!(why.iter().all(|why| why.starts_with("superseded")), "{why:?}");
}

#[tokio::test]
async fn what_is_owed_to_a_broken_notifier_is_held_also_when_it_comes_later() {
    let place = place().await;
    owe(&place.store, &[event("a", EventKind::Failed, ""), event("b", EventKind::Failed, "")])
        .await;

    break_down(&place.store).await;
    owe(&place.store, &[event("c", EventKind::Failed, "")]).await;

    assert_eq!(place.store.broken("team").await.unwrap(), Some(broken()));
    assert_eq!(claim(&place.store, 9, at(8)).await, []);
    let filter = DeliveryFilter { state: Some(DeliveryState::Held), most: 9, notifier: None };
    assert_eq!(place.store.deliveries(&filter).await.unwrap().rows.len(), 3);
    assert_eq!(place.store.waiting("team").await.unwrap(), 3);
}

#[tokio::test]
async fn a_probe_is_the_oldest_held_message_and_time_held_does_not_count() {
    let place = place().await;
    owe(&place.store, &[event("a", EventKind::Failed, ""), event("b", EventKind::Failed, "")])
        .await;
    break_down(&place.store).await;

    let claim = Some(Claim { from: ClaimFrom::Held, most: 1, until: at(99) });
    let probe = place.store.turn("team", &recorded(&[], claim), at(67)).await.unwrap().claimed;
    let sent = [settled(&probe[0], Settled::Sent)];
    let health = Some(HealthChange::Well { gather: None, news: None });
    let turn = Turn { settlements: &sent, health, claim: due(9, at(99)) };
    let rest = place.store.turn("team", &turn, at(68)).await.unwrap().claimed;

    assert_eq!(probe[0].delivery.job_id, "a");
    assert_eq!(probe[0].held_total_ms, 60_000);
    assert_eq!(rest[0].delivery.job_id, "b");
    // Its time for retries begins with its first attempt, which is this one.
    assert_eq!(rest[0].held_total_ms, 0);
    assert_eq!(place.store.broken("team").await.unwrap(), None);
}

#[tokio::test]
async fn a_dead_or_held_message_does_not_hold_back_others() {
    let place = place().await;
    owe(&place.store, &[event("a", EventKind::Started, ""), event("a", EventKind::Progress, "1")])
        .await;
    let first = claim(&place.store, 1, at(6)).await;
    let dead = settled(&first[0], Settled::Dead { why: "no_text".into() });

    let until = at(60);
    let next = place.store.turn("team", &recorded(&[dead], due(1, until)), at(7)).await;

    assert_eq!(kinds(&next.unwrap().claimed), [EventKind::Progress]);
}

#[tokio::test]
async fn a_claim_that_its_owner_does_not_know_of_is_undone() {
    let place = place().await;
    owe(&place.store, &[event("a", EventKind::Failed, ""), event("b", EventKind::Failed, "")])
        .await;
    let claimed = claim(&place.store, 2, at(6)).await;

    let back = place.store.take_back("team", &[&claimed[0].delivery.id]).await.unwrap();
    let again = claim(&place.store, 2, at(6)).await;

    assert_eq!(back, 1);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].delivery.id, claimed[1].delivery.id);
    assert_eq!((again[0].delivery.attempts, again[0].delivery.repeat), (1, false));
}

#[tokio::test]
async fn an_answer_that_comes_after_the_claim_was_lost_changes_nothing() {
    let place = place().await;
    owe(&place.store, &[event("a", EventKind::Failed, "")]).await;
    // Over already when it was made.
    let over = Turn { claim: due(1, at(5)), ..Turn::default() };
    let stale = place.store.turn("team", &over, at(6)).await.unwrap().claimed;
    assert_eq!(place.store.recover(at(7)).await.unwrap(), 1);
    let fresh = claim(&place.store, 1, at(8)).await;

    let late = settled(&stale[0], Settled::Dead { why: "late".into() });
    place.store.turn("team", &recorded(&[late], None), at(9)).await.unwrap();

    assert_eq!(state_of(&place.store, &fresh[0].delivery.id).await, DeliveryState::Sending);
}

#[tokio::test]
async fn the_outlook_tells_what_is_due_and_when_the_next_is() {
    let place = place().await;
    owe(&place.store, &[event("a", EventKind::Failed, ""), event("b", EventKind::Failed, "")])
        .await;
    let claimed = claim(&place.store, 1, at(6)).await;
    place
        .store
        .turn("team", &recorded(&[settled(&claimed[0], later(at(50)))], None), at(7))
        .await
        .unwrap();

    assert_eq!(place.store.outlook("team", at(7), 9).await.unwrap(), (1, Some(at(50))));
    assert_eq!(place.store.outlook("other", at(7), 9).await.unwrap(), (0, None));
}
