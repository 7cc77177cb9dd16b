//! `schema`: the config's JSON Schema, for editors.

use super::Stop;
use super::screen::Screen;
use crate::config;
use crate::exit::Exit;

pub(super) fn schema(screen: &Screen) -> Result<Exit, Stop> {
    screen.say_json(&config::schema());
    Ok(Exit::Done)
}
