//! Events of the feed as JSON: `type`, `seq` and `data` as on a WebSocket, with `id` and `date`.

use chinwag_core::feed::{FeedData, FeedEvent};
use chinwag_core::{Date, Error, GroupId, HistoryId, MessageId, Name, Seq};
use chinwag_hub::Encode;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::events::EventEncoder;
use super::frame;
use super::push::NotifyData;
use super::report::ShownReport;

/// A cursor: a position after an event in the feed of one history. It is also the id of that event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedCursor {
    pub history: Uuid,
    pub position: i64,
}

impl FeedCursor {
    /// The cursor at this position.
    pub fn new(history: HistoryId, position: i64) -> Self {
        Self { history: history.0, position }
    }

    /// Parses the parameter `after` of a caller.
    pub(crate) fn given(text: &str) -> chinwag_core::Result<Self> {
        let why = || Error::field("after", "is not a cursor of this feed: use one from its responses");
        Self::parse(text).ok_or_else(why)
    }

    /// Parses a cursor.
    pub fn parse(text: &str) -> Option<Self> {
        let (history, position) = text.split_once('.')?;
        let is_number = position.len() <= 19 && position.bytes().all(|byte| byte.is_ascii_digit());
        if history.len() != 32 || !is_number {
            return None;
        }
        Some(Self { history: Uuid::try_parse(history).ok()?, position: position.parse().ok()? })
    }
}

impl std::fmt::Display for FeedCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.history.as_simple(), self.position)
    }
}

impl Serialize for FeedCursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An event of the feed.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeedEntry {
    /// Its id, which is the cursor after it.
    #[schema(value_type = String)]
    id: FeedCursor,
    /// The type, as on a WebSocket.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The date at which it was made.
    #[schema(value_type = String, format = DateTime)]
    date: String,
    /// Its number in the group's log, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false)]
    seq: Option<i64>,
    /// The object as it stands now, as on a WebSocket: of `group.delete` the group's id.
    #[schema(value_type = serde_json::Value)]
    data: Box<RawValue>,
}

impl FeedEntry {
    /// The feed entry of an event.
    pub fn new(history: HistoryId, event: &FeedEvent) -> serde_json::Result<Self> {
        Ok(Self {
            id: FeedCursor::new(history, event.position),
            kind: event.kind.as_str(),
            date: event.date.to_string(),
            seq: event.seq.map(|seq| seq.0),
            data: data(&event.data)?,
        })
    }

    /// The approximate length of the entry's JSON.
    pub fn size(&self) -> usize {
        const REST: usize = 160;
        REST + self.data.get().len()
    }

    pub fn id(&self) -> FeedCursor {
        self.id
    }
}

/// The data of a frame.
#[derive(Deserialize)]
struct FrameData {
    data: Box<RawValue>,
}

fn data(data: &FeedData) -> serde_json::Result<Box<RawValue>> {
    match data {
        FeedData::Event { event, is_bot } => {
            let frame = EventEncoder.event(event, None);
            let FrameData { data } = serde_json::from_slice(frame::text_of(&frame))?;
            if *is_bot { with_bot(&data) } else { Ok(data) }
        }
        FeedData::DeletedMessage { id, group, author, date, seq } => {
            raw(&DeletedMessage::new(*id, *group, author.as_ref(), *date, *seq))
        }
        FeedData::Read { author, group, seq, date } => raw(&Read {
            author: author.as_ref().map(Name::as_str),
            group: group.0,
            date: date.map(|date| date.to_string()),
            seq: seq.0,
        }),
        FeedData::DeletedGroup(group) => raw(&serde_json::json!({ "id": group.0 })),
        FeedData::Contact { author, name, outcome } => raw(&Contact {
            author: author.as_ref().map(Name::as_str),
            name: name.as_ref().map(Name::as_str),
            operation: outcome.as_str(),
        }),
        FeedData::Report(report) => raw(&ShownReport::of_event(report)),
        FeedData::Notify { users, payload } => raw(&NotifyData::new(users, payload)),
        FeedData::DeletedUser { name, new_name } => raw(&DeletedUser {
            name: name.as_ref().map(Name::as_str),
            new_name: new_name.as_ref().map(Name::as_str),
        }),
    }
}

/// Appends `bot: true` to a message's keys.
fn with_bot(data: &RawValue) -> serde_json::Result<Box<RawValue>> {
    let object = data.get().strip_suffix('}').unwrap_or(data.get());
    RawValue::from_string(format!("{object},\"bot\":true}}"))
}

fn raw(value: &impl Serialize) -> serde_json::Result<Box<RawValue>> {
    RawValue::from_string(serde_json::to_string(value)?)
}

/// A user who was deleted since the event.
#[derive(Serialize)]
struct DeletedUser<'a> {
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_name: Option<&'a str>,
}

/// A message that was deleted since the event.
#[derive(Serialize)]
struct DeletedMessage<'a> {
    id: Uuid,
    group: Uuid,
    author: Option<&'a str>,
    date: String,
    seq: i64,
}

impl<'a> DeletedMessage<'a> {
    fn new(id: MessageId, group: GroupId, author: Option<&'a Name>, date: Date, seq: Seq) -> Self {
        let author = author.map(Name::as_str);
        Self { id: id.0, group: group.0, author, date: date.to_string(), seq: seq.0 }
    }
}

#[derive(Serialize)]
struct Read<'a> {
    author: Option<&'a str>,
    group: Uuid,
    date: Option<String>,
    seq: i64,
}

#[derive(Serialize)]
struct Contact<'a> {
    author: Option<&'a str>,
    name: Option<&'a str>,
    operation: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_is_read_as_it_was_written() {
        let cursor = FeedCursor { history: Uuid::from_u128(7), position: 42 };
        assert_eq!(FeedCursor::parse(&cursor.to_string()), Some(cursor));
        let history = cursor.history.as_simple();
        for text in
            ["", "42", ".42", &format!("{history}."), &format!("{history}.-1"), &format!("{history}.+1")]
        {
            assert_eq!(FeedCursor::parse(text), None, "{text}");
        }
        assert_eq!(FeedCursor::parse(&format!("{history}.99999999999999999999")), None);
    }
}
