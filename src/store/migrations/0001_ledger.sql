-- The ledger: what was seen, what was decided, what is owed, what was said.
-- Times are Unix milliseconds. Documents are JSON text. Keys make repeats harmless.

-- One row for each source: how far it has been read.
CREATE TABLE source (
    name             TEXT PRIMARY KEY,
    -- When the first complete walk ended; until then first sights may be silent.
    baseline_ms      INTEGER,
    -- Start of the complete walk before the last one, in the server's time.
    watermark_ms     INTEGER,
    -- Start of the last complete walk, in the server's time.
    last_walk_ms     INTEGER,
    -- When the last complete walk ended, by our clock.
    last_complete_ms INTEGER,
    -- Fingerprint of the project that those walks were restricted to; null: to none.
    project          INTEGER,
    -- Since when polls have failed; since when that has been told, and why.
    failing_since_ms INTEGER,
    down_since_ms    INTEGER,
    down_reason      TEXT,
    -- Who polls it, where several processes share a store.
    lease_owner      TEXT,
    lease_fence      INTEGER NOT NULL DEFAULT 0,
    lease_until_ms   INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE job (
    source              TEXT NOT NULL,
    job_id              TEXT NOT NULL,
    job_type            TEXT NOT NULL,
    state               TEXT NOT NULL,
    phase               TEXT NOT NULL CHECK (phase IN ('open', 'ended', 'vanished')),
    fingerprint         INTEGER NOT NULL,
    progress            INTEGER,
    progress_since_ms   INTEGER NOT NULL,
    changes             INTEGER NOT NULL,
    created_ms          INTEGER,
    stopped_ms          INTEGER,
    first_seen_ms       INTEGER NOT NULL,
    ended_ms            INTEGER,
    project_id          TEXT,
    resultless_since_ms INTEGER,
    -- The last read by id, and whether it was refused (403).
    read_ms             INTEGER,
    forbidden           INTEGER NOT NULL DEFAULT 0,
    -- Null once details are pruned.
    document            TEXT,
    -- How it ended, and what it has used; null where the API does not tell. They outlive the
    -- document.
    outcome             TEXT,
    media_seconds       REAL,
    ai_credits          REAL,
    PRIMARY KEY (source, job_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_open ON job (source) WHERE phase = 'open';
-- The rows are large: what many are chosen or counted by stands in an index as a whole.
CREATE INDEX job_ended ON job (source, fingerprint, phase) WHERE phase = 'ended';
CREATE INDEX job_over ON job (source, ended_ms) WHERE phase <> 'open';
CREATE INDEX job_created ON job (source, created_ms, phase);
CREATE INDEX job_used ON job (stopped_ms, ended_ms, project_id, job_type, outcome, media_seconds,
    ai_credits, phase) WHERE phase = 'ended';
CREATE INDEX job_runs ON job (job_type, stopped_ms, created_ms) WHERE outcome = 'succeeded';
CREATE INDEX job_project ON job (source, project_id, ended_ms) WHERE phase <> 'open';
CREATE INDEX job_listed ON job (created_ms, first_seen_ms, state, project_id);

CREATE TABLE project (
    source     TEXT NOT NULL,
    project_id TEXT NOT NULL,
    -- Null: it has none.
    name       TEXT,
    asked_ms   INTEGER NOT NULL,
    PRIMARY KEY (source, project_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
    seq              INTEGER PRIMARY KEY AUTOINCREMENT,
    id               TEXT NOT NULL UNIQUE,
    source           TEXT NOT NULL,
    subject          TEXT NOT NULL,
    slot             TEXT NOT NULL,
    occurrence       TEXT NOT NULL,
    kind             TEXT NOT NULL,
    from_state       TEXT,
    to_state         TEXT,
    detected_ms      INTEGER NOT NULL,
    late             INTEGER NOT NULL,
    job_id           TEXT,
    project_name     TEXT,
    -- 1: the name could not be asked for.
    name_unavailable INTEGER NOT NULL DEFAULT 0,
    -- The job as it was then; for events about no job what they tell.
    document         TEXT,
    -- Of what a rule's timer has made.
    timer            TEXT,
    UNIQUE (source, subject, slot, occurrence)
) STRICT;
CREATE INDEX event_detected ON event (detected_ms);
CREATE INDEX event_kind ON event (kind, detected_ms);
CREATE INDEX event_job ON event (job_id);

-- What each rule that was tried said, with its reason.
CREATE TABLE verdict (
    event_id TEXT NOT NULL REFERENCES event (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    rule     TEXT NOT NULL,
    verdict  TEXT NOT NULL,
    PRIMARY KEY (event_id, position)
) STRICT, WITHOUT ROWID;

-- Events gathered into one message, which is a delivery of its own (`about` is the group).
CREATE TABLE message_group (
    id         TEXT PRIMARY KEY,
    rule       TEXT NOT NULL,
    group_key  TEXT NOT NULL,
    -- What its events wait for together: group, throttle, silence; of a digest what its members
    -- have waited for: window, notifier.
    hold       TEXT NOT NULL,
    opened_ms  INTEGER NOT NULL,
    -- Null: it is open, and more events may join it.
    sealed_ms  INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX message_group_open ON message_group (rule, group_key, hold)
    WHERE sealed_ms IS NULL;
CREATE TABLE group_member (
    group_id TEXT NOT NULL REFERENCES message_group (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    event_id TEXT NOT NULL REFERENCES event (id),
    PRIMARY KEY (group_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_member_event ON group_member (event_id);

CREATE TABLE delivery (
    seq                  INTEGER PRIMARY KEY AUTOINCREMENT,
    id                   TEXT NOT NULL UNIQUE,
    -- The id of the event, or of the group, it is about.
    about                TEXT NOT NULL,
    -- The event; of a group its newest one.
    event_id             TEXT NOT NULL REFERENCES event (id),
    -- The group that it is, or that it was gathered into.
    group_id             TEXT REFERENCES message_group (id),
    rule                 TEXT NOT NULL,
    notifier             TEXT NOT NULL,
    recipient            TEXT NOT NULL,
    template             TEXT NOT NULL,
    include_download_url INTEGER NOT NULL,
    -- The lane: messages about one job to one recipient keep their order.
    source               TEXT NOT NULL,
    job_id               TEXT NOT NULL,
    kind                 TEXT NOT NULL,
    terminal             INTEGER NOT NULL,
    -- 1 for progress, which waits for everything else; 0 for the rest.
    rank                 INTEGER NOT NULL,
    -- 1: it edits the one message about its job.
    live                 INTEGER NOT NULL DEFAULT 0,
    state                TEXT NOT NULL
        CHECK (state IN ('pending', 'sending', 'sent', 'held', 'dead', 'discarded')),
    hold                 TEXT,
    held_since_ms        INTEGER,
    -- Time spent held, which does not count for `retry_for`.
    held_total_ms        INTEGER NOT NULL DEFAULT 0,
    attempts             INTEGER NOT NULL DEFAULT 0,
    failures             INTEGER NOT NULL DEFAULT 0,
    created_ms           INTEGER NOT NULL,
    due_ms               INTEGER NOT NULL,
    first_attempt_ms     INTEGER,
    ended_ms             INTEGER,
    claim_owner          TEXT,
    claim_fence          INTEGER NOT NULL DEFAULT 0,
    claimed_ms           INTEGER,
    claimed_until_ms     INTEGER,
    repeat               INTEGER NOT NULL DEFAULT 0,
    suppressed           INTEGER NOT NULL DEFAULT 0,
    last_error           TEXT,
    UNIQUE (about, rule, notifier, recipient)
) STRICT;
CREATE INDEX delivery_owed ON delivery (notifier, rank, seq, due_ms) WHERE state = 'pending';
CREATE INDEX delivery_due ON delivery (notifier, due_ms) WHERE state = 'pending';
CREATE INDEX delivery_lane ON delivery (notifier, source, job_id, recipient, seq)
    WHERE state IN ('pending', 'sending');
CREATE INDEX delivery_sending ON delivery (claimed_until_ms) WHERE state = 'sending';
CREATE INDEX delivery_held ON delivery (notifier, rank, seq) WHERE state = 'held';
CREATE INDEX delivery_back ON delivery (due_ms)
    WHERE state = 'held' AND hold IN ('window', 'group', 'throttle', 'silence');
CREATE INDEX delivery_dead ON delivery (seq) WHERE state = 'dead';
CREATE INDEX delivery_progress ON delivery (source, job_id)
    WHERE rank = 1 AND state IN ('pending', 'held');
CREATE INDEX delivery_group ON delivery (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX delivery_ended ON delivery (ended_ms) WHERE state IN ('sent', 'discarded');
CREATE INDEX delivery_event ON delivery (event_id);

CREATE TABLE attempt (
    delivery_id TEXT NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
    number      INTEGER NOT NULL,
    started_ms  INTEGER NOT NULL,
    took_ms     INTEGER NOT NULL,
    outcome     TEXT NOT NULL,
    status      INTEGER,
    answer      TEXT NOT NULL,
    PRIMARY KEY (delivery_id, number)
) STRICT, WITHOUT ROWID;

-- The one message about a job through a notifier that edits its messages, whatever the rule.
CREATE TABLE live_message (
    source    TEXT NOT NULL,
    job_id    TEXT NOT NULL,
    notifier  TEXT NOT NULL,
    recipient TEXT NOT NULL,
    -- Where it is, in the words of its service.
    handle    TEXT NOT NULL,
    -- When it was last posted or edited, or may have been.
    edited_ms INTEGER NOT NULL,
    PRIMARY KEY (source, job_id, notifier, recipient)
) STRICT, WITHOUT ROWID;

-- A notifier whose service refuses us: what is owed to it is held and waits for a probe.
CREATE TABLE notifier (
    name            TEXT PRIMARY KEY,
    broken_since_ms INTEGER,
    reason          TEXT,
    probes          INTEGER NOT NULL DEFAULT 0,
    probe_due_ms    INTEGER
) STRICT, WITHOUT ROWID;

-- Until when a rule's throttle lets nothing more through, and the event or group whose message
-- went: were that to die, it would be open again.
CREATE TABLE throttle (
    rule         TEXT NOT NULL,
    throttle_key TEXT NOT NULL,
    until_ms     INTEGER NOT NULL,
    about        TEXT NOT NULL,
    PRIMARY KEY (rule, throttle_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX throttle_about ON throttle (about);

-- How many messages a closed window has dropped since the rule's last one.
CREATE TABLE dropped (
    rule  TEXT PRIMARY KEY,
    count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE silence (
    id         TEXT PRIMARY KEY,
    -- A JSON array of texts.
    matchers   TEXT NOT NULL,
    comment    TEXT NOT NULL,
    author     TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    summarise  INTEGER NOT NULL,
    silenced   INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
