//! A group's log as the test of random histories keeps it, and what a socket must have received of it.

use std::collections::BTreeMap;

use chinwag_core::Seq;

/// An entry of a group's log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Entry {
    Sent,
    /// With an event of its own number, or after the number at which it accepted.
    Came(usize),
    Went(usize),
    /// It was added and has not accepted, or is no more.
    Pending,
}

/// A group's log: what took each number, and after it who accepted then.
pub(crate) type Log = BTreeMap<(i64, usize), Entry>;

/// The place of what took a number, and of a user's acceptance when it was the last.
pub(crate) fn numbered(seq: Seq) -> (i64, usize) {
    (seq.0, 0)
}

pub(crate) fn accepted(head: Seq, user: usize) -> (i64, usize) {
    (head.0, 1 + user)
}

/// Whether a user's socket that was shown the group up to `head`, or not at all, was told of the
/// rest what it should.
pub(crate) fn check_group(
    log: &Log,
    user: usize,
    head: Option<i64>,
    got: &[(String, i64)],
) -> Result<(), &'static str> {
    let mut last = head.unwrap_or(0);
    // From where on the group is known to the socket, and whether it is now.
    let mut is_in = head.is_some();
    for (word, seq) in got {
        // What it is told of a group that it has yet to accept is no part of the log.
        if word == "pending" || word == "ended" {
            continue;
        }
        let repeats = *seq <= last && !(word == "quit" && *seq == last);
        if repeats {
            return Err("it does not ascend, or repeats");
        }
        match word.as_str() {
            // Its coming was lost, its going is told by the node that it is on.
            "quit" if !is_in && log.get(&(*seq, 0)) == Some(&Entry::Went(user)) => {}
            "quit" if !is_in => return Err("it quits what it is not in"),
            "quit" => {
                // Its removal's number, or the first that it was not told.
                if !log.range((*seq, 0)..).any(|(_, entry)| *entry == Entry::Went(user)) {
                    return Err("it is told to be out, and was not put out");
                }
                is_in = false;
            }
            // It is shown the whole group as it stands.
            "whole" if !is_in => {
                if membership(log, user, *seq) != Some(true) {
                    return Err("it is shown a group that it is not in");
                }
                is_in = true;
            }
            _ if !is_in => return Err("it is told of a group that it is not in"),
            _ => {
                // One who has come again may read what was said meanwhile.
                let may = membership(log, user, *seq) == Some(true)
                    || log.range((*seq, 0)..).any(|(_, entry)| *entry == Entry::Came(user));
                if !may {
                    return Err("it is told something after its removal");
                }
                // A whole group does not show the message of its number.
                let is_whole = word == "whole";
                if missed(log, user, last, if is_whole { *seq + 1 } else { *seq }, is_whole) {
                    return Err("an entry is left out");
                }
            }
        }
        last = *seq;
    }
    let now = membership(log, user, i64::MAX);
    if is_in != now.unwrap_or(false) {
        return Err("it does not know whether it is in the group");
    }
    if is_in && missed(log, user, last, i64::MAX, false) {
        return Err("the last entries are missing");
    }
    Ok(())
}

/// Whether an entry that the user was there for lies between two numbers. A whole group stands for the changes before
/// it, and not for messages.
fn missed(log: &Log, user: usize, after: i64, before: i64, is_whole: bool) -> bool {
    let between = log.range((after + 1, 0)..(before, 0));
    let mut told = between.filter(|((_, order), entry)| *order == 0 && (!is_whole || **entry == Entry::Sent));
    told.any(|((seq, _), _)| membership(log, user, *seq) == Some(true))
}

fn membership(log: &Log, user: usize, upto: i64) -> Option<bool> {
    let mut mine = log.range(..=(upto, usize::MAX)).filter_map(|(_, entry)| match entry {
        Entry::Came(who) if *who == user => Some(true),
        Entry::Went(who) if *who == user => Some(false),
        _ => None,
    });
    mine.next_back()
}
