//! The three `POST`s that start a job, and the uploads that an import may wait for.
//!
//! A started job runs along a built-in time line. Refused are: what the description does not
//! allow (400; a clash of file names is 409 with the live service), what exceeds the allowance
//! (402), an unknown project (404), video from a project of sound alone (422), and a second job
//! for a project that has one running (429).

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use url::Url;

use super::Profile;
use super::answer::Answer;
use super::ids::is_uuid;
use super::lifelines::{self, AGENT_CREDITS, MEDIA_SECONDS, Medium};
use super::project::MediaType;
use super::registry::Job;
use super::script::{Listed, Script, Step, project_url};
use super::state::State;

const IMPORT_FIELDS: [&str; 8] = [
    "project_id",
    "project_name",
    "team_access",
    "folder_name",
    "workspace_name",
    "add_media",
    "add_compositions",
    "callback_url",
];
const AGENT_FIELDS: [&str; 8] = [
    "project_id",
    "project_name",
    "composition_id",
    "model",
    "prompt",
    "team_access",
    "callback_url",
    "conversation_id",
];
const PUBLISH_FIELDS: [&str; 6] =
    ["project_id", "composition_id", "media_type", "resolution", "callback_url", "access_level"];
const RESOLUTIONS: [&str; 5] = ["480p", "720p", "1080p", "1440p", "4K"];

/// `POST /jobs/import/project_media`.
pub(super) fn import(state: &mut State, body: &[u8], now: Timestamp) -> Answer {
    try_import(state, body, now).unwrap_or_else(|refusal| refusal)
}

/// `POST /jobs/agent`.
pub(super) fn agent(state: &mut State, body: &[u8], now: Timestamp) -> Answer {
    try_agent(state, body, now).unwrap_or_else(|refusal| refusal)
}

/// `POST /jobs/publish`.
pub(super) fn publish(state: &mut State, body: &[u8], now: Timestamp) -> Answer {
    try_publish(state, body, now).unwrap_or_else(|refusal| refusal)
}

/// `PUT` of a file's bytes: the last one that is awaited sets the import off.
pub(super) fn upload(state: &mut State, job_id: &str, media: &str, now: Timestamp) -> Answer {
    let Some(awaited) = state.uploads.get_mut(job_id) else { return Answer::no_job(job_id) };
    if !awaited.remove(media) {
        return Answer::error(404, "no such file is awaited");
    }
    if awaited.is_empty() {
        state.uploads.remove(job_id);
        if let Some(script) = state.jobs.script_mut(job_id) {
            script.runs_from = Some(now);
        }
    }
    Answer::empty(200)
}

fn try_import(state: &mut State, body: &[u8], now: Timestamp) -> Result<Answer, Answer> {
    let profile = state.profile;
    let request = object(body, &IMPORT_FIELDS, profile)?;
    let media = media_of(&request, profile)?;
    let compositions = compositions_of(&request, state);
    let known = project_of(&request, state, now)?;
    if let Some(project) = known.as_ref().and_then(|id| state.projects.get(id))
        && let Some(clash) = media.iter().find(|medium| project.media.contains_key(&medium.name))
    {
        let message = format!("the project already has a file named \"{}\"", clash.name);
        return Err(match profile {
            Profile::Spec => Answer::invalid(profile, &message),
            Profile::Live => Answer::error(409, &message),
        });
    }
    let needed = media.len() as u64 * MEDIA_SECONDS;
    spend(&mut state.allowance.media_seconds, needed, "media seconds")?;
    let name = request.get("project_name").and_then(Value::as_str).unwrap_or("Untitled");
    let project_id = known.unwrap_or_else(|| state.project_named(name, now));
    let steps = lifelines::import(&media, &compositions, state.speed);
    let awaited: Vec<String> = media
        .iter()
        .filter(|medium| medium.url.is_none())
        .map(|medium| medium.name.clone())
        .collect();
    if let Some(project) = state.projects.get_mut(&project_id) {
        project.compositions.extend(compositions);
        for medium in &media {
            project.media.insert(medium.name.clone(), MediaType::of(&medium.name));
        }
    }
    let starts = if awaited.is_empty() { Some(now) } else { None };
    let job_id = start(state, "import/project_media", &project_id, steps, starts, now);
    let mut created = created(state, &job_id, &project_id);
    if !awaited.is_empty() {
        created["upload_urls"] = upload_urls(state, &job_id, &awaited);
        state.uploads.insert(job_id, awaited.into_iter().collect());
    }
    Ok(Answer::json(201, &created))
}

fn try_agent(state: &mut State, body: &[u8], now: Timestamp) -> Result<Answer, Answer> {
    let profile = state.profile;
    let request = object(body, &AGENT_FIELDS, profile)?;
    let prompt = request.get("prompt").and_then(Value::as_str).unwrap_or_default().trim();
    if prompt.is_empty() {
        return Err(Answer::invalid(profile, "\"prompt\" must not be empty"));
    }
    let name = request.get("project_name").and_then(Value::as_str);
    if name.is_some() == request.contains_key("project_id") {
        let message = "exactly one of \"project_id\" and \"project_name\" is needed";
        return Err(Answer::invalid(profile, message));
    }
    let known = project_of(&request, state, now)?;
    spend(&mut state.allowance.ai_credits, AGENT_CREDITS, "AI credits")?;
    let project_id = known.unwrap_or_else(|| state.project_named(name.unwrap_or("Untitled"), now));
    let steps = lifelines::agent(prompt, state.speed);
    let job_id = start(state, "agent", &project_id, steps, Some(now), now);
    let mut created = created(state, &job_id, &project_id);
    if profile == Profile::Live {
        created["conversation_id"] = json!(state.ids.uuid(&format!("conversation {job_id}")));
        created["resolved_model"] = request.get("model").cloned().unwrap_or(json!("auto"));
    }
    Ok(Answer::json(201, &created))
}

fn try_publish(state: &mut State, body: &[u8], now: Timestamp) -> Result<Answer, Answer> {
    let profile = state.profile;
    let request = object(body, &PUBLISH_FIELDS, profile)?;
    one_of(&request, "media_type", &["Video", "Audio"], profile)?;
    one_of(&request, "resolution", &RESOLUTIONS, profile)?;
    let Some(project_id) = project_of(&request, state, now)? else {
        return Err(Answer::invalid(profile, "\"project_id\" is required"));
    };
    let Some(project) = state.projects.get(&project_id) else { return Err(Answer::no_project()) };
    let asked = request.get("composition_id").and_then(Value::as_str);
    let is_it = |composition: &&Value| match (asked, composition["id"].as_str()) {
        (Some(asked), Some(id)) => id == asked || (asked.len() == 5 && id.starts_with(asked)),
        (None, _) => true,
        _ => false,
    };
    let found = project.compositions.iter().find(is_it);
    let found = found.and_then(|composition| composition["id"].as_str()).map(str::to_owned);
    let composition_id = match (found, asked) {
        (Some(id), _) => id,
        (None, Some(asked)) => {
            let message = format!("the project {project_id} has no composition \"{asked}\"");
            return Err(Answer::error(404, &message));
        }
        (None, None) => state.ids.uuid(&format!("composition {project_id}")),
    };
    if request.get("media_type").is_some_and(|kind| kind == "Video") && project.is_audio_only() {
        let message = format!("composition {composition_id} has no video: publish it as Audio");
        return Err(Answer::error(422, &message));
    }
    let share = state.ids.uuid(&format!("share {composition_id}")).replace('-', "");
    let share_url = format!("https://share.descript.com/view/{}", &share[..11]);
    let steps = lifelines::publish(&composition_id, &share_url, state.speed);
    let job_id = start(state, "publish", &project_id, steps, Some(now), now);
    Ok(Answer::json(201, &created(state, &job_id, &project_id)))
}

fn start(
    state: &mut State,
    job_type: &str,
    project_id: &str,
    steps: Vec<Step>,
    runs_from: Option<Timestamp>,
    now: Timestamp,
) -> String {
    let name = state.fresh_name();
    let job_id = state.ids.job(job_type, Some(project_id), &name);
    let script = Script {
        job_id: job_id.clone(),
        job_type: job_type.to_owned(),
        drive_id: state.drive_id.clone(),
        project_id: Some(project_id.to_owned()),
        created_at: now,
        runs_from,
        listed: Listed::Always,
        fields: Map::new(),
        steps,
    };
    state.jobs.put(&job_id, now, Job::Script(script));
    job_id
}

fn created(state: &State, job_id: &str, project_id: &str) -> Value {
    let mut created = json!({"job_id": job_id, "drive_id": state.drive_id,
        "project_id": project_id, "project_url": project_url(project_id)});
    if state.profile == Profile::Live {
        created["drive_name"] = Value::Null;
    }
    created
}

fn upload_urls(state: &State, job_id: &str, awaited: &[String]) -> Value {
    let entry = |name: &String| {
        let mut url = Url::parse(&state.origin).ok()?;
        url.path_segments_mut().ok()?.extend(["uploads", job_id, name]);
        let part = |what: &str| state.ids.uuid(&format!("{what} {job_id} {name}"));
        Some((
            name.clone(),
            json!({"upload_url": url.as_str(), "asset_id": part("asset"),
                "artifact_id": part("artifact")}),
        ))
    };
    Value::Object(awaited.iter().filter_map(entry).collect())
}

/// The project that is named by id: known and free, or refused. `None` when a new one is meant.
fn project_of(
    request: &Map<String, Value>,
    state: &State,
    now: Timestamp,
) -> Result<Option<String>, Answer> {
    let id = match request.get("project_id") {
        None => return Ok(None),
        Some(Value::String(id)) if is_uuid(id) => id,
        Some(_) => {
            return Err(Answer::invalid(state.profile, "\"project_id\" must be a valid GUID"));
        }
    };
    if !state.projects.contains_key(id) {
        return Err(Answer::no_project());
    }
    let mut its_jobs = state.jobs.all().filter(|job| job.project_id() == Some(id));
    if its_jobs.any(|job| job.is_open(now)) {
        return Err(Answer::error(429, "A job is already running for this project"));
    }
    Ok(Some(id.clone()))
}

fn object(body: &[u8], known: &[&str], profile: Profile) -> Result<Map<String, Value>, Answer> {
    let request: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|_| Answer::invalid(profile, "the body must be a JSON object"))?;
    match request.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(Answer::invalid(profile, &format!("\"{key}\" is not allowed"))),
        None => Ok(request),
    }
}

fn one_of(
    request: &Map<String, Value>,
    field: &str,
    allowed: &[&str],
    profile: Profile,
) -> Result<(), Answer> {
    match request.get(field) {
        Some(value) if !value.as_str().is_some_and(|word| allowed.contains(&word)) => {
            let message = format!("\"{field}\" must be one of [{}]", allowed.join(", "));
            Err(Answer::invalid(profile, &message))
        }
        _ => Ok(()),
    }
}

fn media_of(request: &Map<String, Value>, profile: Profile) -> Result<Vec<Medium>, Answer> {
    let invalid = |message: String| Answer::invalid(profile, &message);
    let media = match request.get("add_media") {
        None => return Ok(Vec::new()),
        Some(Value::Object(media)) => media,
        Some(_) => return Err(invalid("\"add_media\" must be an object".into())),
    };
    let medium = |(name, item): (&String, &Value)| {
        let name = name.clone();
        if item["tracks"].as_array().is_some_and(|tracks| !tracks.is_empty()) {
            // A sequence is put together from other media; nothing is fetched for it.
            return Ok(Medium { name, url: Some(String::new()) });
        }
        if item["content_type"].is_string() && item["file_size"].is_u64() {
            return Ok(Medium { name, url: None });
        }
        let url = item["url"].as_str().filter(|url| {
            Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
        });
        match url {
            Some(url) => Ok(Medium { name, url: Some(url.to_owned()) }),
            None => Err(invalid(format!("\"add_media.{name}\" has no valid media URL"))),
        }
    };
    media.iter().map(medium).collect()
}

fn compositions_of(request: &Map<String, Value>, state: &mut State) -> Vec<Value> {
    let asked = request.get("add_compositions").and_then(Value::as_array);
    let mut made = Vec::new();
    for composition in asked.into_iter().flatten() {
        let name = composition["name"].as_str().unwrap_or("Untitled");
        let unique = state.fresh_name();
        made.push(json!({"id": state.ids.uuid(&unique), "name": name}));
    }
    made
}

fn spend(left: &mut Option<u64>, needed: u64, what: &str) -> Result<(), Answer> {
    let Some(available) = left else { return Ok(()) };
    if *available < needed {
        let message = format!("not enough {what} ({needed} required, {available} available)");
        return Err(Answer::error(402, &message));
    }
    *available -= needed;
    Ok(())
}
