//! `deliveries`: what is owed, what was sent, and what a person decides about it.

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::screen::Screen;
use super::table::{Table, shown};
use super::{Global, Stop, settings};
use crate::exit::Exit;
use crate::model::{Attempt, DeliveryId, DeliveryState, Hold};
use crate::store::{Broken, DeliveryFilter, DeliveryRow, Store};

#[derive(Debug, Args)]
pub(super) struct DeliveriesArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List deliveries, newest first
    List(ListArgs),
    /// Tell the whole story of one delivery
    Show(ShowArgs),
    /// Make deliveries due at once: dead ones live again, waiting ones wait no longer
    Retry(RetryArgs),
    /// Give up deliveries that have not been sent
    Discard(DiscardArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only deliveries in this state: pending, sending, sent, held, dead or discarded
    #[arg(long, value_name = "STATE")]
    state: Option<DeliveryState>,
    /// Only deliveries through this notifier
    #[arg(long, value_name = "NOTIFIER")]
    notifier: Option<String>,
    /// At most so many, newest first
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// One JSON document instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// The delivery's id, or enough of its beginning
    id: String,
    /// One JSON document instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct RetryArgs {
    /// Ids, or enough of their beginnings
    #[arg(required_unless_present = "all_dead", conflicts_with = "all_dead", value_name = "ID")]
    ids: Vec<String>,
    /// Every dead delivery
    #[arg(long)]
    all_dead: bool,
    /// One JSON document instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct DiscardArgs {
    /// Ids, or enough of their beginnings
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// One JSON document instead of text
    #[arg(long)]
    json: bool,
}

pub(super) async fn deliveries(
    args: &DeliveriesArgs,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Stop> {
    let store = settings::store_beside(global, screen).await?;
    let done = match &args.action {
        Action::List(args) => list(args, &store, screen).await,
        Action::Show(args) => show(args, &store, screen).await,
        Action::Retry(args) => retry(args, &store, screen).await,
        Action::Discard(args) => discard(args, &store, screen).await,
    };
    store.close().await;
    done
}

async fn list(args: &ListArgs, store: &Store, screen: &Screen) -> Result<Exit, Stop> {
    let filter =
        DeliveryFilter { state: args.state, notifier: args.notifier.clone(), most: args.limit };
    let listed = store.deliveries(&filter).await.map_err(settings::failed(store))?;
    if args.json {
        let rows: Vec<Value> = listed.rows.iter().map(DeliveryRow::document).collect();
        screen.say_json(&json!({ "deliveries": rows }));
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&[
        "ID",
        "SINCE (UTC)",
        "STATE",
        "EVENT",
        "PROJECT~",
        "NOTIFIER~",
        "TRIES",
        "WHY~",
    ]);
    for row in &listed.rows {
        let delivery = &row.delivery;
        table.row([
            delivery.id.as_str().chars().take(10).collect(),
            settings::short(delivery.created_at),
            delivery.state.to_string(),
            delivery.kind.to_string(),
            row.project_name.clone().unwrap_or_default(),
            match delivery.recipient.as_str() {
                "" => delivery.notifier.clone(),
                recipient => format!("{} ({recipient})", delivery.notifier),
            },
            delivery.attempts.to_string(),
            held_for(row).or(row.last_error().map(str::to_owned)).unwrap_or_default(),
        ]);
    }
    settings::say_table(screen, &table, listed.rows.len(), listed.more, "delivery");
    Ok(Exit::Done)
}

async fn show(args: &ShowArgs, store: &Store, screen: &Screen) -> Result<Exit, Stop> {
    let row = find(store, &args.id).await?;
    let attempts = store.attempts(&row.delivery.id).await.map_err(settings::failed(store))?;
    if args.json {
        let mut told = row.document();
        told["history"] = json!(attempts);
        screen.say_json(&json!({ "deliveries": [told] }));
        return Ok(Exit::Done);
    }
    let broken = store.broken(&row.delivery.notifier).await.map_err(settings::failed(store))?;
    screen.say(&story(&row, &attempts, broken.as_ref(), settings::now()));
    Ok(Exit::Done)
}

async fn retry(args: &RetryArgs, store: &Store, screen: &Screen) -> Result<Exit, Stop> {
    let ids = match args.all_dead {
        true => store.dead().await.map_err(settings::failed(store))?,
        false => find_all(store, &args.ids).await?,
    };
    let done = store.retry(&ids, settings::now()).await.map_err(settings::failed(store))?;
    tell_done(screen, args.json, &RETRY, &ids, &done, store).await
}

async fn discard(args: &DiscardArgs, store: &Store, screen: &Screen) -> Result<Exit, Stop> {
    let ids = find_all(store, &args.ids).await?;
    let done = store.discard(&ids, settings::now()).await.map_err(settings::failed(store))?;
    tell_done(screen, args.json, &DISCARD, &ids, &done, store).await
}

/// The words for what a person decides.
struct Decision {
    verb: &'static str,
    done: &'static str,
}

const RETRY: Decision = Decision { verb: "retry", done: "retried" };
const DISCARD: Decision = Decision { verb: "discard", done: "discarded" };

/// Says which were done, and why others were not. Those make the command fail.
async fn tell_done(
    screen: &Screen,
    as_json: bool,
    Decision { verb, done: what }: &Decision,
    asked: &[DeliveryId],
    done: &[DeliveryId],
    store: &Store,
) -> Result<Exit, Stop> {
    let left: Vec<&DeliveryId> = asked.iter().filter(|id| !done.contains(id)).collect();
    if as_json {
        screen.say_json(&json!({ (*what): done, "unchanged": left }));
    } else {
        screen.say(&format!("{what} {}", settings::counted(done.len(), "delivery")));
    }
    for id in &left {
        let rows = store.find_delivery(id.as_str()).await.map_err(settings::failed(store))?;
        let held = rows.first().filter(|row| row.delivery.state == DeliveryState::Held);
        let why = match held.and_then(|row| row.digest.as_ref()) {
            Some((digest, _)) => {
                format!("it was gathered into the digest {digest}: {verb} that one")
            }
            None => "it is being sent, was sent, or was discarded".into(),
        };
        screen.complain(&format!("{id} was not {what}: {why}"));
    }
    Ok(if left.is_empty() { Exit::Done } else { Exit::Failed })
}

async fn find_all(store: &Store, ids: &[String]) -> Result<Vec<DeliveryId>, Stop> {
    let mut found = Vec::new();
    for id in ids {
        found.push(find(store, id).await?.delivery.id);
    }
    Ok(found)
}

async fn find(store: &Store, prefix: &str) -> Result<DeliveryRow, Stop> {
    let named = shown(prefix);
    if prefix.is_empty() || !prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Stop::usage(format!(
            "`{named}` is not the id of a delivery: see `deliveries list`"
        )));
    }
    let prefix = prefix.to_ascii_lowercase();
    let mut rows = store.find_delivery(&prefix).await.map_err(settings::failed(store))?;
    match rows.len() {
        1 => Ok(rows.remove(0)),
        0 => Err(Stop::failed(format!("no delivery's id begins with `{named}`"))),
        _ => Err(Stop::failed(format!(
            "several deliveries' ids begin with `{named}`: give more of it"
        ))),
    }
}

/// What holds it back on purpose, and until when.
fn held_for(row: &DeliveryRow) -> Option<String> {
    let delivery = &row.delivery;
    let what = match delivery.hold.filter(|_| delivery.state == DeliveryState::Held)? {
        Hold::Window => "for the window",
        Hold::Group => "for its group",
        Hold::Throttle => "by the throttle",
        Hold::Silence => "by a silence",
        Hold::Notifier | Hold::Digest => return None,
    };
    Some(format!("held {what} until {}", settings::when(delivery.due_at)))
}

/// When, how often, what the service said, what happens next.
fn story(
    row: &DeliveryRow,
    attempts: &[Attempt],
    broken: Option<&Broken>,
    now: Timestamp,
) -> String {
    let delivery = &row.delivery;
    let mut lines = vec![
        format!("delivery   {}", delivery.id),
        format!("state      {}", delivery.state),
        format!(
            "about      {} ({})",
            delivery.kind,
            shown(row.project_name.as_deref().unwrap_or("no project name"))
        ),
        format!("job        {} of {}", shown(&delivery.job_id), delivery.source),
        format!("rule       {}", shown(&delivery.rule)),
        format!("notifier   {}", delivery.notifier),
    ];
    if !delivery.recipient.is_empty() {
        lines.push(format!("recipient  {}", delivery.recipient));
    }
    lines.push(format!("template   {}", delivery.template));
    if let Some((digest, state)) = &row.digest {
        lines.push(format!("digest     {digest} ({state})"));
    }
    lines.push(format!("owed since {}", settings::when(delivery.created_at)));
    lines.push(format!("next       {}", next(row, broken, now)));
    lines.push(String::new());
    if attempts.is_empty() {
        lines.push("No attempt has ended yet.".into());
    }
    for attempt in attempts {
        let status = attempt.status.map_or(String::new(), |status| format!(" {status}"));
        lines.push(format!(
            "attempt {} at {}: {}{status} after {} ms: {}",
            attempt.number,
            settings::when(attempt.started_at),
            attempt.outcome.as_str(),
            attempt.took_ms,
            shown(&attempt.answer),
        ));
    }
    lines.join("\n")
}

/// What happens next, for people.
pub(super) fn next(row: &DeliveryRow, broken: Option<&Broken>, now: Timestamp) -> String {
    let delivery = &row.delivery;
    let marked = if delivery.repeat { ", marked as a possible repeat" } else { "" };
    match delivery.state {
        DeliveryState::Pending if delivery.due_at > now => {
            format!("tried again at {}{marked}", settings::when(delivery.due_at))
        }
        DeliveryState::Pending => format!("sent as soon as its notifier can{marked}"),
        DeliveryState::Sending => "an attempt is under way".into(),
        DeliveryState::Held => match (&row.digest, broken, &delivery.last_error) {
            _ if let Some(held) = held_for(row) => {
                format!("{held}; `deliveries retry {}` sends it now", delivery.id)
            }
            (Some((digest, DeliveryState::Dead)), ..) => format!(
                "waits: the digest {digest} that it was gathered into was given up; `deliveries \
                 retry {digest}` tries again"
            ),
            (Some((digest, _)), ..) => format!("sent with the digest {digest}"),
            (None, Some(broken), _) if delivery.hold == Some(Hold::Notifier) => format!(
                "waits: {} refuses us since {} ({}); the next probe is at {}, `deliveries retry` \
                 tries now",
                delivery.notifier,
                settings::when(broken.since),
                shown(&broken.reason),
                settings::when(broken.probe_due),
            ),
            (None, _, Some(why)) => format!("waits: {}", shown(why)),
            (None, _, None) => "waits; `deliveries retry` sends it now".into(),
        },
        DeliveryState::Dead => {
            format!("nothing, it was given up; `deliveries retry {}` tries again", delivery.id)
        }
        DeliveryState::Sent => match delivery.sent_at {
            Some(at) => format!("nothing, it was sent at {}", settings::when(at)),
            None => "nothing, it was sent".into(),
        },
        DeliveryState::Discarded => "nothing, it was discarded".into(),
    }
}
