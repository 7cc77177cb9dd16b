//! What the templates make of silences, usage and previews, whole.

use jiff::SignedDuration;
use serde_json::json;

use super::silence::{Typed, form, in_force};
use super::usage::usage;
use super::*;
use crate::model::Silence;
use crate::store::{Used, UsedByProject};
use crate::web::usage::{Sum, Told};

fn rendered(template: &str, view: &Value) -> String {
    let html = Pages::new().unwrap().registry.render(template, view).unwrap();
    html.lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("\n")
}

fn now() -> jiff::Timestamp {
    "2026-01-10T12:00:00Z".parse().unwrap()
}

fn silenced(decides: bool) -> Value {
    let silence = Silence {
        id: "0badcafe".into(),
        matchers: vec!["job.project_name=<b>*".into(), "event.kind!=failed".into()],
        comment: "moving \"house\"".into(),
        author: "<ada>".into(),
        created_at: now() - SignedDuration::from_hours(1),
        expires_at: now() + SignedDuration::from_mins(90),
        summarise: true,
        silenced: 3,
    };
    let over = Silence { expires_at: now(), ..silence.clone() };
    let (silences, more) = in_force(&[silence, over], "/n", now());
    json!({
        "silences": silences,
        "more_silences": more,
        "form": form(&Typed::default(), None, "/n"),
        "page": { "decides": decides, "mark": "m" },
    })
}

#[test]
fn silences_in_force_are_rows_with_a_button_for_who_decides() {
    let all = rendered("silences", &silenced(true));
    let list = all.split("<details").next().unwrap();

    insta::assert_snapshot!(list, @r##"
    <section id="silences" data-live aria-labelledby="silences-title">
    <h2 id="silences-title">Silences</h2>
    <form id="end" method="post"><input type="hidden" name="mark" value="m"></form>
    <table class="rows">
    <caption class="hidden">Silences in force</caption>
    <thead><tr><th scope="col">What</th><th scope="col">Why</th><th scope="col">Since</th><th scope="col">Until</th><th scope="col">Silenced</th><th scope="col">Decide</th></tr></thead>
    <tbody>
    <tr>
    <td data-label="What"><ul class="lines"><li><code>job.project_name&#x3D;&lt;b&gt;*</code></li><li><code>event.kind!&#x3D;failed</code></li></ul></td>
    <td data-label="Why">moving &quot;house&quot; <span class="faint">&lt;ada&gt;</span></td>
    <td data-label="Since"><time datetime="2026-01-10T11:00:00Z">2026-01-10 11:00:00 UTC</time></td>
    <td data-label="Until"><time datetime="2026-01-10T13:30:00Z">2026-01-10 13:30:00 UTC</time> <span class="faint">in 1 h 30 min, then tells what was silenced</span></td>
    <td data-label="Silenced" class="number">3</td>
    <td data-label="Decide"><button id="end-0badcafe" form="end" formaction="/n/silences/0badcafe/expire" class="quiet" aria-label="End now: moving &quot;house&quot;">End now</button></td>
    </tr>
    </tbody>
    </table>
    </section>
    "##);
    assert!(!rendered("silences", &silenced(false)).contains("<form"));
}

#[test]
fn the_form_keeps_what_was_typed_and_says_what_is_wrong() {
    let typed = Typed {
        choice: "other".into(),
        other: "soon".into(),
        matchers: "\n</textarea><b>".into(),
        comment: "\"><i>".into(),
        ..Typed::default()
    };
    let wrong = Some("for: write a number and a unit, like `10m` or `7d`");
    let view = json!({ "form": form(&typed, wrong, ""), "page": { "mark": "m" } });

    insta::assert_snapshot!(rendered("silence-form", &view), @r##"
    <form class="ask" method="post" action="/silences">
    <input id="silence-mark" data-live type="hidden" name="mark" value="m">
    <p id="silence-problem" role="alert" class="why">write a number and a unit, like &#x60;10m&#x60; or &#x60;7d&#x60;</p>
    <div class="pair">
    <p><label for="silence-for">For how long</label>
    <select id="silence-for" name="for"><option value="1h">1 hour</option><option value="4h">4 hours</option><option value="1d">1 day</option><option value="other" selected>as written beside it</option></select></p>
    <p><label for="silence-other">Another length <span class="faint">like 90m or 2d12h</span></label>
    <input id="silence-other" name="other" value="soon" autocomplete="off" aria-invalid="true" aria-describedby="silence-problem" autofocus></p>
    </div>
    <p><label for="silence-match">What it is about <span class="faint">one line each, all of which must fit; none: everything is silenced</span></label>
    <textarea id="silence-match" name="match" rows="3" spellcheck="false" autocomplete="off" aria-describedby="silence-hint">
    &lt;/textarea&gt;&lt;b&gt;</textarea>
    <span id="silence-hint" class="faint">path=pattern or path!=pattern, where * stands for any text: <code>job.project_name=Client A*</code>, <code>event.kind!=failed</code>, <code>rule.name=stuck</code></span></p>
    <div class="pair">
    <p><label for="silence-comment">Why</label>
    <input id="silence-comment" name="comment" value="&quot;&gt;&lt;i&gt;" required maxlength="500" autocomplete="off"></p>
    <p><label for="silence-author">Who asks <span class="faint">if you like</span></label>
    <input id="silence-author" name="author" value="" maxlength="500" autocomplete="name"></p>
    </div>
    <p class="check"><input id="silence-summarise" type="checkbox" name="summarise" value="yes"> <label for="silence-summarise">Tell at the end what was silenced, in one message for each rule</label></p>
    <p><button id="silence-add">Silence</button></p>
    </form>
    "##);
}

#[test]
fn what_was_used_is_pictures_with_words_and_tables() {
    let used =
        |jobs, media_seconds, ai_credits| Used { jobs, failed: 0, media_seconds, ai_credits };
    let told = Told {
        days: vec![
            ("2026-01-09".into(), used(0, 0.0, 0.0)),
            ("2026-01-10".into(), used(2, 90.0, 7.0)),
        ],
        projects: vec![UsedByProject {
            source: "main".into(),
            project_id: Some("p-1".into()),
            project_name: Some("<b>Spring".into()),
            used: used(2, 90.0, 7.0),
        }],
        more_projects: 4,
        types: vec![("agent".into(), used(2, 90.0, 7.0))],
        ..Told::default()
    };
    let sum = Sum { at: now(), told };

    let html = rendered("usage", &json!({ "usage": usage(Some(&sum), Some("Europe/Berlin")) }));

    insta::assert_snapshot!(html, @r##"
    <section id="usage" data-live aria-labelledby="usage-title">
    <h2 id="usage-title">Usage <span class="faint">the last 30 days</span></h2>
    <div class="charts halves">
    <figure>
    <svg viewBox="0 0 720.0 120.0" role="img" aria-labelledby="minutes-words" preserveAspectRatio="none" class="chart">
    <line class="axis" x1="0" x2="720.0" y1="120.0" y2="120.0"></line>
    <g><title>2026-01-10: 1.5 media minutes</title><rect class="fill-run" x="362.0" y="0.0" width="356.0" height="120.0"></rect></g>
    </svg>
    <p class="scale faint"><span>30 days ago</span><span>media minutes by day</span><span>today</span></p>
    <figcaption id="minutes-words">1.5 media minutes in 2 days, most on 2026-01-10: 1.5.</figcaption>
    </figure>
    <figure>
    <svg viewBox="0 0 720.0 120.0" role="img" aria-labelledby="credits-words" preserveAspectRatio="none" class="chart">
    <line class="axis" x1="0" x2="720.0" y1="120.0" y2="120.0"></line>
    <g><title>2026-01-10: 7 AI credits</title><rect class="fill-warn" x="362.0" y="0.0" width="356.0" height="120.0"></rect></g>
    </svg>
    <p class="scale faint"><span>30 days ago</span><span>AI credits by day</span><span>today</span></p>
    <figcaption id="credits-words">7 AI credits in 2 days, most on 2026-01-10: 7.</figcaption>
    </figure>
    </div>
    <div class="charts halves">
    <div><div class="scroll"><table class="rows used">
    <caption>By project, the most media first</caption>
    <thead><tr><th scope="col">Project</th><th scope="col" class="number">Jobs</th><th scope="col" class="number">Failed</th><th scope="col" class="number">Minutes</th><th scope="col" class="number">Credits</th></tr></thead>
    <tbody>
    <tr><th scope="row">&lt;b&gt;Spring <span class="faint">main</span></th><td class="number">2</td><td class="number">0</td><td class="number">1.5</td><td class="number">7</td></tr>
    </tbody>
    </table></div>
    <p class="faint">And 4 more; `descript-notify usage` lists them all.</p></div>
    <div><div class="scroll"><table class="rows used">
    <caption>By type of job</caption>
    <thead><tr><th scope="col">Type</th><th scope="col" class="number">Jobs</th><th scope="col" class="number">Failed</th><th scope="col" class="number">Minutes</th><th scope="col" class="number">Credits</th></tr></thead>
    <tbody>
    <tr><th scope="row">AI edit</th><td class="number">2</td><td class="number">0</td><td class="number">1.5</td><td class="number">7</td></tr>
    </tbody>
    </table></div>
    </div>
    </div>
    <details id="usage-days"><summary>Day by day</summary>
    <div class="scroll"><table class="rows used">
    <caption>By day, on which a job ended</caption>
    <thead><tr><th scope="col">Day</th><th scope="col" class="number">Jobs</th><th scope="col" class="number">Failed</th><th scope="col" class="number">Minutes</th><th scope="col" class="number">Credits</th></tr></thead>
    <tbody>
    <tr><th scope="row">2026-01-10</th><td class="number">2</td><td class="number">0</td><td class="number">1.5</td><td class="number">7</td></tr>
    </tbody>
    </table></div>
    </details>
    <p class="faint">Each job once, on the day it ended; days are those of Europe/Berlin. Added up <time datetime="2026-01-10T12:00:00Z">2026-01-10 12:00:00 UTC</time>.</p>
    </section>
    "##);
    let none = rendered("usage", &json!({ "usage": usage(None, None) }));
    assert!(none.contains("It is being added up"), "{none}");
}

#[test]
fn a_preview_is_closed_text_with_its_subject() {
    let preview = json!({ "title": "How it looked", "subject": "<b>", "text": "<i>\nline",
        "missing": "", "fell_back": false, "sent": true });
    let view = json!({ "id": "ab", "event": "failed", "notifier": "mail",
        "recipient": "b@example.com", "preview": preview });

    insta::assert_snapshot!(rendered("preview", &view), @r##"
    <details id="preview-ab"><summary>How it looked: failed to mail (b@example.com)</summary>
    <p><span class="faint">Subject</span> &lt;b&gt;</p>
    <pre class="told" tabindex="0" aria-label="How it looked: failed to mail">&lt;i&gt;
    line</pre>
    <p class="faint">With the templates as they are now.</p>
    </details>
    "##);
}

#[test]
fn every_template_is_right_and_none_has_a_way_round_the_escape() {
    assert!(Pages::new().is_ok());
    for (name, template) in TEMPLATES {
        for way in ["{{{", "{{&", "{{{{", "style=", "onclick", "javascript:", "//"] {
            assert!(!template.contains(way), "{name}: {way}");
        }
    }
}

#[test]
fn the_script_never_writes_markup() {
    for way in ["innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval("] {
        assert!(!SCRIPT.contains(way), "{way}");
    }
    assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
}
