//! The column `detail` of a message: tagged fields that most messages do not have. A message without any of
//! them stores nothing there.
//!
//! To add a field, define its tag, add it to [`MessageDetail`], and handle it in `read_field` and
//! `put_fields`.

use std::sync::Arc;

use crate::file::StoredFile;
use crate::mention::Mentions;
use crate::reaction::Tally;
use crate::store::detail::{fields, put};

/// The tags of the fields. A tag never changes its meaning.
mod tag {
    pub(super) const TALLY: u8 = 1;
    pub(super) const DATA: u8 = 2;
    pub(super) const MENTIONS: u8 = 3;
    pub(super) const ATTACHMENT: u8 = 4;
    pub(super) const PINNED: u8 = 16;

    /// Whether a field belongs to [`MessageDetail`](super::MessageDetail).
    pub(super) fn is_of_detail(tag: u8) -> bool {
        matches!(tag, DATA | MENTIONS | ATTACHMENT | PINNED)
    }
}

/// The fields of a message that most messages do not have. The tallies of reactions are in the same column
/// but not part of this type, because an edit does not change them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageDetail {
    /// The sender's JSON object.
    pub data: Option<Arc<str>>,
    pub mentions: Mentions,
    /// The attached files, in the order of sending. They are stored here in full, since they never change.
    pub attachments: Vec<StoredFile>,
    pub pinned: bool,
}

impl MessageDetail {
    /// Decodes a column. Returns the detail, and the tallies in order of their first reactions, without
    /// names.
    pub fn read(column: &[u8]) -> (Self, Vec<Tally>) {
        let (mut detail, mut tallies) = (Self::default(), Vec::new());
        for (tag, value) in fields(column) {
            if tag == tag::TALLY {
                tallies.extend(Tally::from_stored(value));
            } else {
                detail.read_field(tag, value);
            }
        }
        (detail, tallies)
    }

    /// Encodes the column of a message without reactions. None if there is nothing to store.
    pub fn stored(&self) -> Option<Vec<u8>> {
        let mut column = Vec::new();
        self.put_fields(&mut column);
        some(column)
    }

    /// Replaces the detail in a column. Keeps tallies, and fields that a newer version wrote.
    pub fn replace_in(&self, column: &[u8]) -> Option<Vec<u8>> {
        let mut replaced = kept(column, |tag| !tag::is_of_detail(tag));
        self.put_fields(&mut replaced);
        some(replaced)
    }

    /// The approximate size on the wire, in bytes.
    pub fn size(&self) -> usize {
        let files = self.attachments.iter().map(StoredFile::wire_size).sum::<usize>();
        self.data.as_ref().map_or(0, |data| data.len()) + self.mentions.size() + files
    }

    /// Decodes a field. Skips unknown fields, which a newer version may have written.
    fn read_field(&mut self, tag: u8, value: &[u8]) {
        match tag {
            tag::DATA => self.data = std::str::from_utf8(value).ok().map(Into::into),
            tag::MENTIONS => self.mentions = Mentions::from_stored(value),
            tag::ATTACHMENT => self.attachments.extend(StoredFile::from_stored(value)),
            tag::PINNED => self.pinned = true,
            _ => {}
        }
    }

    fn put_fields(&self, column: &mut Vec<u8>) {
        if let Some(data) = &self.data {
            put(column, tag::DATA, data.as_bytes());
        }
        if !self.mentions.is_empty() {
            put(column, tag::MENTIONS, &self.mentions.stored());
        }
        for file in &self.attachments {
            put(column, tag::ATTACHMENT, &file.stored());
        }
        if self.pinned {
            put(column, tag::PINNED, &[]);
        }
    }
}

/// Replaces the tallies in a column. Keeps all other fields.
pub fn replace_tallies(column: &[u8], tallies: &[Tally]) -> Option<Vec<u8>> {
    let mut replaced = Vec::new();
    for tally in tallies {
        put(&mut replaced, tag::TALLY, &tally.stored());
    }
    replaced.extend(kept(column, |tag| tag != tag::TALLY));
    some(replaced)
}

/// The fields of a column whose tags pass the filter.
fn kept(column: &[u8], is_kept: impl Fn(u8) -> bool) -> Vec<u8> {
    let mut kept = Vec::new();
    for (tag, value) in fields(column).filter(|(tag, _)| is_kept(*tag)) {
        put(&mut kept, tag, value);
    }
    kept
}

/// None if the column is empty.
fn some(column: Vec<u8>) -> Option<Vec<u8>> {
    Some(column).filter(|column| !column.is_empty())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::file::FileName;
    use crate::file_store::Attempt;
    use crate::reaction::Emoji;
    use crate::{FileId, UserId};

    fn full() -> MessageDetail {
        let mentions = Mentions { everyone: true, users: vec![UserId(5)], names: vec![] };
        MessageDetail {
            data: Some(r#"{"a":1}"#.into()),
            mentions,
            attachments: vec![file(1), file(2)],
            pinned: true,
        }
    }

    fn file(number: u128) -> StoredFile {
        StoredFile {
            id: FileId(Uuid::from_u128(number)),
            attempt: Attempt::ONLY,
            name: FileName::cleaned("a"),
            media_type: "text/plain".into(),
            size: 3,
            dimensions: None,
            thumbnail: None,
            alt: None,
        }
    }

    fn tallies() -> Vec<Tally> {
        let tally = |text, count, users: &[i64]| {
            Tally::new(Emoji::stored(text), count, users.iter().map(|id| UserId(*id)).collect())
        };
        vec![tally("👍", 21, &[1, 2]), tally(":tada:", 1, &[3])]
    }

    fn of_a_newer_version() -> Vec<u8> {
        let mut column = Vec::new();
        put(&mut column, 200, b"of a newer version");
        column
    }

    #[test]
    fn an_empty_detail_stores_nothing() {
        assert_eq!(MessageDetail::default().stored(), None);
        assert_eq!(MessageDetail::read(&[]), (MessageDetail::default(), vec![]));
    }

    #[test]
    fn the_stored_form_of_a_detail_never_changes() {
        let stored = full().stored().expect("a column");
        let files: Vec<u8> = [1, 2]
            .into_iter()
            .flat_map(|number| [&[4, 55, 0, 0, 0], file(number).stored().as_slice()].concat())
            .collect();
        let mentions = b"\x03\x10\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0";
        assert_eq!(
            stored,
            [b"\x02\x07\0\0\0{\"a\":1}".as_slice(), mentions, &files, b"\x10\0\0\0\0"].concat()
        );
        assert_eq!(MessageDetail::read(&stored), (full(), vec![]));
        for end in 0..stored.len() {
            MessageDetail::read(&stored[..end]);
        }
    }

    #[test]
    fn detail_and_tallies_replace_each_their_own_fields() {
        let newer = of_a_newer_version();
        let column = replace_tallies(&newer, &tallies()).expect("a column");
        let column = full().replace_in(&column).expect("a column");
        assert_eq!(MessageDetail::read(&column), (full(), tallies()));
        let without = MessageDetail::default().replace_in(&column).expect("a column");
        assert_eq!(MessageDetail::read(&without), (MessageDetail::default(), tallies()));
        assert_eq!(replace_tallies(&without, &[]), Some(newer), "other fields stay");
        for end in 0..column.len() {
            MessageDetail::read(&column[..end]);
        }
        let only = full().stored().expect("a column");
        assert_eq!(MessageDetail::default().replace_in(&only), None);
    }
}
