//! The parts of a message in Slack's form beside its text: attachments and blocks, of which the texts are taken.

use serde_json::{Value as Schema, json};

use crate::wire::input::fields::Fields;
use crate::wire::input::json::{Object, Value};
use crate::wire::input::payload::KeyValue;
use crate::wire::key::Need;

/// The texts of attachments, each as Slack escapes it.
pub struct SlackAttachments(pub(super) Vec<String>);

/// The texts of blocks, each as Slack escapes it.
pub struct SlackBlocks(pub(super) Vec<String>);

/// The texts of a list of objects. Other values have none: Slack's messages have many forms.
fn read(fields: &mut Fields<'_>, key: &'static str, of_one: fn(&Object<'_>) -> Vec<String>) -> Vec<String> {
    fields.take(key).map_or_else(Vec::new, |value| objects(Some(&value)).flat_map(of_one).collect())
}

impl KeyValue for SlackAttachments {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({"type": "array", "items": {"type": "object", "additionalProperties": true}})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(Self(read(fields, key, of_attachment)))
    }
}

impl KeyValue for SlackBlocks {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        SlackAttachments::schema()
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(Self(read(fields, key, of_block)))
    }
}

/// The text above it, its title with the address, its text and its fields; or else the text for clients that show none of
/// them.
fn of_attachment(attachment: &Object<'_>) -> Vec<String> {
    let mut texts: Vec<String> = text(attachment, "pretext").into_iter().collect();
    texts.extend(match (text(attachment, "title"), text(attachment, "title_link")) {
        (Some(title), Some(address)) => Some(format!("<{address}|{title}>")),
        (title, _) => title,
    });
    texts.extend(text(attachment, "text"));
    for field in objects(attachment.get("fields")) {
        let both = [text(field, "title"), text(field, "value")];
        texts.push(both.into_iter().flatten().collect::<Vec<_>>().join(": "));
    }
    texts.extend(objects(attachment.get("blocks")).flat_map(of_block));
    texts.retain(|text| !text.is_empty());
    if texts.is_empty() { text(attachment, "fallback").into_iter().collect() } else { texts }
}

/// The text of a header or a section, with its fields, and the texts of a context.
fn of_block(block: &Object<'_>) -> Vec<String> {
    let own = match block.get("text") {
        Some(Value::Object(own)) => text(own, "text"),
        _ => None,
    };
    let parts = ["fields", "elements"].into_iter().flat_map(|key| objects(block.get(key)));
    own.into_iter().chain(parts.filter_map(|part| text(part, "text"))).collect()
}

fn text(object: &Object<'_>, key: &str) -> Option<String> {
    match object.get(key) {
        Some(Value::Text(text)) if !text.is_empty() => Some(text.clone().into_owned()),
        _ => None,
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
