//! `group.*`

use chinwag_core::Result;
use chinwag_core::app::group::{Create, Leave};
use chinwag_core::app::group_update::Update;
use chinwag_core::event::{Event, Kind};
use chinwag_core::permission::Action;
use chinwag_core::rate::Cost;
use chinwag_hub::Encode;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::wire::events::{EventEncoder, GroupChanged};
use crate::wire::input::Fields;
use crate::wire::input::group::{self, GroupByGroup, GroupById, GroupPatch, NewGroup};
use crate::wire::object::Group;
use crate::ws::client_event::{ClientEvent, EventRequest, Example, Right};

pub(crate) struct GroupCreate;

impl ClientEvent for GroupCreate {
    const NAME: &'static str = "group.create";
    const ABOUT: &'static str =
        "Makes a group that the sender owns. A user in two lists gets the higher role.";
    const EFFECT: &'static str = "`group.update` with the whole group to every member";
    const ANSWERS: &'static [&'static str] = &["group.update"];
    const RIGHT: Right = Right::User;
    type Payload = NewGroup;
    type Command = Create;

    fn example(ids: &Example) -> Value {
        json!({ "name": "tea", "members": [ids.user] })
    }

    fn cost(data: Option<&RawValue>) -> Cost {
        group::new_cost(data.map_or(b"", |data| data.get().as_bytes()))
    }

    fn command(group: NewGroup, _: &mut Fields<'_>) -> Option<Create> {
        Some(group.command())
    }

    async fn run(request: EventRequest, command: Create) -> Result<()> {
        request.app().group_create(&request.context, command).await.map(drop)
    }
}

pub(crate) struct GroupUpdate;

impl ClientEvent for GroupUpdate {
    const NAME: &'static str = "group.update";
    const ABOUT: &'static str =
        "Changes a group's name, its members and their roles. Removed members are sent `group.quit`.";
    const EFFECT: &'static str =
        "`group.update` to every member (see below); `group.quit` `{group, name}` to removed members";
    const ANSWERS: &'static [&'static str] = &["group.update"];
    const RIGHT: Right = Right::Member(Action::Rename);
    type Payload = (GroupById, GroupPatch);
    type Command = Update;

    fn example(ids: &Example) -> Value {
        json!({ "id": ids.group, "name": "another name" })
    }

    fn cost(data: Option<&RawValue>) -> Cost {
        group::patch_cost(data.map_or(b"", |data| data.get().as_bytes()))
    }

    fn command((group, patch): Self::Payload, _: &mut Fields<'_>) -> Option<Update> {
        Some(patch.command(group.id))
    }

    async fn run(request: EventRequest, command: Update) -> Result<()> {
        let updated = request.app().group_update(&request.context, command).await?;
        if !updated.changed {
            request.answer(GroupChanged(Group::changed(&updated.view, None)));
        }
        Ok(())
    }
}

pub(crate) struct GroupQuit;

impl ClientEvent for GroupQuit {
    const NAME: &'static str = "group.quit";
    const ABOUT: &'static str = "Leaves a group. The members who stay are sent `group.update`.";
    const EFFECT: &'static str = "`group.quit` to you, `group.update` to the remaining members";
    const ANSWERS: &'static [&'static str] = &["group.quit"];
    const RIGHT: Right = Right::Member(Action::Quit);
    const COST: Cost = Cost::Change;
    type Payload = GroupByGroup;
    type Command = Leave;

    fn example(ids: &Example) -> Value {
        json!({ "group": ids.group })
    }

    fn command(group: GroupByGroup, _: &mut Fields<'_>) -> Option<Leave> {
        Some(group.command())
    }

    async fn run(request: EventRequest, command: Leave) -> Result<()> {
        request.app().group_quit(&request.context, command).await
    }
}

pub(crate) struct GroupAccept;

impl ClientEvent for GroupAccept {
    const NAME: &'static str = "group.accept";
    const ABOUT: &'static str = "Accepts a group that a stranger has added the user to. It takes no number: the \
        user's sockets are sent `group.me`, then `group.update` with the group, and then its events.";
    const EFFECT: &'static str = "`group.me` with your settings of the group, then `group.update` with the group, to your own sockets \
        ([consent](#consent))";
    const ANSWERS: &'static [&'static str] = &["group.me"];
    const RIGHT: Right = Right::Member(Action::Read);
    const COST: Cost = Cost::Change;
    type Payload = GroupByGroup;
    type Command = Leave;

    fn example(ids: &Example) -> Value {
        json!({ "group": ids.group })
    }

    fn command(group: GroupByGroup, _: &mut Fields<'_>) -> Option<Leave> {
        Some(group.command())
    }

    async fn run(request: EventRequest, command: Leave) -> Result<()> {
        let group = command.group;
        let accepted = request.app().group_accept(&request.context, command).await?;
        if !accepted.changed {
            let accepted = Event::to_users(
                Kind::GroupMe { group, settings: accepted.seen.settings, pending: false },
                vec![],
            );
            request.session.send(EventEncoder.event(&accepted, request.reference()));
        }
        Ok(())
    }
}

pub(crate) struct GroupDelete;

impl ClientEvent for GroupDelete {
    const NAME: &'static str = "group.delete";
    const ABOUT: &'static str = "Deletes a group with all its messages.";
    const EFFECT: &'static str = "`group.delete`, with the id as a plain string in `data`, to every member";
    const ANSWERS: &'static [&'static str] = &["group.delete"];
    const RIGHT: Right = Right::Member(Action::Delete);
    const COST: Cost = Cost::Change;
    type Payload = GroupByGroup;
    type Command = Leave;

    fn example(ids: &Example) -> Value {
        json!({ "group": ids.group })
    }

    fn command(group: GroupByGroup, _: &mut Fields<'_>) -> Option<Leave> {
        Some(group.command())
    }

    async fn run(request: EventRequest, command: Leave) -> Result<()> {
        request.app().group_delete(&request.context, command).await
    }
}
