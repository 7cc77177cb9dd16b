//! A real PostgreSQL server for tests, one for each test binary, and a schema for each test.
//!
//! The one that `DESCRIPT_NOTIFY_TEST_POSTGRES` names (a URL of a database in which schemas may be
//! made), else one started from the programs of this machine, on a free port, with its data in a
//! folder of its own. A shell waits for the test binary's end, however it comes, stops the server
//! and removes the folder. Where there is neither, the binary says so on standard error and ends
//! well: its tests are skipped.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, OnceLock};

/// Starts the server in a folder of its own, stops it when standard input ends.
const KEEPER: &str = r#"
set -e
owner=
if [ "$(id -u)" = 0 ]; then
    owner="setpriv --reuid=postgres --regid=postgres --clear-groups"
    chown postgres: "$FOLDER"
fi
cd "$FOLDER"
$owner "$BIN/initdb" -D data -U postgres -A trust -E UTF8 --locale=C --no-sync >init.log 2>&1
start() {
    $owner "$BIN/postgres" -D data -p "$PORT" -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories= -c fsync=off -c synchronous_commit=off \
        -c full_page_writes=off -c max_connections=300 -c shared_buffers=64MB \
        >>server.log 2>&1 </dev/null &
    server=$!
}
start
until "$BIN/pg_isready" -q -h 127.0.0.1 -p "$PORT"; do sleep 0.05; done
echo started
while read -r word; do
    # The whole of it ends at once, connections and all, and comes back.
    if [ "$word" = restart ]; then
        kill -INT "$server"
        wait "$server" || true
        start
        echo restarted
    fi
done
kill -INT "$server" 2>/dev/null || true
wait "$server" || true
rm -rf "$FOLDER"
"#;

/// A server of our own.
pub struct OwnServer {
    keeper: Child,
    pub url: String,
}

/// The URL of a new, empty schema for a test.
pub fn schema() -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("test_{}_{number}_{:08x}", std::process::id(), fastrand::u32(..));
    let base = server();
    let joint = if base.contains('?') { '&' } else { '?' };
    format!("{base}{joint}schema={name}")
}

/// The URL of the server that all tests of this binary share.
#[expect(clippy::disallowed_methods, reason = "a test has no other way to be told")]
fn server() -> &'static str {
    static GIVEN: LazyLock<Option<String>> =
        LazyLock::new(|| std::env::var("DESCRIPT_NOTIFY_TEST_POSTGRES").ok());
    static OWN: OnceLock<Option<OwnServer>> = OnceLock::new();
    if let Some(given) = GIVEN.as_deref().filter(|given| !given.is_empty()) {
        return given;
    }
    match OWN.get_or_init(OwnServer::start) {
        Some(own) => &own.url,
        None => skip(),
    }
}

/// Ends the whole test binary: none of its tests can run.
#[expect(clippy::disallowed_methods, reason = "a test cannot say that it was skipped")]
pub fn skip() -> ! {
    let told = "\nSKIPPED: there is no PostgreSQL on this machine. Install it, or set \
                DESCRIPT_NOTIFY_TEST_POSTGRES to the URL of a database for tests.\n\n";
    // Past what the test runner captures.
    let _ = std::io::stderr().write_all(told.as_bytes());
    std::process::exit(0)
}

impl OwnServer {
    /// Starts a server; `None` where its programs are not on this machine.
    pub fn start() -> Option<Self> {
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("pg-").tempdir().unwrap().keep();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER])
            .env("FOLDER", &folder)
            .env("BIN", programs)
            .env("PORT", port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut first = [0; 8];
        let said = keeper.stdout.as_mut().unwrap().read_exact(&mut first);
        let told = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(said.is_ok(), "no server: {}", told("init.log"));
        Some(Self { keeper, url: format!("postgres://postgres@127.0.0.1:{port}/postgres") })
    }

    /// Stops it in the middle of whatever it does, and starts it again.
    pub fn restart(&mut self) {
        self.keeper.stdin.as_mut().unwrap().write_all(b"restart\n").unwrap();
    }
}

fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> =
        versions.flatten().map(|version| version.path().join("bin")).collect();
    found.retain(|folder| folder.join("initdb").exists() && folder.join("postgres").exists());
    found.sort();
    found.pop()
}
