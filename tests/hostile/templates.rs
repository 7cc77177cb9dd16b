//! Names that are paths, and data that looks like a template.

use std::path::Path;

use descript_notify::config::{self, Defaults};
use descript_notify::model::{Message, NotifierKind};
use descript_notify::problem::Severity;
use descript_notify::render::{TemplateFile, Templates, has_errors};

use super::families::{MARK, texts};
use super::{Reach, full, poison, rendered};

const PATHS: [&str; 12] = [
    "../secrets",
    "..",
    ".",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "a.b",
    "..%2fx",
    "~root",
    "x\u{0}",
    "UPPER",
    " x",
];

#[test]
fn no_rule_names_a_template_by_a_path() {
    for name in PATHS {
        let text = format!(
            "[sources.a]\ntoken = {{ env = 'T' }}\n[notifiers.n]\ntype = 'console'\n\
             [[rules]]\nname = 'r'\non = ['any']\nnotify = ['n']\ntemplate = {}\n",
            toml::Value::from(name)
        );

        let parsed =
            config::parse(&text, Path::new("/"), &Defaults { state_folder: Some("/state".into()) });

        let errors = parsed.problems.iter().filter(|it| it.severity == Severity::Error);
        let told: Vec<String> = errors.map(ToString::to_string).collect();
        assert!(told.iter().any(|told| told.contains("key `template`")), "{name:?}: {told:?}");
    }
}

#[test]
fn no_file_stands_outside_of_its_place() {
    for path in PATHS.map(|name| format!("slack/{name}.json.hbs")) {
        let file = TemplateFile { path: path.clone(), text: "{}".into() };

        let (templates, problems) = Templates::with_overrides(vec![file]);

        assert!(has_errors(&problems), "{path}");
        assert_eq!(templates.names(), Templates::builtin().names(), "{path}");
    }
}

#[test]
fn a_template_that_is_not_there_is_the_default_one() {
    let document = full("failed");

    for name in PATHS {
        assert!(!Templates::builtin().has(NotifierKind::Slack, name), "{name}");
        let message = rendered(NotifierKind::Slack, name, &document);
        assert_eq!(message, rendered(NotifierKind::Slack, "default", &document), "{name}");
    }
}

#[test]
fn data_is_never_rendered_a_second_time() {
    for (_, text) in texts().filter(|(family, _)| *family == "tpl") {
        let mut document = full("failed");
        poison(&mut document, &text, Reach::Words);

        let Message::Text(printed) = rendered(NotifierKind::Console, "default", &document) else {
            panic!("no text")
        };

        let braces = |text: &str| text.matches("{{").count() + text.matches("}}").count();
        assert!(printed.contains(MARK) && braces(&printed) >= braces(&text), "{printed}");
    }
}
