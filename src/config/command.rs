//! `type = "command"`: a program that gets the event as JSON on its standard input.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::notes::Notes;
use super::table::{Keys, Table};
use crate::deliver::command::settings::CommandSettings;

/// Runs a program, the event as JSON on its standard input.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct CommandWritten {
    /// The program (a whole path, or a name on PATH) and its arguments.
    #[schemars(with = "Vec<String>", length(min = 1), extend("examples" = [["/usr/local/bin/on-job", "--flag"]]))]
    program: Option<Spanned<Vec<Spanned<String>>>>,
}

pub(super) fn read(
    mut table: Table<'_>,
    keys: &Keys,
    notes: &mut Notes<'_>,
) -> Option<CommandSettings> {
    const KEY: &str = "program";
    let written: CommandWritten = table.read(keys, notes);
    let program = written.program?;
    let whole = program.span();
    for part in program.get_ref() {
        if part.get_ref().contains('\0') {
            notes.error(KEY, part.span(), "an argument cannot hold a zero byte");
        }
    }
    match program.get_ref().first() {
        None => notes.error(KEY, whole, "the list is empty: name the program"),
        Some(first) if first.get_ref().is_empty() => {
            notes.error(KEY, first.span(), "the program's name is empty");
        }
        Some(first) if first.get_ref().contains('/') && !first.get_ref().starts_with('/') => {
            let message = "a relative path would depend on where the service is started";
            let help = "write the whole path, or a name on PATH";
            notes.error_with_help(KEY, first.span(), message, help);
        }
        Some(_) => {}
    }
    let program = program.into_inner().into_iter().map(Spanned::into_inner).collect();
    Some(CommandSettings { program })
}
