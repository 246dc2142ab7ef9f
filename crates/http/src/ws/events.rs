//! What a client may say: one line an event, in the order of the protocol's table.

use chinwag_core::app::group::{Create, Leave};
use chinwag_core::app::group_update::Update;
use chinwag_core::app::message::{Edit, MarkRead, Point, Send, Sent};
use chinwag_core::app::private::{First, Opened};
use chinwag_core::app::relation::Relate;
use chinwag_core::event::{Audience, Event, Kind};
use chinwag_core::presence::Status;
use chinwag_core::rate::Cost;
use chinwag_core::{Error, GroupId, MessageId, Result};
use chinwag_hub::Encode;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use serde_json::value::RawValue;

use super::resume;
use super::session::{Asked, Job, Work};
use crate::wire::input::message::Fetch;
use crate::wire::input::{Fields, group, message, relation, user};
use crate::wire::object::{Group, GroupChange, Message};
use crate::wire::outgoing::{self, ContactUpdate, Fetched, ReadMark, Wire};

/// Every event that a client may send.
pub const EVENTS: [&str; 16] = [
    "message.text",
    "message.first",
    "message.fetch",
    "message.read",
    "message.update",
    "message.delete",
    "status.update",
    "contact.update",
    "group.create",
    "group.update",
    "group.quit",
    "group.accept",
    "group.delete",
    "typing.start",
    "typing.stop",
    "sync.resume",
];

/// Why an event was refused before it began.
pub(super) enum Refused {
    /// There is no such event.
    Type,
    /// Its content.
    Data(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Data(error)
    }
}

/// What an event costs its user, before anything but its type is read.
pub(super) fn cost(kind: &str, data: Option<&RawValue>) -> Cost {
    match kind {
        "message.text" | "message.first" => Cost::Message,
        "group.create" => Cost::Group,
        "group.update" | "group.quit" | "group.accept" | "group.delete" => Cost::Change,
        "contact.update" => data.map_or(Cost::Event, |data| relation::cost(data.get().as_bytes())),
        _ => Cost::Event,
    }
}

/// Reads an event's data and answers what is to be done.
pub(super) fn begin(kind: &str, data: Option<&RawValue>, asked: Asked) -> Result<Work, Refused> {
    if !EVENTS.contains(&kind) {
        return Err(Refused::Type);
    }
    let data = data.ok_or_else(|| Error::field("data", "is required: an object"))?;
    let data = Fields::parse(data.get().as_bytes())?;
    let limits = asked.session.doors.app.limits().clone();
    Ok(match kind {
        "message.text" => Work::Pipelined(asked, message::text(data, &limits)?),
        "message.first" => Work::Alone(asked.run(message::first(data, &limits)?, first)),
        "message.fetch" => Work::Alone(asked.run(message::fetch(data)?, fetch)),
        "message.read" => Work::Alone(asked.run(message::read(data)?, read)),
        "message.update" => Work::Alone(asked.run(message::update(data, &limits)?, update)),
        "message.delete" => Work::Alone(asked.run(message::delete(data)?, delete)),
        "status.update" => Work::Alone(asked.run(user::status(data)?, status)),
        "contact.update" => Work::Alone(asked.run(relation::update(data)?, contact)),
        "group.create" => Work::Alone(asked.run(group::make(data)?, group_create)),
        "group.update" => Work::Alone(asked.run(group::change(data)?, group_update)),
        "group.quit" => Work::Alone(asked.run(group::leave(data)?, group_quit)),
        "group.accept" => Work::Alone(asked.run(group::leave(data)?, group_accept)),
        "group.delete" => Work::Alone(asked.run(group::leave(data)?, group_delete)),
        "typing.start" => Work::Alone(asked.run(group::typing(data)?, typing_start)),
        "typing.stop" => Work::Alone(asked.run(group::typing(data)?, typing_stop)),
        "sync.resume" => Work::Alone(asked.run(group::resume(data)?, resume::resume)),
        _ => return Err(Refused::Type),
    })
}

impl Asked {
    /// The event's work: its use case, and the error told where it refuses.
    fn run<C, F>(self, command: C, work: fn(Asked, C) -> F) -> Job
    where
        C: std::marker::Send + 'static,
        F: Future<Output = Result<()>> + std::marker::Send + 'static,
    {
        Box::pin(async move {
            let (session, origin) = (self.session.clone(), self.context.origin.clone());
            if let Err(error) = work(self, command).await {
                session.fail(&error, origin.and_then(|origin| origin.reference).as_deref());
            }
            1
        })
    }

    pub(super) fn reference(&self) -> Option<&str> {
        self.context.origin.as_ref()?.reference.as_deref()
    }

    /// Answers this socket alone.
    fn answer(&self, kind: &str, data: impl serde::Serialize) {
        self.session.send(outgoing::answer(kind, data, self.reference()));
    }

    /// The original answer of a message that was sent before, to this socket alone.
    fn answer_before(&self, sent: &chinwag_core::message::Message) {
        let event = Event::in_group(Kind::MessageText(sent.clone()), sent.group, sent.seq);
        self.session.send(Wire.event(&event, self.reference()));
    }
}

/// Sends messages that have come together, in their order, so that they may share a commit.
pub(super) fn send(messages: Vec<(Asked, Send)>) -> Job {
    Box::pin(async move {
        let (asked, commands): (Vec<_>, Vec<_>) = messages.into_iter().unzip();
        let Some(app) = asked.first().map(|asked: &Asked| asked.session.doors.app.clone()) else { return 0 };
        let all = asked.iter().map(|asked| &asked.context).zip(commands);
        let answers = app.messages_send(all).into_iter().zip(&asked);
        let mut sent: FuturesUnordered<_> =
            answers.map(|(answer, asked)| answer.map(move |sent| (asked, sent))).collect();
        // Nobody waits for another's answer.
        while let Some((asked, sent)) = sent.next().await {
            match sent {
                Ok(Sent::New(_)) => {}
                Ok(Sent::Before(message)) => asked.answer_before(&message),
                Err(error) => drop(asked.session.fail(&error, asked.reference())),
            }
        }
        asked.len()
    })
}

async fn first(asked: Asked, command: First) -> Result<()> {
    match asked.session.doors.app.message_first(&asked.context, command).await? {
        Opened::Told => {}
        Opened::Before(message) => asked.answer_before(&message),
        Opened::Standing(view) => {
            let mut group = Group::new(&view, None);
            // A group that stands shows its newest message.
            group.messages.truncate(1);
            asked.answer("group.update", group);
        }
    }
    Ok(())
}

async fn fetch(asked: Asked, command: Fetch) -> Result<()> {
    let page = asked.session.doors.app.messages(&asked.context, command.group, command.page).await?;
    let date = match command.before {
        Some(Point::Date(date)) => Some(date),
        _ => None,
    };
    let author = &asked.session.connection.name();
    let history = page.iter().map(Message::from).collect();
    asked.answer("message.fetch", Fetched { author, group: command.group.0, date, history });
    Ok(())
}

async fn read(asked: Asked, command: MarkRead) -> Result<()> {
    let group = command.group;
    let marked = asked.session.doors.app.message_read(&asked.context, command).await?;
    if !marked.told {
        asked.answer("message.read", ReadMark::new(&marked.author, group, marked.at));
    }
    Ok(())
}

async fn update(asked: Asked, command: Edit) -> Result<()> {
    asked.session.doors.app.message_edit(&asked.context, command).await.map(drop)
}

async fn delete(asked: Asked, id: MessageId) -> Result<()> {
    asked.session.doors.app.message_delete(&asked.context, id).await
}

async fn status(asked: Asked, status: Status) -> Result<()> {
    asked.session.doors.hub.set_status(&asked.session.connection, status, asked.context.origin.as_ref());
    Ok(())
}

async fn contact(asked: Asked, command: Relate) -> Result<()> {
    let related = asked.session.doors.app.relate(&asked.context, command).await?;
    if !related.changed {
        let (author, name) = (related.author.name.as_str(), related.target.name.as_str());
        asked.answer("contact.update", ContactUpdate { author, name, operation: related.outcome.as_str() });
    }
    Ok(())
}

async fn group_create(asked: Asked, command: Create) -> Result<()> {
    asked.session.doors.app.group_create(&asked.context, command).await.map(drop)
}

async fn group_update(asked: Asked, command: Update) -> Result<()> {
    let updated = asked.session.doors.app.group_update(&asked.context, command).await?;
    if !updated.changed {
        asked.answer("group.update", GroupChange::new(&updated.view));
    }
    Ok(())
}

async fn group_quit(asked: Asked, command: Leave) -> Result<()> {
    asked.session.doors.app.group_quit(&asked.context, command).await
}

async fn group_accept(asked: Asked, command: Leave) -> Result<()> {
    let group = command.group;
    let accepted = asked.session.doors.app.group_accept(&asked.context, command).await?;
    if !accepted.changed {
        asked.session.send(
            Wire.event(&Event::to_users(Kind::GroupMe { group, pending: false }, vec![]), asked.reference()),
        );
    }
    Ok(())
}

async fn group_delete(asked: Asked, command: Leave) -> Result<()> {
    asked.session.doors.app.group_delete(&asked.context, command).await
}

async fn typing_start(asked: Asked, group: GroupId) -> Result<()> {
    typing(asked, group, true).await
}

async fn typing_stop(asked: Asked, group: GroupId) -> Result<()> {
    typing(asked, group, false).await
}

async fn typing(asked: Asked, group: GroupId, started: bool) -> Result<()> {
    let doors = &asked.session.doors;
    let Some((user, unaware)) = doors.app.group_typist(&asked.context, group).await? else { return Ok(()) };
    if doors.hub.typing_allowed(user.id, group, started) {
        let kind = Kind::Typing { author: user.name, group, started };
        doors.hub.publish_ephemeral(Event {
            kind,
            to: Audience::Others(group, unaware),
            seq: None,
            origin: None,
        });
    }
    Ok(())
}
