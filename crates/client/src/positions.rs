//! A client's positions in its groups' logs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::api::Group;
use crate::event::{Frame, ServerEvent};

/// The last received number of each group, and the history to which the numbers belong. Store it to resume
/// after a restart of the program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Positions {
    /// The history, once a server has reported one.
    pub history: Option<Uuid>,
    /// The numbers by group.
    pub groups: BTreeMap<Uuid, i64>,
}

impl Positions {
    /// Resets the positions to the heads of a summary.
    pub(crate) fn begin(&mut self, history: Option<Uuid>, groups: &[Group]) {
        self.history = history;
        self.groups = groups.iter().filter(|group| !group.is_pending()).filter_map(position).collect();
    }

    /// Adds the unknown groups of a summary.
    pub(crate) fn add(&mut self, groups: &[Group]) {
        for (id, head) in groups.iter().filter(|group| !group.is_pending()).filter_map(position) {
            self.groups.entry(id).or_insert(head);
        }
    }

    /// Resets a group's position to its head.
    pub(crate) fn restart(&mut self, group: &Group) {
        self.groups.extend(position(group));
    }

    /// Applies a missed event, like [`take`](Self::take). Several messages that changed with the same number
    /// arrive one after the other. The position stays before that number until a later event or another group
    /// arrives, so that a lost connection does not lose the remainder. `last` is the number that arrived
    /// last.
    pub(crate) fn take_missed(&mut self, frame: &Frame, last: &mut Option<(Uuid, i64)>) -> bool {
        let numbered = frame.event.group().zip(frame.seq);
        if let Some((group, seq)) = *last
            && numbered.is_some_and(|(other, _)| other != group)
        {
            self.reach(group, seq);
        }
        let goes_on = matches!(frame.event, ServerEvent::MessageUpdate(_))
            && numbered.is_some_and(|(group, seq)| self.groups.get(&group) == Some(&seq));
        let is_new = goes_on || self.take(frame);
        if is_new && let Some((group, seq)) = numbered {
            *last = numbered;
            let may_go_on = !matches!(frame.event, ServerEvent::MessageText(_));
            if let Some(held) = self.groups.get_mut(&group).filter(|held| may_go_on && **held == seq) {
                *held = seq - 1;
            }
        }
        is_new
    }

    /// Applies an event. Returns whether it is new. An event without a number is always new.
    pub(crate) fn take(&mut self, frame: &Frame) -> bool {
        let Some(group) = frame.event.group() else { return true };
        match &frame.event {
            ServerEvent::GroupQuit(_) | ServerEvent::GroupDelete(_) => {
                self.groups.remove(&group);
                return true;
            }
            ServerEvent::GroupUpdate(update) if update.is_pending() => {
                self.groups.remove(&group);
                return true;
            }
            _ => {}
        }
        if frame.seq.is_some_and(|seq| self.groups.get(&group).is_some_and(|held| seq <= *held)) {
            return false;
        }
        // A new group starts at its head. For any other group, events up to the head may still arrive.
        let head = match &frame.event {
            ServerEvent::GroupUpdate(update) if !self.groups.contains_key(&group) => update.head,
            _ => None,
        };
        if let Some(seq) = head.max(frame.seq) {
            let held = self.groups.entry(group).or_insert(seq);
            *held = seq.max(*held);
        }
        true
    }

    /// Advances a known group to a number.
    pub(crate) fn reach(&mut self, group: Uuid, seq: i64) {
        if let Some(held) = self.groups.get_mut(&group) {
            *held = seq.max(*held);
        }
    }
}

fn position(group: &Group) -> Option<(Uuid, i64)> {
    Some((group.id, group.head?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(group: Uuid, seq: i64) -> Frame {
        frame("message.text", group, seq)
    }

    fn changed(group: Uuid, seq: i64) -> Frame {
        frame("message.update", group, seq)
    }

    fn frame(kind: &str, group: Uuid, seq: i64) -> Frame {
        let frame = serde_json::json!({
            "type": kind, "seq": seq,
            "data": { "id": Uuid::nil(), "group": group, "author": "ann", "body": "b", "date": "2024",
                "respond_to": null, "seq": seq, "edited": null },
        });
        Frame::parse(&frame.to_string()).unwrap()
    }

    #[test]
    fn events_at_or_below_the_position_are_old() {
        let (mut positions, group) = (Positions::default(), Uuid::from_u128(7));
        assert!(positions.take(&text(group, 3)));
        assert!(!positions.take(&text(group, 3)) && !positions.take(&text(group, 2)));
        assert!(positions.take(&text(group, 5)) && positions.groups[&group] == 5);
        let mut missed = |frame: Frame| positions.take_missed(&frame, &mut None);
        assert!(!missed(text(group, 5)) && missed(text(group, 6)));
        assert!(missed(changed(group, 6)) && !missed(changed(group, 4)));
    }

    #[test]
    fn position_stays_before_a_number_that_may_go_on() {
        let (mut positions, mut last) = (Positions::default(), None);
        let (group, other) = (Uuid::from_u128(7), Uuid::from_u128(8));
        let mut held_after = |frame: Frame| {
            assert!(positions.take_missed(&frame, &mut last), "{frame:?}");
            positions.groups[&group]
        };
        assert_eq!(held_after(text(group, 5)), 5);
        assert_eq!(held_after(changed(group, 6)), 5);
        assert_eq!(held_after(changed(group, 6)), 5, "another message");
        assert_eq!(held_after(text(group, 7)), 7);
        assert_eq!(held_after(changed(group, 8)), 7);
        assert_eq!(held_after(text(other, 1)), 8);
    }

    #[test]
    fn answer_that_shows_a_known_group_skips_nothing() {
        let (mut positions, group) = (Positions::default(), Uuid::from_u128(7));
        let shown =
            json!({ "type": "group.update", "ref": "1", "data": { "id": group, "name": "@", "head": 5 } });
        let shown = Frame::parse(&shown.to_string()).unwrap();
        positions.take(&text(group, 3));
        assert!(positions.take(&shown) && positions.groups[&group] == 3);
        assert!(positions.take(&text(group, 4)), "it was on its way");
        positions.groups.clear();
        assert!(positions.take(&shown) && positions.groups[&group] == 5, "a new one begins there");
    }

    #[test]
    fn leaving_a_group_forgets_its_position() {
        let (mut positions, group) = (Positions::default(), Uuid::from_u128(7));
        positions.take(&text(group, 3));
        let left =
            serde_json::json!({ "type": "group.quit", "seq": 4, "data": { "group": group, "name": "ann" } });
        assert!(positions.take(&Frame::parse(&left.to_string()).unwrap()));
        assert!(positions.groups.is_empty());
    }
}
