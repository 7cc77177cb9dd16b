//! The built-in templates, compiled in. A file of the same path takes the place of one.

macro_rules! template {
    ($path:literal) => {
        ($path, include_str!(concat!("../../templates/", $path)))
    };
}

/// Path and text of each.
pub const FILES: &[(&str, &str)] = &[
    template!("slack/default.json.hbs"),
    template!("slack/failure.json.hbs"),
    template!("slack/_details.json.hbs"),
    template!("slack/_small_print.json.hbs"),
    template!("discord/default.json.hbs"),
    template!("discord/failure.json.hbs"),
    template!("discord/_details.json.hbs"),
    template!("email/default.subject.hbs"),
    template!("email/default.text.hbs"),
    template!("email/default.html.hbs"),
    template!("email/failure.subject.hbs"),
    template!("email/failure.text.hbs"),
    template!("email/failure.html.hbs"),
    template!("email/_details.text.hbs"),
    template!("email/_small_print.text.hbs"),
    template!("email/_page.html.hbs"),
    template!("console/default.text.hbs"),
    template!("console/failure.text.hbs"),
    template!("slack/_digest.json.hbs"),
    template!("slack/_outage.json.hbs"),
    template!("discord/_digest.json.hbs"),
    template!("discord/_outage.json.hbs"),
    template!("email/_digest.text.hbs"),
    template!("email/_outage.text.hbs"),
    template!("email/_outage.html.hbs"),
    template!("console/_digest.text.hbs"),
    template!("console/_outage.text.hbs"),
    template!("slack/_facts.json.hbs"),
    template!("discord/_facts.json.hbs"),
    template!("email/_facts.text.hbs"),
    template!("email/_facts.html.hbs"),
    template!("console/_facts.text.hbs"),
];
