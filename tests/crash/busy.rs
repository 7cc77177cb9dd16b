//! A busy stage: five notifiers whose services have moods, two of them with rules that gather,
//! and jobs that come, run and end in every way there is, for as long as a test wants.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::json;
use tokio::task::JoinSet;

use crate::gathered::{Gathered, gathered_at};
use crate::story::{Arrival, Fate, Life, Story};
use crate::support::bridge::{Bridge, Setup, email, rule, webhook};
use crate::support::mood::{Mood, mail_fault};
use crate::support::sink::{Answer, Close, Received, Sink};
use crate::support::smtp::SmtpSink;
use crate::support::{GLANCE, PATIENCE};

/// What mail is sent about, and what is gathered.
const FINISHED: &[&str] = &["succeeded", "partial", "failed", "cancelled", "stopped"];

/// Rules that hold messages back, each with a notifier of its own.
const GATHERING: &str = r#"
[[rules]]
name = "packs"
on = ["finished"]
notify = ["pack"]
group = { wait = "400ms", max = 3, by = ["job.project_id"] }
[[rules]]
name = "valves"
on = ["finished"]
notify = ["valve"]
throttle = { every = "600ms", by = ["job.project_id"] }
"#;

/// So many jobs are under way at once: more would only wait on a slow machine.
const MOST_JOBS: usize = 40;

/// Waits between the steps of a job that does not look at what is told about it.
const STEP_MS: std::ops::Range<u64> = 0..400;

/// The stage. Its services behave until [`Busy::misbehave`].
pub struct Busy {
    pub bridge: Bridge,
    hook: Sink,
    slack: Sink,
    mail: SmtpSink,
    pack: Sink,
    valve: Sink,
}

/// The jobs of a run so far: how each has to end.
type Ends = Arc<Mutex<BTreeMap<String, &'static str>>>;

/// What the hook has been told so far.
#[derive(Debug, Clone, Default)]
struct Told {
    /// Jobs with kinds.
    heard: Arc<Mutex<HashSet<(String, String)>>>,
    /// Since when nothing is done any more to keep it from being told.
    calm_since: Arc<Mutex<Option<Instant>>>,
}

impl Busy {
    pub async fn prepare() -> Self {
        let (hook, slack, mail) =
            (Sink::start().await, Sink::start().await, SmtpSink::start().await);
        let (pack, valve) = (Sink::start().await, Sink::start().await);
        let url = slack.url("/services/T0/B0/secret");
        let notifiers = [
            webhook("hook", &hook),
            format!(
                "\n[notifiers.slack]\ntype = \"slack\"\nwebhook_url = \"{url}\"\n\
                 rate = \"unlimited\"\n"
            ),
            email("mail", &mail, "to = [\"ann@example.com\"]"),
            rule("all", &["any"], &["hook", "slack"]),
            rule("ends", &["finished"], &["mail"]),
            webhook("pack", &pack),
            webhook("valve", &valve),
            GATHERING.to_owned(),
        ];
        let bridge = Setup::new(notifiers.concat())
            .service("templates = \"templates\"")
            .source("first_run = \"notify\"")
            .intervals("poll_interval = \"30ms\"\nidle_interval = \"30ms\"")
            .prepare()
            .await;
        // Slack gets no ids of ours by itself.
        let folder = bridge.folder().join("templates/slack");
        std::fs::create_dir_all(&folder).unwrap();
        let text = "{\"text\": \"{{event.id}} {{event.repeat}} {{headline}}\"}";
        std::fs::write(folder.join("default.json.hbs"), text).unwrap();
        for project in ["p-0", "p-1", "p-2"] {
            bridge.world.project(project, &format!("Project {project}"));
        }
        Self { bridge, hook, slack, mail, pack, valve }
    }

    /// From now on one answer in five is bad.
    pub fn misbehave(&self, random: &mut Rng) {
        for sink in self.sinks() {
            sink.moody(Mood::of(random.u64(..)));
        }
    }

    /// The next mail meets trouble.
    pub fn spoil_a_mail(&self, random: &mut Rng) {
        let (step, reply) = mail_fault(random);
        self.mail.script(step, [reply]);
    }

    /// Everything works from now on.
    pub fn behave(&self) {
        for sink in self.sinks() {
            sink.always(Answer::ok());
        }
        self.mail.forget_script();
        self.bridge.world.clear_faults();
    }

    fn sinks(&self) -> [&Sink; 4] {
        [&self.hook, &self.slack, &self.pack, &self.valve]
    }

    /// Lets jobs come until `over`, and returns how each of them ended, once they all have and
    /// the hook knows it. How long that takes before it is over is up to the machine.
    pub async fn days(
        &self,
        random: &mut Rng,
        over: &AtomicBool,
    ) -> BTreeMap<String, &'static str> {
        let (ends, told) = (Ends::default(), Told::default());
        let mut jobs = JoinSet::new();
        let mut seen = 0;
        let mut next = Instant::now();
        while !over.load(Ordering::Relaxed) || !jobs.is_empty() {
            seen = told.hear(&self.hook, seen);
            while let Some(job) = jobs.try_join_next() {
                if let Err(Untold { job, kind }) = job.unwrap() {
                    panic!("nobody told that {job} is {kind}; {}", self.known_of(&job).await);
                }
            }
            let is_over = over.load(Ordering::Relaxed);
            if is_over {
                told.calm_since.lock().unwrap().get_or_insert_with(Instant::now);
            }
            if !is_over && jobs.len() < MOST_JOBS && Instant::now() >= next {
                next = Instant::now() + Duration::from_millis(random.u64(80..320));
                let job = Job {
                    world: self.bridge.world.clone(),
                    told: told.clone(),
                    ends: ends.clone(),
                    random: random.fork(),
                };
                jobs.spawn(job.live());
            }
            tokio::time::sleep(GLANCE).await;
        }
        std::mem::take(&mut *ends.lock().unwrap())
    }

    /// What the ledger has of a job, for people.
    async fn known_of(&self, job: &str) -> String {
        let mut events = self.bridge.events().await;
        events.retain(|event| event["job"]["job_id"] == job);
        let mut owed = self.bridge.deliveries().await;
        owed.retain(|row| row["job_id"] == job);
        format!("events: {events:#?}, deliveries: {owed:#?}")
    }

    /// Waits until nothing is owed any more: what was tried in vain again and again waits for
    /// a minute.
    pub async fn drained(&self) {
        let begun = Instant::now();
        loop {
            let mut left = 0;
            for state in ["pending", "sending", "held"] {
                let args = ["deliveries", "list", "--state", state, "--json"];
                let listed = self.bridge.cli(&args).await.succeeded().json();
                left += listed["deliveries"].as_array().unwrap().len();
            }
            if left == 0 {
                return;
            }
            assert!(begun.elapsed() < PATIENCE * 3, "{left} messages are still owed");
        }
    }

    /// Puts together what is known of the run.
    pub async fn story(&self, ends: BTreeMap<String, &'static str>, lives: Vec<Life>) -> Story {
        let owed = self.bridge.deliveries().await;
        let events = self.bridge.events().await;
        let of_slack: BTreeMap<&str, &str> = owed
            .iter()
            .filter(|row| row["notifier"] == "slack")
            .filter_map(|row| Some((row["event_id"].as_str()?, row["id"].as_str()?)))
            .collect();
        let mut arrivals: Vec<Arrival> =
            self.hook.received().iter().map(|told| at_hook("hook", told)).collect();
        arrivals.extend(self.slack.received().iter().map(|told| at_slack(told, &of_slack)));
        arrivals.extend(self.mail.mails().iter().map(|mail| Arrival {
            notifier: "mail".into(),
            delivery: delivery_of(&mail.header("Message-ID").unwrap()),
            marked: mail.text().contains("you may have got this before"),
            fate: if mail.accepted { Fate::Taken } else { Fate::Open },
            at: mail.at,
        }));
        let mut gathered = Vec::new();
        for (notifier, sink) in [("pack", &self.pack), ("valve", &self.valve)] {
            let received = sink.received();
            arrivals.extend(received.iter().map(|told| at_hook(notifier, told)));
            let messages = received.iter().map(gathered_at).collect();
            gathered.push(Gathered { notifier, kinds: FINISHED, messages });
        }
        arrivals.sort_by_key(|arrival| arrival.at);
        let told = vec![("hook", None), ("slack", None), ("mail", Some(FINISHED))];
        Story { ends, told, gathered, lives, arrivals, owed, events }
    }
}

fn at_hook(notifier: &str, told: &Received) -> Arrival {
    Arrival {
        notifier: notifier.into(),
        delivery: told.header("webhook-id").unwrap().to_owned(),
        marked: told.json()["event"]["repeat"] == true,
        // A webhook's answer is its status, whatever becomes of the body.
        fate: fate(&told.answer, &[Close::No, Close::MidBody]),
        at: told.at,
    }
}

fn at_slack(told: &Received, of_slack: &BTreeMap<&str, &str>) -> Arrival {
    let body = told.json();
    let mut words = body["text"].as_str().unwrap().split(' ');
    let event = words.next().unwrap();
    Arrival {
        notifier: "slack".into(),
        delivery: of_slack.get(event).map_or(format!("of {event}"), |id| (*id).to_owned()),
        marked: words.next() == Some("true"),
        fate: fate(&told.answer, &[Close::No]),
        at: told.at,
    }
}

/// What a service did, where these ends of a good answer say yes.
fn fate(answer: &Answer, yes: &[Close]) -> Fate {
    match answer.status {
        200 if yes.contains(&answer.close) => Fate::Taken,
        200 => Fate::Open,
        _ => Fate::Refused,
    }
}

/// `<id@domain>`
fn delivery_of(message_id: &str) -> String {
    message_id.trim_start_matches('<').split('@').next().unwrap_or_default().to_owned()
}

impl Told {
    /// Takes note of what has come to the hook since there were `seen` requests.
    fn hear(&self, hook: &Sink, seen: usize) -> usize {
        let news = hook.since(seen);
        let mut heard = self.heard.lock().unwrap();
        heard.extend(news.iter().map(|told| (told.job_id(), told.kind())));
        seen + news.len()
    }

    /// Waits until a job is told to be in this state.
    async fn wait(&self, job: &str, kind: &'static str) -> Result<(), Untold> {
        let this = (job.to_owned(), kind.to_owned());
        self.wait_until(job, kind, |heard| heard.contains(&this)).await
    }

    async fn wait_for_any(&self, job: &str) -> Result<(), Untold> {
        self.wait_until(job, "there", |heard| heard.iter().any(|(told, _)| told == job)).await
    }

    /// While the process is killed again and again nobody is impatient: how much it gets done
    /// between two kills is up to the machine.
    async fn wait_until(
        &self,
        job: &str,
        kind: &'static str,
        enough: impl Fn(&HashSet<(String, String)>) -> bool,
    ) -> Result<(), Untold> {
        while !enough(&self.heard.lock().unwrap()) {
            let calm_since = *self.calm_since.lock().unwrap();
            if calm_since.is_some_and(|since| since.elapsed() > PATIENCE * 2) {
                return Err(Untold { job: job.to_owned(), kind });
            }
            tokio::time::sleep(GLANCE).await;
        }
        Ok(())
    }
}

/// What nobody told in time.
#[derive(Debug)]
struct Untold {
    job: String,
    kind: &'static str,
}

/// One job's way through the API.
struct Job {
    world: descript_notify::emulator::World,
    told: Told,
    ends: Ends,
    random: Rng,
}

impl Job {
    async fn live(mut self) -> Result<(), Untold> {
        // Some jobs go on only when everybody knows how far they are: what could be seen at
        // leisure must have been told.
        let leisurely = self.random.u32(0..3) == 0;
        let job_type = *self.random.choice(&["agent", "publish", "import/project_media"]).unwrap();
        let project = format!("p-{}", self.random.u32(0..4));
        let id = self.world.put_job(json!({"job_type": job_type, "project_id": project}));
        self.pause(leisurely, &id, "queued").await?;
        self.world.set_state(&id, "running");
        self.pause(leisurely, &id, "started").await?;
        for percent in 0..self.random.u32(0..4) {
            self.world.set_progress(&id, json!({"label": "On it", "percent": percent * 25}));
            self.pause(false, &id, "progress").await?;
        }
        let end = self.end(&id).await?;
        self.ends.lock().unwrap().insert(id.clone(), end);
        self.told.wait(&id, end).await?;
        // What has ended and is gone is no event; and the list stays short.
        self.world.remove(&id);
        Ok(())
    }

    async fn end(&mut self, id: &str) -> Result<&'static str, Untold> {
        let (status, end) = match self.random.u32(0..12) {
            0 => {
                self.world.set_state(id, "cancelled");
                return Ok("cancelled");
            }
            1 => {
                // Nobody can miss what nobody has seen.
                self.told.wait_for_any(id).await?;
                self.world.remove(id);
                return Ok("vanished");
            }
            2 => ("partial", "partial"),
            3 => ("exhausted", "stopped"),
            4..7 => ("error", "failed"),
            _ => ("success", "succeeded"),
        };
        self.world.finish(id, json!({"status": status}));
        Ok(end)
    }

    async fn pause(&mut self, leisurely: bool, id: &str, kind: &'static str) -> Result<(), Untold> {
        if leisurely {
            return self.told.wait(id, kind).await;
        }
        tokio::time::sleep(Duration::from_millis(self.random.u64(STEP_MS))).await;
        Ok(())
    }
}
