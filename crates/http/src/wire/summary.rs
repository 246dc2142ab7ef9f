//! `group.summary`: one frame, or one message whose fragments are pages of groups.

use bytes::Bytes;
use chinwag_core::HistoryId;
use serde::Serialize;

use super::frame::{self, Fragment};
use super::object::Group;

/// The fields beside the groups.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// To which the groups' numbers belong.
    pub history: HistoryId,
    /// The number of groups that are left out, if only some were requested.
    pub left_out: Option<usize>,
}

/// The groups that a summary leaves out.
#[derive(Serialize)]
struct More {
    groups: usize,
}

/// All groups in one frame.
pub fn whole(head: Head, groups: &[Group<'_>]) -> Bytes {
    frame::text(|buffer| {
        begin(buffer, head);
        write(buffer, groups, true);
        buffer.extend_from_slice(b"]}");
    })
}

/// One page of the groups. The first is never empty, and alone has the `head`.
pub fn part(part: Fragment, head: Head, groups: &[Group<'_>]) -> Bytes {
    frame::part(part, |buffer| {
        if part == Fragment::First {
            begin(buffer, head);
        }
        write(buffer, groups, part == Fragment::First);
        if part == Fragment::Last {
            buffer.extend_from_slice(b"]}");
        }
    })
}

fn begin(buffer: &mut Vec<u8>, head: Head) {
    buffer.extend_from_slice(br#"{"type":"group.summary","history":"#);
    put(buffer, &head.history.0);
    if let Some(groups) = head.left_out {
        buffer.extend_from_slice(br#","more":"#);
        put(buffer, &More { groups });
    }
    buffer.extend_from_slice(br#","data":["#);
}

fn write(buffer: &mut Vec<u8>, groups: &[Group<'_>], is_first: bool) {
    for (at, group) in groups.iter().enumerate() {
        if at > 0 || !is_first {
            buffer.push(b',');
        }
        put(buffer, group);
    }
}

fn put(buffer: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(buffer, value).expect("names, numbers and strings always serialise");
}
