//! `silences`: times in which nothing, or nothing that matches, is said.

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::screen::Screen;
use super::table::{Table, shown};
use super::{Global, Stop, settings};
use crate::exit::Exit;
use crate::model::{DeliveryId, Silence};
use crate::rules::Matcher;

/// Longer than any maintenance; a rule can be taken out of the config.
const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);

const MAX_TEXT_CHARS: usize = 500;

#[derive(Debug, Args)]
pub(super) struct SilencesArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Silence messages from now on
    Add(AddArgs),
    /// List silences: those in force first
    List(ListArgs),
    /// End a silence now
    Expire(ExpireArgs),
}

#[derive(Debug, Args)]
struct AddArgs {
    /// How long, like `2h` or `3d`
    #[arg(long = "for", value_name = "TIME", value_parser = settings::parse_length)]
    length: SignedDuration,
    /// Only events with this value: path=pattern or path!=pattern, where * stands for any text;
    /// all of them must fit. Without any, everything is silenced
    #[arg(long = "match", value_name = "PATH=PATTERN")]
    matchers: Vec<String>,
    /// Why, for those who wonder
    #[arg(long, value_name = "TEXT")]
    comment: String,
    /// Who asks for it
    #[arg(long, value_name = "NAME", env = "USER", default_value = "", hide_env_values = true)]
    author: String,
    /// Tell at the end what was silenced, in one message for each rule
    #[arg(long)]
    summarise: bool,
    /// One JSON document instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Also those that have expired
    #[arg(long)]
    all: bool,
    /// One JSON document instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ExpireArgs {
    /// The silence's id, or enough of its beginning
    id: String,
    /// One JSON document instead of text
    #[arg(long)]
    json: bool,
}

pub(super) async fn silences(
    args: &SilencesArgs,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Stop> {
    match &args.action {
        Action::Add(args) => add(args, global, screen).await,
        Action::List(args) => list(args, global, screen).await,
        Action::Expire(args) => expire(args, global, screen).await,
    }
}

async fn add(args: &AddArgs, global: &Global, screen: &Screen) -> Result<Exit, Stop> {
    let now = settings::now();
    let silence = silence(args, now).map_err(Stop::usage)?;
    let store = settings::store_beside(global, screen).await?;
    store.add_silence(&silence).await.map_err(settings::failed(&store))?;
    store.close().await;
    if args.json {
        screen.say_json(&json!({ "silences": [document(&silence, now)] }));
    } else {
        let about = match silence.matchers.as_slice() {
            [] => "everything".to_owned(),
            matchers => shown(&matchers.join(", ")).into_owned(),
        };
        let (id, until) = (&silence.id, settings::when(silence.expires_at));
        screen.say(&format!("Silence {id}: {about}, until {until}."));
    }
    Ok(Exit::Done)
}

fn silence(args: &AddArgs, now: Timestamp) -> Result<Silence, String> {
    for matcher in &args.matchers {
        Matcher::parse(matcher).map_err(|cause| format!("--match: {cause}"))?;
    }
    if !args.length.is_positive() || args.length > LONGEST {
        return Err("--for: a silence lasts longer than nothing and at most 366 days".into());
    }
    for (option, text) in [("--comment", &args.comment), ("--author", &args.author)] {
        if text.chars().count() > MAX_TEXT_CHARS || text.chars().any(char::is_control) {
            return Err(format!(
                "{option}: at most {MAX_TEXT_CHARS} characters, on one line and without control characters"
            ));
        }
    }
    if args.comment.trim().is_empty() {
        return Err("--comment: say why, for those who wonder where their messages are".into());
    }
    let salt = format!("{now} {}", fastrand::u64(..));
    let id = DeliveryId::of("silence", &salt, &args.comment, &args.author);
    Ok(Silence {
        id: id.as_str().chars().take(8).collect(),
        matchers: args.matchers.clone(),
        comment: args.comment.clone(),
        author: args.author.clone(),
        created_at: now,
        expires_at: now.checked_add(args.length).map_err(|cause| cause.to_string())?,
        summarise: args.summarise,
        silenced: 0,
    })
}

async fn list(args: &ListArgs, global: &Global, screen: &Screen) -> Result<Exit, Stop> {
    let now = settings::now();
    let store = settings::store_beside(global, screen).await?;
    let mut silences = store.silences(now).await.map_err(settings::failed(&store))?;
    store.close().await;
    silences.retain(|silence| args.all || silence.expires_at > now);
    if args.json {
        let silences: Vec<Value> = silences.iter().map(|silence| document(silence, now)).collect();
        screen.say_json(&json!({ "silences": silences }));
        return Ok(Exit::Done);
    }
    let mut table =
        Table::new(&["ID", "UNTIL (UTC)", "STATE", "SILENCED", "WHAT~", "COMMENT~", "AUTHOR"]);
    for silence in &silences {
        let what = match silence.matchers.as_slice() {
            [] => "everything".to_owned(),
            matchers => matchers.join(", "),
        };
        table.row([
            silence.id.clone(),
            settings::short(silence.expires_at),
            state(silence, now).to_owned(),
            silence.silenced.to_string(),
            what,
            silence.comment.clone(),
            silence.author.clone(),
        ]);
    }
    settings::say_table(screen, &table, silences.len(), false, "silence");
    Ok(Exit::Done)
}

async fn expire(args: &ExpireArgs, global: &Global, screen: &Screen) -> Result<Exit, Stop> {
    if args.id.is_empty() || !args.id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Stop::usage(format!(
            "`{}` is not the id of a silence: see `silences list`",
            shown(&args.id)
        )));
    }
    let id = args.id.to_ascii_lowercase();
    let now = settings::now();
    let store = settings::store_beside(global, screen).await?;
    let ids = store.expire_silence(&id, now).await.map_err(settings::failed(&store))?;
    store.close().await;
    match ids.as_slice() {
        [id] => {
            if args.json {
                screen.say_json(&json!({ "expired": [id] }));
            } else {
                screen.say(&format!("Silence {id} has ended."));
            }
            Ok(Exit::Done)
        }
        [] => Err(Stop::failed(format!(
            "no silence in force has an id that begins with `{}`: `silences list` shows them",
            shown(&args.id)
        ))),
        several => Err(Stop::failed(format!(
            "`{}` is the beginning of {} silences: write more of it",
            shown(&args.id),
            several.len()
        ))),
    }
}

fn state(silence: &Silence, now: Timestamp) -> &'static str {
    if silence.expires_at > now { "active" } else { "expired" }
}

/// What `--json` shows of a silence.
fn document(silence: &Silence, now: Timestamp) -> Value {
    let mut fields = json!(silence);
    fields["state"] = state(silence, now).into();
    fields
}
