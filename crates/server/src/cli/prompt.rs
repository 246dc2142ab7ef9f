//! Questions to the operator, answered on the terminal or from standard input.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use anyhow::{Context, Result, anyhow, bail};
use chinwag_core::password::Password;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};

/// The longest line that is read, in bytes: longer than any password.
const LONGEST_LINE: u64 = 4096;
/// The byte that a terminal sends for Ctrl-C.
const INTERRUPT: u8 = 3;

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

/// Asks for a confirmation. Without a terminal nobody can answer, so that is an error.
pub(crate) fn confirm(question: &str) -> Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("cannot ask for confirmation without a terminal: add --yes if you are sure");
    }
    ask(question)?;
    Ok(["y", "yes"].contains(&line()?.trim().to_lowercase().as_str()))
}

fn ask(question: &str) -> Result<()> {
    let mut out = io::stderr().lock();
    write!(out, "{question}").and_then(|()| out.flush()).context("the terminal cannot be written to")
}

/// Reads a line with the terminal's echo off.
fn silently(question: &str) -> Result<String> {
    ask(question)?;
    let terminal = io::stdin();
    let shown = tcgetattr(&terminal).context("the terminal does not answer")?;
    let mut silent = shown.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    // Read Ctrl-C as a character: the signal would end the process with the echo still off.
    silent.local_modes.remove(LocalModes::ISIG);
    silent.local_modes.insert(LocalModes::ECHONL);
    silent.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
    tcsetattr(&terminal, OptionalActions::Flush, &silent)
        .context("the echo of the terminal cannot be turned off")?;
    let line = typed_line();
    tcsetattr(&terminal, OptionalActions::Flush, &shown).context("the terminal cannot be restored")?;
    line?.context("interrupted: nothing was changed")
}

/// Reads a line from the terminal, or `None` if Ctrl-C ended it.
fn typed_line() -> Result<Option<String>> {
    let mut line = Vec::new();
    while line.len() < usize::try_from(LONGEST_LINE)? {
        let mut input = io::stdin().lock();
        let part = input.fill_buf().context("the terminal cannot be read")?;
        if part.is_empty() {
            bail!("nothing was given on standard input");
        }
        let end = part.iter().position(|byte| [b'\n', INTERRUPT].contains(byte));
        let taken = end.map_or(part.len(), |end| end + 1);
        line.extend_from_slice(&part[..taken]);
        input.consume(taken);
        if end.is_some() {
            break;
        }
    }
    if line.pop() == Some(INTERRUPT) {
        return Ok(None);
    }
    Ok(Some(String::from_utf8(line).context("the input is not text")?))
}

fn line() -> Result<String> {
    let mut line = String::new();
    let read = io::stdin().lock().take(LONGEST_LINE).read_line(&mut line);
    if read.context("the input is not text")? == 0 {
        bail!("nothing was given on standard input");
    }
    Ok(line.trim_end_matches('\n').trim_end_matches('\r').to_owned())
}
