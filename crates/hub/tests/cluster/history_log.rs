//! The log of a group in the test of random histories, and the check of what a socket received of it.

use std::collections::BTreeMap;

use chinwag_core::Seq;

/// An entry of a group's log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Entry {
    Sent,
    /// A join, with an event of its own number, or after the number at which the user accepted.
    Came(usize),
    Went(usize),
    /// The user was added and has not accepted, or has declined.
    Pending,
}

/// A group's log: the entry of each number, followed by the users who accepted at that number.
pub(crate) type Log = BTreeMap<(i64, usize), Entry>;

/// The key of a numbered entry; acceptances at this number sort after it.
pub(crate) fn numbered(seq: Seq) -> (i64, usize) {
    (seq.0, 0)
}

pub(crate) fn accepted(head: Seq, user: usize) -> (i64, usize) {
    (head.0, 1 + user)
}

/// Whether a socket received what it should after its snapshot, which had the group up to `head`, or not at
/// all.
pub(crate) fn check_group(
    log: &Log,
    user: usize,
    head: Option<i64>,
    got: &[(String, i64)],
) -> Result<(), &'static str> {
    let mut last = head.unwrap_or(0);
    // Whether the group is known to the socket.
    let mut is_in = head.is_some();
    for (word, seq) in got {
        // Events of a pending membership are not part of the log.
        if word == "pending" || word == "ended" {
            continue;
        }
        let repeats = *seq <= last && !(word == "quit" && *seq == last);
        if repeats {
            return Err("it does not ascend, or repeats");
        }
        match word.as_str() {
            // The join was lost, and the user's own node delivers the removal.
            "quit" if !is_in && log.get(&(*seq, 0)) == Some(&Entry::Went(user)) => {}
            "quit" if !is_in => return Err("it quits what it is not in"),
            "quit" => {
                // The number of the removal, or the first number that was not delivered.
                if !log.range((*seq, 0)..).any(|(_, entry)| *entry == Entry::Went(user)) {
                    return Err("it is told to be out, and was not put out");
                }
                is_in = false;
            }
            // The complete group in its current state.
            "whole" if !is_in => {
                if membership(log, user, *seq) != Some(true) {
                    return Err("it is shown a group that it is not in");
                }
                is_in = true;
            }
            _ if !is_in => return Err("it is told of a group that it is not in"),
            _ => {
                // A user who rejoins later may read earlier messages.
                let may = membership(log, user, *seq) == Some(true)
                    || log.range((*seq, 0)..).any(|(_, entry)| *entry == Entry::Came(user));
                if !may {
                    return Err("it is told something after its removal");
                }
                // A complete group does not include the message of its own number.
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

/// Whether an entry during the user's membership lies between two numbers. A complete group replaces the
/// changes before it, but not messages.
fn missed(log: &Log, user: usize, after: i64, before: i64, is_whole: bool) -> bool {
    let between = log.range((after + 1, 0)..(before, 0));
    let mut due = between.filter(|((_, order), entry)| *order == 0 && (!is_whole || **entry == Entry::Sent));
    due.any(|((seq, _), _)| membership(log, user, *seq) == Some(true))
}

fn membership(log: &Log, user: usize, upto: i64) -> Option<bool> {
    let mut mine = log.range(..=(upto, usize::MAX)).filter_map(|(_, entry)| match entry {
        Entry::Came(who) if *who == user => Some(true),
        Entry::Went(who) if *who == user => Some(false),
        _ => None,
    });
    mine.next_back()
}
