//! The body of a question: the payload of the sender, with the author.

use chinwag_core::before_send::{Question, QuestionKind};
use chinwag_core::file::{AltText, Attachment, AttachmentList};
use chinwag_core::mention::{EVERYONE, MentionList};
use chinwag_core::message::{Body, ClientId};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

#[derive(Serialize)]
struct QuestionBody<'a> {
    author: &'a str,
    group: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mentions: Option<Vec<&'a str>>,
    #[serde(flatten)]
    message: Option<QuestionDetail<'a>>,
}

/// The keys that only a new message has.
#[derive(Serialize)]
struct QuestionDetail<'a> {
    respond_to: Option<Uuid>,
    thread: Option<Uuid>,
    client_id: Option<&'a str>,
    attachments: Vec<QuestionFile<'a>>,
    data: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct QuestionFile<'a> {
    id: Uuid,
    alt: Option<&'a str>,
}

/// Serializes a question.
pub(super) fn written(question: &Question) -> serde_json::Result<Vec<u8>> {
    let (group, target, id) = match &question.kind {
        QuestionKind::Send(group) => (Some(group.0), None, None),
        QuestionKind::First(target) => (None, Some(target.as_str()), None),
        QuestionKind::Edit(group, id) => (Some(group.0), None, Some(id.0)),
    };
    let message = QuestionDetail {
        respond_to: question.respond_to.map(|id| id.0),
        thread: question.thread.map(|id| id.0),
        client_id: question.client_id.as_ref().map(ClientId::as_str),
        attachments: files(&question.attachments),
        data: question.data.as_deref().map(serde_json::from_str).transpose()?,
    };
    serde_json::to_vec(&QuestionBody {
        author: question.author.as_str(),
        group,
        target,
        id,
        body: question.body.as_ref().map(Body::as_str),
        mentions: question.mentions.as_ref().map(mentions),
        message: if id.is_some() { None } else { Some(message) },
    })
}

fn mentions(list: &MentionList) -> Vec<&str> {
    let names = list.names().iter().map(|(_, name)| name.as_str());
    list.everyone().then_some(EVERYONE).into_iter().chain(names).collect()
}

fn files(list: &AttachmentList) -> Vec<QuestionFile<'_>> {
    list.files()
        .iter()
        .map(|Attachment { id, alt }| QuestionFile { id: id.0, alt: alt.as_ref().map(AltText::as_str) })
        .collect()
}

#[cfg(test)]
mod tests {
    use chinwag_core::{GroupId, MessageId, Name};
    use serde_json::{Value, json};

    use super::*;

    fn shown(question: &Question) -> Value {
        serde_json::from_slice(&written(question).expect("JSON")).expect("JSON")
    }

    #[test]
    fn question_has_the_keys_of_the_sender() {
        let (ann, bob) = (Name::stored("ann"), Name::stored("bob"));
        let (group, id) = (GroupId(Uuid::from_u128(1)), MessageId(Uuid::from_u128(2)));
        let body = Body::parse("hello", 10).ok();
        let question = Question::of_body(ann.clone(), QuestionKind::Send(group), body.clone());
        let question = Question { data: Some(r#"{"a":1}"#.into()), ..question };
        let nothing = json!({ "respond_to": null, "thread": null, "client_id": null, "attachments": [] });
        let mut expected = nothing.clone();
        expected["author"] = json!("ann");
        expected["group"] = json!(group.0);
        expected["body"] = json!("hello");
        expected["data"] = json!({ "a": 1 });
        assert_eq!(shown(&question), expected);
        let first = Question::of_body(ann.clone(), QuestionKind::First(bob), body.clone());
        assert_eq!((&shown(&first)["group"], &shown(&first)["target"]), (&Value::Null, &json!("bob")));
        let edit = Question::of_body(ann, QuestionKind::Edit(group, id), body);
        let expected = json!({ "author": "ann", "group": group.0, "id": id.0, "body": "hello" });
        assert_eq!(shown(&edit), expected);
    }
}
