//! Attachments and blocks of a message in Slack's format, of which only the texts are used.

use chinwag_core::slack_parts::{SlackObject, attachment_texts, block_texts};
use chinwag_core::slack_text;
use serde_json::{Value as Schema, json};

use crate::wire::input::fields::Fields;
use crate::wire::input::json::{Object, Value};
use crate::wire::input::payload::KeyValue;
use crate::wire::key::Need;

/// The texts of attachments, with Slack's escapes.
pub struct SlackAttachments(pub(super) Vec<String>);

/// The texts of blocks, with Slack's escapes.
pub struct SlackBlocks(pub(super) Vec<String>);

impl KeyValue for SlackAttachments {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({"type": "array", "items": {"type": "object", "additionalProperties": true}})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let of_one = |one| attachment_texts(one, slack_text::link);
        Some(Self(objects(fields.take(key).as_ref()).flat_map(of_one).collect()))
    }
}

impl KeyValue for SlackBlocks {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        SlackAttachments::schema()
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(Self(objects(fields.take(key).as_ref()).flat_map(block_texts).collect()))
    }
}

impl SlackObject for &Object<'_> {
    fn text(self, key: &str) -> Option<String> {
        match self.get(key) {
            Some(Value::Text(text)) => Some(text.clone().into_owned()),
            _ => None,
        }
    }

    fn object(self, key: &str) -> Option<Self> {
        match self.get(key) {
            Some(Value::Object(object)) => Some(object),
            _ => None,
        }
    }

    fn objects(self, key: &str) -> impl Iterator<Item = Self> {
        objects(self.get(key))
    }
}

fn objects<'v, 'a>(list: Option<&'v Value<'a>>) -> impl Iterator<Item = &'v Object<'a>> {
    let all = match list {
        Some(Value::List(all)) => all.as_slice(),
        _ => &[],
    };
    all.iter().filter_map(|one| match one {
        Value::Object(object) => Some(object),
        _ => None,
    })
}
