//! `status.update`

use chinwag_core::Result;
use chinwag_core::presence::Status;
use chinwag_core::rate::Cost;
use serde_json::{Value, json};

use crate::wire::input::Fields;
use crate::wire::input::user::NewStatus;
use crate::ws::client_event::{ClientEvent, EventRequest, Example, Right};

pub(crate) struct StatusUpdate;

impl ClientEvent for StatusUpdate {
    const NAME: &'static str = "status.update";
    const ABOUT: &'static str = "Sets the user's status on this socket. `disconnected` appears offline.";
    const EFFECT: &'static str = "`status.update` `{author, status}` to contacts and your own sockets";
    const ANSWERS: &'static [&'static str] = &["status.update"];
    const RIGHT: Right = Right::User;
    const COST: Cost = Cost::Change;
    type Payload = NewStatus;
    type Command = Status;

    fn example(_: &Example) -> Value {
        json!({ "status": "afk" })
    }

    fn command(new: NewStatus, _: &mut Fields<'_>) -> Option<Status> {
        Some(new.status)
    }

    async fn run(request: EventRequest, status: Status) -> Result<()> {
        request.context.refuse_bots()?;
        let (session, origin) = (&request.session, request.context.origin.as_ref());
        session.state.hub.set_status(&session.connection, status, origin);
        Ok(())
    }
}
