//! The message that goes out when even the built-in template cannot be rendered.
//!
//! Made without templates from what nearly every document has, so that nothing is lost.

use serde_json::{Value, json};

use super::escape::{Syntax, cut, https_link, subject_line};
use super::vocabulary::{headline, project};
use crate::model::{Message, NotifierKind};

/// Enough for a project's name.
const NAME_MAX_CHARS: usize = 200;

/// A plain message: what happened, to which project, the link, and the notice.
pub fn last_resort(kind: NotifierKind, document: &Value, notice: &str) -> Message {
    let headline = headline(document);
    let project = cut(&project(document), NAME_MAX_CHARS);
    let link = document.pointer("/job/project_url").and_then(Value::as_str).map(https_link);
    let link = link.unwrap_or_default();
    let lines = |escaped: &dyn Fn(&str) -> String| {
        let text = [escaped(&format!("{project}: {headline}")), link.clone(), escaped(notice)];
        text.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    };
    match kind {
        NotifierKind::Slack => {
            Message::Json(json!({"text": lines(&words_in_json(Syntax::SlackJson))}).to_string())
        }
        NotifierKind::Discord => Message::Json(
            json!({"content": lines(&words_in_json(Syntax::DiscordJson))}).to_string(),
        ),
        NotifierKind::Webhook | NotifierKind::Command => {
            Message::Json(json!({"text": lines(&str::to_owned), "notice": notice}).to_string())
        }
        NotifierKind::Email => Message::Mail {
            subject: subject_line(&format!("{project}: {headline}")),
            text: lines(&|text| Syntax::Text.escape(text)),
            html: format!(
                "<p>{}</p>",
                lines(&|text| Syntax::Html.escape(text)).replace('\n', "<br>")
            ),
        },
        NotifierKind::Console => Message::Text(lines(&|text| Syntax::Text.escape(text))),
    }
}

/// The escape for mark-up alone: the JSON is written by serde.
fn words_in_json(syntax: Syntax) -> impl Fn(&str) -> String {
    move |text| match syntax.json(&Value::String(text.to_owned())) {
        json if json.len() >= 2 => serde_json::from_str(&json).unwrap_or_default(),
        _ => String::new(),
    }
}
