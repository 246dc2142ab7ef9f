//! `message.*`

use chinwag_core::app::message::{Edit, MarkRead, Point, Send, Sent};
use chinwag_core::app::private::{First, Opened};
use chinwag_core::permission::Action;
use chinwag_core::rate::Cost;
use chinwag_core::{MessageId, Result};
use serde_json::{Value, json};

use crate::wire::events::{GroupChanged, MessageEdited, MessagesFetched, ReadMark};
use crate::wire::input::Fields;
use crate::wire::input::group::InGroup;
use crate::wire::input::message::{
    Fetch, FirstMessage, HistoryPage, MessageById, MessagePatch, NewMessage, ReadPoint,
};
use crate::wire::message::Message;
use crate::wire::object::Group;
use crate::wire::outgoing;
use crate::ws::client_event::{ClientEvent, EventRequest, Example, Right, Work};
use crate::ws::gathered::{answer_event, answer_sent};

pub(crate) struct MessageText;

impl ClientEvent for MessageText {
    const NAME: &'static str = "message.text";
    const ABOUT: &'static str = "Sends a message to every socket of every member. The sender's own copy is the \
        acknowledgement, which follows the commit.";
    const EFFECT: &'static str = "`message.text` with the message, to every socket of every member, your own included: it is \
        your acknowledgement, sent after the commit";
    const ANSWERS: &'static [&'static str] = &["message.text"];
    const RIGHT: Right = Right::Member(Action::Send);
    const COST: Cost = Cost::Message;
    type Payload = NewMessage;
    type Command = Send;

    fn example(ids: &Example) -> Value {
        json!({ "group": ids.group, "body": "hello" })
    }

    fn command(message: NewMessage, _: &mut Fields<'_>) -> Option<Send> {
        Some(message.command())
    }

    fn work(request: EventRequest, command: Send) -> Work {
        Work::Pipelined(request, command)
    }

    async fn run(request: EventRequest, command: Send) -> Result<()> {
        let sent = request.app().message_send(&request.context, command).await?;
        if let Sent::Before(message) = sent {
            answer_sent(&request, &message);
        }
        Ok(())
    }
}

pub(crate) struct MessageFirst;

impl ClientEvent for MessageFirst {
    const NAME: &'static str = "message.first";
    const ABOUT: &'static str = "Opens the private group with a user, and sends the first message in it: \
        `group.update` to both. If the group exists, the message is sent there; without a message, the sender alone \
        is sent the group.";
    const EFFECT: &'static str = "makes the private group with the user `target` (with your own name, your notes to yourself): `group.update` with it \
        to both, with the first message in `messages`. If the group exists, the body is sent there as \
        `message.text`; without a body, only you receive `group.update`, with the newest message";
    const ANSWERS: &'static [&'static str] = &["group.update", "message.text"];
    const RIGHT: Right = Right::User;
    const COST: Cost = Cost::Message;
    type Payload = FirstMessage;
    type Command = First;

    fn example(ids: &Example) -> Value {
        json!({ "target": ids.user, "body": "hello" })
    }

    fn command(message: FirstMessage, _: &mut Fields<'_>) -> Option<First> {
        Some(message.command())
    }

    async fn run(request: EventRequest, command: First) -> Result<()> {
        match request.app().message_first(&request.context, command).await? {
            Opened::Published => {}
            Opened::Before(message) => answer_sent(&request, &message),
            Opened::Standing(view) => {
                let mut group = Group::new(&view, None).with_reads(&view);
                // An existing group is sent with only its newest message.
                group.messages.truncate(1);
                request.answer(GroupChanged(group));
            }
        }
        Ok(())
    }
}

pub(crate) struct MessageFetch;

impl ClientEvent for MessageFetch {
    const NAME: &'static str = "message.fetch";
    const ABOUT: &'static str = "Asks for a part of a group's history: the messages before `before`, else before \
        `date`, else the newest.";
    const EFFECT: &'static str = "to you: `message.fetch` `{author, group, date, history}`: the `limit` messages (20) before the \
        number `before` or before `date`, newest first";
    const ANSWERS: &'static [&'static str] = &["message.fetch"];
    const RIGHT: Right = Right::Member(Action::Read);
    type Payload = HistoryPage;
    type Command = Fetch;

    fn example(ids: &Example) -> Value {
        json!({ "group": ids.group })
    }

    fn command(page: HistoryPage, _: &mut Fields<'_>) -> Option<Fetch> {
        Some(page.command())
    }

    async fn run(request: EventRequest, command: Fetch) -> Result<()> {
        let app = request.app();
        let (page, people) = app.messages_with_people(&request.context, command.group, command.page).await?;
        let date = match command.before {
            Some(Point::Date(date)) => Some(date),
            _ => None,
        };
        let author = &request.session.connection.name();
        let history = page.iter().map(Message::from).collect();
        let fetched = MessagesFetched { author, group: command.group.0, date, history };
        request.session.send(outgoing::with_people(None, &people, fetched, request.reference()));
        Ok(())
    }
}

pub(crate) struct MessageRead;

impl ClientEvent for MessageRead {
    const NAME: &'static str = "message.read";
    const ABOUT: &'static str =
        "Marks all messages up to `seq`, else up to `date`, as read. A mark never moves back.";
    const EFFECT: &'static str = "`message.read` `{author, group, date, seq}` to every member: the newest message at or before \
        that point. In a group of more than 100 members, or with `hide_reads`, only your own sockets \
        receive it (and with `hide_reads` you see nobody's). A mark never goes back; a `seq` beyond the \
        head is 400";
    const ANSWERS: &'static [&'static str] = &["message.read"];
    const RIGHT: Right = Right::Member(Action::MarkRead);
    type Payload = (InGroup, ReadPoint);
    type Command = MarkRead;

    fn example(ids: &Example) -> Value {
        json!({ "group": ids.group, "seq": 2 })
    }

    fn command((in_group, point): Self::Payload, fields: &mut Fields<'_>) -> Option<MarkRead> {
        point.command(in_group.group, fields)
    }

    async fn run(request: EventRequest, command: MarkRead) -> Result<()> {
        let group = command.group;
        let marked = request.app().message_read(&request.context, command).await?;
        if !marked.published {
            request.answer(ReadMark::new(&marked.author, group, marked.at));
        }
        Ok(())
    }
}

pub(crate) struct MessageUpdate;

impl ClientEvent for MessageUpdate {
    const NAME: &'static str = "message.update";
    const ABOUT: &'static str = "Edits a message of the sender's own: its text, its mentions or both. A change of nothing is answered to \
        the sender alone.";
    const EFFECT: &'static str = "`message.update` with the message to every member";
    const ANSWERS: &'static [&'static str] = &["message.update"];
    const RIGHT: Right = Right::Member(Action::ChangeOwn);
    const COST: Cost = Cost::Message;
    type Payload = (MessageById, MessagePatch);
    type Command = Edit;

    fn example(ids: &Example) -> Value {
        json!({ "id": ids.message, "body": "better" })
    }

    fn command((message, patch): Self::Payload, _: &mut Fields<'_>) -> Option<Edit> {
        Some(patch.command(message.id))
    }

    async fn run(request: EventRequest, command: Edit) -> Result<()> {
        let edited = request.app().message_edit(&request.context, command).await?;
        if !edited.published {
            request.answer(MessageEdited((&edited.message).into()));
        }
        Ok(())
    }
}

pub(crate) struct MessageDelete;

impl ClientEvent for MessageDelete {
    const NAME: &'static str = "message.delete";
    const ABOUT: &'static str = "Deletes a message.";
    const EFFECT: &'static str = "`message.delete` `{id, group, seq}` to every member";
    const ANSWERS: &'static [&'static str] = &["message.delete"];
    const RIGHT: Right = Right::Member(Action::ChangeOwn);
    type Payload = MessageById;
    type Command = MessageId;

    fn example(ids: &Example) -> Value {
        json!({ "id": ids.message })
    }

    fn command(message: MessageById, _: &mut Fields<'_>) -> Option<MessageId> {
        Some(message.id)
    }

    async fn run(request: EventRequest, id: MessageId) -> Result<()> {
        if let Some(event) = request.app().message_delete(&request.context, id).await? {
            answer_event(&request, &event);
        }
        Ok(())
    }
}
