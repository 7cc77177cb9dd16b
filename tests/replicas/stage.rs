//! Three replicas on one store, what they are given to tell, and the judge of what they said.

use std::collections::{BTreeMap, HashMap};
use std::net::ToSocketAddrs;
use std::time::Duration;

use sqlx::{AssertSqlSafe, PgPool};

use crate::support::bridge::{Bridge, Setup, TOKEN, TOKEN_VAR, rule};
use crate::support::program::{Launch, Program, Signal};
use crate::support::sink::{Answer, Received, Sink};
use crate::support::{GLANCE, PATIENCE, eventually};
use crate::wire::Wire;

pub const REPLICAS: usize = 3;

/// Between a request and its answer, so that something is under way whenever a fault comes.
const ANSWER_AFTER: Duration = Duration::from_millis(150);

pub struct Replicas {
    pub bridge: Bridge,
    pub sink: Sink,
    pub wires: Vec<Wire>,
    programs: Vec<Option<Program>>,
    pool: PgPool,
    schema: String,
    jobs: Vec<String>,
}

impl Replicas {
    /// Starts them on the store of that URL; `pace` are lines for the notifier.
    pub async fn start(url: &str, pace: &str) -> Self {
        let sink = Sink::start().await;
        sink.always(Answer::ok().after(ANSWER_AFTER));
        let notifier = format!(
            "\n[notifiers.hook]\ntype = \"webhook\"\nurl = \"{}\"\ntimeout = \"2s\"\n\
             headers = {{ X-Replica = \"REPLICA\" }}\n{pace}\n",
            sink.url("/hook"),
        );
        let rest = format!("{notifier}{}", rule("all", &["any"], &["hook"]));
        let bridge = Setup::new(rest).store(url).prepare().await;
        let (base, schema) = url.split_once("?schema=").unwrap();
        let authority = base.split("//").nth(1).unwrap().split('/').next().unwrap();
        let address = authority.rsplit('@').next().unwrap();
        let mut replicas = Self {
            sink,
            wires: Vec::new(),
            programs: Vec::new(),
            pool: PgPool::connect_lazy(base).unwrap(),
            schema: schema.to_owned(),
            jobs: Vec::new(),
            bridge,
        };
        let text = std::fs::read_to_string(replicas.bridge.config()).unwrap();
        for number in 0..REPLICAS {
            let wire = Wire::to(address.to_socket_addrs().unwrap().next().unwrap()).await;
            let own = text
                .replace(address, &format!("127.0.0.1:{}", wire.port))
                .replace("REPLICA", &number.to_string());
            let file = replicas.bridge.folder().join(format!("{number}.toml"));
            std::fs::write(&file, own).unwrap();
            crate::support::set_mode(&file, 0o600);
            replicas.wires.push(wire);
            let program = replicas.launch(number);
            replicas.programs.push(Some(program));
        }
        replicas.bridge.looked().await;
        replicas
    }

    fn launch(&self, number: usize) -> Program {
        let file = self.bridge.folder().join(format!("{number}.toml"));
        Launch::of(["--config", file.to_str().unwrap(), "run"]).var(TOKEN_VAR, TOKEN).start()
    }

    pub fn program(&self, number: usize) -> &Program {
        self.programs[number].as_ref().unwrap()
    }

    pub async fn kill(&mut self, number: usize) {
        self.programs[number].take().unwrap().kill().await;
    }

    /// Which of them polls now, where one of them does.
    pub async fn polling(&self) -> Option<usize> {
        let question = format!(
            "SELECT owner FROM {0}.lease WHERE name = 'main' AND until_ms > {0}.now_ms()",
            self.schema
        );
        let owner: Option<String> =
            sqlx::query_scalar(AssertSqlSafe(question)).fetch_optional(&self.pool).await.unwrap();
        let pid: u32 = owner?.split('-').next()?.parse().ok()?;
        let is_it = |program: &Option<Program>| {
            program.as_ref().is_some_and(|program| program.pid() == pid)
        };
        self.programs.iter().position(is_it)
    }

    /// Waits until another one than `before` polls, and says which, and how long that took.
    pub async fn taken_over_from(&self, before: usize) -> (usize, Duration) {
        let begun = std::time::Instant::now();
        let other = async || self.polling().await.filter(|now| *now != before);
        (found_within(PATIENCE, "another that polls", other).await, begun.elapsed())
    }

    /// Lets so many jobs begin and end.
    pub fn happen(&mut self, count: usize) {
        for _ in 0..count {
            let job = self.bridge.run("agent");
            self.bridge.succeed(&job);
            self.jobs.push(job);
        }
    }

    /// Waits until some of it is under way.
    pub async fn busy(&self) {
        let before = self.sink.count();
        let more = || (self.sink.count() > before + 3).then_some(());
        eventually("message", more).await;
    }

    /// Waits until the end of every job has been told.
    pub async fn told(&self) {
        // What a dead one had under way is taken back late, on purpose.
        let all = async || (self.ends().len() >= self.jobs.len()).then_some(());
        found_within(3 * PATIENCE, "message about every job", all).await;
        // Nothing is owed any more: what is under way has been written down.
        let question = format!(
            "SELECT count(*) FROM {}.delivery WHERE state NOT IN ('sent', 'discarded')",
            self.schema
        );
        let none = async || {
            let owed = sqlx::query_scalar(AssertSqlSafe(question.clone()));
            let owed: i64 = owed.fetch_one(&self.pool).await.unwrap();
            (owed == 0).then_some(())
        };
        found_within(PATIENCE, "ledger in which nothing is owed", none).await;
    }

    fn ends(&self) -> HashMap<String, usize> {
        let mut ends = HashMap::new();
        for message in self.sink.received().iter().filter(|message| message.kind() == "succeeded") {
            *ends.entry(message.job_id()).or_default() += 1;
        }
        ends
    }

    /// Every job's end was told; what was said twice is marked, and was under way when the fault
    /// came: at most `repeats` of them. Messages about one job came in the order of its events.
    /// Returns how many were repeated.
    pub fn judge(&self, repeats: usize) -> usize {
        let ends = self.ends();
        for job in &self.jobs {
            assert!(ends.contains_key(job), "nothing was said of the end of {job}");
        }
        let mut by_id: BTreeMap<String, Vec<Received>> = BTreeMap::new();
        let mut lanes: HashMap<String, Vec<String>> = HashMap::new();
        for message in self.sink.received() {
            let id = message.header("webhook-id").unwrap().to_owned();
            let said = by_id.entry(id).or_default();
            if said.is_empty() {
                lanes.entry(message.job_id()).or_default().push(message.kind());
            }
            said.push(message);
        }
        for (id, said) in &by_id {
            for again in &said[1..] {
                assert_eq!(again.json()["event"]["repeat"], true, "{id} was said twice unmarked");
            }
        }
        for (job, kinds) in &lanes {
            let place = |kind: &str| kinds.iter().position(|known| known == kind);
            if let (Some(started), Some(ended)) = (place("started"), place("succeeded")) {
                assert!(started < ended, "{job}: {kinds:?}");
            }
        }
        let repeated = by_id.values().filter(|said| said.len() > 1).count();
        assert!(repeated <= repeats, "{repeated} messages were said twice");
        repeated
    }

    /// What each of them has sent so far.
    pub fn sent_by(&self, number: usize) -> Vec<Received> {
        let number = number.to_string();
        let by = |message: &Received| message.header("x-replica") == Some(&*number);
        self.sink.received().into_iter().filter(by).collect()
    }

    pub async fn signal(&self, number: usize, signal: Signal) {
        self.program(number).signal(signal).await;
    }
}

/// Asks again and again until there is an answer.
///
/// # Panics
/// When there is none within `patience`; `what` says what was missing.
async fn found_within<T>(
    patience: Duration,
    what: &str,
    mut ask: impl AsyncFnMut() -> Option<T>,
) -> T {
    let found = tokio::time::timeout(patience, async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(GLANCE).await;
        }
    });
    found.await.unwrap_or_else(|_| panic!("in {patience:?} there was no {what}"))
}
