//! `contact.update`

use chinwag_core::Result;
use chinwag_core::app::relation::Relate;
use chinwag_core::rate::Cost;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::wire::events::RelationChanged;
use crate::wire::input::Fields;
use crate::wire::input::relation::{ContactPatch, cost};
use crate::ws::client_event::{ClientEvent, EventRequest, Example, Right};

pub(crate) struct ContactUpdate;

impl ClientEvent for ContactUpdate {
    const NAME: &'static str = "contact.update";
    const ABOUT: &'static str =
        "Changes the relation to a user. An invitation that meets the other's makes both contacts.";
    const EFFECT: &'static str = "`contact.update` `{author, name, operation}` to both, for a [block](#relations) only to you; \
        new contacts receive each other's `status.update`";
    const ANSWERS: &'static [&'static str] = &["contact.update"];
    const RIGHT: Right = Right::User;
    type Payload = ContactPatch;
    type Command = Relate;

    fn example(ids: &Example) -> Value {
        json!({ "name": ids.user, "operation": "invitation" })
    }

    fn cost(data: Option<&RawValue>) -> Cost {
        cost(data.map_or(b"", |data| data.get().as_bytes()))
    }

    fn command(patch: ContactPatch, _: &mut Fields<'_>) -> Option<Relate> {
        Some(patch.command())
    }

    async fn run(request: EventRequest, command: Relate) -> Result<()> {
        let related = request.app().relate(&request.context, command).await?;
        if !related.changed {
            let (author, name) = (&related.author.name, &related.target.name);
            request.answer(RelationChanged { author, name, operation: related.outcome });
        }
        Ok(())
    }
}
