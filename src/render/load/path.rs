//! Which template a file is, by its path: `slack/failure.json.hbs`.

use std::fmt;

use crate::model::NotifierKind;
use crate::problem::{Problem, suggestion};
use crate::render::escape::Syntax;

/// A part of a type's messages: the templates of one slot have one syntax and share partials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    pub kind: NotifierKind,
    pub part: &'static str,
    pub syntax: Syntax,
}

/// Every slot.
pub const SLOTS: [Slot; 7] = [
    Slot { kind: NotifierKind::Slack, part: "json", syntax: Syntax::SlackJson },
    Slot { kind: NotifierKind::Discord, part: "json", syntax: Syntax::DiscordJson },
    Slot { kind: NotifierKind::Email, part: "subject", syntax: Syntax::Subject },
    Slot { kind: NotifierKind::Email, part: "text", syntax: Syntax::Text },
    Slot { kind: NotifierKind::Email, part: "html", syntax: Syntax::Html },
    Slot { kind: NotifierKind::Webhook, part: "json", syntax: Syntax::Json },
    Slot { kind: NotifierKind::Console, part: "text", syntax: Syntax::Text },
];

/// Where a file belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub slot: usize,
    pub name: String,
    /// Its name in the file begins with `_`: it is used by others with `{{> name}}`.
    pub partial: bool,
}

impl Place {
    /// Its path below the folder of templates.
    pub fn path(&self) -> String {
        let slot = SLOTS[self.slot];
        let mark = if self.partial { "_" } else { "" };
        format!("{}/{mark}{}.{}.hbs", slot.kind, self.name, slot.part)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

/// Reads a path below the folder of templates.
///
/// # Errors
/// A [`Problem`] that names the piece of the path that is wrong; a warning where the file is
/// no template at all.
pub fn place_of(path: &str) -> Result<Place, Problem> {
    let Some(stem) = path.strip_suffix(".hbs") else {
        return Err(Problem::warning(format!(
            "`{path}` is not used: its name does not end in .hbs"
        ))
        .help("a template is called <type>/<name>.<part>.hbs, like slack/failure.json.hbs"));
    };
    let Some((folder, file)) = stem.split_once('/') else {
        return Err(Problem::error(format!("`{path}` stands in no folder"))
            .help("templates stand in a folder named after their notifier type, like slack/failure.json.hbs"));
    };
    let parts = parts_of(folder)?;
    if file.contains('/') {
        return Err(Problem::error(format!("`{path}` stands too deep"))
            .help(format!("move it to {folder}/")));
    }
    let (name, part) = file.rsplit_once('.').unwrap_or((file, ""));
    let (partial, name) = match name.strip_prefix('_') {
        Some(name) => (true, name),
        None => (false, name),
    };
    let known: Vec<&str> = parts.iter().map(|(_, part)| *part).collect();
    let Some((slot, _)) = parts.iter().find(|(_, known)| *known == part) else {
        let what = match part {
            "" => "names no part".into(),
            part => format!("names the part `{part}`, which {folder} does not have"),
        };
        let help = match known.as_slice() {
            [only] => format!("call it {folder}/{file}.{only}.hbs")
                .replace(&format!(".{part}.{only}"), &format!(".{only}")),
            several => suggestion(part, several),
        };
        return Err(Problem::error(format!("`{path}` {what}")).help(help));
    };
    let allowed = |char: char| matches!(char, 'a'..='z' | '0'..='9' | '-' | '_');
    if name.is_empty() || !name.chars().all(allowed) {
        return Err(Problem::error(format!("`{name}` cannot be the name of a template"))
            .help("use lower case letters, digits, - and _"));
    }
    Ok(Place { slot: *slot, name: name.to_owned(), partial })
}

/// The slots of the type that the folder is named after.
fn parts_of(folder: &str) -> Result<Vec<(usize, &'static str)>, Problem> {
    let parts: Vec<_> = SLOTS
        .iter()
        .enumerate()
        .filter(|(_, slot)| slot.kind.as_str() == folder)
        .map(|(index, slot)| (index, slot.part))
        .collect();
    if !parts.is_empty() {
        return Ok(parts);
    }
    if folder == NotifierKind::Command.as_str() {
        return Err(Problem::error("a command takes no template")
            .help("it gets the event document on its standard input"));
    }
    let known = ["slack", "discord", "email", "webhook", "console"];
    Err(Problem::error(format!("no notifier type is called `{folder}`"))
        .help(suggestion(folder, &known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_type_name_and_part() {
        let place = place_of("email/_foot-er2.html.hbs").unwrap();

        assert_eq!((place.slot, place.name.as_str(), place.partial), (4, "foot-er2", true));
        assert_eq!(place.path(), "email/_foot-er2.html.hbs");
    }

    #[test]
    fn a_wrong_path_is_told_with_the_remedy() {
        let told = |path: &str| {
            let problem = place_of(path).unwrap_err();
            format!("{problem} ({})", problem.help.as_deref().unwrap_or_default())
        };

        insta::assert_snapshot!(told("failure.json.hbs"), @"`failure.json.hbs` stands in no folder (templates stand in a folder named after their notifier type, like slack/failure.json.hbs)");
        insta::assert_snapshot!(told("slak/failure.json.hbs"), @"no notifier type is called `slak` (did you mean `slack`?)");
        insta::assert_snapshot!(told("teams/failure.json.hbs"), @"no notifier type is called `teams` (use one of slack, discord, email, webhook, console)");
        insta::assert_snapshot!(told("command/failure.json.hbs"), @"a command takes no template (it gets the event document on its standard input)");
        insta::assert_snapshot!(told("slack/failure.text.hbs"), @"`slack/failure.text.hbs` names the part `text`, which slack does not have (call it slack/failure.json.hbs)");
        insta::assert_snapshot!(told("slack/failure.hbs"), @"`slack/failure.hbs` names no part (call it slack/failure.json.hbs)");
        insta::assert_snapshot!(told("email/failure.txt.hbs"), @"`email/failure.txt.hbs` names the part `txt`, which email does not have (did you mean `text`?)");
        insta::assert_snapshot!(told("email/old/failure.text.hbs"), @"`email/old/failure.text.hbs` stands too deep (move it to email/)");
        insta::assert_snapshot!(told("slack/../Fail.json.hbs"), @"`slack/../Fail.json.hbs` stands too deep (move it to slack/)");
        insta::assert_snapshot!(told("slack/Fail ure.json.hbs"), @"`Fail ure` cannot be the name of a template (use lower case letters, digits, - and _)");
        insta::assert_snapshot!(told("slack/README.md"), @"`slack/README.md` is not used: its name does not end in .hbs (a template is called <type>/<name>.<part>.hbs, like slack/failure.json.hbs)");
    }
}
