//! `silences`: times in which nothing, or nothing that matches, is said.

use clap::{Args, Subcommand};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::screen::Screen;
use super::table::{Table, shown};
use super::{Global, Stop, settings};
use crate::exit::Exit;
use crate::rules::Wish;
use crate::store::silence_document;

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
    let wish = Wish {
        matchers: args.matchers.clone(),
        length: args.length,
        comment: args.comment.clone(),
        author: args.author.clone(),
        summarise: args.summarise,
    };
    let granted = wish.grant(now, fastrand::u64(..));
    let silence = granted.map_err(|wrong| Stop::usage(format!("--{wrong}")))?;
    let store = settings::store_beside(global, screen).await?;
    store.add_silence(&silence).await.map_err(settings::failed(&store))?;
    store.close().await;
    if args.json {
        screen.say_json(&json!({ "silences": [silence_document(&silence, now)] }));
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

async fn list(args: &ListArgs, global: &Global, screen: &Screen) -> Result<Exit, Stop> {
    let now = settings::now();
    let store = settings::store_beside(global, screen).await?;
    let mut silences = store.silences(now).await.map_err(settings::failed(&store))?;
    store.close().await;
    silences.retain(|silence| args.all || silence.expires_at > now);
    if args.json {
        let silences: Vec<Value> =
            silences.iter().map(|silence| silence_document(silence, now)).collect();
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
            silence.state(now).to_owned(),
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
