//! Each kind of mistake, in short.

use super::{parsed, told};

#[test]
fn a_store_is_a_sqlite_file_or_a_database_of_a_server() {
    let store = |value: &str| {
        told(&format!("[service]\nstore = \"{value}\"\n[[rules]]\n"))
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned()
    };

    let all: Vec<String> = [
        "state.db",
        "sqlite://",
        "sqlite://x/",
        "sqlite://:memory:",
        "sqlite://x?mode=ro",
        "sqlite://~/x",
        "postgres:host/db",
        "postgres:///db",
        "postgresql://ann:hunter2@host",
        "postgres://host/a/b",
        "postgres://host/db?password=hunter2",
        "postgres://host/db?sslmode=verify_full",
        "postgres://host/db?shema=two",
        "postgres://host/db?schema=pg_x",
        "postgres://ann:hun#ter2@host/db",
        "postgres://host:99999/db",
    ]
    .map(store)
    .into();

    insta::assert_snapshot!(all.join("\n"), @r#"
    ["state.db"] service, key `store`: a store begins with sqlite:// or postgres://; write sqlite://state.db (relative to this file) or sqlite:///var/lib/descript-notify/state.db
    ["sqlite://"] service, key `store`: the store has no file name; write sqlite://state.db (relative to this file) or sqlite:///var/lib/descript-notify/state.db
    ["sqlite://x/"] service, key `store`: this is a folder, and the store is a file; write sqlite://state.db (relative to this file) or sqlite:///var/lib/descript-notify/state.db
    ["sqlite://:memory:"] service, key `store`: a store in memory would forget what is owed; write sqlite://state.db (relative to this file) or sqlite:///var/lib/descript-notify/state.db
    ["sqlite://x?mode=ro"] service, key `store`: a store takes no parameters; write sqlite://state.db (relative to this file) or sqlite:///var/lib/descript-notify/state.db
    ["sqlite://~/x"] service, key `store`: `~` is not expanded here; write sqlite://state.db (relative to this file) or sqlite:///var/lib/descript-notify/state.db
    ["postgres:host/db"] service, key `store`: a store on a server begins with postgres://; write postgres://user@host/database; the password comes from PGPASSWORD or ~/.pgpass, or stands before the @
    ["postgres:///db"] service, key `store`: the URL names no host; write postgres://user@host/database; the password comes from PGPASSWORD or ~/.pgpass, or stands before the @
    ["postgresql://ann:hunter2@host"] service, key `store`: the URL names no database; write postgres://user@host/database; the password comes from PGPASSWORD or ~/.pgpass, or stands before the @
    ["postgres://host/a/b"] service, key `store`: a database's name holds no `/`; write postgres://user@host/database; the password comes from PGPASSWORD or ~/.pgpass, or stands before the @
    ["postgres://host/db?password=hunter2"] service, key `store`: a password does not stand among the parameters; write postgres://user@host/database; the password comes from PGPASSWORD or ~/.pgpass, or stands before the @
    ["postgres://host/db?sslmode=verify_full"] service, key `store`: `sslmode` has a value that is not known; did you mean `verify-full`?
    ["postgres://host/db?shema=two"] service, key `store`: the URL of a store has no parameter `shema`; did you mean `schema`?
    ["postgres://host/db?schema=pg_x"] service, key `store`: a schema cannot be called so; write postgres://user@host/database; the password comes from PGPASSWORD or ~/.pgpass, or stands before the @
    ["postgres://ann:hun#ter2@host/db"] service, key `store`: this is not a URL; write postgres://user@host/database; the password comes from PGPASSWORD or ~/.pgpass, or stands before the @
    ["postgres://host:99999/db"] service, key `store`: this is not a URL; write postgres://user@host/database; the password comes from PGPASSWORD or ~/.pgpass, or stands before the @
    "#);
}

#[test]
fn others_can_reach_the_service_only_with_a_token() {
    let told = told(
        "[service]\nlisten = \"0.0.0.0:8750\"\nbase_path = \"notify\"\n\
         [sources.a]\ntoken = { env = \"T\" }\n",
    );
    let well = |listen: &str, token: &str| {
        let text = format!("[service]\nlisten = \"{listen}\"\n{token} = {{ env = \"T\" }}\n");
        parsed(&text).config.and_then(|config| config.service.listen).is_some()
    };

    insta::assert_snapshot!(told, @r#"
    ["0.0.0.0:8750"] service, key `listen`: an address that others can reach needs a token; add admin_token = { env = "DESCRIPT_NOTIFY_ADMIN_TOKEN" } (or read_token, for looking only), or listen on 127.0.0.1
    ["notify"] service, key `base_path`: `notify` is not a path; write it like "/notify"
    "#);
    assert!(well("0.0.0.0:8750", "admin_token"));
    assert!(well("[::]:8750", "read_token"));
    assert!(well("localhost:0", "read_token"));
}

#[test]
fn what_needs_listening_warns_where_nothing_listens() {
    let told = told(
        "[service]\nadmin_token = { env = \"A\" }\n\
         [sources.a]\ntoken = { env = \"T\" }\ncallback_key = { env = \"K\" }\n\
         [notifiers.s]\ntype = \"console\"\n\
         [[rules]]\nname = \"r\"\non = [\"any\"]\nnotify = [\"s\"]\n",
    );

    insta::assert_snapshot!(told, @r#"
    [] service: nothing listens, so nobody can use the tokens; add listen = "127.0.0.1:8750"
    [] source `a`, key `callback_key`: nothing listens, so no callback can come; add listen = "127.0.0.1:8750" to [service]
    "#);
}

#[test]
fn lengths_and_paces_have_their_ranges() {
    let told = told(
        "[service]\nkeep = \"0s\"\n\
         [sources.a]\ntoken = { env = \"T\" }\npoll_interval = \"2s\"\nlookback = \"59m\"\n\
         [sources.b]\ntoken = { env = \"T\" }\nbase_url = \"http://127.0.0.1:1/v1\"\n\
         poll_interval = \"200ms\"\nidle_interval = \"2d\"\nlookback = \"31d\"\n\
         [notifiers.a]\ntype = \"console\"\ntimeout = \"11m\"\nrate = \"fast\"\nretry_for = \"31d\"\n\
         [notifiers.b]\ntype = \"console\"\nburst = 3\n\
         [notifiers.c]\ntype = \"console\"\nrate = \"1/s\"\nburst = 0\n",
    );

    insta::assert_snapshot!(told, @r#"
    ["0s"] service, key `keep`: `0s` is too short: it must be at least 1s; -
    ["2s"] source `a`, key `poll_interval`: `2s` is too short: it must be at least 3s; -
    ["59m"] source `a`, key `lookback`: `59m` is too short: it must be at least 1h; -
    ["2d"] source `b`, key `idle_interval`: `2d` is too long: it may be at most 1d; -
    ["31d"] source `b`, key `lookback`: `31d` is too long: it may be at most 30d; -
    ["11m"] notifier `a`, key `timeout`: `11m` is too long: it may be at most 10m; -
    ["fast"] notifier `a`, key `rate`: `fast` is not a rate; write how many in which time, like "1/s", "25/m" or "100/h", or "unlimited"
    ["31d"] notifier `a`, key `retry_for`: `31d` is too long: it may be at most 30d; -
    [3] notifier `b`, key `burst`: a `burst` needs a `rate` that is not unlimited; add rate = "1/s", or take `burst` out
    [0] notifier `c`, key `burst`: `0` is not a size of burst: use 1 to 10000; -
    "#);
}

#[test]
fn the_address_of_a_source_is_safe() {
    let told = told(
        "[sources.a]\ntoken = 'x'\nbase_url = \"http://descriptapi.com/v1\"\n\
         [sources.b]\ntoken = 'x'\nbase_url = \"https://ann:hunter2@descriptapi.com/v1\"\n\
         [sources.c]\ntoken = 'x'\nbase_url = \"https://descriptapi.com/v1?key=hunter2\"\n\
         [sources.d]\ntoken = 'x'\nbase_url = \"descriptapi.com\"\n\
         [sources.\"e e\"]\ntoken = 'x'\nproject_id = \"\"\nfirst_run = \"basline\"\n",
    );

    insta::assert_snapshot!(told.replace("hunter2", "…"), @r#"
    ["http://descriptapi.com/v1"] source `a`, key `base_url`: plain http is allowed only to this machine; use https
    ["https://ann:…@descriptapi.com/v1"] source `b`, key `base_url`: a base URL holds no user and no password; use `token`
    ["https://descriptapi.com/v1?key=…"] source `c`, key `base_url`: a base URL has no `?` and no `#`; -
    ["descriptapi.com"] source `d`, key `base_url`: this is not a URL: relative URL without a base; write it whole, like https://host/path
    ["e e"] source `?`: `e e` cannot be a name; use 1 to 64 letters, digits, `_` and `-`
    [""] source `?`, key `project_id`: a project's id must not be empty; -
    ["basline"] source `?`, key `first_run`: `basline` is not one of the words that go here; did you mean `baseline`?
    "#);
}

#[test]
fn a_secret_of_the_wrong_form_is_told_without_its_value() {
    let told = told(
        "[sources.a]\ntoken = 1234567\n[sources.b]\ntoken = { enw = \"A\" }\n\
         [sources.c]\ntoken = 99999999999999999999999\n[sources.d]\ntoken = 2020-01-01\n\
         [sources.e]\ntoken = [\"hunter2\"]\n[sources.f]\ntoken = \"\"\n[sources.g]\n\
         [sources.h]\ntoken = { env = \"A\", file = \"B\" }\n[sources.i]\ntoken = { env = 5 }\n",
    );

    insta::assert_snapshot!(told, @r#"
    [1234567] source `a`, key `token`: expected a string, { env = "NAME" }, { file = "PATH" } or { credential = "NAME" }, not a number; write it like token = { env = "DESCRIPT_API_TOKEN" }
    [{ enw = "A" }] source `b`, key `token`: unknown key `enw`: use one of env, file, credential; write it like token = { env = "DESCRIPT_API_TOKEN" }
    [99999999999999999999999] source `c`, key `token`: expected a string, { env = "NAME" }, { file = "PATH" } or { credential = "NAME" }, found a whole number; write it like token = { env = "DESCRIPT_API_TOKEN" }
    [2020-01-01] source `d`, key `token`: a date does not go here; write it like token = { env = "DESCRIPT_API_TOKEN" }
    [["hunter2"]] source `e`, key `token`: expected a string, { env = "NAME" }, { file = "PATH" } or { credential = "NAME" }, found a list; write it like token = { env = "DESCRIPT_API_TOKEN" }
    [""] source `f`, key `token`: a secret must not be empty; write it like token = { env = "DESCRIPT_API_TOKEN" }
    [g] source `g`: `token` is missing; add token = { env = "DESCRIPT_API_TOKEN" }
    [{ env = "A", file = "B" }] source `h`, key `token`: use only one of env, file, credential; write it like token = { env = "DESCRIPT_API_TOKEN" }
    [5] source `i`, key `token`: expected a string, found a whole number; write it like token = { env = "DESCRIPT_API_TOKEN" }
    "#);
}

#[test]
fn a_mail_needs_a_server_a_sender_and_someone_to_read_it() {
    let told = told(
        "[notifiers.a]\ntype = \"email\"\nhost = \"http://x\"\nport = 465\nusername = \"u\"\n\
         from = \"x\"\nto = []\n\
         [notifiers.b]\ntype = \"email\"\nhost = \"h\"\nfrom = \"a@b.c\"\nbcc = [5, \"a@b.c, d@e.f\"]\n\
         tls = \"none\"\nusername = \"u\"\npassword = \"hunter2\"\n\
         [notifiers.c]\ntype = \"email\"\nport = 70000\ntls = \"ssl\"\npassword = \"x\"\n",
    );

    insta::assert_snapshot!(told.replace("hunter2", "…"), @r#"
    [a] notifier `a`: `username` needs a `password`; add password = { env = "SMTP_PASSWORD" }
    [a] notifier `a`: it has no recipient; add to = ["editors@example.com"]
    ["http://x"] notifier `a`, key `host`: `http://x` is not a host; write the name alone, like smtp.example.com; the port has its own key
    [465] notifier `a`, key `port`: 465 is the port of TLS from the first byte; did you mean tls = "implicit"?
    ["x"] notifier `a`, key `from`: `x` is not a mail address; write one address, like "Name <name@example.com>"
    [5] notifier `b`, key `bcc`: expected a string, found a whole number; write it like bcc = ["archive@example.com"]
    ["a@b.c, d@e.f"] notifier `b`, key `bcc`: `a@b.c, d@e.f` is not a mail address; write one address, like "Name <name@example.com>"
    ["…"] notifier `b`, key `password`: without TLS a password may go only to this machine; use tls = "starttls"
    [c] notifier `c`: `host` is missing; add host = "smtp.example.com"
    [c] notifier `c`: `from` is missing; add from = "Descript <notify@example.com>"
    [c] notifier `c`: `password` needs a `username`; add username = "notify@example.com"
    [c] notifier `c`: it has no recipient; add to = ["editors@example.com"]
    [70000] notifier `c`, key `port`: expected a whole number from 0 to 65535, found another; write it like port = 587
    ["ssl"] notifier `c`, key `tls`: `ssl` is not one of the words that go here; use one of starttls, implicit, none
    "#);
}

#[test]
fn a_webhook_keeps_its_headers_its_url_and_its_signature_in_order() {
    let told = told(
        "[notifiers.a]\ntype = \"webhook\"\nurl = \"https://{{delivery.id}}.example.com/\"\n\
         method = \"G T\"\nheaders = { Host = \"a\", \"X Y\" = \"b\", Webhook-Id = \"c\", A = 5, B = \"ä\" }\n\
         secret = \"whsec_!\"\n\
         [notifiers.b]\ntype = \"webhook\"\nurl = \"https://h/{{job.id}}#x\"\nsecret = []\n\
         [notifiers.c]\ntype = \"webhook\"\nurl = \"http://example.com/{{delivery.id}}\"\n\
         headers = { a = \"1\", A = \"2\" }\n",
    );

    insta::assert_snapshot!(told, @r#"
    ["https://{{delivery.id}}.example.com/"] notifier `a`, key `url`: `{{delivery.id}}` may stand only in the path; -
    ["G T"] notifier `a`, key `method`: `G T` cannot be the method; use POST, PUT or PATCH
    [Host] notifier `a`, key `headers`: the header `host` is set by the connection; -
    ["X Y"] notifier `a`, key `headers`: a header's name holds letters, digits and hyphens only; -
    [Webhook-Id] notifier `a`, key `headers`: the header `webhook-id` is kept for the signature; use `secret` to sign requests
    [5] notifier `a`, key `headers`: expected a string, { env = "NAME" }, { file = "PATH" } or { credential = "NAME" }, not a number; write it like headers = { Authorization = { env = "HOOK_AUTH" } }
    ["ä"] notifier `a`, key `headers`: a header's value may hold visible ASCII only; -
    ["whsec_!"] notifier `a`, key `secret`: this is not a secret of Standard Webhooks; write whsec_ and the base64 of 24 to 64 random bytes
    ["https://h/{{job.id}}#x"] notifier `b`, key `url`: a URL takes no template but `{{delivery.id}}`; -
    ["https://h/{{job.id}}#x"] notifier `b`, key `url`: the part after `#` is never sent: take it out; -
    [[]] notifier `b`, key `secret`: the list is empty, so nothing would be signed; take `secret` out, or name a secret
    ["http://example.com/{{delivery.id}}"] notifier `c`, key `url`: plain http is allowed only to this machine; use https
    [a] notifier `c`, key `headers`: the header `a` is given twice; -
    "#);
}

#[test]
fn what_counts_as_taken_is_written_as_it_can_be_read() {
    let hook = |name: &str, lines: &str| {
        format!("[notifiers.{name}]\ntype = \"webhook\"\nurl = {{ env = \"U\" }}\n{lines}\n")
    };
    let told = told(
        &[
            hook("a", "ok = {}\nretry_after = {}"),
            hook("b", "ok = [200]\nretry_after = \"Retry-After\""),
            hook("c", "ok = { status = [20, 200, 600], jsn = 1 }"),
            hook("d", "ok = { status = [], json = { pointer = \"$.a.ok\", equals = [1] } }"),
            hook("e", "ok = { json = { pointer = \"/a~b\", eqals = true } }"),
            hook("f", "ok = { status = 200, json = true }"),
            hook("g", "retry_after = { header = \"X Y\", unit = \"sec\" }"),
            hook("h", "retry_after = { header = \"X\", json = \"parameters.wait\" }"),
            hook(
                "i",
                "[notifiers.i.ok]\nstatus = [200, \"x\"]\n[notifiers.i.ok.json]\nequals = nan",
            ),
        ]
        .concat(),
    );

    insta::assert_snapshot!(told, @r#"
    [ok] notifier `a`, table `ok`: it names neither `status` nor `json`; write ok = { status = [200, 202], json = { pointer = "/ok", equals = true } }
    [retry_after] notifier `a`, table `retry_after`: it names one place: either `header` or `json`; write retry_after = { json = "/parameters/retry_after", unit = "s" }
    [[200]] notifier `b`, key `ok`: this is a table; write ok = { status = [200, 202], json = { pointer = "/ok", equals = true } }
    ["Retry-After"] notifier `b`, key `retry_after`: this is a table; write retry_after = { json = "/parameters/retry_after", unit = "s" }
    [20] notifier `c`, table `ok`, key `status`: `20` is no status of HTTP; use 100 to 599
    [600] notifier `c`, table `ok`, key `status`: `600` is no status of HTTP; use 100 to 599
    [jsn] notifier `c`, table `ok`: unknown key `jsn`; did you mean `json`?
    [[]] notifier `d`, table `ok`, key `status`: the list is empty, so nothing would count as taken; leave it out for any 2xx
    ["$.a.ok"] notifier `d`, table `ok.json`, key `pointer`: `$.a.ok` is not a JSON pointer; did you mean `/a/ok`?
    [[1]] notifier `d`, table `ok.json`, key `equals`: expected a string, a number, true or false, found a list; write it like equals = true
    ["/a~b"] notifier `e`, table `ok.json`, key `pointer`: `/a~b` is not a JSON pointer; write ~0 for a tilde in a name, and ~1 for a slash
    [eqals] notifier `e`, table `ok.json`: unknown key `eqals`; did you mean `equals`?
    [200] notifier `f`, table `ok`, key `status`: expected a list, found a whole number; write it like status = [200, 202]
    [true] notifier `f`, table `ok`, key `json`: this is a table; write json = { pointer = "/ok", equals = true }
    ["X Y"] notifier `g`, table `retry_after`, key `header`: `X Y` cannot be the name of a header; use letters, digits and hyphens
    ["sec"] notifier `g`, table `retry_after`, key `unit`: `sec` is not one of the words that go here; use one of s, ms
    [retry_after] notifier `h`, table `retry_after`: it names one place: either `header` or `json`; write retry_after = { json = "/parameters/retry_after", unit = "s" }
    ["parameters.wait"] notifier `h`, table `retry_after`, key `json`: `parameters.wait` is not a JSON pointer; did you mean `/parameters/wait`?
    ["x"] notifier `i`, table `ok`, key `status`: expected a whole number from 0 to 65535, found a string; write it like status = [200, 202]
    [json] notifier `i`, table `ok.json`: `pointer` is missing; add pointer = "/ok"
    [nan] notifier `i`, table `ok.json`, key `equals`: JSON has no such number; write it like equals = true
    "#);
}

#[test]
fn the_urls_of_slack_and_discord_have_their_shape() {
    let told = told(
        "[notifiers.a]\ntype = \"slack\"\nwebhook_url = \"https://hooks.slack.com/triggers/x\"\n\
         live = true\ntoken = \"x\"\n\
         [notifiers.b]\ntype = \"slack\"\nwebhook_url = \"https://chat.example.com/x\"\n\
         [notifiers.c]\ntype = \"discord\"\nwebhook_url = \"https://discord.com/api/webhooks/x\"\n\
         [notifiers.d]\ntype = \"command\"\nprogram = []\n\
         [notifiers.e]\ntype = \"command\"\nprogram = [\"bin/x\"]\n",
    );

    insta::assert_snapshot!(told, @r#"
    ["https://hooks.slack.com/triggers/x"] notifier `a`, key `webhook_url`: this URL starts a workflow of Slack, which takes no message; copy it whole from Slack: https://hooks.slack.com/services/T…/B…/…
    [true] notifier `a`, key `live`: a webhook of Slack can neither edit its messages nor reply to them; use a bot: `token` and `channel` instead of `webhook_url`
    ["x"] notifier `a`, key `token`: this belongs to a bot, and `webhook_url` stands here as well; use `webhook_url`, or `token` and `channel`
    ["https://chat.example.com/x"] notifier `b`, key `webhook_url`: this is not a host of Slack; for another service use a notifier of type "webhook"
    ["https://discord.com/api/webhooks/x"] notifier `c`, key `webhook_url`: this is not the URL of a webhook; copy it whole from Discord: https://discord.com/api/webhooks/{id}/{token}
    [[]] notifier `d`, key `program`: the list is empty: name the program; -
    ["bin/x"] notifier `e`, key `program`: a relative path would depend on where the service is started; write the whole path, or a name on PATH
    "#);
}

#[test]
fn a_rule_names_what_there_is() {
    let told = told(
        "[notifiers.a]\ntype = \"console\"\n\
         [[rules]]\n\
         [[rules]]\nname = \" \"\non = []\nnotify = []\nwhen = 5\n\
         [[rules]]\nname = \"c\"\non = [\"failed\"]\nnotify = [\"a\", \"a\", \"b\"]\n\"job.x\" = 1\n\
         [[rules]]\nname = \"c\"\non = \"failed\"\nnotfiy = [\"a\"]\nwhen = 'job.x && && job.y'\n\
         ",
    );

    insta::assert_snapshot!(told, @r#"
    [[[rules]]] rule 1: `name` is missing; add name = "failures"
    [[[rules]]] rule 1: `on` is missing; add on = ["failed", "partial"]
    [[[rules]]] rule 1: `notify` is missing; add notify = ["team"]
    [" "] rule 2, key `name`: a rule's name must not be empty; -
    [[]] rule 2, key `on`: the list is empty; name events, like on = ["finished"]
    [[]] rule 2, key `notify`: the list is empty; name a notifier
    [5] rule 2, key `when`: expected a string, found a whole number; write it like when = 'job.job_type == "agent"'
    ["a"] rule `c`, key `notify`: `a` is named twice and gets one message; -
    ["b"] rule `c`, key `notify`: no notifier is called `b`; did you mean `a`?
    ["job.x"] rule `c`: unknown key `job.x`; conditions stand under [rules.match], as in "job.job_type" = "agent"
    ["c"] rule `c`, key `name`: an earlier rule has this name; what is owed is remembered by the rule's name, so each needs its own
    ["failed"] rule `c`, key `on`: expected a list, found a string; write it like on = ["failed", "partial"]
    [notfiy] rule `c`: unknown key `notfiy`; did you mean `notify`?
    [&] rule `c`, key `when`: `&&` cannot stand here; -
    "#);
}

#[test]
fn tables_of_the_wrong_form_are_told() {
    let told = told(
        "service = 1\n[[sources]]\nx = 1\n[rules]\nname = \"x\"\n[notifiers]\ntype = \"x\"\n\
         [notifier.a]\nx = 1\n[notifiers.b]\ntype = 5\ncolour = 1\n[notifiers.c]\nurl = \"x\"\n\
         [[test]]\nx = 1\n",
    );

    insta::assert_snapshot!(told, @r#"
    [service] `service` is a table: [service]; -
    [sources] `sources` is a table of tables; each has a table with a name of its own, like [sources.main]
    [rules] rules are a list: each begins with [[rules]]; write the brackets twice
    [type] `type` does not stand in [notifiers] itself; each has a table with a name of its own, like [notifiers.team]
    [notifier] `notifier` is not a part of the config; did you mean `notifiers`?
    [5] notifier `b`, key `type`: expected a string; use one of slack, discord, email, webhook, command, console
    [colour] notifier `b`: unknown key `colour`; use one of api_url, bcc, burst, cc, channel, from, headers, host, live, live_reply, method, ok, password, port, program, rate, reply_to, retry_after, retry_for, secret, timeout, tls, to, token, url, username, webhook_url
    [c] notifier `c`: `type` is missing; use one of slack, discord, email, webhook, command, console
    [[[test]]] test 1: `name` is missing; add name = "a failed import goes to the mail"
    [[[test]]] test 1: `events` is missing; add events = [{ kind = "failed" }]
    [[[test]]] test 1: `expect` is missing; add expect = [{ rule = "failures" }]
    [x] test 1: unknown key `x`; use one of events, expect, name, only
    "#);
}

#[test]
fn what_is_never_used_is_warned_about() {
    let unused = told(
        "[sources.a]\ntoken = 'x'\n[notifiers.a]\ntype = \"console\"\n[notifiers.b]\n\
         type = \"console\"\n[[rules]]\nname = \"r\"\non = [\"any\"]\nnotify = [\"a\"]\n",
    );
    let empty = told("");

    insta::assert_snapshot!(unused, @"[b] notifier `b` is used by no rule; -");
    insta::assert_snapshot!(empty, @r"
    [] no source is named, so nothing is watched; add [sources.main] with the API token of a Drive
    [] there is no rule, so nothing is ever said; add [[rules]] with a name, `on` and `notify`
    ");
}

#[test]
fn a_list_of_mistakes_comes_to_an_end() {
    let numbers = "5, ".repeat(50_000);

    let told = told(&format!("[notifiers.a]\ntype = \"email\"\nto = [{numbers}]\n"));

    assert!(told.contains("there may be more mistakes"));
}
