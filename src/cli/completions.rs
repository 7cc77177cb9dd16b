//! `completions` and `man`: made from the command line's own description.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::screen::Screen;
use super::{Cli, Stop};
use crate::exit::Exit;

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell to write completions for
    shell: Shell,
}

pub(super) fn completions(args: &CompletionsArgs, screen: &Screen) -> Result<Exit, Stop> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "descript-notify", &mut script);
    screen.say(&String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}

/// One page for the program and all of its commands.
pub(super) fn man(screen: &Screen) -> Result<Exit, Stop> {
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page).map_err(Stop::failed)?;
    for child in command.get_subcommands().filter(|child| child.get_name() != "help") {
        let man = clap_mangen::Man::new(child.clone());
        page.extend_from_slice(format!(".SH {}\n", child.get_name().to_uppercase()).as_bytes());
        man.render_synopsis_section(&mut page).map_err(Stop::failed)?;
        man.render_description_section(&mut page).map_err(Stop::failed)?;
        man.render_options_section(&mut page).map_err(Stop::failed)?;
    }
    screen.say(&String::from_utf8_lossy(&page));
    Ok(Exit::Done)
}
