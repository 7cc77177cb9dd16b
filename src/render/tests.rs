use super::*;
#[test]
fn dump() {
    let (t, problems) = Templates::with_overrides(vec![]);
    let (_, problems) = (t, problems);
    assert!(problems.is_empty(), "{problems:#?}");
    let t = Templates::builtin();
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    for (path, text) in builtin::FILES {
        assert!(t.source(path).is_some(), "{path}");
        let _ = text;
    }
    for (name, document) in samples::documents() {
        for kind in NotifierKind::ALL {
            for template in ["default", "failure"] {
                let r = t.render_strict(&RenderRequest {
                    kind,
                    template,
                    document: &document,
                    now: "2026-11-20T08:03:21Z".parse().unwrap(),
                    zone: &zone,
                });
                match r {
                    Err(e) => println!("!! {name} {kind} {template}: {e} {:?}", e.help),
                    Ok(m) if std::env::args().any(|a| a == "--nocapture") => println!(
                        "== {name} {kind} {template}\n{}",
                        match m {
                            Message::Json(j) => j,
                            Message::Text(t) => t,
                            Message::Mail { subject, text, html } =>
                                format!("{subject}\n{text}\n[{} html]", html.len()),
                        }
                    ),
                    Ok(_) => {}
                }
            }
        }
    }
}
