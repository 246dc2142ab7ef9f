//! Questions to the operator who runs a command: on the terminal, or read from standard input.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use anyhow::{Context, Result, anyhow, bail};
use chinwag_core::password::Password;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

/// More than the longest password takes.
const LONGEST_LINE: u64 = 4096;

/// A new password: typed twice without echo on a terminal, else the first line of standard input.
pub(crate) fn new_password() -> Result<Password> {
    let terminal = io::stdin().is_terminal();
    let text = if terminal { silently("Password: ")? } else { line()? };
    let password = Password::choose(&text).map_err(|why| anyhow!("the password {why}"))?;
    if terminal && silently("Again: ")? != text {
        bail!("the two passwords differ: nothing was changed");
    }
    Ok(password)
}

/// Whether it is to be done. Without a terminal there is nobody to ask, and whoever wrote the
/// command meant it.
pub(crate) fn sure(question: &str) -> Result<bool> {
    if !io::stdin().is_terminal() {
        return Ok(true);
    }
    ask(question)?;
    Ok(["y", "yes"].contains(&line()?.trim().to_lowercase().as_str()))
}

fn ask(question: &str) -> Result<()> {
    let mut out = io::stderr().lock();
    write!(out, "{question}").and_then(|()| out.flush()).context("the terminal cannot be written to")
}

/// Reads a line that the terminal does not show.
fn silently(question: &str) -> Result<String> {
    ask(question)?;
    let terminal = io::stdin();
    let shown = tcgetattr(&terminal).context("the terminal does not answer")?;
    let mut silent = shown.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    silent.local_modes.insert(LocalModes::ECHONL);
    tcsetattr(&terminal, OptionalActions::Flush, &silent).context("the terminal cannot be silenced")?;
    let line = line();
    tcsetattr(&terminal, OptionalActions::Flush, &shown).context("the terminal cannot be restored")?;
    line
}

fn line() -> Result<String> {
    let mut line = String::new();
    let read = io::stdin().lock().take(LONGEST_LINE).read_line(&mut line);
    if read.context("the input is not text")? == 0 {
        bail!("nothing was given on standard input");
    }
    Ok(line.trim_end_matches('\n').trim_end_matches('\r').to_owned())
}
