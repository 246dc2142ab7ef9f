//! `typing.*`

use chinwag_core::event::{Audience, Event, Kind};
use chinwag_core::permission::Action;
use chinwag_core::{GroupId, Result};
use serde_json::{Value, json};

use crate::wire::input::Fields;
use crate::wire::input::group::InGroup;
use crate::ws::client_event::{ClientEvent, EventRequest, Example, Right};

pub(crate) struct TypingStart;

impl ClientEvent for TypingStart {
    const NAME: &'static str = "typing.start";
    const ABOUT: &'static str = "Announces that the user begins to type: to the other members, at most once in 3 s. \
        It is never stored.";
    const EFFECT: &'static str =
        "`typing.start` `{author, group}` to the other members, at most once in 3 s each; never stored";
    const ANSWERS: &'static [&'static str] = &[];
    const RIGHT: Right = Right::Member(Action::Send);
    type Payload = InGroup;
    type Command = GroupId;

    fn example(ids: &Example) -> Value {
        json!({ "group": ids.group })
    }

    fn command(in_group: InGroup, _: &mut Fields<'_>) -> Option<GroupId> {
        Some(in_group.group)
    }

    async fn run(request: EventRequest, group: GroupId) -> Result<()> {
        announce(request, group, true).await
    }
}

pub(crate) struct TypingStop;

impl ClientEvent for TypingStop {
    const NAME: &'static str = "typing.stop";
    const ABOUT: &'static str = "Announces that the user has stopped typing.";
    const EFFECT: &'static str =
        "`typing.stop` `{author, group}` to the other members, at most once in 3 s each; never stored";
    const ANSWERS: &'static [&'static str] = &[];
    const RIGHT: Right = TypingStart::RIGHT;
    type Payload = InGroup;
    type Command = GroupId;

    fn example(ids: &Example) -> Value {
        TypingStart::example(ids)
    }

    fn command(in_group: InGroup, _: &mut Fields<'_>) -> Option<GroupId> {
        Some(in_group.group)
    }

    async fn run(request: EventRequest, group: GroupId) -> Result<()> {
        announce(request, group, false).await
    }
}

async fn announce(request: EventRequest, group: GroupId, started: bool) -> Result<()> {
    let state = &request.session.state;
    let typist = state.app.group_typist(&request.context, group).await?;
    let Some((user, hidden_from)) = typist else { return Ok(()) };
    if state.hub.typing_allowed(user.id, group, started) {
        let kind = Kind::Typing { author: user.name, group, started };
        state.hub.publish_ephemeral(Event {
            kind,
            to: Audience::Others(group, hidden_from),
            seq: None,
            origin: None,
        });
    }
    Ok(())
}
